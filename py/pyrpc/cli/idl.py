"""``pyrpc idl``: the Thrift IDL of a class or module."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pyrpc.errors import ConfigError

if TYPE_CHECKING:
    from pyrpc.idl.changes import Change
    from pyrpc.idl.code import CodeService
    from pyrpc.idl.lock import Lock
    from pyrpc.idl.model import Document

_ACCEPT = "--accept locks it as it is, if no caller has the old IDL"

NAME = "idl"
HELP = "print the Thrift IDL of a class or module, for typed calls from any language"

_EPILOG = """\
The IDL says by its types what the type hints of the code say. Give it to the Thrift compiler, together with
pyrpc.thrift, which -o writes beside it. The numbers of parameters are kept in a lock beside the source
(vision.idl.lock): put it under version control and install it with the code, since the node reads it too. Without an
option the lock is written; a change that callers of the old IDL would notice is refused then, unless --accept says
that there are none.

examples:
  pyrpc idl vision:Vision                     print it, and lock its numbers
  pyrpc idl vision.py:Vision -o vision.thrift
  pyrpc idl vision:Vision --check             in CI: exit code 2 if old callers would notice, or the lock is old
  pyrpc idl vision:Vision --namespace java=com.example.vision"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``pyrpc idl``."""
    parser.epilog = _EPILOG
    parser.add_argument("service", metavar="SERVICE", help="module:Class, module, or path/to/file.py:Class")
    parser.add_argument("-o", "--output", metavar="FILE", help="write it there, and pyrpc.thrift beside it")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if old callers would notice a change")
    parser.add_argument("--accept", action="store_true", help="lock the numbers though old callers will notice")
    parser.add_argument("--lock", metavar="FILE", help="where the numbers are kept (default: beside the source)")
    parser.add_argument("--no-lock", action="store_true", help="number by order, and keep nothing")
    parser.add_argument("--name", help="what the service is called where it is hosted (default: as the class)")
    parser.add_argument(
        "--namespace", action="append", default=[], metavar="LANG=NAME", help="where the code of a language goes"
    )


def run(args: argparse.Namespace) -> int:
    """Print the IDL, or check it."""
    from pyrpc.cli.load import load_service
    from pyrpc.idl.changes import changes
    from pyrpc.idl.code import code_service, with_namespaces
    from pyrpc.idl.lock import Lock, read_lock
    from pyrpc.idl.text import text_of

    namespaces = chosen_namespaces(args.namespace)
    service = code_service(load_service(args.service), args.name)
    path = None if args.no_lock else _lock_path(args, service)
    old = (read_lock(path) if path is not None else None) or Lock()
    document = service.document(old)
    new = old.updated(document)
    if args.check:
        _check(changes(old, document), old, new, path)
        return 0
    if not args.accept:
        _refuse(changes(old, document), _ACCEPT)
    _give(text_of(with_namespaces(document, namespaces)), args.output)
    if path is not None:
        _write_lock(path, old, new)
    return 0


def numbered_document(service: CodeService) -> tuple[Document, Callable[[], None]]:
    """The IDL of a service by the numbers of the lock beside its source, and what locks those that are new.

    Raises
    ------
    ConfigError
        Callers of the old IDL would notice a change.
    """
    from pyrpc.idl.changes import changes
    from pyrpc.idl.lock import Lock, read_lock

    path = service.lock_path
    if path is None:
        return service.document(Lock()), lambda: None
    old = read_lock(path) or Lock()
    document = service.document(old)
    _refuse(changes(old, document), f"pyrpc idl: {_ACCEPT}")
    return document, partial(_write_lock, path, old, old.updated(document))


def _write_lock(path: Path, old: Lock, new: Lock) -> None:
    from pyrpc.idl.lock import lock_text

    if new != old:
        _write(path, lock_text(new))


def chosen_namespaces(options: list[str]) -> dict[str, str]:
    """What ``--namespace LANG=NAME`` says, by language."""
    chosen = {}
    for option in options:
        language, equals, name = option.partition("=")
        if not equals or not language or not name:
            raise ConfigError(f"--namespace {option}", expected="LANG=NAME, such as java=com.example.vision")
        chosen[language] = name
    return chosen


def _lock_path(args: argparse.Namespace, service: CodeService) -> Path:
    path = service.lock_path if args.lock is None else Path(args.lock)
    if path is None:
        raise ConfigError(
            f"{service.name} comes from no file, so there is no place for its lock", help="name one with --lock FILE"
        )
    return path


def _check(found: list[Change], old: Lock, new: Lock, path: Path | None) -> None:
    _refuse(found, "keep what callers know, and add beside it; --accept locks it as it is")
    if path is not None and old != new:
        what = found[0].text if found else "it knows more or less of it"
        raise ConfigError(f"the lock {path} is not that of the code: {what}", help="run pyrpc idl without --check")


def _refuse(found: list[Change], help: str) -> None:
    breaking = [change.text for change in found if change.is_breaking]
    if breaking:
        raise ConfigError(f"callers with the old IDL would notice: {'; '.join(breaking)}", help=help)


def _give(text: str, output: str | None) -> None:
    if output is None:
        print(text, end="")
        return
    path = Path(output)
    _write(path, text)
    shared = (Path(__file__).parents[1] / "idl/pyrpc.thrift").read_text(encoding="utf-8")
    _write(path.with_name("pyrpc.thrift"), shared)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot write {path}", got=str(error)) from None
