"""What a Thrift IDL says, as plain values: types, definitions, documents.

Both ways meet here: ``idl/service.py`` makes a document of Python code, ``idl/parser.py`` of an IDL's text. What only
Python knows (the class behind a struct, the parameter behind a field) stands beside and does not count in comparisons.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

BASE_NAMES = ("bool", "i8", "i16", "i32", "i64", "double", "string", "binary")
# The structs of pyrpc.thrift that are no structs to Python.
TENSOR, VALUE, RPC_ERROR = "Tensor", "Value", "RpcError"


class _Nothing:
    """There is no default (None could be one)."""

    def __repr__(self) -> str:
        return "NOTHING"


NOTHING = _Nothing()


# -- types


@dataclass(frozen=True, slots=True)
class Base:
    """One of BASE_NAMES; ``python`` is called with what arrives, to make another kind of value of it."""

    name: str
    python: Callable[[Any], Any] | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list; ``python`` is what it arrives as, if not as a list."""

    item: Type
    python: Callable[[Any], Any] | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class SetOf:
    """A set; ``python`` is what it arrives as, if not as a set."""

    item: Type
    python: Callable[[Any], Any] | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class MapOf:
    """A map."""

    key: Type
    value: Type


@dataclass(frozen=True, slots=True)
class Named:
    """A struct, enum or typedef by its name, which may have that of an include before it: ``shared.Point``."""

    name: str


@dataclass(frozen=True, slots=True)
class Special:
    """A struct of pyrpc.thrift that Python has something of its own for: TENSOR, VALUE or RPC_ERROR."""

    name: str


Type: TypeAlias = Base | ListOf | SetOf | MapOf | Named | Special


# -- constants: bool, int, float, str, list, ConstMap and Name


@dataclass(frozen=True, slots=True)
class Name:
    """A constant or a member of an enum, by its name."""

    text: str


@dataclass(frozen=True, slots=True)
class ConstMap:
    """A constant map, or the fields of a constant struct."""

    pairs: tuple[tuple[Any, Any], ...]


# -- definitions


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a struct, a parameter or an exception of a function.

    Attributes
    ----------
    id : int
        0: it has none yet.
    presence : str
        "required", "optional", or "" for Thrift's default.
    default : object
        A constant, or NOTHING.
    attribute : str
        What Python calls it.
    may_lack : bool
        Python has a default for it, which the IDL may not be able to say.
    is_reference : bool
        Leads back to the struct that it is in: languages that embed structs need a pointer there.
    line : int
        Where it stands in its IDL; 0: nowhere.
    """

    id: int
    name: str
    type: Type
    presence: str = ""
    default: Any = NOTHING
    doc: str = field(default="", compare=False, repr=False)
    attribute: str = field(default="", compare=False, repr=False)
    may_lack: bool = field(default=False, compare=False, repr=False)
    is_reference: bool = False
    line: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Struct:
    """A struct, union or exception (``kind``).

    Attributes
    ----------
    python : type or None
        The class that it is in Python.
    is_box : bool
        Made for a value that may be None where Thrift knows no such thing; Python sees the value alone.
    """

    name: str
    kind: str
    fields: tuple[Field, ...]
    doc: str = field(default="", compare=False, repr=False)
    python: Any = field(default=None, compare=False, repr=False)
    is_box: bool = field(default=False, compare=False, repr=False)
    line: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Member:
    """A member of an enum."""

    name: str
    number: int
    doc: str = field(default="", compare=False, repr=False)
    # The member in Python.
    python: Any = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Enum:
    """An enum; ``python`` is its class."""

    name: str
    members: tuple[Member, ...]
    doc: str = field(default="", compare=False, repr=False)
    python: Any = field(default=None, compare=False, repr=False)
    line: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Typedef:
    """Another name for a type."""

    name: str
    type: Type
    doc: str = field(default="", compare=False, repr=False)
    line: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Const:
    """A constant."""

    name: str
    type: Type
    value: Any
    doc: str = field(default="", compare=False, repr=False)
    line: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Function:
    """A method of a service; ``returns`` None: nothing. ``stage`` is its name in Python."""

    name: str
    returns: Type | None
    params: tuple[Field, ...]
    throws: tuple[Field, ...] = ()
    is_oneway: bool = False
    doc: str = field(default="", compare=False, repr=False)
    stage: str = field(default="", compare=False, repr=False)
    line: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Service:
    """Functions, and the service that it has more of."""

    name: str
    functions: tuple[Function, ...]
    extends: str | None = None
    doc: str = field(default="", compare=False, repr=False)
    line: int = field(default=0, compare=False, repr=False)


Definition: TypeAlias = Const | Typedef | Enum | Struct | Service


@dataclass(frozen=True, slots=True)
class Document:
    """One IDL.

    Attributes
    ----------
    name : str
        Of its file, without the ending: what others that include it call it.
    includes : tuple of str
        As they are written.
    namespaces : tuple of (str, str)
        Language and name.
    """

    name: str
    includes: tuple[str, ...] = ()
    namespaces: tuple[tuple[str, str], ...] = ()
    definitions: tuple[Definition, ...] = ()
    doc: str = field(default="", compare=False, repr=False)

    def of_kind(self, kind: type[Any]) -> dict[str, Any]:
        """The definitions of one kind (Struct, Enum ...) by name."""
        return {each.name: each for each in self.definitions if isinstance(each, kind)}
