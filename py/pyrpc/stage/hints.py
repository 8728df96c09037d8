"""Type hints that are checked: int, float, str, bytes, bool, list, dict, and unions of these with None.

Anything else is documentation. Strings (``from __future__ import annotations``) are evaluated one by one, so that one
hint that cannot be found at run time does not switch off the others.
"""

from __future__ import annotations

import functools
import inspect
import types
import typing
from collections.abc import Callable
from typing import Any

import numpy as np

# What fits a hint, and the kinds of a 0-d array that do: a NumPy scalar may arrive as one.
_FITTING: dict[type, tuple[tuple[type, ...], str]] = {
    bool: ((bool, np.bool_), "b"),
    int: ((int, np.integer, np.bool_), "biu"),
    float: ((int, float, np.integer, np.floating, np.bool_), "biuf"),
    str: ((str,), "U"),
    bytes: ((bytes, bytearray, memoryview), "S"),
    list: ((list, tuple), ""),
    dict: ((dict,), ""),
    type(None): ((type(None),), ""),
}


class ScalarHint:
    """What fits one checked hint."""

    __slots__ = ("_kinds", "text", "types")

    def __init__(self, text: str, types: tuple[type, ...], kinds: str) -> None:
        self.text = text
        self.types = types
        self._kinds = kinds

    def fits(self, value: object) -> bool:
        """Whether a value may be passed where the hint stands."""
        if isinstance(value, self.types):
            return True
        return isinstance(value, np.ndarray) and value.ndim == 0 and value.dtype.kind in self._kinds


def scalar_hint(annotation: Any, text: str, *, is_none_fine: bool) -> ScalarHint | None:
    """The check that a hint asks for; None where it asks for none."""
    members = _members(annotation)
    if not members:
        return None
    if is_none_fine:
        members.append(type(None))
    fitting = [_FITTING[member] for member in members]
    accepted = tuple(dict.fromkeys(kind for types, _ in fitting for kind in types))
    return ScalarHint(text, accepted, "".join(kinds for _, kinds in fitting))


def takes_none(annotation: Any) -> bool:
    """Whether a hint is a union with None."""
    return type(None) in typing.get_args(annotation)


def evaluate(annotation: Any, function: Callable[..., Any]) -> Any:
    """The object behind a hint; the hint's text itself where it has no value at run time."""
    if not isinstance(annotation, str):
        return annotation
    while isinstance(function, functools.partial):
        function = function.func
    try:
        return eval(annotation, dict(getattr(inspect.unwrap(function), "__globals__", {})))
    except Exception:  # Names only imported for type checkers, syntax of newer Pythons ...
        return annotation


def _members(annotation: Any) -> list[type]:
    """The plain types that a hint is made of; empty if anything else is in it."""
    union = typing.get_origin(annotation) in (typing.Union, types.UnionType)
    members = [typing.get_origin(part) or part for part in (typing.get_args(annotation) if union else (annotation,))]
    known = all(isinstance(member, type) and member in _FITTING for member in members)
    return members if known and members != [type(None)] else []
