"""Specs of arrays: the text ``"float32|float64[n,28,28]"`` and the :class:`TensorSpec` that travels.

Grammar::

    spec   = dtype *( "|" dtype ) [ "[" [ dims ] "]" ]     no brackets: any shape;  []: a 0-d array
    dtype  = a name of DTYPE_NAMES | a class of DTYPE_CLASSES | "any"
           | ( "datetime64" | "timedelta64" ) [ "[" unit "]" ]
    dims   = ( "..." | dim ) *( "," dim ) [ "," ]
    dim    = name | number | "_"

One bracket after datetime64 that holds a unit is the unit: ``datetime64[D]`` is days of any shape. Dims that would
read as a unit are written with a comma, as a tuple of one is: ``datetime64[D,]``.
"""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from pyrpc.errors import ConfigError
from pyrpc.wire.messages import TensorSpec

DTYPE_NAMES = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "bfloat16", "float32", "float64", "complex64", "complex128"),
    *("datetime64", "timedelta64", "bytes", "str", "string"),
)

# What a class stands for. "number" is NumPy's: complex included, bool not.
_INTS = ("int8", "int16", "int32", "int64")
_UINTS = ("uint8", "uint16", "uint32", "uint64")
_FLOATS = ("float16", "bfloat16", "float32", "float64")
DTYPE_CLASSES: dict[str, tuple[str, ...]] = {
    "int": _INTS,
    "uint": _UINTS,
    "float": _FLOATS,
    "number": (*_INTS, *_UINTS, *_FLOATS, "complex64", "complex128"),
}
ANY = "any"
ELLIPSIS = "..."
MAX_DIMS = 32

_EXAMPLE = "for example 'float32[n,28,28]', 'float32|float64[n,_]', 'any[...,3]' or 'uint8'"
_TIMES = ("datetime64", "timedelta64")
_UNIT = re.compile(r"(?:([1-9][0-9]{0,9})?(Y|M|W|D|h|m|s|ms|us|ns|ps|fs|as)|generic)\Z")
_DTYPE = re.compile(r"\s*([^\s\[\]|]*)\s*")
_DIM = re.compile(r"(?:[A-Za-z_][A-Za-z0-9_]*|0|[1-9][0-9]{0,17})\Z")
_MAX_COUNT = 2**31 - 1  # NumPy keeps a unit's count in an int32.


def parse_spec(text: str) -> TensorSpec:
    """The spec that a text describes.

    Parameters
    ----------
    text : str
        Dtypes, then dims: ``"float32|float64[n,28,28]"``; see the module's grammar.

    Returns
    -------
    TensorSpec
        ``any`` gives no dtypes; no brackets give ``dims=None``.

    Raises
    ------
    ConfigError
        Quotes the text, tells what is wrong with it, and gives examples.
    """
    dtypes: list[str] = []
    position = 0
    while True:
        name, position = _read_dtype(text, position)
        dtypes.append(name)
        if text[position : position + 1] != "|":
            break
        position += 1
    rest = text[position:].strip()
    dims = _read_dims(text, rest) if rest else None
    return TensorSpec(_canonical_dtypes(text, dtypes), dims)


def format_spec(spec: TensorSpec) -> str:
    """The text of a spec; ``parse_spec`` of it gives an equal spec."""
    dtypes = "|".join(spec.dtypes) or ANY
    if spec.dims is None:
        return dtypes
    dims = ",".join(spec.dims)
    reads_as_unit = dtypes.endswith(_TIMES) and _UNIT.match(dims) is not None
    return f"{dtypes}[{dims},]" if reads_as_unit else f"{dtypes}[{dims}]"


def as_spec(x: object) -> TensorSpec:
    """A spec from whatever says one: a text, a TensorSpec, a NumPy dtype or scalar type (``np.float32``).

    Raises
    ------
    ConfigError
        If ``x`` is none of these, or describes no spec.
    """
    if isinstance(x, str):
        return parse_spec(x)
    if isinstance(x, TensorSpec):
        return parse_spec(format_spec(x))
    if isinstance(x, np.dtype) or (isinstance(x, type) and issubclass(x, np.generic)):
        return parse_spec(dtype_name(np.dtype(x)))
    raise ConfigError("a spec is a text", expected="a str or TensorSpec", got=_short(x), help=_EXAMPLE)


def dtype_name(dtype: Any) -> str:
    """The name of a dtype as specs write it.

    Byte order and the width of bytes and str are left out; datetime64 and timedelta64 have their unit. What no spec
    can name keeps the name that NumPy (or the library that it comes from) gives.
    """
    if not isinstance(dtype, np.dtype):
        return str(dtype)
    if dtype.kind in "mM":
        unit, count = np.datetime_data(dtype)
        base = _TIMES[dtype.kind == "m"]
        return f"{base}[{unit}]" if count == 1 else f"{base}[{count}{unit}]"
    return {"S": "bytes", "U": "str", "T": "string"}.get(dtype.kind, dtype.name)


@functools.lru_cache(maxsize=512)
def expand_dtypes(spec: TensorSpec) -> frozenset[str]:
    """The names that fit, classes written out; empty: any."""
    return frozenset(_expanded(spec.dtypes))


def _expanded(dtypes: tuple[str, ...]) -> Iterator[str]:
    for name in dtypes:
        yield from DTYPE_CLASSES.get(name, (name,))


def _read_dtype(text: str, position: int) -> tuple[str, int]:
    match = _DTYPE.match(text, position)
    assert match is not None  # It matches the empty text too.
    name, position = match[1], match.end()
    if name in _TIMES and text[position : position + 1] == "[":
        close = text.find("]", position)
        unit = _UNIT.match(text[position + 1 : close].strip()) if close > 0 else None
        if unit is not None:
            return f"{name}[{_unit_name(text, unit)}]", _skip_space(text, close + 1)
    if name in DTYPE_NAMES or name in DTYPE_CLASSES or name == ANY:
        return name, position
    raise _bad_dtype(text, name)


def _unit_name(text: str, unit: re.Match[str]) -> str:
    if unit[1] is None:
        return unit[0]
    if int(unit[1]) > _MAX_COUNT:
        raise _bad(text, f"the unit {unit[0]!r} is out of range")
    return unit[2] if unit[1] == "1" else unit[0]


def _skip_space(text: str, position: int) -> int:
    while text[position : position + 1].isspace():
        position += 1
    return position


def _canonical_dtypes(text: str, dtypes: list[str]) -> tuple[str, ...]:
    if dtypes == [ANY]:
        return ()
    if ANY in dtypes:
        raise _bad(text, "'any' stands beside other dtypes")
    for name in dtypes:
        if dtypes.count(name) > 1:
            raise _bad(text, f"{name!r} is given twice")
    return tuple(dtypes)


def _read_dims(text: str, rest: str) -> tuple[str, ...]:
    if not rest.startswith("["):
        raise _bad(text, f"{rest!r} follows the dtype, where only dims in brackets may")
    inside, bracket, after = rest[1:].partition("]")
    if not bracket:
        raise _bad(text, "the bracket is not closed")
    if after:
        raise _bad(text, f"{after.strip()!r} follows the dims")
    parts = [part.strip() for part in inside.split(",")]
    if parts[-1] == "":  # No dims at all, or the comma at the end of a tuple.
        parts.pop()
    for index, part in enumerate(parts):
        _check_dim(text, part, index)
    if len(parts) > MAX_DIMS:
        raise _bad(text, f"it has {len(parts)} dims, and at most {MAX_DIMS} travel")
    return tuple(parts)


def _check_dim(text: str, dim: str, index: int) -> None:
    if dim == ELLIPSIS:
        if index:
            raise _bad(text, "'...' stands after another dim, and only the first may be it")
    elif dim == "":
        raise _bad(text, f"dim {index} is empty ('_' is a dim of any size)")
    elif _DIM.match(dim) is None:
        raise _bad(text, f"the dim {dim!r} is neither a name, a number, '_' nor '...'")


def _bad_dtype(text: str, name: str) -> ConfigError:
    if not name:
        return _bad(text, "a dtype is missing ('any' stands for every dtype)")
    near = difflib.get_close_matches(name.lower(), [*DTYPE_NAMES, *DTYPE_CLASSES, ANY], n=1)
    meant = f", did you mean {near[0]!r}?" if near else ""
    return _bad(text, f"{_short(name)} is no dtype that travels{meant}")


def _bad(text: str, what: str) -> ConfigError:
    return ConfigError(f"bad spec {_short(text)}: {what}", help=_EXAMPLE)


def _short(x: object) -> str:
    shown = repr(x)
    return shown if len(shown) <= 80 else shown[:77] + "..."
