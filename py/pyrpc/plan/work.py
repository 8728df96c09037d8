"""What is left to hand out of a job's rows: pieces of a fixed grid, or rows that are cut on demand.

A stream is a source of rows that is not at its end yet. While it is open it counts as endless: every node gets work, as
in the middle of a job. Once it is closed, the rows that are left are shared out like the end of any job.
"""

from __future__ import annotations

from collections.abc import Sequence

from pyrpc.errors import ConfigError
from pyrpc.plan.partition import MAX_CHUNK_BYTES, Chunk, plan_chunks, rows_in, whole_number

# A piece that takes so long costs little in proportion to its sending (0.3 ms on one machine), and what is lost with
# a node, or waited for at the end, is not much more.
TARGET_S = 0.05
# Without a size, the first pieces together are about this share of a job: they only tell what rows cost.
PROBES = 64

# More rows than any source has; what is left of an open stream.
ENDLESS = 1 << 62
# The first pieces of the first block, for each node: they only tell what rows cost.
FIRST_PIECES = 4


class FixedWork:
    """Chunks that were cut beforehand and are never cut again, in their order."""

    is_open = False
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

    is_open = False
    __slots__ = ("_index", "_start", "first_rows", "max_rows", "rows", "target_s")

    def __init__(self, rows: int, *, max_rows: int | None = None, target_s: float = TARGET_S, nodes: int = 1) -> None:
        for name, value in (("rows", rows), ("nodes", nodes), ("max_rows", rows if max_rows is None else max_rows)):
            if value < 1:
                raise ConfigError(f"{name} is too small", expected=f"{name} >= 1", got=str(value))
        self.rows = rows
        self.max_rows = rows if max_rows is None else min(rows, max_rows)
        self.target_s = checked_target_s(target_s)
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


def checked_target_s(target_s: float) -> float:
    """The time a piece is to take, or ConfigError."""
    is_number = isinstance(target_s, int | float) and not isinstance(target_s, bool)
    if not is_number or not 0 < target_s < float("inf"):
        raise ConfigError("chunk_s makes no sense", expected="seconds above 0", got=repr(target_s))
    return target_s


class _OpenEnded:
    """Of both kinds of stream: how far it is known, and whether more is to come."""

    is_open: bool
    rows: int
    _start: int

    @property
    def rows_left(self) -> int:
        """How many were not taken; `ENDLESS` while the stream is open."""
        return ENDLESS if self.is_open else self.available

    @property
    def available(self) -> int:
        """How many are known and were not taken."""
        return self.rows - self._start

    def close(self) -> None:
        """The source is at its end."""
        self.is_open = False


class StreamRows(_OpenEnded, DivisibleWork):
    """Rows that may be cut anywhere, as far as they are known.

    Parameters
    ----------
    target_s : float
        How long a piece should take, in seconds.
    nodes : int
        How many share the rows; sets the size of the first pieces.

    Raises
    ------
    ConfigError
        A number that makes no sense.
    """

    __slots__ = ("_nodes", "is_open")

    def __init__(self, *, target_s: float = TARGET_S, nodes: int = 1) -> None:
        self.is_open = True
        self.rows = 0
        self.max_rows = self.first_rows = 1
        self.target_s = checked_target_s(target_s)
        self._nodes = nodes
        self._start = 0
        self._index = 0

    @property
    def pieces_left(self) -> int:
        """How many pieces of the first size the known rows would make."""
        return -(-self.available // self.first_rows)

    def add(self, rows: int, row_bytes: int) -> None:
        """The source has given more rows, of about so many bytes each."""
        if not self.rows:
            self.first_rows = max(1, rows // (FIRST_PIECES * self._nodes))
        self.max_rows = rows_in(MAX_CHUNK_BYTES, row_bytes, ENDLESS)
        self.first_rows = min(self.first_rows, self.max_rows)
        self.rows += rows


class StreamGrid(_OpenEnded):
    """Chunks of a fixed size; only the last one of the stream may be smaller.

    Parameters
    ----------
    chunk_rows, chunk_bytes : int, optional
        The size, in rows or in bytes; chunk_rows wins. It is never more than a frame holds.

    Raises
    ------
    ConfigError
        A size that is not a whole number above 0.
    """

    __slots__ = ("_index", "_size", "_size_bytes", "_start", "is_open", "rows")

    def __init__(self, *, chunk_rows: int | None = None, chunk_bytes: int | None = None) -> None:
        self._size_bytes = MAX_CHUNK_BYTES
        if chunk_bytes is not None:
            self._size_bytes = min(self._size_bytes, whole_number("chunk_bytes", chunk_bytes, 1))
        self._size = ENDLESS
        if chunk_rows is not None:
            self._size, self._size_bytes = whole_number("chunk_rows", chunk_rows, 1), MAX_CHUNK_BYTES
        self.is_open = True
        self.rows = 0
        self._start = 0
        self._index = 0

    @property
    def pieces_left(self) -> int:
        """How many chunks may be taken now."""
        return self.available // self._size if self.is_open else -(-self.available // self._size)

    @property
    def next_rows(self) -> int:
        """Rows of the next chunk."""
        return min(self._size, self.available)

    def add(self, rows: int, row_bytes: int) -> None:
        """The source has given more rows; the bytes of the first ones settle the size."""
        if not self.rows:
            self._size = min(self._size, rows_in(self._size_bytes, row_bytes, rows))
        self.rows += rows

    def take(self, rows: int) -> Chunk:
        """The next chunk, whatever its rows."""
        start = self._start
        self._start += self.next_rows
        self._index += 1
        return Chunk(self._index - 1, start, self._start)


Stream = StreamRows | StreamGrid
Work = FixedWork | DivisibleWork | StreamGrid


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
    _check_one_size(chunk_rows, chunk_bytes, chunk_s)
    if chunk_rows is not None or chunk_bytes is not None or rows == 0:
        return FixedWork(plan_chunks(rows, row_bytes, nodes, chunk_rows=chunk_rows, chunk_bytes=chunk_bytes))
    max_rows = rows_in(MAX_CHUNK_BYTES, row_bytes, rows)
    return DivisibleWork(rows, max_rows=max_rows, target_s=TARGET_S if chunk_s is None else chunk_s, nodes=nodes)


# Leaves of a reduction over a stream: the rows are not known beforehand, so the size depends on the bytes alone.
STREAM_LEAF_BYTES = 2**20


def stream_work(
    nodes: int, chunk_rows: int | None = None, chunk_bytes: int | None = None, chunk_s: float | None = None
) -> Stream:
    """The rows of a stream as work: a grid where a size is given, else rows to be cut on demand.

    Raises
    ------
    ConfigError
        As for `plan_work`.
    """
    _check_one_size(chunk_rows, chunk_bytes, chunk_s)
    if chunk_rows is not None or chunk_bytes is not None:
        return StreamGrid(chunk_rows=chunk_rows, chunk_bytes=chunk_bytes)
    return StreamRows(target_s=TARGET_S if chunk_s is None else chunk_s, nodes=nodes)


def stream_leaves(chunk_rows: int | None = None, chunk_bytes: int | None = None) -> StreamGrid:
    """The leaves of a reduction over a stream: a grid that does not depend on its blocks, nor on the nodes."""
    if chunk_rows is None and chunk_bytes is None:
        chunk_bytes = STREAM_LEAF_BYTES
    return StreamGrid(chunk_rows=chunk_rows, chunk_bytes=chunk_bytes)


def _check_one_size(chunk_rows: int | None, chunk_bytes: int | None, chunk_s: float | None) -> None:
    if chunk_s is not None and (chunk_rows is not None or chunk_bytes is not None):
        raise ConfigError("a chunk has a size or a time", expected="one of chunk_rows, chunk_bytes and chunk_s")
    if chunk_s is not None:
        checked_target_s(chunk_s)
