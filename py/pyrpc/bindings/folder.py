"""Writes bindings into a folder: what somebody changed there stays, what is not made any more goes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pyrpc.errors import ConfigError

# Sums and names of what was written; a line each, as sha256sum has them.
RECORD = ".pyrpc-bindings"


@dataclass(frozen=True, slots=True)
class Written:
    """What became of the files: paths below the folder."""

    written: tuple[str, ...]
    kept: tuple[str, ...]
    removed: tuple[str, ...]


def write_folder(folder: Path, files: Mapping[str, bytes], generated: str, *, is_forced: bool = False) -> Written:
    """Make a folder hold these files.

    A file that is there and is not as it was written the last time is kept, unless it is one of the compiler's, below
    ``generated``, or ``is_forced``. Files of the last time that are not among these are removed, unless somebody
    changed them.

    Raises
    ------
    ConfigError
        The folder cannot be written.
    """
    try:
        return _write(folder, files, generated, is_forced)
    except OSError as error:
        raise ConfigError(f"cannot write bindings to {folder}", got=str(error)) from None


def _write(folder: Path, files: Mapping[str, bytes], generated: str, is_forced: bool) -> Written:
    folder.mkdir(parents=True, exist_ok=True)
    before = _read_record(folder / RECORD)
    kept = [
        path
        for path, content in files.items()
        if not is_forced
        and not path.startswith(f"{generated}/")
        and _is_changed(folder / path, before.get(path), content)
    ]
    removed = [path for path in before if path not in files and _sum_of(folder / path) == before[path]]
    for path in removed:
        (folder / path).unlink()
        _remove_empty((folder / path).parent, folder)
    written = [path for path in files if path not in kept]
    for path in written:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(files[path])
    # What is kept is recorded as it would have been, so that it is known as changed the next time, too.
    lines = [f"{_sum(content)}  {path}\n" for path, content in sorted(files.items())]
    (folder / RECORD).write_text("".join(lines), encoding="utf-8")
    return Written(tuple(written), tuple(kept), tuple(removed))


def _is_changed(path: Path, recorded: str | None, content: bytes) -> bool:
    present = _sum_of(path)
    return present is not None and present not in (recorded, _sum(content))


def _read_record(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    pairs = [line.split("  ", 1) for line in path.read_text(encoding="utf-8").splitlines()]
    return {pair[1]: pair[0] for pair in pairs if len(pair) == 2}


def _sum_of(path: Path) -> str | None:
    return _sum(path.read_bytes()) if path.is_file() else None


def _sum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _remove_empty(folder: Path, top: Path) -> None:
    while folder != top and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
