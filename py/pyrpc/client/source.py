"""The arguments of a job whose rows come from iterators, block by block, and may be more than fits into memory."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from pyrpc.client.arguments import bytes_of, is_split, unwrapped
from pyrpc.errors import ArgumentError, CancelledError, LengthMismatchError
from pyrpc.plan.partition import Chunk

Array = np.ndarray[Any, Any]
_END = object()


class _Block:
    """Rows of all split arguments that were read together; kept until all of them are done."""

    __slots__ = ("arrays", "rows_left", "start", "stop")

    def __init__(self, start: int, stop: int, arrays: list[Array]) -> None:
        self.start = start
        self.stop = stop
        self.arrays = arrays
        self.rows_left = stop - start


class StreamArguments:
    """As SplitArguments, but some of the positional arguments are iterators over blocks of rows.

    The blocks of several iterators are read together and must have the same rows; arrays beside them are split at the
    same rows. ``read`` is called by one thread at a time; the rest is thread-safe.

    Parameters
    ----------
    check : callable
        Called with the positional arguments of each block before any of its rows is sent; raises if they do not fit.
    """

    def __init__(
        self,
        stage: str,
        args: tuple[object, ...],
        kwargs: dict[str, object],
        check: Callable[[list[Any], dict[str, Any]], object],
    ) -> None:
        self._stage = stage
        self._check = check
        self.positional = [unwrapped(value) for value in args]
        self.named = {name: unwrapped(value) for name, value in kwargs.items()}
        self._sources = [index for index, value in enumerate(args) if isinstance(value, Iterator)]
        self._arrays = [index for index, value in enumerate(args) if is_split(value)]
        self._split = sorted(self._sources + self._arrays)
        self._first: list[Array] | None = None
        self._lock = threading.Lock()
        self._blocks: list[_Block] = []
        self.rows = 0
        self.row_bytes = 0

    def whole(self) -> list[Any]:
        """What goes whole to every chunk."""
        kept = [value for index, value in enumerate(self.positional) if index not in self._split]
        return kept + list(self.named.values())

    # -- reading

    def read(self) -> int:
        """Read the next block of rows; 0 at the end of the source.

        Raises
        ------
        ArgumentError, LengthMismatchError, ContractError
            A block that does not fit; what the source itself raises is raised as it is.
        """
        while True:
            items = [next(self.positional[index], _END) for index in self._sources]
            if all(item is _END for item in items):
                self._check_end()
                return 0
            arrays = self._block(items)
            rows = len(arrays[0])
            if rows:
                with self._lock:
                    self._blocks.append(_Block(self.rows, self.rows + rows, arrays))
                    self.rows += rows
                return rows

    def _check_end(self) -> None:
        for index in self._arrays:
            if len(self.positional[index]) != self.rows:
                raise self._lengths(f"the source gave {self.rows} rows, an array has {len(self.positional[index])}")
        if not self.rows:
            raise ArgumentError(
                f"the source for {self._stage} gave no rows",
                expected="at least one block with a row",
                help="an iterator that was used up gives nothing: make a new one",
            )

    def _block(self, items: list[Any]) -> list[Array]:
        given = dict(zip(self._sources, items, strict=True))
        for item in items:
            if not is_split(item):
                raise ArgumentError(
                    f"a source for {self._stage} gave no array with rows",
                    expected="NumPy arrays of one axis or more, and as many from each source",
                    got="the end" if item is _END else type(item).__name__ + (" of 0 axes" if _is_array(item) else ""),
                    help="yield blocks of rows: numpy.stack(rows) makes one of single rows",
                )
        rows = len(items[0])
        for index in self._arrays:
            given[index] = self.positional[index][self.rows : self.rows + rows]
        arrays = [given[index] for index in self._split]
        if any(len(array) != rows for array in arrays):
            raise self._lengths(" and ".join(str(len(array)) for array in arrays))
        self._check_like_first(arrays)
        self._check(self._with(arrays), self.named)
        if rows:
            self.row_bytes = sum(map(bytes_of, arrays)) // rows
        return arrays

    def _check_like_first(self, arrays: list[Array]) -> None:
        first = self._first = self._first or [array[:0] for array in arrays]
        for array, other in zip(arrays, first, strict=True):
            if array.shape[1:] != other.shape[1:] or array.dtype != other.dtype:
                raise ArgumentError(
                    f"a source for {self._stage} gave blocks that differ",
                    expected=f"{other.dtype}{['n', *other.shape[1:]]} as in the first block",
                    got=f"{array.dtype}{['n', *array.shape[1:]]} after {self.rows} rows",
                )

    def _lengths(self, got: str) -> LengthMismatchError:
        return LengthMismatchError(
            f"the blocks of rows for {self._stage} have different numbers of rows",
            expected="the same length along axis 0",
            got=got,
            help="mark what is not to be split: pyrpc.broadcast(x)",
        )

    def _with(self, arrays: Sequence[Array]) -> list[Any]:
        positional = list(self.positional)
        for index, array in zip(self._split, arrays, strict=True):
            positional[index] = array
        return positional

    # -- sending

    def of(self, chunk: Chunk) -> list[Any]:
        """The positional arguments for one chunk: views of a block, or copies where it spans several.

        Raises
        ------
        CancelledError
            The rows are done, and no longer kept.
        """
        with self._lock:
            place = bisect_right(self._blocks, chunk.start, key=lambda block: block.start) - 1
            blocks = []
            for block in self._blocks[max(place, 0) :]:
                if block.start >= chunk.stop:
                    break
                blocks.append(block)
        parts = [
            [array[max(0, chunk.start - block.start) : chunk.stop - block.start] for array in block.arrays]
            for block in blocks
        ]
        if sum(len(part[0]) for part in parts) != chunk.rows:
            raise CancelledError("the chunk was done elsewhere")
        return self._with(
            parts[0] if len(parts) == 1 else [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]
        )

    def release(self, chunk: Chunk) -> None:
        """The chunk's rows are done; each row once."""
        with self._lock:
            place = max(0, bisect_right(self._blocks, chunk.start, key=lambda block: block.start) - 1)
            while place < len(self._blocks) and self._blocks[place].start < chunk.stop:
                block = self._blocks[place]
                block.rows_left -= min(chunk.stop, block.stop) - max(chunk.start, block.start)
                if block.rows_left:
                    place += 1
                else:
                    del self._blocks[place]


def is_stream(args: Sequence[object]) -> bool:
    """Whether any of the positional arguments of a job is an iterator."""
    return any(isinstance(value, Iterator) for value in args)


def slices(array: Array, rows: int) -> Iterator[Array]:
    """An array as blocks of so many rows; views, also of a memory-mapped file."""
    for start in range(0, len(array), rows):
        yield array[start : start + rows]


def _is_array(value: object) -> bool:
    return isinstance(value, np.ndarray)
