"""Arguments as they are typed: JSON, files behind @, and plain words."""

from __future__ import annotations

import difflib
import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyrpc.errors import CallerError

if TYPE_CHECKING:
    import numpy as np

_PYTHON_WORDS = {"True": "true", "False": "false", "None": "null"}
_NPY_MAGIC, _NPZ_MAGIC = b"\x93NUMPY", b"PK"


def parse_value(text: str) -> Any:
    """One argument: JSON, ``@file``, or else the text itself.

    Raises
    ------
    CallerError
        A file that cannot be read, or text that was meant to be JSON and is not.
    """
    if text.startswith("@"):
        return _read(text[1:])
    if text in _PYTHON_WORDS:
        raise CallerError(
            f"{text} is Python, not JSON", help=f"write {_PYTHON_WORDS[text]}, or '\"{text}\"' for the text"
        )
    try:
        return json.loads(text)
    except ValueError as error:
        if text[:1] in ("[", "{", '"'):
            raise CallerError(
                "an argument that begins as JSON and is none",
                got=f"{_shortened(text)}: {error}",
                help="quote it for the shell: '[1, 2]', '{\"a\": 1}'",
            ) from error
    return text


def parse_named(items: list[str]) -> dict[str, Any]:
    """``NAME=VALUE`` each.

    Raises
    ------
    CallerError
    """
    named: dict[str, Any] = {}
    for item in items:
        name, equals, text = item.partition("=")
        if not equals or not name.isidentifier():
            raise CallerError("an argument by name that cannot be read", expected="-k NAME=VALUE", got=f"-k {item}")
        if name in named:
            raise CallerError(f"-k {name} is given twice")
        named[name] = parse_value(text)
    return named


def read_array(path: str) -> np.ndarray[Any, Any]:
    """The array in a .npy file, mapped into memory: only the rows that are read are loaded.

    Raises
    ------
    CallerError
    """
    import numpy as np

    _check_file(path)
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise _not_numpy(path, error) from error
    if not isinstance(array, np.ndarray):
        array.close()
        raise CallerError(
            f"{path} holds several arrays", expected="one array, in a .npy file", help="save it by numpy.save"
        )
    # The codec asks for plain arrays; this is the same mapped memory.
    return array.view(np.ndarray)


def _read(path: str) -> Any:
    if path == "-":
        return _from_bytes(sys.stdin.buffer.read(), "standard input")
    _check_file(path)
    suffix = Path(path).suffix.lower()
    if suffix == ".npy":
        return read_array(path)
    content = Path(path).read_bytes()
    if suffix == ".npz":
        return _from_bytes(content, path)
    if suffix != ".json":
        return content
    try:
        return json.loads(content)
    except ValueError as error:
        raise CallerError(f"{path} is not JSON", got=str(error)) from error


def _from_bytes(content: bytes, name: str) -> Any:
    """An array or arrays by name, if the content is NumPy's; the bytes themselves if not."""
    import numpy as np

    if not content.startswith((_NPY_MAGIC, _NPZ_MAGIC)) and not name.endswith(".npz"):
        return content
    try:
        loaded = np.load(io.BytesIO(content), allow_pickle=False)
        return loaded if isinstance(loaded, np.ndarray) else dict(loaded)
    except (OSError, ValueError, EOFError) as error:
        raise _not_numpy(name, error) from error


def _check_file(path: str) -> None:
    file = Path(path)
    try:
        with file.open("rb"):
            return
    except FileNotFoundError as error:
        near = difflib.get_close_matches(file.name, _names_in(file.parent), n=1)
        help = f"did you mean {file.parent / near[0]}?" if near else None
        raise CallerError(f"there is no file {path}", help=help) from error
    except OSError as error:
        raise CallerError(f"cannot read {path}", got=error.strerror or str(error)) from error


def _names_in(folder: Path) -> list[str]:
    try:
        return [each.name for each in folder.iterdir()]
    except OSError:
        return []


def _not_numpy(name: str, error: Exception) -> CallerError:
    if "allow_pickle" in str(error) or "Python objects" in str(error):
        # NumPy says so of whatever it does not know.
        return CallerError(
            f"{name} is not a NumPy file, or holds Python objects", help="save a plain array by numpy.save"
        )
    return CallerError(f"{name} cannot be read as a NumPy file", got=str(error), help="save the array by numpy.save")


def _shortened(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."
