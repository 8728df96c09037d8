"""Readers and writers for the types of an IDL, made once from its definitions.

What ``wire/plans.py`` does for service Node by generated tables, this does for any document: no generated code is
needed. Tensors are read as everywhere, large ones straight into memory of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from pyrpc.errors import ArgumentError, ProtocolError
from pyrpc.idl.model import (
    RPC_ERROR,
    TENSOR,
    VALUE,
    Base,
    Enum,
    ListOf,
    MapOf,
    Named,
    SetOf,
    Special,
    Struct,
    Type,
    Typedef,
)
from pyrpc.server.typed.scalars import Plan, as_int, base_plan, enter, misfit
from pyrpc.server.typed.structs import StructPlan
from pyrpc.wire.binary import I32, LIST, MAP, SET, STRUCT, BinaryReader, BinaryWriter
from pyrpc.wire.compact import CompactWriter
from pyrpc.wire.plans import RPC_ERROR_PLAN
from pyrpc.wire.tensor import Headers, read_tensor, write_tensor
from pyrpc.wire.value import BINARY_VALUES, COMPACT_VALUES, read_value

_BINARY_HEADERS, _COMPACT_HEADERS = Headers(BinaryWriter), Headers(CompactWriter)


class Plans:
    """The plans of one set of definitions; made when they are first asked for.

    Parameters
    ----------
    definitions : mapping of str to Definition
        By the names that types have.
    is_strict : bool
        Fields without a default must be there, and numbers of enums be known: that is what type hints say. Without it
        Thrift's rules: only what is ``required``.
    """

    def __init__(self, definitions: Mapping[str, Any], *, is_strict: bool) -> None:
        self._definitions = definitions
        self._is_strict = is_strict
        self._structs: dict[str, StructPlan] = {}

    def plan(self, kind: Type, is_key: bool = False) -> Plan:
        """The plan of a type; with is_key of values that can be keys of a dict: tuples for lists, and so on."""
        if isinstance(kind, Base):
            return base_plan(kind)
        if isinstance(kind, ListOf):
            return _list_plan(LIST, self.plan(kind.item, is_key), tuple if is_key else kind.python, _LIST_LIKE)
        if isinstance(kind, SetOf):
            make = frozenset if is_key else kind.python or set
            return _list_plan(SET, self.plan(kind.item, True), make, _SET_LIKE)
        if isinstance(kind, MapOf):
            return _map_plan(self.plan(kind.key, True), self.plan(kind.value, is_key), is_key)
        if isinstance(kind, Special):
            return _SPECIAL[kind.name]
        return self._named_plan(kind, is_key)

    def struct(self, name: str) -> StructPlan:
        """The plan of a struct, union or exception; it may hold itself."""
        known = self._structs.get(name)
        if known is None:
            definition = self._definitions[name]
            known = self._structs[name] = StructPlan(definition, self._is_strict)
            known.fill([self.plan(field.type) for field in definition.fields])
        return known

    def _named_plan(self, kind: Named, is_key: bool) -> Plan:
        definition = self._definitions[kind.name]
        if isinstance(definition, Typedef):
            return self.plan(definition.type, is_key)
        if isinstance(definition, Enum):
            return _enum_plan(definition, self._is_strict)
        assert isinstance(definition, Struct)
        plan = self.struct(kind.name)
        return Plan(STRUCT, plan.read_nested, plan.write)


_LIST_LIKE = (list, tuple, np.ndarray)
_SET_LIKE = (set, frozenset, list, tuple)


def _list_plan(kind: int, item: Plan, make: Callable[[Any], Any] | None, like: Any) -> Plan:
    item_kind, read, write = item.kind, item.read, item.write

    def read_list(r: BinaryReader) -> Any:
        got, count = r.list_()
        if count and got != item_kind:
            raise ProtocolError("a list of another type than declared", expected=str(item_kind), got=str(got))
        enter(r)
        items = [read(r) for _ in range(count)]
        r.depth -= 1
        return items if make is None else make(items)

    def write_list(w: BinaryWriter, value: Any) -> None:
        if not isinstance(value, like):
            raise misfit("a set" if kind == SET else "a list", value)
        w.list_(item_kind, len(value))
        for each in value:
            write(w, each)

    return Plan(kind, read_list, write_list)


def _map_plan(key: Plan, value: Plan, is_key: bool) -> Plan:
    kinds = key.kind, value.kind
    read_key, read_value, write_key, write_item = key.read, value.read, key.write, value.write

    def read_map(r: BinaryReader) -> Any:
        got_key, got, count = r.map_()
        if count and (got_key, got) != kinds:
            raise ProtocolError("a map of other types than declared", expected=str(kinds), got=f"{got_key}, {got}")
        enter(r)
        pairs = [(read_key(r), read_value(r)) for _ in range(count)]
        r.depth -= 1
        return tuple(pairs) if is_key else dict(pairs)

    def write_map(w: BinaryWriter, items: Any) -> None:
        pairs: Any = list(items.items()) if isinstance(items, dict) else items
        if not isinstance(pairs, list | tuple):
            raise misfit("a dict", items)
        w.map_(*kinds, len(pairs))
        for each, item in pairs:
            write_key(w, each)
            write_item(w, item)

    return Plan(MAP, read_map, write_map)


def _enum_plan(definition: Enum, is_strict: bool) -> Plan:
    by_number = {member.number: member.python for member in definition.members}
    numbers = {member.python: member.number for member in definition.members}

    def read_enum(r: BinaryReader) -> Any:
        number = r.i32()
        member = by_number.get(number)
        if member is None and is_strict:
            shown = ", ".join(f"{each.name} = {each.number}" for each in definition.members[:20])
            raise ArgumentError(f"enum {definition.name} has no such number", expected=shown, got=str(number))
        # Thrift's rule: a number of a newer IDL is kept.
        return number if member is None else member

    def write_enum(w: BinaryWriter, value: Any) -> None:
        number = numbers.get(value)
        if number is None:
            if is_strict:
                raise misfit(f"a member of {definition.name}", value)
            number = as_int(value, 32)
        w.i32(number)

    return Plan(I32, read_enum, write_enum)


def _write_array(w: BinaryWriter, value: Any) -> None:
    if isinstance(value, np.generic):
        value = np.asarray(value)
    if not isinstance(value, np.ndarray):
        raise misfit("a NumPy array", value)
    write_tensor(w, _COMPACT_HEADERS if w.is_compact else _BINARY_HEADERS, value)


def _write_value(w: BinaryWriter, value: Any) -> None:
    (COMPACT_VALUES if w.is_compact else BINARY_VALUES).write(w, value)


_SPECIAL: dict[str, Plan] = {
    TENSOR: Plan(STRUCT, read_tensor, _write_array),
    VALUE: Plan(STRUCT, read_value, _write_value),
    RPC_ERROR: Plan(STRUCT, RPC_ERROR_PLAN.read, RPC_ERROR_PLAN.write),
}
