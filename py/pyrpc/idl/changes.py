"""What callers notice when the IDL of a service changes: what breaks those that have its old one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pyrpc.idl.lock import Lock, Locked, Scope
from pyrpc.idl.model import Document, Service


@dataclass(frozen=True, slots=True)
class Change:
    """One difference; ``is_breaking``: callers with the old IDL are answered wrongly, or not at all."""

    text: str
    is_breaking: bool


def changes(old: Lock, document: Document) -> list[Change]:
    """What is different in a document (of ``Lock.numbered``), compared with what is locked."""
    new = old.updated(document)
    found: list[Change] = []
    for definition in document.definitions:
        if isinstance(definition, Service):
            found += _service_changes(definition.name, old, new)
        elif definition.name in old.structs and definition.name in new.structs:
            struct = definition.name
            found += _field_changes(old.structs[struct], new.structs[struct], "field", struct, is_struct=True)
        elif definition.name in old.enums and definition.name in new.enums:
            found += _enum_changes(definition.name, old.enums[definition.name], new.enums[definition.name])
    return found


def _service_changes(service: str, old: Lock, new: Lock) -> Iterator[Change]:
    prefix = f"{service}."
    before = {name: each for name, each in old.methods.items() if name.startswith(prefix) and each.returns}
    now = {name: each for name, each in new.methods.items() if name.startswith(prefix) and each.returns}
    for name, scope in before.items():
        after = now.get(name)
        if after is None:
            yield Change(f"the method {name} is gone", True)
            continue
        if scope.returns != after.returns:
            yield Change(f"{name} returned {scope.returns} and returns {after.returns}", True)
        yield from _field_changes(scope, after, "parameter", name, is_struct=False)
    yield from (Change(f"the method {name} is new", False) for name in now if name not in before)


def _field_changes(old: Scope, new: Scope, kind: str, where: str, *, is_struct: bool) -> Iterator[Change]:
    for name, before in old.names.items():
        what = f"{kind} {name!r} of {where}"
        after = new.names.get(name)
        if after is None:
            # Who reads a result of the old struct wants the field; a parameter that is sent in vain does no harm.
            is_breaking = is_struct and not before.may_lack
            yield Change(f"{what} is gone; its number {before.number} is not given again", is_breaking)
        else:
            yield from _differences(what, before, after)
    for name, after in new.names.items():
        if name not in old.names:
            lack = "" if after.may_lack else ", and has no default: callers that do not know it cannot call"
            yield Change(f"{kind} {name!r} of {where} is new{lack}", not after.may_lack)


def _differences(what: str, before: Locked, after: Locked) -> Iterator[Change]:
    if before.type != after.type:
        yield Change(f"{what} was {before.type} and is {after.type}", True)
    if before.may_lack and not after.may_lack:
        yield Change(f"{what} could be left out and has no default now", True)
    elif before.default != after.default or before.may_lack != after.may_lack:
        yield Change(f"{what} has another default: {before.default}, now {after.default}", False)


def _enum_changes(enum: str, old: Scope, new: Scope) -> Iterator[Change]:
    for name, before in old.names.items():
        after = new.names.get(name)
        if after is None:
            yield Change(f"the member {name} of enum {enum} is gone", True)
        elif after.number != before.number:
            yield Change(f"{enum}.{name} was {before.number} and is {after.number}", True)
    yield from (
        Change(f"the member {name} of enum {enum} is new", False) for name in new.names if name not in old.names
    )
