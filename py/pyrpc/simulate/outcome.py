"""What became of a simulated job."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

QUANTILES = (0.5, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class AttemptTrace:
    """One attempt, for drawing; times are virtual seconds since the job began.

    Attributes
    ----------
    node : str
    start_row, stop_row : int
    attempt_no : int
        How often the chunk was sent before.
    sent_s, done_s : float
        When the client sent it, and knew of its end.
    ran_from_s, ran_to_s : float
        When it ran on the node; both are ``sent_s`` if it did not, or not to its end.
    queued_s, service_s : float
        What the node tells of it.
    outcome : str
        "ok", "late", "cancelled", "failed" or "running", as in a receipt.
    error_type : str or None
        The class that the client's error would be of.
    """

    node: str
    start_row: int
    stop_row: int
    attempt_no: int
    sent_s: float
    done_s: float
    ran_from_s: float
    ran_to_s: float
    queued_s: float
    service_s: float
    outcome: str
    error_type: str | None = None


@dataclass(slots=True)
class NodeTotals:
    """What one node did.

    Attributes
    ----------
    node : str
    rows, chunks : int
        Of the result.
    sends : int
        Attempts that it was sent.
    busy_s : float
        Seconds that its threads ran, summed, also for what did not count.
    """

    node: str
    rows: int = 0
    chunks: int = 0
    sends: int = 0
    busy_s: float = 0.0


@dataclass(slots=True)
class Outcome:
    """How a simulated job ended; seconds are virtual.

    Attributes
    ----------
    policy : str
    hedge : bool
        Whether hedges were allowed.
    seed : int
    nodes : int
    rows : int
    state : str
        "done", "timed out", or "failed: " with the planner's reason.
    makespan_s : float
        Until its end, good or not.
    lower_bound_s : float
        See bound.py.
    chunks : int
        Pieces that the result was made of.
    sends, hedges, resends : int
        Attempts; those that duplicate rows in flight; those that follow a failure.
    late : int
        Replies of attempts that another one was faster than.
    rows_sent : int
        Rows of all attempts.
    latency_s : dict
        "p50", "p95", "p99" and "max" of the time from the first sending of a chunk to its reply.
    by_node : list of NodeTotals
    probes : list of tuple
        Node, moment and whether it was up, for each probe that was answered.
    attempts : list of AttemptTrace
        Empty unless it was asked for.
    """

    policy: str
    hedge: bool
    seed: int
    nodes: int
    rows: int
    state: str
    makespan_s: float
    lower_bound_s: float
    chunks: int
    sends: int
    hedges: int
    resends: int
    late: int
    rows_sent: int
    latency_s: dict[str, float]
    by_node: list[NodeTotals]
    probes: list[tuple[str, float, bool]] = field(default_factory=list)
    attempts: list[AttemptTrace] = field(default_factory=list)

    @property
    def is_done(self) -> bool:
        """Whether the whole result is there."""
        return self.state == "done"

    @property
    def ratio(self) -> float:
        """The makespan over the lower bound."""
        return self.makespan_s / self.lower_bound_s

    @property
    def gap_s(self) -> float:
        """The makespan above the lower bound, in seconds."""
        return max(0.0, self.makespan_s - self.lower_bound_s)

    @property
    def extra_load(self) -> float:
        """Rows that were sent beyond those of the job, as a share of these: 0.1 is 10% more."""
        return self.rows_sent / self.rows - 1.0

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON, without probes and attempts; a bound that is never reached is None."""
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__ if name not in ("probes", "attempts")}
        if math.isinf(self.lower_bound_s):
            plain["lower_bound_s"] = None
        derived = {"gap_s": self.gap_s, "ratio": self.ratio, "extra_load": self.extra_load}
        return {**plain, **derived, "by_node": [asdict(node) for node in self.by_node]}


def latencies(seconds: Sequence[float]) -> dict[str, float]:
    """Quantiles by nearest rank, and the most; all 0 of nothing."""
    in_order = sorted(seconds)
    found = {}
    for share in QUANTILES:
        place = max(0, math.ceil(share * len(in_order)) - 1)
        found[f"p{share * 100:.0f}"] = in_order[place] if in_order else 0.0
    return {**found, "max": in_order[-1] if in_order else 0.0}
