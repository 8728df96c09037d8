"""Types of Python to types of the IDL, and the structs and enums that they need.

=====================================================  =======================================================
hint                                                   IDL
=====================================================  =======================================================
bool, int, float, str, bytes                           bool, i64, double, string, binary
Annotated[int, "i32"] (i8, i16), numpy.int32 ...       i32 ...; numpy.float32 is a double
list[T], tuple[T, ...], Sequence[T], Iterable[T]       list<T>; without T: list<pyrpc.Value>
set[T], frozenset[T]                                   set<T>
dict[K, V], Mapping[K, V]                              map<K, V>; K is a bool, number, text, bytes or enum
dataclass, NamedTuple, TypedDict                       struct
Enum                                                   enum
numpy.ndarray, NDArray[...], what @stage declares      pyrpc.Tensor
T | None                                               an optional field; elsewhere a struct OptionalT with one
Any, object, no hint, int | str                        pyrpc.Value
None                                                   void
=====================================================  =======================================================
"""

from __future__ import annotations

import collections.abc
import enum
import typing
from typing import Any

import numpy as np

from pyrpc.errors import ConfigError
from pyrpc.idl.enums import enum_of
from pyrpc.idl.keywords import type_identifier
from pyrpc.idl.model import TENSOR, VALUE, Base, Enum, Field, ListOf, MapOf, Named, SetOf, Special, Struct, Type
from pyrpc.idl.records import record_of, struct_of
from pyrpc.idl.unions import UNIONS, inner_of_optional, without_names

_BASES: dict[Any, Type] = {
    bool: Base("bool"),
    int: Base("i64"),
    float: Base("double"),
    str: Base("string"),
    bytes: Base("binary"),
    bytearray: Base("binary", bytearray),
    memoryview: Base("binary", memoryview),
    np.bool_: Base("bool", np.bool_),
    np.int8: Base("i8", np.int8),
    np.int16: Base("i16", np.int16),
    np.int32: Base("i32", np.int32),
    np.int64: Base("i64", np.int64),
    np.uint8: Base("i16", np.uint8),
    np.uint16: Base("i32", np.uint16),
    np.uint32: Base("i64", np.uint32),
    np.float16: Base("double", np.float16),
    np.float32: Base("double", np.float32),
    np.float64: Base("double", np.float64),
    np.str_: Base("string", np.str_),
    np.bytes_: Base("binary", np.bytes_),
}
_INTS = ("i8", "i16", "i32", "i64")
_LISTS: dict[Any, Any] = {
    list: None,
    tuple: tuple,
    collections.abc.Sequence: None,
    collections.abc.MutableSequence: None,
    collections.abc.Collection: None,
    collections.abc.Iterable: None,
}
_SETS: dict[Any, Any] = {
    set: None,
    frozenset: frozenset,
    collections.abc.Set: None,
    collections.abc.MutableSet: None,
}
_MAPS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)
# What a Value holds, so that a union of these can be one.
_IN_VALUE = (bool, int, float, str, bytes, type(None), list, dict, tuple, np.ndarray)

TENSOR_TYPE, VALUE_TYPE = Special(TENSOR), Special(VALUE)
EXPECTED = (
    "bool, int, float, str, bytes, list, tuple[T, ...], set, dict, dataclass, NamedTuple, TypedDict, Enum, "
    "numpy.ndarray, NDArray, T | None, Any"
)


class Hints:
    """The types of one IDL: asked for each hint, it gathers the structs and enums that the hints need."""

    def __init__(self) -> None:
        self.definitions: dict[str, Struct | Enum] = {}
        # Python's class behind each name, also of structs that are not done yet.
        self._owners: dict[str, Any] = {}
        self._open: set[str] = set()

    def type_of(self, hint: Any, where: str) -> Type:
        """The type of a value that has to be there; what may be None gets a struct of its own.

        Raises
        ------
        ConfigError
            Nothing in an IDL is like it; ``where`` tells what has the hint.
        """
        if hint is None or hint is type(None):
            raise _inexpressible(hint, where, "a value that is always None says nothing: leave it out")
        hint = without_names(hint)
        inner = inner_of_optional(hint)
        if inner is not None:
            return self._box(self.type_of(inner, where))
        return self._plain(hint, where)

    def is_open(self, kind: Type) -> bool:
        """Whether a type is a struct whose fields are being read just now: this field leads back to it."""
        return isinstance(kind, Named) and kind.name in self._open

    def _plain(self, hint: Any, where: str) -> Type:
        if hint in (Any, object, typing.Hashable):
            return VALUE_TYPE
        if isinstance(hint, (str, typing.TypeVar, typing.ForwardRef)):
            raise _inexpressible(hint, where, "nothing of that name can be found when the code runs: import it")
        origin, arguments = typing.get_origin(hint), typing.get_args(hint)
        if origin is typing.Annotated:
            return self._annotated(arguments, where)
        if origin is typing.Literal:
            return self._literal(hint, arguments, where)
        if origin in UNIONS:
            return self._union(hint, arguments, where)
        base = origin if origin is not None else hint
        if base is np.ndarray:
            return TENSOR_TYPE
        found = self._container(hint, base, arguments, where)
        if found is not None:
            return found
        if isinstance(hint, type) and origin is None:
            return self._class(hint, where)
        raise _inexpressible(hint, where, "host a function that takes one of these, or take Any")

    def _annotated(self, arguments: tuple[Any, ...], where: str) -> Type:
        kind = self.type_of(arguments[0], where)
        widths = [each for each in arguments[1:] if each in _INTS]
        return Base(widths[0]) if widths and kind == Base("i64") else kind

    def _literal(self, hint: Any, values: tuple[Any, ...], where: str) -> Type:
        kinds = {type(value) for value in values}
        kind = _BASES.get(kinds.pop()) if len(kinds) == 1 else None
        if kind is None:
            raise _inexpressible(hint, where, "a Literal of texts alone, or of numbers alone, can")
        return kind

    def _union(self, hint: Any, members: tuple[Any, ...], where: str) -> Type:
        for member in members:
            base = typing.get_origin(member) or member
            if base not in _IN_VALUE and base is not Any:
                raise _inexpressible(hint, where, "of a union, one with None, or one of plain values, can")
        return VALUE_TYPE

    def _container(self, hint: Any, base: Any, arguments: tuple[Any, ...], where: str) -> Type | None:
        if base is tuple and arguments:
            # The same type all through is a list: nothing else has the length of a tuple.
            kinds = arguments[:-1] if arguments[-1] is Ellipsis else arguments
            if any(kind != kinds[0] for kind in kinds[1:]):
                raise _inexpressible(hint, where, "a tuple of different types needs names: a NamedTuple or dataclass")
            arguments = kinds[:1]
        if base in _LISTS:
            item = self.type_of(arguments[0], where) if arguments else VALUE_TYPE
            return ListOf(item, _LISTS[base])
        if base in _SETS:
            if not arguments:
                raise _inexpressible(hint, where, "say of what: set[str]")
            return SetOf(self._hashable(arguments[0], hint, where), _SETS[base])
        if base in _MAPS:
            if not arguments:
                return MapOf(Base("string"), VALUE_TYPE)
            return MapOf(self._hashable(arguments[0], hint, where), self.type_of(arguments[1], where))
        return None

    def _hashable(self, part: Any, hint: Any, where: str) -> Type:
        kind = self.type_of(part, where)
        is_enum = isinstance(kind, Named) and isinstance(self.definitions.get(kind.name), Enum)
        if not isinstance(kind, Base) and not is_enum:
            raise _inexpressible(hint, where, "keys, and what is in sets, are bools, numbers, texts, bytes or enums")
        return kind

    def _class(self, cls: type, where: str) -> Type:
        for known, kind in _BASES.items():
            if cls is known:
                return kind
        if issubclass(cls, enum.Enum):
            return self._define(cls, lambda name: enum_of(cls, name, where), where)
        record = record_of(cls)
        if record is not None:
            return self._define(cls, lambda name: struct_of(self, record, name), where)
        if issubclass(cls, (np.generic, complex)):
            raise _inexpressible(cls, where, "send it in an array")
        raise _inexpressible(cls, where, "make it a dataclass, or take what it is made of")

    def _define(self, cls: type, make: Any, where: str) -> Type:
        name = type_identifier(cls.__name__, where)
        owner = self._owners.setdefault(name, cls)
        if owner is not cls:
            raise ConfigError(
                f"{where}: two classes are called {name!r}",
                got=f"{owner.__module__}.{owner.__qualname__} and {cls.__module__}.{cls.__qualname__}",
                help="rename one of them",
            )
        if name not in self.definitions and name not in self._open:
            self._open.add(name)
            try:
                definition = make(name)
            finally:
                self._open.discard(name)
            self.definitions[name] = definition
        return Named(name)

    def _box(self, kind: Type) -> Type:
        if kind == VALUE_TYPE:
            # That has a member for None.
            return kind
        name = f"Optional{_spoken(kind)}"
        if name not in self.definitions:
            self._owners[name] = None
            fields = (Field(0, "value", kind, "optional", may_lack=True),)
            self.definitions[name] = Struct(name, "struct", fields, "A value, or none.", is_box=True)
        return Named(name)


def _spoken(kind: Type) -> str:
    """A type as part of a name: ListOfString."""
    if isinstance(kind, ListOf):
        return f"ListOf{_spoken(kind.item)}"
    if isinstance(kind, SetOf):
        return f"SetOf{_spoken(kind.item)}"
    if isinstance(kind, MapOf):
        return f"MapOf{_spoken(kind.key)}To{_spoken(kind.value)}"
    return kind.name[:1].upper() + kind.name[1:]


def _inexpressible(hint: Any, where: str, help: str) -> ConfigError:
    shown = getattr(hint, "__name__", None) if isinstance(hint, type) and not typing.get_args(hint) else None
    return ConfigError(
        f"{where}: the type {shown or repr(hint)} cannot be said in an IDL", expected=EXPECTED, help=help
    )
