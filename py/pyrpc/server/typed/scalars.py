"""Readers and writers of Thrift's base types, which check what a stage gives before it is written down."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from pyrpc.errors import ProtocolError, UnsupportedTypeError
from pyrpc.idl.model import Base
from pyrpc.wire import limits
from pyrpc.wire.binary import BOOL, BYTE, DOUBLE, I16, I32, I64, STRING, BinaryReader, BinaryWriter
from pyrpc.wire.value import read_bytes, write_text

Read = Callable[[BinaryReader], Any]
Write = Callable[[BinaryWriter, Any], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """How a type travels: its wire type, and what reads and writes it."""

    kind: int
    read: Read
    write: Write


def misfit(expected: str, value: Any) -> UnsupportedTypeError:
    """The error for a value that is not of its declared type."""
    try:
        shown = repr(value)
    except Exception:
        shown = f"a {type(value).__qualname__}"
    return UnsupportedTypeError("a value is not of its declared type", expected=expected, got=shown[:80])


def enter(r: BinaryReader) -> None:
    """One level deeper; refuse what is nested without end."""
    r.depth += 1
    if r.depth > limits.NESTING:
        raise ProtocolError("values are nested too deep", expected=f"at most {limits.NESTING} levels")


def base_plan(kind: Base) -> Plan:
    """The plan of a base type; what arrives is made what the hint asks for."""
    plan = _PLANS[kind.name]
    python = kind.python
    if python is None:
        return plan
    read = plan.read

    def read_as(r: BinaryReader) -> Any:
        return python(read(r))

    return Plan(plan.kind, read_as, plan.write)


def _write_bool(w: BinaryWriter, value: Any) -> None:
    w.bool_(as_bool(value))


def as_bool(value: Any) -> bool:
    """A bool, or NumPy's."""
    if not isinstance(value, bool | np.bool_):
        raise misfit("a bool", value)
    return bool(value)


def as_int(value: Any, bits: int) -> int:
    """An int, or what is one (NumPy's scalars, a 0-d array), that fits the bits."""
    if isinstance(value, bool | np.bool_):
        raise misfit(f"an int of {bits} bits", value)
    try:
        number = operator.index(value)
    except TypeError:
        raise misfit(f"an int of {bits} bits", value) from None
    if not -(1 << bits - 1) <= number < 1 << bits - 1:
        raise misfit(f"an int of {bits} bits", value)
    return number


def _int_plan(kind: int, bits: int, verb: str) -> Plan:
    def write_int(w: BinaryWriter, value: Any) -> None:
        getattr(w, verb)(as_int(value, bits))

    # By name, since the compact protocol has methods of its own.
    read = operator.methodcaller(verb)

    def read_int(r: BinaryReader) -> Any:
        r.spend(limits.NUMBER_BYTES)
        return read(r)

    return Plan(kind, read_int, write_int)


def _write_double(w: BinaryWriter, value: Any) -> None:
    is_scalar = isinstance(value, float | int | np.floating | np.integer) and not isinstance(value, bool)
    if not is_scalar and not (isinstance(value, np.ndarray) and value.ndim == 0 and value.dtype.kind in "iuf"):
        raise misfit("a float", value)
    w.double(float(value))


def _write_string(w: BinaryWriter, value: Any) -> None:
    if not isinstance(value, str):
        raise misfit("a str", value)
    write_text(w, value)


def _write_binary(w: BinaryWriter, value: Any) -> None:
    if not isinstance(value, bytes | bytearray | memoryview):
        raise misfit("bytes", value)
    raw = value if isinstance(value, bytes) else bytes(value)
    w.size(len(raw))
    w.parts.append(raw)


_PLANS = {
    "bool": Plan(BOOL, operator.methodcaller("bool_"), _write_bool),
    "i8": _int_plan(BYTE, 8, "byte"),
    "i16": _int_plan(I16, 16, "i16"),
    "i32": _int_plan(I32, 32, "i32"),
    "i64": _int_plan(I64, 64, "i64"),
    # A float takes little more than its bytes on the wire.
    "double": Plan(DOUBLE, operator.methodcaller("double"), _write_double),
    "string": Plan(STRING, operator.methodcaller("string"), _write_string),
    "binary": Plan(STRING, read_bytes, _write_binary),
}
