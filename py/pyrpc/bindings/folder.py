"""Writes bindings into a folder: what somebody changed there stays, what is not made any more goes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pyrpc.errors import ConfigError

# Sums and names of what was written; a line each, as sha256sum has them.
RECORD = ".pyrpc-bindings"


@dataclass(frozen=True, slots=True)
class Written:
    """What became of the files: paths below the folder.

    ``kept`` would have been written over, ``left`` removed, had nobody changed them.
    """

    written: tuple[str, ...]
    kept: tuple[str, ...]
    removed: tuple[str, ...]
    left: tuple[str, ...] = ()


def write_folder(folder: Path, files: Mapping[str, bytes], generated: str, *, is_forced: bool = False) -> Written:
    """Make a folder hold these files.

    A file that is there and is not as it was written the last time is kept, unless it is one of the compiler's, below
    ``generated``, or ``is_forced``. So is one of the last time that is not among these; else it is removed.

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

    def is_kept(path: str, *unchanged: str | None) -> bool:
        is_own = is_forced or path.startswith(f"{generated}/")
        return not is_own and _sum_of(folder / path) not in (None, *unchanged)

    kept = [path for path, content in files.items() if is_kept(path, before.get(path), _sum(content))]
    gone = [path for path in before if path not in files and (folder / path).is_file()]
    left = [path for path in gone if is_kept(path, before[path])]
    removed = [path for path in gone if path not in left]
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
    return Written(tuple(written), tuple(kept), tuple(removed), tuple(left))


def _read_record(path: Path) -> dict[str, str]:
    """Sums by paths; what somebody else wrote there is none, nor is a path that leads out of the folder."""
    if not path.exists():
        return {}
    pairs = [line.split("  ", 1) for line in path.read_text(encoding="utf-8", errors="replace").splitlines()]
    return {pair[1]: pair[0] for pair in pairs if len(pair) == 2 and _is_inside(PurePosixPath(pair[1]))}


def _is_inside(path: PurePosixPath) -> bool:
    return not path.is_absolute() and ".." not in path.parts


def _sum_of(path: Path) -> str | None:
    return _sum(path.read_bytes()) if path.is_file() else None


def _sum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _remove_empty(folder: Path, top: Path) -> None:
    while folder != top and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
