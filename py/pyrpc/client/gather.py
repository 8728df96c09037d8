"""Putting the results of chunks together: rows in place, in order, or a fold in a fixed order.

A gather is told of each chunk's result exactly once, in any order, from any thread. Rows of the result may be
received from the network by one attempt while another attempt at them wins: so rows are owned by one attempt at a
time, and the winner's values are kept until the owners of any of its rows have let go. Chunks may overlap: the rows of
one that takes long are given to others in smaller pieces.
"""

from __future__ import annotations

import functools
import math
import operator
import threading
from bisect import bisect_left
from collections.abc import Callable
from typing import Any, Literal, Protocol

import numpy as np

from pyrpc.errors import ArgumentError, BadResultError, ConfigError
from pyrpc.plan.partition import Chunk
from pyrpc.wire.memory import RECEIVE_POOL, Array
from pyrpc.wire.tensor import Placer

ReduceOp = Literal["sum", "mean"] | Callable[[Any, Any], Any]


class Gather(Protocol):
    """What a job does with the results of its chunks."""

    def lease(self, chunk: Chunk, attempt_id: int) -> Placer | None:
        """Where this attempt's arrays may be received to; None: anywhere."""
        ...

    def release(self, chunk: Chunk, attempt_id: int) -> None:
        """The attempt writes nothing any more, whatever became of it."""
        ...

    def put(self, chunk: Chunk, attempt_id: int, value: Any) -> Any:
        """Take the chunk's result, once for each chunk; returns it as a user may see it. Raises BadResultError."""
        ...

    def finish(self) -> Any:
        """The result of the job; all chunks were put and all attempts have let go."""
        ...

    @property
    def is_settled(self) -> bool:
        """Whether nothing that was put still waits for an attempt to let go."""
        ...


class _Column:
    """One array of the result, allocated when the first chunk tells its dtype and the shape of its rows."""

    __slots__ = ("array", "parts")

    def __init__(self) -> None:
        self.array: Array | None = None
        # Text of fixed width: each chunk may come with another width, so they are joined in the end. By first row.
        self.parts: dict[int, Array] = {}


class _Owners:
    """Which attempt may write to which rows; no two to the same."""

    __slots__ = ("_entries",)

    def __init__(self) -> None:
        # (first row, stop, attempt), in order.
        self._entries: list[tuple[int, int, int]] = []

    def of(self, chunk: Chunk) -> list[int]:
        """The attempts that own any row of a chunk."""
        entries = self._entries
        place = bisect_left(entries, (chunk.start,))
        if place and entries[place - 1][1] > chunk.start:
            place -= 1
        owners = []
        while place < len(entries) and entries[place][0] < chunk.stop:
            owners.append(entries[place][2])
            place += 1
        return owners

    def add(self, chunk: Chunk, attempt_id: int) -> None:
        """Give the rows of a chunk, which nobody owns, to an attempt."""
        entry = (chunk.start, chunk.stop, attempt_id)
        self._entries.insert(bisect_left(self._entries, entry), entry)

    def remove(self, chunk: Chunk, attempt_id: int) -> bool:
        """Take the rows back; False: the attempt did not own them."""
        entry = (chunk.start, chunk.stop, attempt_id)
        place = bisect_left(self._entries, entry)
        if place == len(self._entries) or self._entries[place] != entry:
            return False
        del self._entries[place]
        return True


class RowsGather:
    """Rows in the order of the input; each chunk is received straight into its place."""

    def __init__(self, stage: str, rows: int) -> None:
        self._stage = stage
        self._rows = rows
        self._lock = threading.Lock()
        self._columns: list[_Column] = []
        self._is_tuple: bool | None = None
        self._owners = _Owners()
        self._kept: dict[int, tuple[Chunk, Any]] = {}
        self._writing = 0

    def lease(self, chunk: Chunk, attempt_id: int) -> Placer | None:
        with self._lock:
            if not chunk.rows or self._owners.of(chunk):
                return None
            self._owners.add(chunk, attempt_id)
        return _ChunkPlacer(self, chunk)

    def release(self, chunk: Chunk, attempt_id: int) -> None:
        with self._lock:
            if not self._owners.remove(chunk, attempt_id) or not self._kept:
                return
            # Other attempts won while this one held the rows. Nobody else may lease them meanwhile: they are done.
            ready = [(other, value) for other, value in self._kept.values() if not self._owners.of(other)]
            self._writing += len(ready)
            for other, _ in ready:
                del self._kept[other.index]
        for other, value in ready:
            self._write(other, value)
        with self._lock:
            self._writing -= len(ready)

    def put(self, chunk: Chunk, attempt_id: int, value: Any) -> Any:
        arrays = value if isinstance(value, list) else [value]
        self._check(chunk, arrays, isinstance(value, list))
        with self._lock:
            must_wait = any(owner != attempt_id for owner in self._owners.of(chunk))
            if must_wait:
                self._kept[chunk.index] = (chunk, arrays)
        if not must_wait:
            arrays = self._write(chunk, arrays)
        return tuple(arrays) if self._is_tuple else arrays[0]

    @property
    def is_settled(self) -> bool:
        with self._lock:
            return not self._kept and not self._writing

    def finish(self) -> Any:
        arrays = [self._join(column) for column in self._columns]
        return tuple(arrays) if self._is_tuple else arrays[0]

    def _join(self, column: _Column) -> Array:
        if column.array is not None:
            return column.array
        parts = [column.parts[start] for start in sorted(column.parts)]
        if sum(map(len, parts)) != self._rows:
            raise AssertionError("a chunk is missing in the result")
        return np.concatenate(parts)

    def column(self, number: int, dtype: np.dtype[Any], row_shape: tuple[int, ...]) -> _Column:
        """The column of that number, made to fit where it is new."""
        with self._lock:
            while len(self._columns) <= number:
                self._columns.append(_Column())
            column = self._columns[number]
            if column.array is None and not column.parts and dtype.kind not in "SUT":
                shape = (self._rows, *row_shape)
                nbytes = math.prod(shape) * dtype.itemsize
                column.array = RECEIVE_POOL.take(dtype, shape, nbytes)
            return column

    def _check(self, chunk: Chunk, arrays: list[Any], is_tuple: bool) -> None:
        """One row for each row, the same arrays from every chunk."""
        for number, array in enumerate(arrays):
            if not isinstance(array, np.ndarray) or array.ndim == 0 or array.shape[0] != chunk.rows:
                raise BadResultError(
                    f"{self._stage} gave the wrong number of rows",
                    expected=f"arrays of {chunk.rows} rows",
                    got=f"{array.shape[0]} rows" if isinstance(array, np.ndarray) and array.ndim else repr(array)[:80],
                )
            column = self.column(number, array.dtype, array.shape[1:])
            known = column.array if column.array is not None else next(iter(column.parts.values()), array)
            is_text = array.dtype.kind in "SUT" and known.dtype.kind == array.dtype.kind
            if array.shape[1:] != known.shape[1:] or (array.dtype != known.dtype and not is_text):
                raise BadResultError(
                    f"{self._stage} gave arrays that differ from chunk to chunk",
                    expected=f"{known.dtype}{['n', *known.shape[1:]]} as other chunks",
                    got=f"{array.dtype}{['n', *array.shape[1:]]} for rows {chunk.start} to {chunk.stop}",
                    help="make the stage's result independent of how many rows it gets, and declare it with gives=",
                )
        with self._lock:
            if self._is_tuple is None:
                self._is_tuple = is_tuple
            differs = self._is_tuple != is_tuple or len(arrays) != len(self._columns)
        if differs:
            raise BadResultError(
                f"{self._stage} gave another number of arrays for rows {chunk.start} to {chunk.stop}",
                expected=f"{len(self._columns)} as other chunks",
                got=str(len(arrays)),
            )

    def _write(self, chunk: Chunk, arrays: list[Array]) -> list[Array]:
        """Put the arrays where they belong; returns them as they lie there."""
        written = []
        for column, array in zip(self._columns, arrays, strict=True):
            if column.array is None:
                column.parts[chunk.start] = array
                written.append(array)
                continue
            rows = column.array[chunk.start : chunk.stop]
            # What was received in place is there already.
            if array.size and not np.may_share_memory(rows, array):
                rows[...] = array
            written.append(rows)
        return written


class _ChunkPlacer:
    """Hands the rows of one chunk to the decoder, one column after the other."""

    __slots__ = ("_chunk", "_gather", "_number")

    def __init__(self, gather: RowsGather, chunk: Chunk) -> None:
        self._gather = gather
        self._chunk = chunk
        self._number = 0

    def __call__(self, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Array | None:
        number = self._number
        self._number += 1
        if not shape or shape[0] != self._chunk.rows or dtype.kind in "SUT":
            return None
        array = self._gather.column(number, dtype, shape[1:]).array
        if array is None or array.dtype != dtype or array.shape[1:] != shape[1:]:
            return None
        return array[self._chunk.start : self._chunk.stop]


class FoldGather:
    """A left fold over the chunks in their order: ((c0 + c1) + c2) + ...

    The order is that of the chunks, whatever order they arrive in, and the chunks depend on the data alone: so the
    bits of the result do not depend on nodes, retries or hedges.

    Parameters
    ----------
    op : "sum", "mean" or callable
        "mean" weighs each chunk's value by its rows. A callable gets (what was folded so far, the next value).
    """

    def __init__(self, op: ReduceOp, chunks: list[Chunk]) -> None:
        self._op = op
        self._combine: Callable[[Any, Any], Any] = op if callable(op) else functools.partial(_tree, operator.add)
        self._total = chunks[-1].stop if chunks else 0
        self._lock = threading.Lock()
        self._waiting: dict[int, tuple[Chunk, Any]] = {}
        self._next = 0
        self._is_folding = False
        self._value: Any = None

    def lease(self, chunk: Chunk, attempt_id: int) -> Placer | None:
        return None

    def release(self, chunk: Chunk, attempt_id: int) -> None:
        """Nothing is owned here."""

    def put(self, chunk: Chunk, attempt_id: int, value: Any) -> Any:
        with self._lock:
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
            value = _scaled(value, chunk.rows)
        self._value = value if self._next == 0 else self._combine(self._value, value)

    @property
    def is_settled(self) -> bool:
        return not self._waiting and not self._is_folding

    def finish(self) -> Any:
        return (
            _tree(lambda value, _: value / self._total, self._value, self._value) if self._op == "mean" else self._value
        )


def check_op(op: object) -> None:
    """Refuse what is no reduction.

    Raises
    ------
    ConfigError
    """
    if op not in ("sum", "mean") and not callable(op):
        raise ConfigError("an unknown reduction", expected="'sum', 'mean' or a callable of two values", got=repr(op))


def _scaled(value: Any, rows: int) -> Any:
    return _tree(lambda item, _: item * rows, value, value)


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
        got=f"{type(left).__name__} and {type(right).__name__}",
        help="pass a callable as op= to combine them in another way",
    )


def _is_number(value: object) -> bool:
    return isinstance(value, np.ndarray | np.generic | int | float | complex) and not isinstance(value, str)
