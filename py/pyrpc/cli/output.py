"""Results: as text for people, as JSON for programs, or in a file."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import os
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from pyrpc.errors import CallerError

OUTPUT_HELP = (
    ".npy (several arrays: out_0.npy, out_1.npy ...), .npz (all in one), .json, or - for .npy on standard output"
)
_SUFFIXES = (".npy", ".npz", ".json")


# -- text


def text_of(value: Any) -> str:
    """A result for people: JSON, or arrays with dtype and shape, each part of a larger result under its path."""
    if not _has_arrays(value):
        return repr(value) if isinstance(value, bytes) else json_of(value)
    if isinstance(value, np.ndarray):
        return f"{kind_of(value)}\n{value}" if value.ndim else f"{value.dtype} {value}"
    return "\n".join(f"{path}: {text_of(part)}" for path, part in _parts(value, ""))


def json_of(value: Any, indent: int | None = None) -> str:
    """A result as JSON: arrays as nested lists, bytes in base64."""
    return json.dumps(value, ensure_ascii=False, default=_plain, indent=indent)


def kind_of(array: np.ndarray[Any, Any]) -> str:
    """``float32[10,3]``, as ``pyrpc ls`` writes it."""
    return f"{array.dtype}[{','.join(map(str, array.shape))}]"


def _has_arrays(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(map(_has_arrays, value))
    return any(map(_has_arrays, value.values())) if isinstance(value, dict) else isinstance(value, np.ndarray)


def _parts(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, list | tuple) and _has_arrays(value):
        for index, part in enumerate(value):
            yield from _parts(part, f"{path}[{index}]")
    elif isinstance(value, dict) and _has_arrays(value):
        for key, part in value.items():
            yield from _parts(part, f"{path}.{key}" if path else key)
    else:
        yield path, value


def _plain(value: Any) -> Any:
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode()
    if not isinstance(value, np.ndarray | np.generic):
        return str(value)
    # Dates, times and complex numbers are no JSON.
    return value.astype(str).tolist() if value.dtype.kind in "cmM" else value.tolist()


# -- files


def check_target(path: str) -> None:
    """Refuse what cannot be written later, before the work is done.

    Raises
    ------
    CallerError
    """
    if path == "-":
        if sys.stdout.isatty():
            raise CallerError("an array is nothing for a terminal", help="send it on: -o - | ..., or -o out.npy")
        return
    target = Path(path)
    if target.suffix not in _SUFFIXES:
        raise CallerError(f"cannot save as {path}", expected="a name that ends with .npy, .npz or .json, or -")
    if not target.parent.is_dir():
        raise CallerError(f"there is no folder {target.parent} to save {target.name} in")
    if target.is_dir() or not os.access(target.parent, os.W_OK):
        raise CallerError(f"cannot write {path}")


def save(path: str, value: Any) -> str:
    """Save a result and tell what went where, in a few words. A file is there whole or not at all.

    Raises
    ------
    CallerError
        It is nothing for that kind of file, or the disk is full.
    """
    target = Path(path)
    try:
        if target.suffix == ".json":
            with _replacing(target) as file:
                file.write(json_of(value).encode() + b"\n")
            return f"saved {target}"
        arrays = _arrays(value, path)
        if path == "-":
            return _save_to_stdout(arrays)
        if target.suffix == ".npz":
            with _replacing(target) as file:
                _write_npz(file, arrays)
            return f"saved {', '.join(map(kind_of, arrays.values()))} in {target}"
        return _save_each(target, arrays)
    except (OSError, ValueError, TypeError) as error:
        if isinstance(error, CallerError | BrokenPipeError):
            raise
        raise CallerError(f"cannot save {path}", got=str(error)) from error


def _arrays(value: Any, path: str) -> dict[str, np.ndarray[Any, Any]]:
    """By name; a single one under "arr_0", as NumPy calls it."""
    if isinstance(value, dict):
        named = value
    else:
        several = isinstance(value, list | tuple) and _has_arrays(value)
        named = {f"arr_{index}": part for index, part in enumerate(value if several else [value])}
    arrays = {name: _savable(np.asarray(part)) for name, part in named.items()}
    for name, array in arrays.items():
        if array.dtype.kind == "O":
            raise CallerError(
                f"the result cannot be saved as {path}",
                expected="arrays or numbers",
                got=type(named[name]).__name__,
                help="save it as .json, or leave -o out to print it",
            )
    return arrays


def _savable(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    # NumPy would pickle text of variable length.
    return np.array(array.tolist(), np.str_).reshape(array.shape) if array.dtype.kind == "T" else array


def _save_to_stdout(arrays: dict[str, np.ndarray[Any, Any]]) -> str:
    if len(arrays) != 1:
        raise CallerError("standard output takes one array", got=f"{len(arrays)} of them", help="save them: -o out.npz")
    (array,) = arrays.values()
    buffer = io.BytesIO()
    # Not straight to stdout: NumPy wants to know its position.
    np.save(buffer, array, allow_pickle=False)
    sys.stdout.buffer.write(buffer.getbuffer())
    sys.stdout.buffer.flush()
    return f"wrote {kind_of(array)} to standard output"


def _write_npz(file: BinaryIO, arrays: dict[str, np.ndarray[Any, Any]]) -> None:
    # What numpy.savez does, for any names: those of its own parameters too.
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, array, allow_pickle=False)


def _save_each(target: Path, arrays: dict[str, np.ndarray[Any, Any]]) -> str:
    names = [name.removeprefix("arr_") for name in arrays]
    paths = [target if len(arrays) == 1 else target.with_name(f"{target.stem}_{name}.npy") for name in names]
    for path, array in zip(paths, arrays.values(), strict=True):
        with _replacing(path) as file:
            np.save(file, array, allow_pickle=False)
    saved = [f"{kind_of(array)} in {path}" for path, array in zip(paths, arrays.values(), strict=True)]
    return f"saved {', '.join(saved)}"


@contextlib.contextmanager
def _replacing(target: Path) -> Iterator[BinaryIO]:
    """A new file that takes the place of the target at the end: that may be the very input, mapped into memory."""
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
