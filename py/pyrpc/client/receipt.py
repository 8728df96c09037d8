"""What became of a job: which rows went where, when, and how long each part took."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from pyrpc.plan.cost import NodeFit


@dataclass(slots=True)
class ChunkRecord:
    """One attempt at one chunk.

    Attributes
    ----------
    chunk, start_row, stop_row : int
        Which rows.
    node : str
        Where.
    attempt : int
        0 for the first.
    slot : int
        Which of the node's attempts at the same time; for drawing.
    sent_s, done_s : float
        Seconds since the job began.
    queued_s, service_s : float
        Time it waited and ran on the node; 0 where the node did not tell.
    bytes_out, bytes_in : int
        What travelled, frames included.
    outcome : str
        "ok"; "late": another attempt was first; "cancelled"; "failed".
    error : str or None
        In one line.
    """

    chunk: int
    start_row: int
    stop_row: int
    node: str
    attempt: int
    slot: int = 0
    sent_s: float = 0.0
    done_s: float = 0.0
    queued_s: float = 0.0
    service_s: float = 0.0
    bytes_out: int = 0
    bytes_in: int = 0
    outcome: str = "running"
    error: str | None = None

    @property
    def rows(self) -> int:
        """How many rows."""
        return self.stop_row - self.start_row


@dataclass(slots=True)
class Receipt:
    """What became of a job.

    Attributes
    ----------
    stage : str
    rows : int
    nodes : tuple of str
        All that took part or could have.
    makespan_s : float
        From start to end of the job, in seconds.
    entries : list of ChunkRecord
        Every attempt, in the order they ended.
    fits : list of NodeFit
        What was learned of the cost of each node.
    """

    stage: str
    rows: int
    nodes: tuple[str, ...]
    makespan_s: float = 0.0
    entries: list[ChunkRecord] = field(default_factory=list)
    fits: list[NodeFit] = field(default_factory=list)

    def rows_by_node(self) -> dict[str, int]:
        """How many rows of the result each node gave."""
        counts = dict.fromkeys(self.nodes, 0)
        for entry in self.entries:
            if entry.outcome == "ok":
                counts[entry.node] = counts.get(entry.node, 0) + entry.rows
        return counts

    def busy_s_by_node(self) -> dict[str, float]:
        """How long the stage ran on each node, in seconds, summed over calls at the same time."""
        times = dict.fromkeys(self.nodes, 0.0)
        for entry in self.entries:
            times[entry.node] = times.get(entry.node, 0.0) + entry.service_s
        return times

    @property
    def bytes_out(self) -> int:
        """Bytes sent, retries included."""
        return sum(entry.bytes_out for entry in self.entries)

    @property
    def bytes_in(self) -> int:
        """Bytes received."""
        return sum(entry.bytes_in for entry in self.entries)

    @property
    def retries(self) -> int:
        """Attempts beyond the first of each chunk, hedges included."""
        return sum(entry.attempt > 0 for entry in self.entries)

    def to_dict(self) -> dict[str, Any]:
        """Plain dicts and lists, for JSON."""
        return {
            "stage": self.stage,
            "rows": self.rows,
            "nodes": list(self.nodes),
            "makespan_s": self.makespan_s,
            "retries": self.retries,
            "bytes_out": self.bytes_out,
            "bytes_in": self.bytes_in,
            "rows_by_node": self.rows_by_node(),
            "fits": [asdict(fit) for fit in self.fits],
            "entries": [asdict(entry) for entry in self.entries],
        }

    def __str__(self) -> str:
        speed = self.rows / self.makespan_s if self.makespan_s else 0.0
        traffic = f"{self.bytes_out / 1e6:.1f} MB out, {self.bytes_in / 1e6:.1f} MB in"
        head = f"{self.stage}: {self.rows} rows in {self.makespan_s:.3f} s ({speed:,.0f} rows/s)"
        lines = [f"{head}, {traffic}, {self.retries} retries"]
        busy = self.busy_s_by_node()
        for node, rows in self.rows_by_node().items():
            share = 100 * rows / self.rows if self.rows else 0.0
            lines.append(f"  {node}: {rows} rows ({share:.0f}%), busy {busy[node]:.3f} s")
        return "\n".join(lines)


def assign_slots(entries: list[ChunkRecord]) -> None:
    """Number the attempts that a node had at the same time, so that a drawing can put them on lines of their own."""
    free_at: dict[str, list[float]] = {}
    for entry in sorted(entries, key=lambda record: record.sent_s):
        ends = free_at.setdefault(entry.node, [])
        slot = next((index for index, end in enumerate(ends) if end <= entry.sent_s), len(ends))
        if slot == len(ends):
            ends.append(entry.done_s)
        else:
            ends[slot] = entry.done_s
        entry.slot = slot
