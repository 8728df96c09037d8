"""Classes of Python for the structs, unions, exceptions and enums of an IDL; no code is generated."""

from __future__ import annotations

import dataclasses
import enum
import keyword
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pyrpc.errors import ConfigError
from pyrpc.idl.constants import Constants
from pyrpc.idl.load import Loaded, load_documents
from pyrpc.idl.model import NOTHING, Const, Enum, Field, Service, Struct


class Idl:
    """An IDL that was loaded: its classes and constants are attributes, those of included files one level deeper.

    Structs, unions and exceptions are dataclasses whose fields are None unless the IDL gives a default; unions take one
    member. Enums are IntEnums.

    Examples
    --------
    ::

        vision = pyrpc.idl.load("vision.thrift")
        vision.Region(x=1, color=vision.Color.RED)
        vision.shared.Point(x=0.0, y=0.0)
    """

    def __init__(self, loaded: Loaded) -> None:
        self._name = loaded.name
        self._definitions = dict(loaded.definitions)
        self._constants = Constants(self._definitions)
        for name, definition in loaded.definitions.items():
            if isinstance(definition, Enum):
                self._definitions[name] = _with_class(definition)
        for name, definition in loaded.definitions.items():
            if isinstance(definition, Struct):
                self._definitions[name] = self._struct(name, definition)
        for name, definition in self._definitions.items():
            value = getattr(definition, "python", None)
            if isinstance(definition, Const):
                value = self._constant(definition, name)
            if value is not None:
                setattr(self._scope(name), name.rpartition(".")[2], value)
        self._check_defaults()

    def __repr__(self) -> str:
        return f"<IDL {self._name}>"

    def _scope(self, name: str) -> Any:
        scope = name.rpartition(".")[0]
        if not scope:
            return self
        if not hasattr(self, scope):
            setattr(self, scope, SimpleNamespace())
        return getattr(self, scope)

    def _constant(self, definition: Const, name: str) -> Any:
        try:
            return self._constants.value(definition.value, definition.type, name[: -len(definition.name)])
        except ConfigError as error:
            error.message = f"const {name} in line {definition.line}: {error.message}"
            raise

    def _check_defaults(self) -> None:
        """All of them once, now that all classes are there, so that none fails when a call comes."""
        for name, definition in self._definitions.items():
            fields: list[Field] = list(definition.fields) if isinstance(definition, Struct) else []
            if isinstance(definition, Service):
                fields = [param for function in definition.functions for param in function.params]
            for each in fields:
                make = self.default_of(each, name[: -len(definition.name)])
                if make is not None:
                    make()

    def _struct(self, name: str, definition: Struct) -> Struct:
        prefix = name[: -len(definition.name)]
        fields = tuple(replace(each, attribute=_attribute(each.name)) for each in definition.fields)
        cls = _class_of(definition, [(each, self.default_of(each, prefix)) for each in fields])
        return replace(definition, fields=fields, python=cls)

    def default_of(self, field: Field, prefix: str) -> Callable[[], Any] | None:
        """What makes the default of a field, anew each time; None: there is none."""
        if field.default is NOTHING:
            return None

        def make() -> Any:
            try:
                return self._constants.value(field.default, field.type, prefix)
            except ConfigError as error:
                error.message = f"the default of {field.name} in line {field.line}: {error.message}"
                raise

        return make


def definitions_of(idl: Idl) -> Loaded:
    """All definitions of an IDL, with their classes."""
    return Loaded(idl._name, idl._definitions)


def load(path: str | Path, include_dirs: tuple[str | Path, ...] = ()) -> Idl:
    """The classes and constants of an IDL.

    Parameters
    ----------
    path : path
        Of a ``.thrift`` file.
    include_dirs : tuple of path
        Where included files are, beside the folder of the file itself. ``pyrpc.thrift`` is found anyway.

    Raises
    ------
    ConfigError
        A file is missing, or a line cannot be read; the line is shown.
    """
    return Idl(load_documents(path, include_dirs))


def _with_class(definition: Enum) -> Enum:
    members = {_attribute(member.name): member.number for member in definition.members}
    cls = enum.IntEnum(definition.name, members)  # type: ignore[misc]
    cls.__doc__ = definition.doc or None
    named = [replace(each, python=cls(each.number)) for each in definition.members]
    return replace(definition, members=tuple(named), python=cls)


def _attribute(name: str) -> str:
    """What Python calls a field: its name, or with an underscore where that is a keyword."""
    return f"{name}_" if keyword.iskeyword(name) or name == "mro" else name


def _class_of(definition: Struct, fields: list[tuple[Field, Callable[[], Any] | None]]) -> type:
    is_exception = definition.kind == "exception"
    made = [(each.attribute, Any, dataclasses.field(default_factory=make or _none)) for each, make in fields]
    namespace: dict[str, Any] = {"__hash__": _hash, "__eq__": _equal}
    if is_exception:
        namespace["__str__"] = _shown
    if definition.kind == "union":
        namespace["__post_init__"] = _check_union
    bases = (Exception,) if is_exception else ()
    cls = dataclasses.make_dataclass(definition.name, made, bases=bases, namespace=namespace, eq=False)
    cls.__doc__ = definition.doc or f"The {definition.kind} {definition.name} of an IDL."
    cls.__module__ = "pyrpc.idl.classes"
    return cls


def _none() -> None:
    return None


def _values(x: Any) -> tuple[Any, ...]:
    return tuple(getattr(x, each.name) for each in dataclasses.fields(x))


def _equal(self: Any, other: object) -> bool:
    return type(self) is type(other) and _values(self) == _values(other)


def _hash(self: Any) -> int:
    """Of the values, so that a struct may be a key; who changes it then has lost it, as with any key."""
    return hash((type(self).__name__, _frozen(_values(self))))


def _frozen(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return tuple(map(_frozen, value))
    if isinstance(value, set | frozenset):
        return frozenset(map(_frozen, value))
    if isinstance(value, dict):
        return frozenset((_frozen(key), _frozen(item)) for key, item in value.items())
    return value


def _shown(self: Any) -> str:
    parts = [f"{each.name}={getattr(self, each.name)!r}" for each in dataclasses.fields(self)]
    return f"{type(self).__name__}({', '.join(parts)})"


def _check_union(self: Any) -> None:
    given = [each.name for each in dataclasses.fields(self) if getattr(self, each.name) is not None]
    if len(given) > 1:
        raise TypeError(f"{type(self).__name__} is a union: it takes one member, and got {', '.join(given)}")
