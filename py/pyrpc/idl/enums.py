"""Enums of Python as enums of the IDL."""

from __future__ import annotations

import enum

from pyrpc.errors import ConfigError
from pyrpc.idl.defaults import doc_of
from pyrpc.idl.keywords import check_distinct, identifier
from pyrpc.idl.model import Enum, Member


def enum_of(cls: type[enum.Enum], name: str, where: str) -> Enum:
    """The enum of the IDL: the numbers are those of the members if all have one, else they are counted.

    Raises
    ------
    ConfigError
        A Flag, whose values are sets of members; no members at all; a name that cannot stand in an IDL.
    """
    members = list(cls)
    if issubclass(cls, enum.Flag) or not members:
        raise ConfigError(
            f"{where}: the enum {cls.__name__} cannot be said in an IDL",
            expected="an enum with members, one of which is meant at a time",
            help="take an int for flags",
        )
    inside = f"enum {cls.__name__}"
    named = [(identifier(member.name, inside), member) for member in members]
    check_distinct([each for each, _ in named], inside)
    return Enum(
        name,
        tuple(Member(each, number_of(member, place), python=member) for place, (each, member) in enumerate(named)),
        doc_of(cls),
        cls,
    )


def has_numbers(cls: type[enum.Enum]) -> bool:
    """Whether the values of all members can be the numbers of the IDL, as they are."""
    values = [member.value for member in cls]
    return all(type(value) is int and -(2**31) <= value < 2**31 for value in values)


def number_of(member: enum.Enum, place: int) -> int:
    """The number of a member in the IDL, if no lock says another."""
    return int(member.value) if has_numbers(type(member)) else place
