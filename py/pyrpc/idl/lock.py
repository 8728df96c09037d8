"""The lock: which numbers an IDL has given out, kept beside the code that it is made of.

Thrift knows fields by number. Code knows parameters by name and place, and both change. So the numbers are written
down: a name keeps its number wherever it stands, a new one gets a number that none ever had, and the number of one that
is gone is never given again, not even to the same name: nobody knows whether it means the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pyrpc.errors import ConfigError
from pyrpc.idl.model import NOTHING, Document, Enum, Field, Function, Service, Struct
from pyrpc.idl.text import constant_text, type_text

ENDING = ".idl.lock"
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Locked:
    """A field, parameter or member that has a number; ``type`` and ``default`` as the IDL writes them."""

    number: int
    type: str = ""
    may_lack: bool = False
    default: str | None = None


@dataclass(slots=True)
class Scope:
    """The numbers of one method, struct or enum.

    Attributes
    ----------
    names : dict of str to Locked
        Those that are there.
    retired : dict of int to str
        Numbers that are not given again, and whose they were.
    returns : str or None
        What a method returns; None: it is gone.
    """

    names: dict[str, Locked] = field(default_factory=dict)
    retired: dict[int, str] = field(default_factory=dict)
    returns: str | None = None

    def next_number(self, least: int) -> int:
        """One that nobody has and nobody had."""
        taken = [each.number for each in self.names.values()] + list(self.retired)
        return max(taken, default=least - 1) + 1


@dataclass(slots=True)
class Lock:
    """All scopes of a source file: ``Service.method``, structs and enums by name."""

    methods: dict[str, Scope] = field(default_factory=dict)
    structs: dict[str, Scope] = field(default_factory=dict)
    enums: dict[str, Scope] = field(default_factory=dict)

    def numbered(self, document: Document) -> Document:
        """The same document with the numbers that are locked, and new ones for what is not."""
        return replace(document, definitions=tuple(map(self._numbered, document.definitions)))

    def _numbered(self, definition: Any) -> Any:
        if isinstance(definition, Struct):
            scope = self.structs.get(definition.name, Scope())
            return replace(definition, fields=_with_numbers(definition.fields, scope))
        if isinstance(definition, Enum):
            return _numbered_enum(definition, self.enums.get(definition.name, Scope()))
        if isinstance(definition, Service):
            functions = [self._numbered_function(definition.name, each) for each in definition.functions]
            return replace(definition, functions=tuple(functions))
        return definition

    def _numbered_function(self, service: str, function: Function) -> Function:
        scope = self.methods.get(f"{service}.{function.name}", Scope())
        return replace(function, params=_with_numbers(function.params, scope))

    def updated(self, document: Document) -> Lock:
        """The lock after a document of :meth:`numbered` is given out; what it does not speak of stays."""
        lock = Lock(dict(self.methods), dict(self.structs), dict(self.enums))
        for definition in document.definitions:
            if isinstance(definition, Struct):
                lock.structs[definition.name] = _after(self.structs.get(definition.name), definition.fields)
            elif isinstance(definition, Enum):
                lock.enums[definition.name] = _enum_after(self.enums.get(definition.name), definition)
            elif isinstance(definition, Service):
                for name, scope in self.methods.items():
                    if name.startswith(f"{definition.name}."):
                        # If it is gone; it may come back, and nobody knows with which parameters.
                        lock.methods[name] = _after(scope, ())
                for function in definition.functions:
                    name = f"{definition.name}.{function.name}"
                    returns = "void" if function.returns is None else type_text(function.returns)
                    lock.methods[name] = _after(self.methods.get(name), function.params, returns)
        return lock


def _with_numbers(fields: Iterable[Field], scope: Scope) -> tuple[Field, ...]:
    fields = tuple(fields)
    number = scope.next_number(1)
    numbered = []
    for each in fields:
        known = scope.names.get(each.name)
        numbered.append(replace(each, id=number if known is None else known.number))
        number += known is None
    return tuple(numbered)


def _numbered_enum(definition: Enum, scope: Scope) -> Enum:
    """Members whose values are numbers keep these: they are what the code means."""
    if definition.members and all(member.python.value is member.number for member in definition.members):
        return definition
    number = scope.next_number(0)
    members = []
    for member in definition.members:
        known = scope.names.get(member.name)
        members.append(replace(member, number=number if known is None else known.number))
        number += known is None
    return replace(definition, members=tuple(members))


def _after(scope: Scope | None, fields: Iterable[Field], returns: str | None = None) -> Scope:
    names = {
        each.name: Locked(
            each.id,
            type_text(each.type),
            each.may_lack,
            None if each.default is NOTHING else constant_text(each.default),
        )
        for each in fields
    }
    return Scope(names, _retired(scope, names), returns)


def _enum_after(scope: Scope | None, definition: Enum) -> Scope:
    names = {member.name: Locked(member.number) for member in definition.members}
    return Scope(names, _retired(scope, names))


def _retired(scope: Scope | None, names: Mapping[str, Locked]) -> dict[int, str]:
    if scope is None:
        return {}
    gone = {known.number: name for name, known in scope.names.items() if name not in names}
    return dict(sorted({**scope.retired, **gone}.items()))


# -- the file


def lock_path(source: str | Path) -> Path:
    """Beside the source: ``vision.py`` has ``vision.idl.lock``."""
    return Path(source).with_suffix(ENDING)


def read_lock(path: Path) -> Lock | None:
    """What is locked; None: there is no such file.

    Raises
    ------
    ConfigError
        It cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("the lock of the IDL cannot be read", got=str(error)) from None
    try:
        found = json.loads(text)
        if found["format"] != _FORMAT:
            raise ValueError(f"format {found['format']}, and this version writes {_FORMAT}")
        return Lock(*({name: _read_scope(each) for name, each in found[kind].items()} for kind in _KINDS))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"the lock of the IDL cannot be read: {path}",
            got=f"{type(error).__name__}: {error}",
            help="restore it from version control; without it, numbers that callers know may get another meaning",
        ) from None


_KINDS = ("methods", "structs", "enums")


def _read_scope(found: dict[str, Any]) -> Scope:
    names = {name: Locked(**each) for name, each in found["names"].items()}
    if not all(isinstance(each.number, int) for each in names.values()):
        raise ValueError("a number that is none")
    return Scope(names, {int(number): name for number, name in found["retired"].items()}, found.get("returns"))


def lock_text(lock: Lock) -> str:
    """What the file says; the same lock gives the same text."""
    found: dict[str, Any] = {"format": _FORMAT}
    for kind in _KINDS:
        scopes: dict[str, Scope] = getattr(lock, kind)
        found[kind] = {name: _scope_form(scopes[name]) for name in sorted(scopes)}
    return json.dumps(found, indent=1) + "\n"


def _scope_form(scope: Scope) -> dict[str, Any]:
    form: dict[str, Any] = {} if scope.returns is None else {"returns": scope.returns}
    form["names"] = {name: _locked_form(each) for name, each in scope.names.items()}
    form["retired"] = {str(number): name for number, name in scope.retired.items()}
    return form


def _locked_form(each: Locked) -> dict[str, Any]:
    form: dict[str, Any] = {"number": each.number}
    if each.type:
        form["type"] = each.type
    if each.may_lack:
        form["may_lack"] = True
    if each.default is not None:
        form["default"] = each.default
    return form
