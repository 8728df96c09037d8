"""What is left to hand out, from "Work" of thrift/PLANNER.md."""

from __future__ import annotations

from .partition import CHUNK_BYTES, ceil_div

ENDLESS = 2**62


class Work:
    """All four kinds, made from what a vector says of it."""

    def __init__(self, described: list, nodes: int) -> None:
        self.kind, *rest = described
        self.is_divisible = self.kind in ("rows", "stream_rows")
        self.is_open = self.kind.startswith("stream")
        self.nodes = nodes
        self.rows = self.start = self.index = 0
        self.size, self.size_bytes = ENDLESS, CHUNK_BYTES
        self.chunks: list[int] = []
        if self.kind == "chunks":
            self.chunks = rest[0]
            self.rows = sum(self.chunks)
        elif self.kind == "rows":
            self.rows = rest[0]
            self.max_rows = self.rows if rest[1] is None else min(self.rows, rest[1])
            self.target_s = rest[2]
            self.first_rows = max(1, min(self.max_rows, self.rows // (64 * nodes)))
        elif self.kind == "stream_rows":
            self.target_s = rest[0]
            self.max_rows = self.first_rows = 1
        elif rest[0] is not None:
            self.size = rest[0]
        else:
            self.size_bytes = min(CHUNK_BYTES, rest[1])

    @property
    def rows_left(self) -> int:
        return ENDLESS if self.is_open else self.rows - self.start

    @property
    def pieces_left(self) -> int:
        available = self.rows - self.start
        if self.kind == "chunks":
            return len(self.chunks) - self.index
        if self.is_divisible:
            return ceil_div(available, self.first_rows)
        return available // self.size if self.is_open else ceil_div(available, self.size)

    @property
    def next_rows(self) -> int:
        return self.chunks[self.index] if self.kind == "chunks" else min(self.size, self.rows - self.start)

    def add(self, rows: int, row_bytes: int) -> None:
        fit = max(1, self.size_bytes // row_bytes) if row_bytes else ENDLESS if self.is_divisible else max(rows, 1)
        if self.is_divisible:
            if self.rows == 0:
                self.first_rows = max(1, rows // (4 * self.nodes))
            self.max_rows = fit
            self.first_rows = min(self.first_rows, self.max_rows)
        elif self.rows == 0:
            self.size = min(self.size, fit)
        self.rows += rows

    def take(self, rows: int) -> tuple[int, int, int]:
        start = self.start
        count = max(1, min(rows, self.max_rows)) if self.is_divisible else self.next_rows
        self.start = min(self.rows, start + count)
        return self.renumbered(start, self.start)

    def renumbered(self, start: int, stop: int) -> tuple[int, int, int]:
        self.index += 1
        return self.index - 1, start, stop


def fill(case: dict) -> dict:
    """["add", rows, row_bytes], ["close"], ["take", n], which gets index, start, stop; each gets the state after it.

    The state is [rows_left, or null while open, pieces_left].
    """
    if case["chunk_rows"] is None and case["chunk_bytes"] is None and case["for"] == "map":
        described = ["stream_rows", 0.05 if case["chunk_s"] is None else case["chunk_s"]]
    elif case["chunk_rows"] is None and case["chunk_bytes"] is None:
        described = ["stream_grid", None, 2**20]
    else:
        described = ["stream_grid", case["chunk_rows"], case["chunk_bytes"]]
    work = Work(described, case["nodes"])
    steps = []
    for step in case["steps"]:
        if step[0] == "add":
            work.add(*step[1:])
        elif step[0] == "close":
            work.is_open = False
        elif work.pieces_left:
            step += work.take(step[1])
        else:
            continue
        steps.append([*step, [None if work.is_open else work.rows_left, work.pieces_left]])
    case["steps"] = steps
    return case
