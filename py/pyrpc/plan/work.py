"""What is left to hand out of a job's rows: pieces of a fixed grid, or rows that are cut on demand."""

from __future__ import annotations

from collections.abc import Sequence

from pyrpc.errors import ConfigError
from pyrpc.plan.partition import MAX_CHUNK_BYTES, Chunk, plan_chunks

# A piece that takes so long costs little in proportion to its sending (0.3 ms on one machine), and what is lost with
# a node, or waited for at the end, is not much more.
TARGET_S = 0.05
# Without a size, the first pieces together are about this share of a job: they only tell what rows cost.
PROBES = 64


class FixedWork:
    """Chunks that were cut beforehand and are never cut again, in their order."""

    __slots__ = ("_chunks", "_next", "rows", "rows_left")

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        self._chunks = chunks
        self._next = 0
        self.rows = self.rows_left = chunks[-1].stop - chunks[0].start if chunks else 0

    @property
    def pieces_left(self) -> int:
        """How many were not taken."""
        return len(self._chunks) - self._next

    @property
    def next_rows(self) -> int:
        """Rows of the next chunk."""
        return self._chunks[self._next].rows

    def take(self, rows: int) -> Chunk:
        """The next chunk, whatever its rows."""
        chunk = self._chunks[self._next]
        self._next += 1
        self.rows_left -= chunk.rows
        return chunk


class DivisibleWork:
    """Rows that may be cut anywhere; taken from the front.

    Parameters
    ----------
    rows : int
        Above 0.
    max_rows : int, optional
        The most in one piece; what a frame holds.
    target_s : float
        How long a piece should take, in seconds.
    nodes : int
        How many share the rows; sets the size of the first pieces.

    Raises
    ------
    ConfigError
        A number that makes no sense.
    """

    __slots__ = ("_index", "_start", "first_rows", "max_rows", "rows", "target_s")

    def __init__(self, rows: int, *, max_rows: int | None = None, target_s: float = TARGET_S, nodes: int = 1) -> None:
        for name, value in (("rows", rows), ("nodes", nodes), ("max_rows", rows if max_rows is None else max_rows)):
            if value < 1:
                raise ConfigError(f"{name} is too small", expected=f"{name} >= 1", got=str(value))
        if not 0 < target_s < float("inf"):
            raise ConfigError("the time of a chunk makes no sense", expected="seconds above 0", got=str(target_s))
        self.rows = rows
        self.max_rows = rows if max_rows is None else min(rows, max_rows)
        self.target_s = target_s
        self.first_rows = max(1, min(self.max_rows, rows // (PROBES * nodes)))
        self._start = 0
        self._index = 0

    @property
    def rows_left(self) -> int:
        """How many were not taken."""
        return self.rows - self._start

    @property
    def pieces_left(self) -> int:
        """How many pieces of the first size they would make."""
        return -(-self.rows_left // self.first_rows)

    @property
    def next_rows(self) -> int:
        """The least that may be taken."""
        return 1

    def take(self, rows: int) -> Chunk:
        """The next rows, at most so many, at least one."""
        start = self._start
        self._start = min(self.rows, start + max(1, min(rows, self.max_rows)))
        return self.renumbered(start, self._start)

    def renumbered(self, start: int, stop: int) -> Chunk:
        """Rows that were taken before, as a piece of its own with the next number."""
        self._index += 1
        return Chunk(self._index - 1, start, stop)


Work = FixedWork | DivisibleWork


def plan_work(
    rows: int,
    row_bytes: int,
    nodes: int,
    chunk_rows: int | None = None,
    chunk_bytes: int | None = None,
    chunk_s: float | None = None,
) -> Work:
    """The rows of a map as work: a grid where a size is given, else rows to be cut on demand.

    Raises
    ------
    ConfigError
        A size that makes no sense, or a time and a size.
    """
    if chunk_s is not None and (chunk_rows is not None or chunk_bytes is not None):
        raise ConfigError("a chunk has a size or a time", expected="one of chunk_rows, chunk_bytes and chunk_s")
    if chunk_rows is not None or chunk_bytes is not None or rows == 0:
        return FixedWork(plan_chunks(rows, row_bytes, nodes, chunk_rows=chunk_rows, chunk_bytes=chunk_bytes))
    max_rows = max(1, MAX_CHUNK_BYTES // row_bytes) if row_bytes else None
    return DivisibleWork(rows, max_rows=max_rows, target_s=TARGET_S if chunk_s is None else chunk_s, nodes=nodes)
