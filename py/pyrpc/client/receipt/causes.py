"""Where the time went between the lower bound of a job and its makespan, and what each node did.

With ``v_i`` the rows a second of node i while it ran, ``V`` their sum, and ``u_i`` the time it ran for rows that
count, the rows of the result are ``sum of v_i u_i``. So the makespan T is above ``rows / V`` by

    T - rows / V  =  sum over nodes of  v_i / V x (T - u_i):

each second that a node did not work for the result costs the job the node's share of the speed, ``v_i / V`` seconds.
Every such second gets one cause, and so the causes add up to the gap, exactly. A node that answered nothing has shown
no speed: it counts neither in the bound nor in the causes.

The causes, each the first that holds at a moment at which none of the job's chunks runs on the node:

retries
    The node ran what did not count (another attempt was first), or all that was in flight on it came to nothing:
    it failed, or was cancelled since others took it over.
queue
    A chunk waited on the node for its turn: behind the work of others, or for the node to turn to it after the one
    before it; or nothing was in flight, as the node had just refused a chunk (overloaded, draining) and was left
    alone for a while.
transfer
    A chunk or its result was on its way, and no other chunk ran on the node meanwhile: bytes, latency, the node's own
    decoding and encoding, and large arrays that are put on the node once.
serialization
    All that was in flight was still being prepared by the client: it put the last result in place, encoded the
    arguments, and took a connection.
down
    Nothing was in flight, as the node was lost: it could not be reached, its connection broke, or it was probed. That
    goes before a refusal: a node that goes away breaks off one chunk and refuses the next; so does a refusal of a node
    that goes away (draining), where it could not be reached when it was tried again.
straggler
    Nothing was in flight, and no chunk was left that had not been handed out: the node waited for the last ones to end.
    It includes the time for which it was given nothing more because others would be quicker.
other
    The rest: before its first chunk, after the last one of the job, and pauses in between.

A fixed grid has a bound above ``rows / V``, since chunks stay whole. The difference is unavoidable idleness at the end:
it is taken from the straggler time, and where that is not enough, from the others in the order of ``_YIELD``.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from pyrpc.client.receipt.bound import grid_bound_s
from pyrpc.client.receipt.records import ChunkRecord, JobRecord
from pyrpc.client.receipt.spans import LEAST_S, PREPARING, QUEUED, RUNNING, TRANSFER, UNANSWERED, NodeSpans, Span

CAUSES = ("transfer", "straggler", "queue", "retries", "serialization", "down", "other")
_YIELD = ("straggler", "other", "transfer", "serialization", "queue", "down", "retries")
_REFUSALS = {"OverloadedError", "DrainingError"}
_LOSSES = {"UnreachableError", "ConnectionLostError", "TlsError"}


@dataclass(frozen=True, slots=True)
class NodeWork:
    """What one node did in a job.

    Attributes
    ----------
    node : str
    rows, chunks : int
        Of the result: what it gave and was taken.
    share : float
        Of the rows of all nodes, from 0 to 1.
    busy_s : float
        How long at least one chunk ran on it, in seconds.
    service_s : float
        The sum of the times of its chunks; more than busy_s where several ran at the same time.
    rows_per_s : float
        Rows a second while it was busy, also those that did not count; 0 if it answered nothing.
    outcomes : dict
        How many attempts ended how: "ok", "late", "cancelled", "failed".
    bytes_out, bytes_in : int
        Sent to it and received from it.
    """

    node: str
    rows: int
    chunks: int
    share: float
    busy_s: float
    service_s: float
    rows_per_s: float
    outcomes: dict[str, int] = field(default_factory=dict)
    bytes_out: int = 0
    bytes_in: int = 0


class Analysis:
    """What follows from the records of a job.

    Attributes
    ----------
    work : list of NodeWork
        In the order of the job's nodes.
    lower_bound_s : float
        See bound.py; of the rows that were done.
    causes : dict
        Seconds of the gap by cause, all of ``CAUSES``.
    """

    def __init__(self, job: JobRecord) -> None:
        self._job = job
        self._until_s = job.ended_s
        self._entries: dict[str, list[ChunkRecord]] = {node: [] for node in job.all_nodes()}
        for entry in job.entries:
            self._entries[entry.node].append(entry)
        self._spans = {node: NodeSpans(entries, self._until_s) for node, entries in self._entries.items()}
        rows = sum(entry.rows for entry in job.entries if entry.outcome == "ok")
        self.work = [self._work_of(node, rows) for node in self._entries]
        speed = sum(work.rows_per_s for work in self.work)
        fluid_s = min(rows / speed if speed else 0.0, self._until_s)
        self.lower_bound_s = fluid_s if job.terms.is_divisible else min(max(fluid_s, self._grid_s()), self._until_s)
        self.causes = self._causes(self._until_s - self.lower_bound_s, speed)

    def _work_of(self, node: str, rows_in_all: int) -> NodeWork:
        entries = self._entries[node]
        rows = sum(entry.rows for entry in entries if entry.outcome == "ok")
        answered = sum(entry.rows for entry in entries if entry.is_answered)
        busy_s = self._spans[node].seconds[RUNNING]
        outcomes = Counter(entry.outcome for entry in entries)
        return NodeWork(
            node,
            rows,
            outcomes["ok"],
            rows / rows_in_all if rows_in_all else 0.0,
            busy_s,
            sum(entry.service_s for entry in entries),
            answered / max(busy_s, LEAST_S) if busy_s else 0.0,
            dict(outcomes),
            sum(entry.bytes_out for entry in entries),
            sum(entry.bytes_in for entry in entries),
        )

    def _grid_s(self) -> float:
        done = [entry for entry in self._job.entries if entry.outcome == "ok"]
        largest = max((entry.rows for entry in done), default=0)
        quickest_s = min((entry.service_s for entry in done if entry.rows == largest), default=0.0)
        grid_s = grid_bound_s((entry.rows for entry in done), [work.rows_per_s for work in self.work])
        return max(grid_s, quickest_s)

    # -- causes

    def _causes(self, gap_s: float, speed: float) -> dict[str, float]:
        causes = dict.fromkeys(CAUSES, 0.0)
        ended_s = max((entry.done_s for entry in self._job.entries if entry.is_answered), default=self._until_s)
        handed_out_s = max((entry.sent_s for entry in self._job.entries if not entry.attempt), default=0.0)
        for work in self.work:
            # No node has shown any speed: nothing was done. Then all count alike.
            share = work.rows_per_s / speed if speed else 1 / len(self.work)
            for cause, seconds in self._lost(work, handed_out_s, ended_s):
                causes[cause] += share * seconds
        # What they are above the gap is what whole chunks make unavoidable, and rounding.
        above_s = sum(causes.values()) - gap_s
        for cause in _YIELD:
            given_s = min(causes[cause], above_s) if above_s > 0 else 0.0
            causes[cause] -= given_s
            above_s -= given_s
        causes["other"] += max(0.0, -above_s)
        return causes

    def _lost(self, work: NodeWork, handed_out_s: float, ended_s: float) -> Iterator[tuple[str, float]]:
        """Cause and seconds of what a node did not spend on rows that count."""
        spans = self._spans[work.node]
        if work.rows_per_s:
            yield "retries", max(0.0, spans.seconds[RUNNING] - work.rows / work.rows_per_s)
        yield "retries", spans.seconds[UNANSWERED]
        yield "queue", spans.seconds[QUEUED]
        yield "transfer", spans.seconds[TRANSFER]
        yield "serialization", spans.seconds[PREPARING]
        probes = (probe.at_s for probe in self._job.probes if probe.node == work.node)
        history = _History(self._entries[work.node], probes)
        for idle in spans.idle:
            yield from _idle_causes(idle, history, handed_out_s, ended_s)


class _History:
    """When the attempts of one node began and how they ended, and when it was probed."""

    def __init__(self, entries: Collection[ChunkRecord], probes: Iterable[float]) -> None:
        self._sends = sorted(entry.sent_s for entry in entries)
        self._ends = sorted((entry.done_s, entry.error_type or "") for entry in entries)
        self._probes = sorted(probes)

    def ended_before(self, at_s: float) -> int:
        """How many attempts had ended."""
        return bisect_left(self._ends, (at_s, "\uffff"))

    @property
    def attempts(self) -> int:
        """How many there were in all."""
        return len(self._ends)

    def kept_away(self, idle: Span) -> str | None:
        """Which cause kept the node from work, if it was a loss or a refusal."""
        start_s, stop_s = idle
        before = self.ended_before(start_s)
        # All that ended since it was last given something: which of them was the last one is a matter of chance.
        given = bisect_right(self._sends, start_s)
        since = bisect_left(self._ends, (self._sends[given - 1], "")) if given else before
        errors = {error for _, error in self._ends[since:before]}
        next_probe = bisect_left(self._probes, start_s)
        was_probed = next_probe < len(self._probes) and self._probes[next_probe] <= stop_s
        is_found_lost = before < len(self._ends) and self._ends[before][1] in _LOSSES
        if errors & _LOSSES or was_probed or ("DrainingError" in errors and is_found_lost):
            return "down"
        return "queue" if errors & _REFUSALS else None


def _idle_causes(idle: Span, history: _History, handed_out_s: float, ended_s: float) -> Iterator[tuple[str, float]]:
    """Why a node had nothing in flight: cause and seconds, which add up to the whole time."""
    start_s, stop_s = idle
    if stop_s > ended_s:
        yield "other", stop_s - max(start_s, ended_s)
        stop_s = ended_s
    if stop_s <= start_s:
        return
    before, cause = history.ended_before(start_s), history.kept_away((start_s, stop_s))
    if cause is not None:
        yield cause, stop_s - start_s
    elif not before:
        yield "other", stop_s - start_s
    elif before == history.attempts:
        yield "straggler", stop_s - start_s
    else:
        waits_from_s = min(max(start_s, handed_out_s), stop_s)
        yield "other", waits_from_s - start_s
        yield "straggler", stop_s - waits_from_s
