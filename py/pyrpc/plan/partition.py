"""Which rows go into which chunk.

Two questions, two functions. ``plan_chunks`` serves map: how the work is cut may depend on the nodes, since the
chunks are put together again in order. ``leaf_grid`` serves reduce: where a sum is cut decides its last bits, so
the grid depends on the data alone.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass

from pyrpc.errors import ConfigError

# Half of what stock runtimes take in one frame (16,384,000 bytes), so that headers and a result of about the
# same size fit without any setting.
MAX_CHUNK_BYTES = 8 * 2**20
# With c chunks a node, the last one to finish is at most about 1/c late; 16 keeps that near 6% while a chunk
# stays large against the cost of sending it.
CHUNKS_PER_NODE = 16
LEAVES = 64


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows ``start`` to ``stop`` (exclusive); ``index`` is its place in the result."""

    index: int
    start: int
    stop: int

    @property
    def rows(self) -> int:
        """How many rows."""
        return self.stop - self.start


def plan_chunks(
    rows: int,
    row_bytes: int,
    nodes: int,
    *,
    chunk_rows: int | None = None,
    chunk_bytes: int | None = None,
    max_chunk_bytes: int = MAX_CHUNK_BYTES,
    chunks_per_node: int = CHUNKS_PER_NODE,
) -> list[Chunk]:
    """Cut rows into chunks for `nodes` nodes.

    Parameters
    ----------
    rows, row_bytes : int
        What there is; row_bytes counts all split arrays together and may be 0.
    nodes : int
        How many nodes share the work.
    chunk_rows : int, optional
        Just so many rows a chunk, the rest in the last one; wins over chunk_bytes.
    chunk_bytes : int, optional
        At most so many bytes a chunk.
    max_chunk_bytes : int
        The limit of what travels. It holds for sizes that were asked for too; only a single row may be larger.
    chunks_per_node : int
        Without a size: about so many chunks for each node.

    Returns
    -------
    list of Chunk
        In order, without gaps. Without chunk_rows (or where max_chunk_bytes forbids it) their sizes differ by at
        most one row. Empty for 0 rows.

    Raises
    ------
    ConfigError
        A size is not a whole number or too small; the message names the parameter.
    """
    nodes = whole_number("nodes", nodes, 1)
    per_node = whole_number("chunks_per_node", chunks_per_node, 1)
    return _cut(rows, row_bytes, chunk_rows, chunk_bytes, max_chunk_bytes, nodes * per_node)


def leaf_grid(
    rows: int,
    row_bytes: int,
    *,
    chunk_rows: int | None = None,
    chunk_bytes: int | None = None,
    max_chunk_bytes: int = MAX_CHUNK_BYTES,
    leaves: int = LEAVES,
) -> list[Chunk]:
    """Cut rows into the leaves of a reduction; the same data gives the same leaves for any number of nodes.

    Parameters and errors are those of `plan_chunks`; `leaves` is the number of chunks aimed at without a size.
    """
    return _cut(rows, row_bytes, chunk_rows, chunk_bytes, max_chunk_bytes, whole_number("leaves", leaves, 1))


def _cut(
    rows: int, row_bytes: int, chunk_rows: int | None, chunk_bytes: int | None, max_chunk_bytes: int, aim: int
) -> list[Chunk]:
    rows = whole_number("rows", rows, 0)
    row_bytes = whole_number("row_bytes", row_bytes, 0)
    largest = rows_in(whole_number("max_chunk_bytes", max_chunk_bytes, 1), row_bytes, rows)
    # Both are checked even where only one counts: a wrong value is a mistake of the caller in any case.
    by_rows = None if chunk_rows is None else whole_number("chunk_rows", chunk_rows, 1)
    by_bytes = None if chunk_bytes is None else rows_in(whole_number("chunk_bytes", chunk_bytes, 1), row_bytes, rows)
    if rows == 0:
        return []
    if by_rows is not None and by_rows <= largest:
        return _steps(rows, by_rows)
    wanted = by_rows if by_rows is not None else by_bytes
    count = min(rows, aim) if wanted is None else _ceil_div(rows, wanted)
    return _even(rows, max(count, _ceil_div(rows, largest)))


def _steps(rows: int, size: int) -> list[Chunk]:
    """Chunks of just `size` rows; the last one has what is left. Who names a number of rows wants to see that."""
    return [Chunk(index, start, min(start + size, rows)) for index, start in enumerate(range(0, rows, size))]


def _even(rows: int, count: int) -> list[Chunk]:
    """`count` chunks; the first ``rows mod count`` of them have one row more."""
    size, longer = divmod(rows, count)
    chunks = []
    start = 0
    for index in range(count):
        stop = start + size + (index < longer)
        chunks.append(Chunk(index, start, stop))
        start = stop
    return chunks


def rows_in(size_bytes: int, row_bytes: int, rows: int) -> int:
    """How many rows fit, at least one."""
    return max(1, size_bytes // row_bytes if row_bytes else rows)


def _ceil_div(a: int, b: int) -> int:
    return -(-a // b)


def whole_number(name: str, value: int, least: int) -> int:
    """The value as an int, or a ConfigError that names it."""
    try:
        number = operator.index(value)
    except TypeError:
        raise ConfigError(f"{name} is not a whole number", expected=f"an int >= {least}", got=repr(value)) from None
    if number < least:
        raise ConfigError(f"{name} is too small", expected=f"{name} >= {least}", got=str(number))
    return number
