"""Python values <-> the IDL's union Value.

None, bool, int (64 bits), float, str, bytes, arrays, lists, dicts with str keys. A tuple arrives as a list, a NumPy
scalar as a 0-d array (which keeps its dtype), bytearray and memoryview as bytes. Nothing is ever pickled.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pyrpc.errors import ProtocolError, PyrpcError, TooLargeError, UnsupportedTypeError
from pyrpc.wire import limits
from pyrpc.wire.binary import BOOL, DOUBLE, I64, LIST, MAP, STRING, STRUCT, BinaryReader, BinaryWriter
from pyrpc.wire.compact import CompactWriter
from pyrpc.wire.gen import ttypes
from pyrpc.wire.messages import Ref
from pyrpc.wire.tensor import Headers, read_tensor, write_tensor

# The ids of the union's members, by name.
MEMBER_ID: dict[str, int] = {entry[2]: entry[0] for entry in ttypes.Value.thrift_spec if entry}
_ID = MEMBER_ID
_REF_ID = next(entry[0] for entry in ttypes.Ref.thrift_spec if entry)
_NULL, _BOOL, _INT, _DOUBLE = _ID["null_value"], _ID["bool_value"], _ID["int_value"], _ID["double_value"]
_STR, _BYTES, _TENSOR = _ID["string_value"], _ID["binary_value"], _ID["tensor_value"]
_LIST, _MAP, _REF = _ID["list_value"], _ID["map_value"], _ID["ref_value"]

_INT_MIN, _INT_MAX = -(2**63), 2**63 - 1


class ValueWriter:
    """Writes values in one protocol; holds its header cache. Shared by all threads: it has no state of a call."""

    def __init__(self, writer: type[BinaryWriter]) -> None:
        self.new = writer
        self._headers = Headers(writer)
        # The field header of each member of the union: the same bytes every time.
        self._head = {fid: self._field(kind, fid) for fid, kind in _KINDS.items()}
        self._fixed = {None: self._bool(_NULL, True), True: self._bool(_BOOL, True), False: self._bool(_BOOL, False)}
        self._by_type: dict[type, Callable[[BinaryWriter, Any, int], None]] = {
            type(None): self._constant,
            bool: self._constant,
            int: self._int,
            float: self._float,
            str: self._str,
            bytes: self._bytes,
            np.ndarray: self._array,
            list: self._list,
            tuple: self._list,
            dict: self._dict,
            Ref: self._ref,
        }

    def _field(self, kind: int, fid: int) -> bytes:
        w = self.new()
        w.field(kind, fid)
        return b"".join(w.parts)

    def _bool(self, fid: int, value: bool) -> bytes:
        w = self.new()
        w.field_bool(fid, value)
        w.stop()
        return b"".join(w.parts)

    def write(self, w: BinaryWriter, value: object, depth: int = 0) -> None:
        """Append one Value struct.

        Raises
        ------
        UnsupportedTypeError
            The value, or one inside it, cannot travel; the message says where it is.
        TooLargeError
            A list or dict over 4096 items, or nested deeper than 64.
        """
        write = self._by_type.get(type(value)) or self._other(value)
        write(w, value, depth)

    def _other(self, value: object) -> Callable[[BinaryWriter, Any, int], None]:
        """Types that are like one of the known: subclasses, NumPy scalars, buffers."""
        if isinstance(value, np.generic | np.ndarray):
            return self._as_array
        if isinstance(value, bytearray | memoryview):
            return self._buffer
        for known in (int, float, str, bytes, list, tuple, dict):
            if isinstance(value, known):
                return self._by_type[known]
        raise UnsupportedTypeError(
            f"a value of type {type(value).__qualname__} cannot travel",
            expected="None, bool, int, float, str, bytes, NumPy array, list, tuple or dict",
            got=_shown(value),
            help="turn it into one of these first (a dataclass: dataclasses.asdict(x); a set: sorted(x); "
            "a complex number: numpy.complex128(x))",
        )

    def _constant(self, w: BinaryWriter, value: bool | None, depth: int) -> None:
        w.parts.append(self._fixed[value])

    def _int(self, w: BinaryWriter, value: int, depth: int) -> None:
        if not _INT_MIN <= value <= _INT_MAX:
            raise UnsupportedTypeError(
                "an integer over 64 bits cannot travel", got=_shown(value), help="send it as str"
            )
        w.parts.append(self._head[_INT])
        w.i64(int(value))
        w.stop()

    def _float(self, w: BinaryWriter, value: float, depth: int) -> None:
        w.parts.append(self._head[_DOUBLE])
        w.double(value)
        w.stop()

    def _str(self, w: BinaryWriter, value: str, depth: int) -> None:
        w.parts.append(self._head[_STR])
        write_text(w, value)
        w.stop()

    def _bytes(self, w: BinaryWriter, value: bytes | memoryview, depth: int) -> None:
        w.parts.append(self._head[_BYTES])
        w.size(len(value))
        w.parts.append(value)
        w.stop()

    def _buffer(self, w: BinaryWriter, value: bytearray | memoryview, depth: int) -> None:
        view = memoryview(value)
        # A view of no bytes cannot be cast if it has several dims.
        self._bytes(w, view.cast("B") if view.c_contiguous and view.nbytes else view.tobytes(), depth)

    def _array(self, w: BinaryWriter, value: np.ndarray[Any, Any], depth: int) -> None:
        w.parts.append(self._head[_TENSOR])
        write_tensor(w, self._headers, value)
        w.stop()

    def _as_array(self, w: BinaryWriter, value: object, depth: int) -> None:
        # Not asarray for masked arrays: write_tensor refuses them, and their mask must not get lost before.
        self._array(w, value if isinstance(value, np.ma.MaskedArray) else np.asarray(value), depth)

    def _list(self, w: BinaryWriter, value: list[object] | tuple[object, ...], depth: int) -> None:
        _check_container(len(value), "list", depth)
        w.parts.append(self._head[_LIST])
        w.list_(STRUCT, len(value))
        for index, item in enumerate(value):
            try:
                self.write(w, item, depth + 1)
            except _REFUSALS as error:
                raise _inside(error, f"[{index}]") from None
        w.stop()

    def _dict(self, w: BinaryWriter, value: dict[str, object], depth: int) -> None:
        w.parts.append(self._head[_MAP])
        self.write_map(w, value, depth)
        w.stop()

    def write_map(self, w: BinaryWriter, value: dict[str, object], depth: int = -1) -> None:
        """Append a map<string, Value>; a method's named arguments are no level of nesting."""
        _check_container(len(value), "dict", depth)
        w.map_(STRING, STRUCT, len(value))
        for key, item in value.items():
            if not isinstance(key, str):
                raise UnsupportedTypeError(
                    "a dict travels only with str keys",
                    got=f"key {key!r}",
                    help="use {str(k): v for k, v in d.items()}",
                )
            write_text(w, key)
            try:
                self.write(w, item, depth + 1)
            except _REFUSALS as error:
                raise _inside(error, f"[{key!r}]") from None

    def _ref(self, w: BinaryWriter, value: Ref, depth: int) -> None:
        w.parts.append(self._head[_REF])
        w.push()
        w.field(STRING, _REF_ID)
        write_text(w, value.id)
        w.stop()
        w.pop()
        w.stop()


_KINDS = {
    _INT: I64,
    _DOUBLE: DOUBLE,
    _STR: STRING,
    _BYTES: STRING,
    _TENSOR: STRUCT,
    _LIST: LIST,
    _MAP: MAP,
    _REF: STRUCT,
}

BINARY_VALUES = ValueWriter(BinaryWriter)
COMPACT_VALUES = ValueWriter(CompactWriter)


def write_text(w: BinaryWriter, text: str) -> None:
    """Append a str; raises UnsupportedTypeError for one with lone surrogates."""
    try:
        w.string(text)
    except UnicodeEncodeError as error:
        raise UnsupportedTypeError("a str that is not valid Unicode cannot travel", got=str(error)) from None


def _check_container(count: int, kind: str, depth: int) -> None:
    """Refuse a list or dict that the reader would refuse; depth: how many it stands in."""
    if count > limits.CONTAINER_ITEMS:
        raise TooLargeError(
            f"a {kind} has too many items",
            expected=f"at most {limits.CONTAINER_ITEMS}",
            got=str(count),
            help="send numbers as a NumPy array, which may be of any size",
        )
    if depth >= limits.NESTING:
        raise TooLargeError("a value is nested too deep", expected=f"at most {limits.NESTING} levels")


_REFUSALS = (UnsupportedTypeError, TooLargeError)


def _inside(error: PyrpcError, where: str) -> PyrpcError:
    """Say where in the value the fault lies, outermost first."""
    error.got = f"{error.got or 'it'}, at {where}" if ", at [" not in (error.got or "") else _prepend(error, where)
    return error


def _prepend(error: PyrpcError, where: str) -> str:
    head, _, tail = (error.got or "").rpartition(", at ")
    return f"{head}, at {where}{tail}"


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except Exception:
        # Of the caller's class, or an int of more digits than Python prints.
        return f"a {type(value).__qualname__}"
    return text if len(text) <= 80 else text[:77] + "..."


def read_value(r: BinaryReader) -> Any:
    """Read one Value struct."""
    r.push()
    kind, fid = r.field()
    reader = _READERS.get(fid)
    if reader is None or reader[0] != kind:
        raise ProtocolError("a Value with an unknown or empty member", got=f"field {fid}, wire type {kind}")
    value = reader[1](r)
    if r.field()[0] != 0:
        raise ProtocolError("a Value with more than one member")
    r.pop()
    return value


# Functions, not BinaryReader.bool_ and so on: the compact reader overrides these.


def _read_null(r: BinaryReader) -> None:
    r.bool_()


def _read_bool(r: BinaryReader) -> bool:
    return r.bool_()


def _read_int(r: BinaryReader) -> int:
    r.spend(limits.NUMBER_BYTES)
    return r.i64()


def _read_double(r: BinaryReader) -> float:
    r.spend(limits.NUMBER_BYTES)
    return r.double()


def _read_str(r: BinaryReader) -> str:
    return r.string()


def read_bytes(r: BinaryReader) -> bytes:
    """Read a binary."""
    r.spend(limits.BINARY_BYTES)
    size = r.size()
    s = r.source
    if size <= limits.SMALL_BYTES:
        pos = s.take(size)
        return bytes(s.view[pos : pos + size])
    raw = bytearray(size)
    s.read_into(memoryview(raw))
    return bytes(raw)


def _enter(r: BinaryReader) -> None:
    r.depth += 1
    if r.depth > limits.NESTING:
        raise ProtocolError("a value is nested too deep", expected=f"at most {limits.NESTING} levels")


def _read_list(r: BinaryReader) -> list[Any]:
    _enter(r)
    values = read_values(r)
    r.depth -= 1
    return values


def read_values(r: BinaryReader) -> list[Any]:
    """Read a list<Value>."""
    kind, count = r.list_()
    if count and kind != STRUCT:
        raise ProtocolError("a list of something other than Value", got=f"wire type {kind}")
    return [read_value(r) for _ in range(count)]


def _read_map(r: BinaryReader) -> dict[str, Any]:
    _enter(r)
    values = read_value_map(r)
    r.depth -= 1
    return values


def read_value_map(r: BinaryReader) -> dict[str, Any]:
    """Read a map<string, Value>."""
    key, kind, count = r.map_()
    if count and (key, kind) != (STRING, STRUCT):
        raise ProtocolError("a map of something other than string to Value", got=f"wire types {key}, {kind}")
    return {r.key(): read_value(r) for _ in range(count)}


def _read_ref(r: BinaryReader) -> Ref:
    r.spend(limits.STRUCT_BYTES)
    ref = None
    r.push()
    while (field := r.field())[0] != 0:
        if field == (STRING, _REF_ID):
            ref = r.string()
        else:
            r.skip(field[0])
    r.pop()
    if ref is None:
        raise ProtocolError("a Ref without an id")
    return Ref(ref)


_READERS: dict[int, tuple[int, Callable[[BinaryReader], Any]]] = {
    _NULL: (BOOL, _read_null),
    _BOOL: (BOOL, _read_bool),
    _INT: (I64, _read_int),
    _DOUBLE: (DOUBLE, _read_double),
    _STR: (STRING, _read_str),
    _BYTES: (STRING, read_bytes),
    _TENSOR: (STRUCT, read_tensor),
    _LIST: (LIST, _read_list),
    _MAP: (MAP, _read_map),
    _REF: (STRUCT, _read_ref),
}
