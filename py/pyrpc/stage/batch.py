"""What ``@stage(batch=...)`` says, and which arguments of a call have the rows that are merged."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pyrpc.errors import ConfigError
from pyrpc.stage.spec import ELLIPSIS, format_spec
from pyrpc.wire.messages import ParamInfo, ParamKind, StageInfo, TensorSpec

_MAX_DELAY_MS = 60_000.0
_TAKES_HELP = "name the rows as the first dim of what has them: takes='float32[n,28,28]', gives='float32[n,10]'"

# By position or by name.
Slot = int | str


@dataclass(frozen=True, slots=True)
class Batch:
    """Calls of a stage that come at the same time run as one, their arrays one behind the other along axis 0.

    Parameters
    ----------
    max_rows : int
        Rows of a batch at most. A call that has more runs by itself.
    max_delay_ms : float
        How long the first call of a batch waits for others, in milliseconds at most; it waits only while there are
        others. 0: only those are merged that wait for a turn anyway.

    Raises
    ------
    ConfigError
        A number that makes no sense.

    Examples
    --------
    ::

        @pyrpc.stage(takes="float32[n,28,28]", gives="float32[n,10]", batch=pyrpc.Batch(max_rows=64, max_delay_ms=5))
        def classify(images): ...
    """

    max_rows: int = 64
    max_delay_ms: float = 5.0

    def __post_init__(self) -> None:
        if isinstance(self.max_rows, bool) or not isinstance(self.max_rows, int) or self.max_rows < 1:
            raise ConfigError("max_rows makes no sense", expected="a whole number, at least 1", got=repr(self.max_rows))
        delay_ms = self.max_delay_ms
        if isinstance(delay_ms, bool) or not isinstance(delay_ms, int | float) or not 0 <= delay_ms <= _MAX_DELAY_MS:
            raise ConfigError(
                "max_delay_ms makes no sense",
                expected=f"milliseconds, 0 to {_MAX_DELAY_MS:.0f}",
                got=repr(delay_ms),
            )


class BatchedStage:
    """The batch of one stage, and where its rows are.

    Parameters
    ----------
    info : StageInfo
        The stage and its contract. The first named dim of the first array that it takes is the rows; where there is
        none, the one array that a call passes by position has them.

    Raises
    ------
    ConfigError
        The contract says that the arrays cannot be laid one behind the other, or the result not be taken apart.
    """

    __slots__ = ("_known_names", "_places", "limits", "max_delay_s", "max_rows", "rows_dim")

    def __init__(self, limits: Batch, info: StageInfo) -> None:
        self.limits = limits
        self.max_rows = limits.max_rows
        self.max_delay_s = limits.max_delay_ms / 1000
        self.rows_dim = _rows_dim(info)
        if self.rows_dim is not None:
            _check_takes(info, self.rows_dim)
        _check_gives(info, self.rows_dim)
        self._places = tuple(self._find_places(info))
        self._known_names = frozenset(param.name for param in info.params if param.kind is not ParamKind.VAR_NAMED)

    def _find_places(self, info: StageInfo) -> Iterator[tuple[ParamInfo, int]]:
        place = 0
        for param in info.params:
            by_position = param.kind <= ParamKind.VAR_POSITIONAL
            dims = param.tensor.dims if param.tensor is not None else None
            if self.rows_dim is not None and dims and dims[0] == self.rows_dim:
                yield param, place if by_position else math.inf  # type: ignore[misc]
            place += by_position

    def slots(self, positional: Sequence[Any], named: Mapping[str, Any]) -> tuple[Slot, ...]:
        """Where the arguments are that have the rows; empty: none, or without a contract more than one.

        Several arrays without a contract may be rows and a table that all rows need: laid one behind the other, the
        table would be wrong without a word.
        """
        if self.rows_dim is None:
            found = [i for i, value in enumerate(positional) if isinstance(value, np.ndarray) and value.ndim]
            return tuple(found) if len(found) == 1 else ()
        slots: list[Slot] = []
        for param, place in self._places:
            if param.kind is ParamKind.VAR_POSITIONAL:
                slots += range(place, len(positional))
            elif param.kind is ParamKind.VAR_NAMED:
                slots += [name for name in named if name not in self._known_names]
            elif place < len(positional):
                slots.append(place)
            elif param.kind is not ParamKind.POSITIONAL_ONLY and param.name in named:
                slots.append(param.name)
        return tuple(slot for slot in slots if isinstance(_at(slot, positional, named), np.ndarray))


def _at(slot: Slot, positional: Sequence[Any], named: Mapping[str, Any]) -> Any:
    return positional[slot] if isinstance(slot, int) else named[slot]


def _is_name(dim: str) -> bool:
    return dim not in ("_", ELLIPSIS) and not dim.isdigit()


def _rows_dim(info: StageInfo) -> str | None:
    for param in info.params:
        dims = param.tensor.dims if param.tensor is not None else None
        if dims and _is_name(dims[0]):
            return dims[0]
    return None


def _check_takes(info: StageInfo, rows_dim: str) -> None:
    for param in info.params:
        dims = param.tensor.dims if param.tensor is not None else None
        if dims and rows_dim in dims[1:]:
            assert param.tensor is not None
            raise _misfit(
                info, param.tensor, f"{param.name} has the rows {rows_dim} on another axis than the first", rows_dim
            )


def _check_gives(info: StageInfo, rows_dim: str | None) -> None:
    for spec in info.gives or ():
        if spec.dims is None:
            continue
        first = spec.dims[0] if spec.dims else None
        if first is None or first.isdigit() or (_is_name(first) and first != rows_dim):
            raise _misfit(info, spec, "what it gives does not have one row for each row", rows_dim)
        if rows_dim in spec.dims[1:]:
            raise _misfit(info, spec, f"what it gives has the rows {rows_dim} on another axis than the first", rows_dim)


def _misfit(info: StageInfo, spec: TensorSpec, what: str, rows_dim: str | None) -> ConfigError:
    return ConfigError(
        f"{info.name} cannot be batched: {what}",
        expected=f"the rows{f' {rows_dim}' if rows_dim else ''} as the first dim, and nowhere else",
        got=format_spec(spec),
        help=f"leave batch out, or {_TAKES_HELP}",
    )
