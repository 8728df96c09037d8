"""What is written down while a job runs: attempts, probes of nodes, and the job itself."""

from __future__ import annotations

from dataclasses import dataclass, field

from pyrpc.plan.cost import NodeFit
from pyrpc.plan.terms import JobTerms

STATES = ("running", "done", "failed", "cancelled")
OUTCOMES = ("ok", "late", "cancelled", "failed", "running")


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
    prepare_s : float
        Time the client itself took at its beginning: putting the result before it in place, encoding, and taking a
        connection. 0 where it never got one.
    replied_s : float
        When its reply began to arrive, in seconds since the job began; 0 where that is not known.
    queued_s, service_s : float
        Time it waited and ran on the node; 0 where the node did not tell.
    bytes_out, bytes_in : int
        What travelled, frames included.
    outcome : str
        "ok"; "late": another attempt was first; "cancelled"; "failed"; "running": not over yet.
    error : str or None
        In one line.
    error_type : str or None
        The error's class.
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
    prepare_s: float = 0.0
    replied_s: float = 0.0
    error_type: str | None = None

    @property
    def rows(self) -> int:
        """How many rows."""
        return self.stop_row - self.start_row

    @property
    def is_answered(self) -> bool:
        """Whether the stage ran to its end and its result came."""
        return self.outcome == "ok" or self.outcome == "late"


@dataclass(frozen=True, slots=True)
class ProbeRecord:
    """A node that was taken for down was asked whether it is back.

    Attributes
    ----------
    node : str
    at_s : float
        When the answer came or was given up, in seconds since the job began.
    is_up : bool
    """

    node: str
    at_s: float
    is_up: bool


@dataclass(slots=True)
class JobRecord:
    """What a job was and what became of it, as it was written down.

    Attributes
    ----------
    stage : str
    rows : int
    nodes : tuple of str
        All that took part or could have.
    makespan_s : float
        From start to end of the job, in seconds; 0 as long as it runs.
    entries : list of ChunkRecord
        Every attempt, in the order they ended.
    fits : list of NodeFit
        What was learned of the cost of each node.
    row_bytes : int
        Bytes of one row of what was split.
    terms : JobTerms
        Policy, window, and whether rows could be cut anywhere.
    state : str
        "running", "done", "failed" or "cancelled".
    error : str or None
        In one line, if it failed or was cancelled.
    probes : list of ProbeRecord
    """

    stage: str
    rows: int
    nodes: tuple[str, ...]
    makespan_s: float = 0.0
    entries: list[ChunkRecord] = field(default_factory=list)
    fits: list[NodeFit] = field(default_factory=list)
    row_bytes: int = 0
    terms: JobTerms = field(default_factory=JobTerms)
    state: str = "running"
    error: str | None = None
    probes: list[ProbeRecord] = field(default_factory=list)

    @property
    def ended_s(self) -> float:
        """The makespan; of a job that runs, or of records without one, the end of the last attempt."""
        return self.makespan_s or max((entry.done_s for entry in self.entries), default=0.0)

    def all_nodes(self) -> list[str]:
        """Those of the job, and after them any that only its records name."""
        named = [record.node for records in (self.entries, self.probes) for record in records]
        return list(dict.fromkeys([*self.nodes, *named]))


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
