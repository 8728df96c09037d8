"""Ranges of rows: which attempt owns them, and which are done. Not thread-safe."""

from __future__ import annotations

from bisect import bisect_left

from pyrpc.plan.partition import Chunk


class Owners:
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


class Covered:
    """The rows that are done."""

    __slots__ = ("_ranges",)

    def __init__(self) -> None:
        # (first row, stop), in order; ranges that touch are one.
        self._ranges: list[tuple[int, int]] = []

    def overlaps(self, chunk: Chunk) -> bool:
        """Whether any row of the chunk is done."""
        place = bisect_left(self._ranges, (chunk.stop,))
        return chunk.rows > 0 and place > 0 and self._ranges[place - 1][1] > chunk.start

    def add(self, chunk: Chunk) -> bool:
        """The chunk's rows are done; False: some of them were already, and nothing has changed."""
        if self.overlaps(chunk):
            return False
        if not chunk.rows:
            return True
        ranges, start, stop = self._ranges, chunk.start, chunk.stop
        first = last = bisect_left(ranges, (start,))
        if first and ranges[first - 1][1] == start:
            first -= 1
            start = ranges[first][0]
        if last < len(ranges) and ranges[last][0] == stop:
            stop = ranges[last][1]
            last += 1
        ranges[first:last] = [(start, stop)]
        return True

    def is_all(self, rows: int) -> bool:
        """Whether exactly the rows from 0 up to `rows` are done."""
        return self._ranges == ([(0, rows)] if rows else [])
