"""``pyrpc bindings``: a client in another language that builds, for services or IDLs."""

from __future__ import annotations

import argparse
import difflib
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pyrpc.cli.idl import chosen_namespaces, numbered_document
from pyrpc.errors import ConfigError

if TYPE_CHECKING:
    from pyrpc.bindings.compiler import Compiler
    from pyrpc.bindings.folder import Written
    from pyrpc.bindings.language import Language

NAME = "bindings"
HELP = "make a client in another language that builds, for a service or an IDL"

_OTHER_NAMES = {
    "c++": "cpp",
    "cxx": "cpp",
    "golang": "go",
    "javascript": "node",
    "js": "node",
    "kt": "kotlin",
    "nodejs": "node",
    "pl": "perl",
    "py": "python",
    "rb": "ruby",
    "rs": "rust",
    "ts": "typescript",
}
_EPILOG = """\
The Thrift compiler writes the code; beside it come a file to build it by, a small library that makes Tensors of the
language's arrays and opens connections, a README and the program of a first call. Without a SOURCE they are for any
node, by the generic API. Run it again when the service changes: what you changed by hand is kept and named. The numbers
of a service in Python are locked, as pyrpc idl does it.

examples:
  pyrpc bindings --list
  pyrpc bindings go vision.py:Vision -o clients/go
  pyrpc bindings rust vision.thrift -I ../idls -o clients/rust
  pyrpc bindings java -o clients/java"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``pyrpc bindings``."""
    parser.epilog = _EPILOG
    parser.add_argument("language", metavar="LANG", nargs="?", help="see --list")
    parser.add_argument(
        "sources", metavar="SOURCE", nargs="*", help="module:Class, module, path/to/file.py:Class, or file.thrift"
    )
    parser.add_argument("-o", "--output", metavar="DIR", help="where it goes")
    parser.add_argument("--list", action="store_true", help="print the languages, and what each needs")
    parser.add_argument("--package", metavar="NAME", help="what the package is called (default: SERVICE-client)")
    parser.add_argument("-I", "--include", metavar="DIR", action="append", default=[], help="where included IDLs are")
    parser.add_argument(
        "--namespace",
        action="append",
        default=[],
        metavar="LANG=NAME",
        help="where the code of a SOURCE in Python goes",
    )
    parser.add_argument("--no-lock", action="store_true", help="do not write the lock beside a SOURCE in Python")
    parser.add_argument("--compiler", default="thrift", help="the Thrift compiler (default: %(default)s)")
    parser.add_argument("--force", action="store_true", help="also write over what was changed by hand")


def run(args: argparse.Namespace) -> int:
    """Make the bindings, or tell the languages."""
    from pyrpc.bindings import LANGUAGES

    if args.list:
        _print_languages(LANGUAGES)
        return 0
    language = _language(args.language, LANGUAGES)
    if args.output is None:
        raise ConfigError("where the bindings go is not said", help="-o DIR")
    _make(language, args)
    return 0


def _print_languages(languages: dict[str, Language]) -> None:
    from pyrpc.cli.tables import print_table

    rows = [[each.name, each.title, each.runtime, each.needs] for each in languages.values()]
    print_table(["LANG", "language", "Thrift library", "needed to build"], rows)


def _language(name: str | None, languages: dict[str, Language]) -> Language:
    if name is None:
        raise ConfigError("the language is not said", help=f"one of {', '.join(languages)}")
    if name not in languages:
        near = _OTHER_NAMES.get(name.lower()) or next(iter(difflib.get_close_matches(name, languages, n=1)), None)
        help = f"did you mean {near}?" if near in languages else f"there are {', '.join(languages)}"
        raise ConfigError(f"there are no bindings for {name!r}", help=help)
    return languages[name]


def _make(language: Language, args: argparse.Namespace) -> None:
    from pyrpc.bindings import make_bindings
    from pyrpc.bindings.compiler import find_compiler
    from pyrpc.bindings.folder import write_folder
    from pyrpc.bindings.project import make_project
    from pyrpc.idl.load import PACKAGED

    compiler = find_compiler(args.compiler)
    includes = [Path(each) for each in args.include]
    with tempfile.TemporaryDirectory(prefix="pyrpc-idl-") as name:
        idls = [_idl(source, Path(name), args) for source in args.sources]
        paths = [path for path, _ in idls]
        for path in paths:
            compiler.check(path, [*includes, PACKAGED.parent])
        project = make_project(paths, includes, args.package)
        code = " ".join(source for source in args.sources if not source.endswith(".thrift")) or "module:Class"
        bindings = make_bindings(language, project, compiler, includes, code)
    # Once nothing can be refused any more.
    for _, lock in idls:
        lock()
    folder = Path(args.output)
    done = write_folder(folder, bindings.files, bindings.code, is_forced=args.force)
    _tell(language, done, folder, compiler)


def _idl(source: str, folder: Path, args: argparse.Namespace) -> tuple[Path, Callable[[], None]]:
    """The IDL that a source is, or becomes; and what locks its numbers."""
    from pyrpc.bindings.sources import written
    from pyrpc.cli.load import load_service
    from pyrpc.idl.code import code_service, with_namespaces

    if not source.endswith(".thrift"):
        service = code_service(load_service(source))
        document, lock = numbered_document(service)
        path = written(with_namespaces(document, chosen_namespaces(args.namespace)), folder)
        return path, (lambda: None) if args.no_lock else lock
    path = Path(source)
    if not path.is_file():
        near = difflib.get_close_matches(path.name, [each.name for each in path.parent.glob("*.thrift")], n=1)
        raise ConfigError(f"there is no file {source}", help=f"did you mean {path.parent / near[0]}?" if near else None)
    return path, lambda: None


def _tell(language: Language, done: Written, folder: Path, compiler: Compiler) -> None:
    from pyrpc.cli import failures

    print(f"wrote {len(done.written)} files of {language.title} bindings to {folder}")
    for path in done.removed:
        print(f"removed {path}: it is not made any more")
    for path in done.kept:
        print(f"kept {path}: it was changed by hand; --force writes over it")
    for path in done.left:
        print(f"kept {path}: it is not made any more, but was changed by hand; --force removes it")
    print("\n".join(["next:", f"  cd {folder}", *(f"  {command}" for command in language.build)]))
    print(f"  {language.run} 127.0.0.1 9090")
    if not compiler.is_tested:
        failures.write(f"note: the Thrift compiler is {compiler.version_text}; the bindings are tested with 0.17")
