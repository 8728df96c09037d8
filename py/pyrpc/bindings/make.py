"""Bindings of one language for some services, as files in memory."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pyrpc.bindings.compiler import Compiler
from pyrpc.bindings.language import Language
from pyrpc.bindings.names import check_names
from pyrpc.bindings.project import Project
from pyrpc.bindings.sources import IdlFile
from pyrpc.errors import ConfigError
from pyrpc.idl.load import PACKAGED

TEMPLATES = Path(__file__).parent / "templates"
# What carries placeholders ends in this, which its name loses.
_TEMPLATE = ".in"
_USAGE = f"USAGE.md{_TEMPLATE}"
_README = f"README.md{_TEMPLATE}"
_PLACEHOLDER = re.compile(r"@([A-Z][A-Z0-9_]*)@")
_ALONE = re.compile(rf"^[ \t]*{_PLACEHOLDER.pattern}[ \t]*\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Bindings:
    """Files by their paths below the folder that they will be in; ``code`` is the folder of what the compiler wrote."""

    files: Mapping[str, bytes]
    code: str


def make_bindings(
    language: Language, project: Project, compiler: Compiler, include_dirs: Sequence[Path], serve: str
) -> Bindings:
    """All files of the bindings.

    Parameters
    ----------
    serve : str
        What ``pyrpc serve`` is given for the service, for the README.

    Raises
    ------
    ConfigError
        The compiler is too old, or refuses an IDL; a name does not build; or two IDLs become the same file.
    """
    _check_version(language, compiler)
    for file in project.files:
        check_names(language, file)
    names = {**_common_names(language, project, compiler, serve), **language.names(project)}
    folder = filled(language.folder, names, language.name)
    code = _compiled(language, filled(language.generator, names, language.name), project, compiler, include_dirs)
    files = {f"{folder}/{path}": content for path, content in code.items()}
    idls = {f"idl/{file.path.name}": _idl(language, file) for file in project.files}
    templates = dict(_templates(language))
    usage = templates.pop(_USAGE)
    added = dict(_added(templates, names))
    names["FIRST_CALL"] = added[filled(language.first_call, names, language.name)].decode().strip()
    names["USAGE"] = filled(_read(usage), names, _USAGE).strip()
    names["FOLDER"] = folder
    names["CONTENTS"] = "\n".join(f"| `{path}` | {what} |" for path, what in _contents(added))
    added["README.md"] = filled(_read(TEMPLATES / _README), names, _README).encode()
    return Bindings({**idls, **files, **added}, folder)


def _check_version(language: Language, compiler: Compiler) -> None:
    since, before = (".".join(map(str, version)) for version in (language.since, language.before))
    if compiler.version < language.since:
        raise ConfigError(
            f"the Thrift compiler {compiler.version_text} is too old for {language.title}", expected=f"{since} or later"
        )
    if language.before and compiler.version >= language.before:
        raise ConfigError(
            f"the Thrift compiler {compiler.version_text} writes {language.title} that does not work with"
            f" {language.runtime}",
            expected=f"a version before {before}",
            help="--compiler tells where another one is",
        )


def filled(text: str, names: Mapping[str, str], where: str) -> str:
    """A text with its placeholders replaced.

    One that stands alone in its line takes the line's indentation, and the line along if it stands for nothing.
    """

    def line_of(match: re.Match[str]) -> str:
        return "" if names.get(match[1]) == "" else match[0]

    def value(match: re.Match[str]) -> str:
        try:
            found = names[match[1]]
        except KeyError:
            raise KeyError(f"{where} has the placeholder @{match[1]}@, which nothing stands for") from None
        line = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
        return found.replace("\n", f"\n{line}") if line.isspace() else found

    text = _ALONE.sub(line_of, text)
    return _PLACEHOLDER.sub(value, text)


def _common_names(language: Language, project: Project, compiler: Compiler, serve: str) -> dict[str, str]:
    services = project.services
    return {
        "PROJECT": project.name,
        "LANGUAGE": language.name,
        "TITLE": language.title,
        "FENCE": language.fence or language.name,
        "RUNTIME": language.runtime,
        "NEEDS": language.needs,
        "BUILD": "\n".join(language.build),
        "RUN": language.run,
        "FIRST_CALL_FILE": language.first_call,
        "SERVICE": services[0] if services else "Node",
        "SERVICES": " and ".join(f"service {name}" for name in services) or "any node",
        "SERVE": serve,
        "COMPILER": compiler.version_text,
    }


def _compiled(
    language: Language, generator: str, project: Project, compiler: Compiler, include_dirs: Sequence[Path]
) -> dict[str, bytes]:
    """What the compiler writes, one IDL after the other, so that none overwrites the code of another."""
    made: dict[str, tuple[bytes, IdlFile]] = {}
    for file in project.files:
        with tempfile.TemporaryDirectory(prefix="pyrpc-bindings-") as name:
            folder = Path(name, "code")
            folder.mkdir()
            path = _copied(language, project, Path(name)) / file.path.name if language.idl else file.path
            compiler.generate(generator, path, folder, [*include_dirs, PACKAGED.parent])
            language.mend(folder)
            language.complete(folder, file, project)
            for path in sorted(path for path in folder.rglob("*") if path.is_file()):
                place = path.relative_to(folder).as_posix()
                content = path.read_bytes()
                known, other = made.setdefault(place, (content, file))
                if known != content:
                    raise ConfigError(
                        f"{other.path.name} and {file.path.name} both become {place}",
                        help=f"give each a namespace of its own: namespace {language.namespace} NAME"
                        if language.namespace
                        else f"{language.title} has no namespaces: rename what both have",
                    )
    return {place: content for place, (content, _) in made.items()}


def _copied(language: Language, project: Project, folder: Path) -> Path:
    """All IDLs as the language wants them, in one folder: what they include is found there first."""
    for file in project.files:
        (folder / file.path.name).write_bytes(_idl(language, file))
    return folder


def _idl(language: Language, file: IdlFile) -> bytes:
    return language.idl(file).encode() if language.idl is not None else file.path.read_bytes()


def _templates(language: Language) -> Iterator[tuple[str, Path]]:
    """The files by their places in the folder, those that it shares with other languages before its own."""
    for folder in (TEMPLATES / each for each in (language.base, language.name) if each):
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            yield path.relative_to(folder).as_posix(), path


def _added(templates: Mapping[str, Path], names: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
    for place, path in sorted(templates.items()):
        place = filled(place, names, path.name)
        if path.suffix == _TEMPLATE:
            yield place.removesuffix(_TEMPLATE), filled(_read(path), names, path.name).encode()
        else:
            yield place, path.read_bytes()


def _contents(files: Mapping[str, bytes]) -> Iterator[tuple[str, str]]:
    """What each file is, as its first comment line says; those without one are told by their names."""
    for path, content in files.items():
        # PHP has its tag in the first line.
        first = content.decode().removeprefix("<?php\n").lstrip().partition("\n")[0]
        said = re.match(r"\W*([A-Z].*?)[.\W]*$", first) if re.match(r"(//|#|--|/\*|<!--|\"\"\"|;)", first) else None
        yield path, said[1] if said else "to build it" if "/" not in path else ""


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")
