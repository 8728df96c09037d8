"""Readers and writers for the IDL's structs, made once from the generated ``thrift_spec``.

A plan turns a struct on the wire into the dataclass of the same name in wire/messages.py (or into a dict, for the
arguments of a method) and back. Value and Tensor have code of their own, since they carry the bulk.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any

from pyrpc.errors import ProtocolError
from pyrpc.wire import limits, messages
from pyrpc.wire.binary import BOOL, BYTE, DOUBLE, I16, I32, I64, LIST, MAP, STRING, STRUCT, BinaryReader, BinaryWriter
from pyrpc.wire.gen import ttypes
from pyrpc.wire.value import BINARY_VALUES, COMPACT_VALUES, read_value, read_value_map, read_values

Read = Callable[[BinaryReader], Any]
Write = Callable[[BinaryWriter, Any], None]

_TWINS: dict[type, type] = {
    getattr(ttypes, name): getattr(messages, name)
    for name in (
        "TensorSpec",
        "ParamInfo",
        "StageInfo",
        "NodeInfo",
        "LoadReport",
        "BatchStats",
        "Percentiles",
        "StageStats",
        "NodeStats",
        "CallOptions",
        "CallReply",
        "RpcError",
        "Ref",
    )
}
# Enums are plain i32 on the wire; an unknown number (a newer peer) stays a number.
_ENUMS: dict[tuple[str, str], type[enum.IntEnum]] = {
    ("ParamInfo", "kind"): messages.ParamKind,
    ("NodeInfo", "state"): messages.NodeState,
}


class StructPlan:
    """How to read and write one struct.

    Parameters
    ----------
    spec : tuple
        The generated ``thrift_spec``.
    make : callable
        Called with the fields that arrived, by name.
    name : str
        For the error message.
    """

    __slots__ = ("_make", "_name", "_readers", "_writers")

    def __init__(self, spec: tuple[Any, ...], make: Callable[..., Any], name: str) -> None:
        self._make = make
        self._name = name
        self._readers: dict[int, tuple[int, str, Read]] = {}
        self._writers: list[tuple[int, int, str, Write]] = []
        for entry in spec:
            if entry is not None:
                fid, kind, field, detail = entry[0], entry[1], entry[2], entry[3]
                read, write = _codec(kind, detail)
                enum_type = _ENUMS.get((name, field))
                self._readers[fid] = (kind, field, read if enum_type is None else _enum_reader(enum_type))
                self._writers.append((fid, kind, field, write))

    def read(self, r: BinaryReader) -> Any:
        """Read the struct; fields that nobody knows, or of another type than expected, are skipped."""
        r.spend(limits.STRUCT_BYTES)
        values: dict[str, Any] = {}
        readers = self._readers
        r.push()
        while True:
            kind, fid = r.field()
            if kind == 0:
                break
            known = readers.get(fid)
            if known is not None and known[0] == kind:
                values[known[1]] = known[2](r)
            else:
                r.skip(kind)
        r.pop()
        try:
            return self._make(**values)
        except TypeError as error:
            raise ProtocolError(f"a {self._name} lacks fields", got=str(error)) from None

    def write(self, w: BinaryWriter, value: Any) -> None:
        """Append the struct; attributes that are None are left out."""
        get = value.get if isinstance(value, dict) else lambda field: getattr(value, field)
        w.push()
        for fid, kind, field, write in self._writers:
            item = get(field)
            if item is None:
                continue
            if kind == BOOL:
                w.field_bool(fid, item)
            else:
                w.field(kind, fid)
                write(w, item)
        w.stop()
        w.pop()


def _enum_reader(enum_type: type[enum.IntEnum]) -> Read:
    def read(r: BinaryReader) -> int:
        number = r.i32()
        try:
            return enum_type(number)
        except ValueError:
            return number

    return read


_PRIMITIVES: dict[int, tuple[Read, Write]] = {
    BOOL: (lambda r: r.bool_(), lambda w, v: w.bool_(v)),
    BYTE: (lambda r: r.byte(), lambda w, v: w.byte(v)),
    I16: (lambda r: r.i16(), lambda w, v: w.i16(v)),
    I32: (lambda r: r.i32(), lambda w, v: w.i32(v)),
    I64: (lambda r: r.i64(), lambda w, v: w.i64(v)),
    DOUBLE: (lambda r: r.double(), lambda w, v: w.double(v)),
    STRING: (lambda r: r.string(), lambda w, v: w.string(v)),
}


def _codec(kind: int, detail: Any) -> tuple[Read, Write]:
    """Reader and writer for a type as thrift_spec tells it."""
    if kind in _PRIMITIVES:
        return _PRIMITIVES[kind]
    if kind == STRUCT:
        return _struct_codec(detail[0])
    if kind == LIST:
        return _list_codec(detail[0], detail[1])
    if kind == MAP:
        return _map_codec(detail[0], detail[1], detail[2], detail[3])
    raise NotImplementedError(f"wire type {kind} is not used by the IDL")


def _struct_codec(cls: type) -> tuple[Read, Write]:
    if cls is ttypes.Value:
        return read_value, _write_value
    plan = plan_of(cls)
    return plan.read, plan.write


def _write_value(w: BinaryWriter, value: object) -> None:
    (COMPACT_VALUES if w.is_compact else BINARY_VALUES).write(w, value)


def _list_codec(kind: int, detail: Any) -> tuple[Read, Write]:
    read, write = _codec(kind, detail)

    def read_list(r: BinaryReader) -> tuple[Any, ...]:
        got, count = r.list_()
        if count and got != kind:
            raise ProtocolError("a list of another type than declared", expected=str(kind), got=str(got))
        return tuple([read(r) for _ in range(count)])

    def write_list(w: BinaryWriter, items: Any) -> None:
        w.list_(kind, len(items))
        for item in items:
            write(w, item)

    if read is read_value:
        return read_values, write_list
    return read_list, write_list


def _map_codec(key_kind: int, key_detail: Any, kind: int, detail: Any) -> tuple[Read, Write]:
    read_key, write_key = _codec(key_kind, key_detail)
    read, write = _codec(kind, detail)

    def read_map(r: BinaryReader) -> dict[Any, Any]:
        got_key, got, count = r.map_()
        if count and (got_key, got) != (key_kind, kind):
            raise ProtocolError("a map of other types than declared", expected=f"{key_kind}, {kind}")
        return {read_key(r): read(r) for _ in range(count)}

    def write_map(w: BinaryWriter, items: dict[Any, Any]) -> None:
        w.map_(key_kind, kind, len(items))
        for key, item in items.items():
            write_key(w, key)
            write(w, item)

    if read is read_value:
        return read_value_map, write_map
    return read_map, write_map


_plans: dict[type, StructPlan] = {}


def plan_of(cls: type) -> StructPlan:
    """The plan of a generated struct class; made once."""
    plan = _plans.get(cls)
    if plan is None:
        spec: tuple[Any, ...] = cls.thrift_spec  # type: ignore[attr-defined]
        plan = _plans[cls] = StructPlan(spec, _TWINS.get(cls, dict), cls.__name__)
    return plan


# The declared exception of typed calls too, whose other structs have plans of their own.
RPC_ERROR_PLAN = plan_of(ttypes.RpcError)
