"""Arguments against parameters: counts and names by Python's rules, then the values that are declared or hinted."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pyrpc.errors import ArgumentError
from pyrpc.stage.check import ArrayCheck, array_check
from pyrpc.stage.hints import ScalarHint
from pyrpc.wire.messages import ParamInfo, ParamKind, Ref

UNBOUNDED = 1 << 62
_MAX_SHOWN = 5  # Of the names that a wrong call gives; it may give thousands.
_MISSING = object()


class ArgumentNames:
    """Which counts and names of arguments a function takes.

    Not inspect.Signature.bind, which takes microseconds and stops at the first thing that is wrong.
    """

    __slots__ = (
        *("_by_name", "_named_only", "_positional", "_takes_any_name"),
        *("most_positional", "required_count", "required_named"),
    )

    def __init__(self, params: Sequence[ParamInfo]) -> None:
        by_position = [param for param in params if param.kind <= ParamKind.POSITIONAL_OR_NAMED]
        named_only = [param for param in params if param.kind is ParamKind.NAMED_ONLY]
        self._positional = tuple(param.name for param in by_position)
        self._named_only = tuple(param.name for param in named_only)
        self.required_count = sum(not param.has_default for param in by_position)
        self.required_named = frozenset(param.name for param in named_only if not param.has_default)
        # Where what a name gives stands; named-only ones stand after every position.
        self._by_name = {
            param.name: place for place, param in enumerate(by_position) if param.kind is ParamKind.POSITIONAL_OR_NAMED
        }
        self._by_name.update(dict.fromkeys(self._named_only, UNBOUNDED))
        self._takes_any_name = any(param.kind is ParamKind.VAR_NAMED for param in params)
        is_open = any(param.kind is ParamKind.VAR_POSITIONAL for param in params)
        self.most_positional = UNBOUNDED if is_open else len(self._positional)

    def fit(self, count: int, kwargs: Mapping[str, Any]) -> bool:
        """Whether a call with ``count`` positional arguments and these names can be made."""
        if count > self.most_positional:
            return False
        filled = count
        for name in kwargs:
            place = self._by_name.get(name)
            if place is None:
                if not self._takes_any_name:
                    return False
            elif place < count:
                return False
            elif place < self.required_count:
                # Each name fills a place of its own past the positional ones, so counting them is enough.
                filled += 1
        return filled >= self.required_count and self.required_named <= kwargs.keys()

    def problems(self, count: int, kwargs: Mapping[str, Any]) -> tuple[str, str]:
        """What is wrong with a call that does not fit, and what to do about it."""
        missing = self._missing(count, kwargs)
        positional_only = [name for name in self._positional if name not in self._by_name and name in kwargs]
        unexpected = [name for name in kwargs if name not in self._by_name and name not in positional_only]
        if self._takes_any_name:
            positional_only, unexpected = [], []
        got: list[str] = []
        if count > self.most_positional:
            got.append(f"{count} positional, at most {self.most_positional}")
        got += [f"missing {name}" for name in missing]
        got += [f"{name} by name, which goes by position only" for name in positional_only]
        got += [f"{name} twice" for name in kwargs if self._by_name.get(name, count) < count]
        got += [f"unexpected {name[:64]}" for name in unexpected[:_MAX_SHOWN]]
        if len(unexpected) > _MAX_SHOWN:
            got.append(f"and {len(unexpected) - _MAX_SHOWN} more")
        return ", ".join(got), self._help(missing, unexpected)

    def _missing(self, count: int, kwargs: Mapping[str, Any]) -> list[str]:
        missing = [
            name
            for name in self._positional[count : self.required_count]
            if name not in kwargs or name not in self._by_name
        ]
        return missing + [name for name in self._named_only if name in self.required_named and name not in kwargs]

    def _help(self, missing: Sequence[str], unexpected: Sequence[str]) -> str:
        near = difflib.get_close_matches(unexpected[0][:64], self._by_name, n=1) if unexpected else []
        if near:
            return f"did you mean {near[0]!r}?"
        if missing:
            return f"give {', '.join(missing)} too"
        parameters = ", ".join((*self._positional, *self._named_only))
        return f"the parameters are {parameters}" if parameters else "it takes no arguments"


class CheckedParam:
    """A parameter whose values are looked at: a declared array, or a plain type hint."""

    __slots__ = ("_array", "_hint", "_is_none_fine", "_kind", "_known_names", "_name", "_place")

    def __init__(
        self,
        param: ParamInfo,
        place: int,
        known_names: frozenset[str],
        hint: ScalarHint | None,
        is_none_fine: bool,
    ) -> None:
        self._name = param.name
        self._kind = param.kind
        self._place = place
        self._known_names = known_names
        self._array: ArrayCheck | None = None if param.tensor is None else array_check(param.tensor)
        self._hint = hint
        self._is_none_fine = is_none_fine

    def check(self, args: Sequence[Any], kwargs: Mapping[str, Any], bindings: dict[str, int], where: str) -> None:
        """Check what the call passes for this parameter; a default is not checked."""
        if self._kind in (ParamKind.VAR_POSITIONAL, ParamKind.VAR_NAMED):
            for name, value in self._many(args, kwargs):
                self._check_one(name, value, bindings, where)
            return
        if self._place < len(args):
            value = args[self._place]
        elif self._kind is ParamKind.POSITIONAL_ONLY:
            return  # Such a name in kwargs belongs to **kwargs.
        else:
            value = kwargs.get(self._name, _MISSING)
            if value is _MISSING:
                return
        self._check_one(self._name, value, bindings, where)

    def _many(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
        if self._kind is ParamKind.VAR_POSITIONAL:
            return [(f"{self._name}[{i}]", value) for i, value in enumerate(args[self._place :])]
        return [(name, value) for name, value in kwargs.items() if name not in self._known_names]

    def _check_one(self, name: str, value: Any, bindings: dict[str, int], where: str) -> None:
        if self._array is not None:
            if value is not None or not self._is_none_fine:
                self._array.check(name, value, bindings, where, False)
        elif self._hint is not None and not self._hint.fits(value) and not isinstance(value, Ref):
            shown = repr(value[:40] if isinstance(value, (str, bytes)) else value)
            raise ArgumentError(
                f"{where}: {name} has the wrong type",
                expected=f"{name}: {self._hint.text}",
                got=f"{type(value).__name__} {shown[:60]}",
                help=f"pass {name} as {self._hint.text}",
            )


def checked_params(
    params: Sequence[ParamInfo], hints: Mapping[str, ScalarHint], none_fits: frozenset[str]
) -> Iterator[CheckedParam]:
    """The parameters that a call is checked for, in order."""
    named = (ParamKind.POSITIONAL_OR_NAMED, ParamKind.NAMED_ONLY)
    known_names = frozenset(param.name for param in params if param.kind in named)
    place = 0
    for param in params:
        by_position = param.kind <= ParamKind.VAR_POSITIONAL
        hint = None if param.tensor is not None else hints.get(param.name)
        if param.tensor is not None or hint is not None:
            here = place if by_position else UNBOUNDED
            yield CheckedParam(param, here, known_names, hint, param.name in none_fits)
        place += by_position
