"""Readers and writers of structs, unions and exceptions, between the wire and the class that Python has for them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from pyrpc.errors import ArgumentError, PyrpcError, UnsupportedTypeError
from pyrpc.idl.model import Field, Struct
from pyrpc.server.typed.scalars import Plan, Read, Write, as_bool, enter
from pyrpc.wire import limits
from pyrpc.wire.binary import BOOL, BinaryReader, BinaryWriter


class StructPlan:
    """How one struct travels.

    Parameters
    ----------
    definition : Struct
    is_strict : bool
        See Plans.
    """

    def __init__(self, definition: Struct, is_strict: bool) -> None:
        self._definition = definition
        self._is_strict = is_strict
        self._readers: dict[int, tuple[int, str, Read]] = {}
        self._writers: list[tuple[Field, int, Write]] = []
        self._make = _maker(definition)
        # What must have arrived, whatever the constructor says.
        self._required = frozenset(name_of(each) for each in definition.fields if each.presence == "required")
        self._is_union = definition.kind == "union"

    def fill(self, plans: Sequence[Plan]) -> None:
        """Learn how the fields travel; apart from the constructor, since a struct may hold itself."""
        for field, plan in zip(self._definition.fields, plans, strict=True):
            self._readers[field.id] = plan.kind, name_of(field), plan.read
            self._writers.append((field, plan.kind, plan.write))

    def read_fields(self, r: BinaryReader) -> dict[str, Any]:
        """Read the struct as a dict of what arrived, by the names of Python; what nobody knows is skipped."""
        values: dict[str, Any] = {}
        readers = self._readers
        r.spend(limits.STRUCT_BYTES)
        r.push()
        while True:
            kind, fid = r.field()
            if kind == 0:
                break
            known = readers.get(fid if fid < 0x8000 else fid - 0x10000)
            if known is not None and known[0] == kind:
                values[known[1]] = known[2](r)
            else:
                r.skip(kind)
        r.pop()
        return values

    def read_nested(self, r: BinaryReader) -> Any:
        """Read the struct as what it is in Python."""
        enter(r)
        values = self.read_fields(r)
        r.depth -= 1
        return self.made(values)

    def made(self, values: dict[str, Any]) -> Any:
        """What the fields that arrived are in Python.

        Raises
        ------
        ArgumentError
            A field is missing, or the class refuses what came.
        """
        missing = self._required - values.keys()
        if missing:
            raise ArgumentError(f"a {self._definition.name} lacks {', '.join(sorted(missing))}")
        if self._is_union and len(values) != 1:
            raise ArgumentError(
                f"a {self._definition.name} with {len(values)} members that are known here", expected="one"
            )
        try:
            return self._make(values)
        except PyrpcError:
            raise
        except Exception as error:
            raise ArgumentError(
                f"a {self._definition.name} cannot be made of what was sent",
                expected=", ".join(field.name for field in self._definition.fields),
                got=f"{type(error).__name__}: {error}",
            ) from None

    def is_of(self, value: object) -> bool:
        """Whether an object is one of this struct: of its class, or of a class of that name."""
        cls = self._definition.python
        if cls is not None and isinstance(value, cls):
            return True
        return any(base.__name__ == self._definition.name for base in type(value).__mro__)

    def write(self, w: BinaryWriter, value: Any) -> None:
        """Append the struct, of an object of its class, or of a dict."""
        if self._definition.is_box:
            value = {"value": value}
        get = _getter(value)
        self._check_class(value)
        count = 0
        w.push()
        for field, kind, write in self._writers:
            item = get(name_of(field))
            if item is None:
                self._check_lack(field)
                continue
            count += 1
            try:
                if kind == BOOL:
                    w.field_bool(field.id, as_bool(item))
                else:
                    w.field(kind, field.id)
                    write(w, item)
            except UnsupportedTypeError as error:
                raise _inside(error, f"{self._definition.name}.{field.name}") from None
        w.stop()
        w.pop()
        if self._is_union and count != 1:
            raise UnsupportedTypeError(f"a {self._definition.name} has just one member", got=f"{count} that are set")

    def _check_class(self, value: Any) -> None:
        """Refuse what has nothing of the struct: every attribute would be left out without a word."""
        if isinstance(value, dict):
            return
        names = [name_of(field) for field in self._definition.fields]
        if names and not any(hasattr(value, name) for name in names):
            raise UnsupportedTypeError(
                "a value is not of its declared type",
                expected=f"a {self._definition.name}",
                got=f"a {type(value).__qualname__}",
            )

    def _check_lack(self, field: Field) -> None:
        may_lack = field.presence == "optional" or self._is_union
        if not may_lack and (field.presence == "required" or self._is_strict):
            raise UnsupportedTypeError(f"{self._definition.name}.{field.name} is None", expected="a value")


def _getter(value: Any) -> Callable[[str], Any]:
    if isinstance(value, dict):
        return value.get
    return lambda name: getattr(value, name, None)


def name_of(field: Field) -> str:
    """What Python calls a field."""
    return field.attribute or field.name


def _maker(definition: Struct) -> Callable[[dict[str, Any]], Any]:
    cls = definition.python
    if definition.is_box:
        return lambda values: values.get("value")
    if cls is None:
        return lambda values: values
    # An optional field is None where the class has no default of its own.
    lacking = {name_of(each) for each in definition.fields if each.presence == "optional"}
    fallback = dict.fromkeys(lacking & _needed(cls))
    if fallback:
        return lambda values: cls(**{**fallback, **values})
    return lambda values: cls(**values)


def _needed(cls: Any) -> set[str]:
    """The names that the constructor of a class wants, and has no default for."""
    try:
        parameters = inspect.signature(cls).parameters.values()
    except (TypeError, ValueError):
        return set()
    return {each.name for each in parameters if each.default is each.empty}


def _inside(error: UnsupportedTypeError, where: str) -> UnsupportedTypeError:
    if "(in " not in error.message:
        error.message = f"{error.message} (in {where})"
    return error
