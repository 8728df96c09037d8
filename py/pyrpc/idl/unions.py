"""Hints that stand for others: T | None, NewType, type aliases."""

from __future__ import annotations

import functools
import operator
import types
import typing
from typing import Any

UNIONS = (typing.Union, types.UnionType)


def inner_of_optional(hint: Any) -> Any | None:
    """T of a hint ``T | None``; None for any other hint."""
    hint = without_names(hint)
    if typing.get_origin(hint) not in UNIONS:
        return None
    members = typing.get_args(hint)
    rest = [member for member in members if member is not type(None)]
    if len(rest) == len(members):
        return None
    return functools.reduce(operator.or_, rest)


def without_names(hint: Any) -> Any:
    """What a NewType, or a type alias of Python 3.12, stands for."""
    while True:
        if isinstance(hint, typing.NewType):
            hint = hint.__supertype__
        elif type(hint).__name__ == "TypeAliasType":
            hint = hint.__value__
        elif type(typing.get_origin(hint)).__name__ == "TypeAliasType":
            # With parameters, as NDArray of the newest NumPy.
            hint = typing.get_origin(hint).__value__[typing.get_args(hint)]
        else:
            return hint
