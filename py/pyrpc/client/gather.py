"""Putting the results of chunks together: rows in place, in order (fold.py: a fold).

A gather is told of each chunk's result exactly once, in any order, from any thread. Rows of the result may be
received from the network by one attempt while another attempt at them wins: so rows are owned by one attempt at a
time, and the winner's values are kept until the owners of any of its rows have let go. Chunks may overlap: the rows of
one that takes long are given to others in smaller pieces. Which rows are done is kept too: none is taken twice, and
nothing is returned before all are.
"""

from __future__ import annotations

import math
import threading
from typing import Any, Protocol

import numpy as np

from pyrpc.client.row_ranges import Covered, Owners
from pyrpc.errors import BadResultError
from pyrpc.plan.partition import Chunk
from pyrpc.wire.memory import RECEIVE_POOL, Array
from pyrpc.wire.tensor import Placer


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

    def end(self, rows: int) -> None:
        """A stream, of which it was not known before, has so many rows."""
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


class RowsGather:
    """Rows in the order of the input; each chunk is received straight into its place.

    Parameters
    ----------
    rows : int or None
        None: not known yet, so that there is no place to receive to. The chunks are joined in the end.
    """

    def __init__(self, stage: str, rows: int | None) -> None:
        self._stage = stage
        self._rows = rows
        self._is_in_place = rows is not None
        self._lock = threading.Lock()
        self._columns: list[_Column] = []
        # What the first chunk that was put has. Columns are made earlier, by replies still on their way: those count
        # for nothing.
        self._is_tuple: bool | None = None
        self._count = 0
        self._owners = Owners()
        self._covered = Covered()
        self._kept: dict[int, tuple[Chunk, Any]] = {}
        self._writing = 0

    def lease(self, chunk: Chunk, attempt_id: int) -> Placer | None:
        return _ChunkPlacer(self, chunk, attempt_id)

    def own(self, chunk: Chunk, attempt_id: int) -> bool:
        """Whether the attempt may write to the chunk's rows; from now on no other one may.

        Asked when its reply arrives, not when it begins: one that never gets a reply must not keep a result waiting.
        """
        with self._lock:
            owners = self._owners.of(chunk)
            if owners:
                return owners == [attempt_id]
            if not chunk.rows or self._covered.overlaps(chunk):
                return False
            self._owners.add(chunk, attempt_id)
            return True

    def release(self, chunk: Chunk, attempt_id: int) -> None:
        with self._lock:
            if not self._owners.remove(chunk, attempt_id) or not self._kept:
                return
            # Other attempts won while this one held the rows. Nobody else may own them meanwhile: they are done.
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
            if not self._covered.add(chunk):
                raise AssertionError("a row was put twice")
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

    def end(self, rows: int) -> None:
        self._rows = rows

    def finish(self) -> Any:
        if self._rows is None or not self._covered.is_all(self._rows) or not self.is_settled:
            raise AssertionError("a row is missing in the result")
        arrays = [self._join(column) for column in self._columns[: self._count]]
        return tuple(arrays) if self._is_tuple else arrays[0]

    def _join(self, column: _Column) -> Array:
        if column.array is not None:
            return column.array
        return np.concatenate([column.parts[start] for start in sorted(column.parts)])

    def column(self, number: int, dtype: np.dtype[Any], row_shape: tuple[int, ...]) -> _Column:
        """The column of that number, made to fit where it is new."""
        with self._lock:
            while len(self._columns) <= number:
                self._columns.append(_Column())
            column = self._columns[number]
            if self._is_in_place and column.array is None and not column.parts and dtype.kind not in "SUT":
                assert self._rows is not None
                shape = (self._rows, *row_shape)
                nbytes = math.prod(shape) * dtype.itemsize
                column.array = RECEIVE_POOL.take(dtype, shape, nbytes)
            return column

    def _check(self, chunk: Chunk, arrays: list[Any], is_tuple: bool) -> None:
        """One row for each row, the same arrays from every chunk."""
        if not arrays:
            raise BadResultError(
                f"{self._stage} gave no array",
                expected=f"an array of {chunk.rows} rows, or a tuple of such",
                got="an empty list or tuple",
            )
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
                self._is_tuple, self._count = is_tuple, len(arrays)
            differs = self._is_tuple != is_tuple or len(arrays) != self._count
        if differs:
            raise BadResultError(
                f"{self._stage} gave another number of arrays for rows {chunk.start} to {chunk.stop}",
                expected=f"{_counted(self._count, bool(self._is_tuple))} as other chunks",
                got=_counted(len(arrays), is_tuple),
            )

    def _write(self, chunk: Chunk, arrays: list[Array]) -> list[Array]:
        """Put the arrays where they belong; returns them as they lie there."""
        written = []
        for column, array in zip(self._columns[: self._count], arrays, strict=True):
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


class PassingGather(RowsGather):
    """Checks the rows and hands them on; keeps none of them."""

    def __init__(self, stage: str) -> None:
        super().__init__(stage, None)

    def lease(self, chunk: Chunk, attempt_id: int) -> Placer | None:
        return None

    def _write(self, chunk: Chunk, arrays: list[Array]) -> list[Array]:
        for column, array in zip(self._columns[: self._count], arrays, strict=True):
            if not column.parts:
                column.parts[0] = array[:0].copy()  # what the others are to be like
        return arrays

    def finish(self) -> None:
        if self._rows is None or not self._covered.is_all(self._rows):
            raise AssertionError("a row is missing in the result")


def _counted(count: int, is_tuple: bool) -> str:
    return f"a tuple of {count}" if is_tuple else "an array"


class _ChunkPlacer:
    """Hands the rows of one chunk to the decoder of one attempt, one column after the other."""

    __slots__ = ("_attempt_id", "_chunk", "_gather", "_number")

    def __init__(self, gather: RowsGather, chunk: Chunk, attempt_id: int) -> None:
        self._gather = gather
        self._chunk = chunk
        self._attempt_id = attempt_id
        self._number = 0

    def __call__(self, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Array | None:
        number = self._number
        self._number += 1
        if not shape or shape[0] != self._chunk.rows or dtype.kind in "SUT":
            return None
        array = self._gather.column(number, dtype, shape[1:]).array
        if array is None or array.dtype != dtype or array.shape[1:] != shape[1:]:
            return None
        if not self._gather.own(self._chunk, self._attempt_id):
            return None
        return array[self._chunk.start : self._chunk.stop]
