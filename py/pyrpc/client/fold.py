"""Putting the results of chunks together: a fold in a fixed order."""

from __future__ import annotations

import functools
import operator
import threading
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from pyrpc.errors import ArgumentError, BadResultError, ConfigError
from pyrpc.plan.partition import Chunk
from pyrpc.wire.tensor import Placer

ReduceOp = Literal["sum", "mean"] | Callable[[Any, Any], Any]


class FoldGather:
    """A left fold over the chunks in their order: ((c0 + c1) + c2) + ...

    The order is that of the chunks, whatever order they arrive in, and the chunks depend on the data alone: so the
    bits of the result do not depend on nodes, retries or hedges.

    Parameters
    ----------
    op : "sum", "mean" or callable
        "mean" weighs each chunk's value by its rows. A callable gets (what was folded so far, the next value).
    rows : int or None
        None: not known yet.
    """

    def __init__(self, op: ReduceOp, rows: int | None) -> None:
        self._op = op
        self._combine: Callable[[Any, Any], Any] = op if callable(op) else functools.partial(_tree, operator.add)
        self._rows = rows
        self._folded_rows = 0
        self._lock = threading.Lock()
        self._waiting: dict[int, tuple[Chunk, Any]] = {}
        self._next = 0
        self._is_folding = False
        self._value: Any = None
        # As it came, for the dtypes of a mean.
        self._first: Any = None

    def lease(self, chunk: Chunk, attempt_id: int) -> Placer | None:
        return None

    def release(self, chunk: Chunk, attempt_id: int) -> None:
        """Nothing is owned here."""

    def put(self, chunk: Chunk, attempt_id: int, value: Any) -> Any:
        with self._lock:
            if chunk.index < self._next or chunk.index in self._waiting:
                raise AssertionError("a chunk was put twice")
            self._waiting[chunk.index] = (chunk, value)
            must_fold = not self._is_folding
            self._is_folding = True
        # One thread folds what is next in order; the others only leave their values.
        if must_fold:
            self._fold_ready()
        return value

    def _fold_ready(self) -> None:
        while True:
            with self._lock:
                item = self._waiting.pop(self._next, None)
                if item is None:
                    self._is_folding = False
                    return
            try:
                self._fold(*item)
            except BaseException:
                self._is_folding = False
                raise
            self._next += 1

    def _fold(self, chunk: Chunk, value: Any) -> None:
        if self._op == "mean":
            if self._next == 0:
                self._first = value
            value = _scaled(value, chunk.rows)
        self._value = value if self._next == 0 else self._combine(self._value, value)
        self._folded_rows += chunk.rows

    @property
    def is_settled(self) -> bool:
        return not self._waiting and not self._is_folding

    def end(self, rows: int) -> None:
        self._rows = rows

    def finish(self) -> Any:
        if self._folded_rows != self._rows or not self.is_settled:
            raise AssertionError("a row is missing in the result")
        if self._op == "mean":
            return _tree(lambda value, first: _as_short(value / self._folded_rows, first), self._value, self._first)
        return self._value


def check_op(op: object) -> None:
    """Refuse what is no reduction.

    Raises
    ------
    ConfigError
    """
    if op not in ("sum", "mean") and not callable(op):
        raise ConfigError("an unknown reduction", expected="'sum', 'mean' or a callable of two values", got=repr(op))


def _scaled(value: Any, rows: int) -> Any:
    return _tree(lambda item, _: _wide(item) * rows, value, value)


def _wide(item: Any) -> Any:
    """Wide enough for sums over all rows, where the mean itself may be near the end of what its dtype holds."""
    if isinstance(item, np.ndarray | np.generic):
        if item.dtype.kind in "iu" and item.dtype.itemsize < 8:
            return item.astype(np.int64)
        if _is_short_float(item):
            return item.astype(np.float32)
    return item


def _as_short(mean: Any, first: Any) -> Any:
    """A mean of 16-bit floats in their own dtype."""
    return mean.astype(first.dtype) if _is_short_float(first) else mean


def _is_short_float(item: Any) -> bool:
    return isinstance(item, np.ndarray | np.generic) and item.dtype.name in ("float16", "bfloat16")


def _tree(combine: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
    """Combine two values of the same structure: arrays, numbers, lists and dicts of them."""
    if isinstance(left, dict) and isinstance(right, dict) and left.keys() == right.keys():
        return {key: _tree(combine, left[key], right[key]) for key in left}
    if isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        return [_tree(combine, *pair) for pair in zip(left, right, strict=True)]
    if isinstance(left, np.ndarray) and isinstance(right, np.ndarray) and left.shape != right.shape:
        raise BadResultError(
            "the chunks gave arrays of different shapes, which cannot be added",
            expected=str(left.shape),
            got=str(right.shape),
            help="a stage for reduce gives arrays whose shape does not depend on the number of rows",
        )
    if _is_number(left) and _is_number(right):
        return combine(left, right)
    raise ArgumentError(
        "values that cannot be added",
        expected="arrays, numbers, and lists or dicts of them, the same from every chunk",
        got=f"{_kind(left)} and {_kind(right)}",
        help="pass a callable as op= to combine them in another way",
    )


def _is_number(value: object) -> bool:
    if isinstance(value, np.ndarray | np.generic):
        return value.dtype.kind in "biufcm" or value.dtype.name == "bfloat16"
    return isinstance(value, int | float | complex)


def _kind(value: object) -> str:
    return f"array of {value.dtype}" if isinstance(value, np.ndarray) else type(value).__name__
