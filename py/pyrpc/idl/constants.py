"""Constants of an IDL: read from its words, and made values of Python."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn, Protocol

from pyrpc.errors import ConfigError
from pyrpc.idl.lexer import Token
from pyrpc.idl.model import (
    NOTHING,
    Base,
    Const,
    ConstMap,
    Enum,
    ListOf,
    MapOf,
    Name,
    Named,
    SetOf,
    Special,
    Struct,
    Type,
    Typedef,
)


class Words(Protocol):
    """What gives the words: the parser."""

    @property
    def next(self) -> Token:
        """The next one."""
        ...

    def take(self) -> Token:
        """The next one, taken."""
        ...

    def skip(self, *texts: str) -> bool:
        """Take it if it is one of these."""
        ...

    def need(self, text: str, what: str) -> Token:
        """Take one that has to be there."""
        ...

    def separator(self) -> None:
        """What may stand between two."""
        ...

    def fail(self, expected: str, token: Token | None = None) -> NoReturn:
        """Refuse it."""
        ...


def read_constant(words: Words) -> Any:
    """A bool, number, text, list, ConstMap or Name."""
    if words.skip("["):
        items = []
        while not words.skip("]"):
            items.append(read_constant(words))
            words.separator()
        return items
    if words.skip("{"):
        pairs = []
        while not words.skip("}"):
            key = read_constant(words)
            words.need(":", "between key and value")
            pairs.append((key, read_constant(words)))
            words.separator()
        return ConstMap(tuple(pairs))
    token = words.take()
    if token.kind in ("number", "text"):
        return token.value
    if token.kind != "name":
        words.fail("expected a constant", token)
    return {"true": True, "false": False}.get(token.text, Name(token.text))


class Constants:
    """Makes values of constants, by their types.

    Parameters
    ----------
    definitions : mapping of str to Definition
        By full names, with the classes of Python.
    """

    def __init__(self, definitions: Mapping[str, Any]) -> None:
        self._definitions = definitions

    def value(self, constant: Any, kind: Type, prefix: str = "") -> Any:
        """A value of its own each time.

        Parameters
        ----------
        prefix : str
            Of the document in which the constant stands, for the names in it.

        Raises
        ------
        ConfigError
            It is not of its type, or a name means nothing.
        """
        if isinstance(constant, Name):
            return self._named(constant, kind, prefix)
        if isinstance(kind, Base):
            return _base_value(constant, kind.name)
        if constant in ([], ConstMap(())) and isinstance(kind, ListOf | SetOf | MapOf):
            # Either kind of brackets, for none of anything.
            return {ListOf: list, SetOf: set, MapOf: dict}[type(kind)]()
        if isinstance(kind, ListOf | SetOf) and isinstance(constant, list):
            items = [self.value(item, kind.item, prefix) for item in constant]
            return items if isinstance(kind, ListOf) else set(map(_hashable, items))
        if isinstance(kind, MapOf) and isinstance(constant, ConstMap):
            made = [(self.value(k, kind.key, prefix), self.value(v, kind.value, prefix)) for k, v in constant.pairs]
            return {_hashable(key): item for key, item in made}
        if isinstance(kind, Named):
            return self._of_definition(constant, kind, prefix)
        raise _misfit(constant, "a type that has constants" if isinstance(kind, Special) else str(kind))

    def _of_definition(self, constant: Any, kind: Named, prefix: str) -> Any:
        definition = self._definitions[kind.name]
        if isinstance(definition, Typedef):
            return self.value(constant, definition.type, prefix)
        if isinstance(definition, Enum) and isinstance(constant, int):
            by_number = {member.number: member.python for member in definition.members}
            return by_number.get(constant, constant)
        if isinstance(definition, Struct) and isinstance(constant, ConstMap):
            return self._struct(constant, definition, prefix)
        raise _misfit(constant, definition.name)

    def _struct(self, constant: ConstMap, definition: Struct, prefix: str) -> Any:
        fields = {field.name: field for field in definition.fields}
        values = {}
        for key, item in constant.pairs:
            if key not in fields:
                raise _misfit(constant, f"a {definition.name}, which has no field {key}")
            values[fields[key].attribute] = self.value(item, fields[key].type, prefix)
        return definition.python(**values)

    def _named(self, name: Name, kind: Type, prefix: str) -> Any:
        """A constant, or a member of an enum; the enum may be left out where the type tells it."""
        text = name.text
        for full in (prefix + text, text):
            definition = self._definitions.get(full)
            if isinstance(definition, Const):
                scope = full[: -len(definition.name)]
                return self.value(definition.value, kind, scope)
            enum, _, member = full.rpartition(".")
            found = self._member(self._definitions.get(enum), member)
            if found is not NOTHING:
                return found
        found = self._member(self._enum_of(kind), text.rpartition(".")[2])
        if found is not NOTHING:
            return found
        raise ConfigError(f"{text} is neither a constant nor a member of an enum")

    def _enum_of(self, kind: Type) -> Any:
        definition = self._definitions.get(kind.name) if isinstance(kind, Named) else None
        return self._enum_of(definition.type) if isinstance(definition, Typedef) else definition

    @staticmethod
    def _member(definition: Any, name: str) -> Any:
        if isinstance(definition, Enum):
            for member in definition.members:
                if member.name == name:
                    return member.python
        return NOTHING


def _hashable(value: Any) -> Any:
    """The same as a key of a dict, as it would arrive."""
    if isinstance(value, list):
        return tuple(map(_hashable, value))
    if isinstance(value, set):
        return frozenset(value)
    return tuple(value.items()) if isinstance(value, dict) else value


def _base_value(constant: Any, name: str) -> Any:
    is_number = isinstance(constant, int | float) and not isinstance(constant, bool)
    if name == "bool" and isinstance(constant, bool | int):
        return bool(constant)
    if name == "double" and is_number:
        return float(constant)
    if name == "string" and isinstance(constant, str):
        return constant
    if name == "binary" and isinstance(constant, str):
        return constant.encode()
    if name[0] == "i" and isinstance(constant, int):
        bits = int(name[1:])
        if -(1 << bits - 1) <= constant < 1 << bits - 1:
            return int(constant)
    raise _misfit(constant, name)


def _misfit(constant: Any, expected: str) -> ConfigError:
    return ConfigError("a constant is not of its type", expected=expected, got=repr(constant)[:80])
