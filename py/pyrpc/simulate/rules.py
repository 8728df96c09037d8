"""What the numbers of a scenario may be."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from pyrpc.errors import ConfigError


class Rule(NamedTuple):
    """What a value must be, in words and as a test."""

    expected: str
    holds: Callable[[Any], bool]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


TEXT = Rule("a text that is not empty", lambda value: isinstance(value, str) and value != "")
YES_NO = Rule("true or false", lambda value: isinstance(value, bool))
WHOLE = Rule("a whole number", _is_whole)
COUNT = Rule("a whole number, at least 1", lambda value: _is_whole(value) and value >= 1)
COUNT_OR_0 = Rule("a whole number, at least 0", lambda value: _is_whole(value) and value >= 0)
ABOVE_0 = Rule("a number above 0", lambda value: _is_number(value) and 0 < value < math.inf)
ABOVE_0_OR_INF = Rule("a number above 0, or inf", lambda value: _is_number(value) and value > 0)
FROM_0 = Rule("a number, at least 0", lambda value: _is_number(value) and 0 <= value < math.inf)
FROM_0_OR_INF = Rule("a number, at least 0, or inf", lambda value: _is_number(value) and value >= 0)
AT_LEAST_1 = Rule("a number, at least 1", lambda value: _is_number(value) and 1 <= value < math.inf)
SHARE = Rule("a share from 0 to 1", lambda value: _is_number(value) and 0 <= value <= 1)
FACTORS = Rule(
    "numbers above 0", lambda value: isinstance(value, tuple) and all(_is_number(x) and 0 < x < math.inf for x in value)
)


def optional(rule: Rule) -> Rule:
    """The same, or None."""
    return Rule(rule.expected, lambda value: value is None or rule.holds(value))


def one_of(*names: str) -> Rule:
    """One of some texts."""
    return Rule("one of " + ", ".join(names), lambda value: isinstance(value, str) and value in names)


def check(where: str, values: Mapping[str, Any], rules: Mapping[str, Rule]) -> None:
    """Each value by its rule.

    Raises
    ------
    ConfigError
        The first that breaks it, by its name.
    """
    for name, value in values.items():
        if name in rules and not rules[name].holds(value):
            raise ConfigError(
                f"{where}{name} of a scenario makes no sense", expected=rules[name].expected, got=repr(value)[:80]
            )
