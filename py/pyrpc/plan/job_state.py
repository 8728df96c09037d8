"""What a scheduler remembers of the nodes, chunks and attempts of one job. No decisions here."""

from __future__ import annotations

import heapq
import math
from typing import Literal, TypeAlias

from pyrpc.plan.cost import JobCost, NodeCost
from pyrpc.plan.partition import Chunk
from pyrpc.plan.window import NodeWindow


class NodeState:
    """One node, as this job sees it.

    ``epoch`` counts how often it went down: the loss of an attempt sent in an earlier epoch says nothing about
    the node that is there now. ``answered_at`` is the time of its last sign of life within this job.

    Predictions: the first piece is to end at ``head_due``, the last one at ``free_at``; a new one could begin at
    ``start_at``. ``pace`` is in rows per second. ``speed`` and ``taken`` are what placement.py counts the node for: its
    pace, and that times ``free_at``, or 0.
    """

    __slots__ = (
        "answered_at", "cost", "epoch", "failures", "free_at", "freed_at", "head_due", "head_s", "in_flight",
        "last_rows", "load_level", "name", "pace", "paused_until", "probe_at", "probe_wait_s", "probing", "queue",
        "speed", "start_at", "taken", "up", "window",
    )  # fmt: skip

    def __init__(self, name: str, probe_wait_s: float, job_cost: JobCost, window: NodeWindow) -> None:
        self.name = name
        self.window = window
        self.cost = NodeCost(job_cost, window)
        self.queue: list[Attempt] = []
        self.freed_at = -math.inf
        self.last_rows = 0
        self.head_due = math.inf
        self.head_s = 0.0
        self.free_at = 0.0
        self.start_at = 0.0
        self.pace = 0.0
        self.speed = 0.0
        self.taken = 0.0
        self.up = True
        self.answered_at = -math.inf
        self.in_flight = 0
        self.epoch = 0
        self.failures = 0
        self.paused_until: float | None = None
        self.probing = False
        self.probe_at = 0.0
        self.probe_wait_s = probe_wait_s
        self.load_level = -1

    @property
    def is_usable(self) -> bool:
        """Whether it takes pieces, if it has room for them."""
        return self.up and self.paused_until is None

    def predict(self) -> None:
        """Work out the predictions from the cost and the pieces in flight."""
        line = self.cost.line
        queue = self.queue
        if queue:
            head = queue[0]
            self.head_s = head_s = line.predict_s(head.rows) or 1e-9
            began = head.sent_at if head.sent_at > self.freed_at else self.freed_at
            self.head_due = self.free_at = began + head_s
            for attempt in queue[1:]:
                self.free_at += line.predict_s(attempt.rows)
            self.start_at = self.free_at
            if self.window.lanes > 1:
                self._predict_lanes()
        else:
            self.head_due = math.inf
            self.start_at = self.free_at = max(0.0, self.freed_at)
        rows = self.last_rows
        self.pace = rows / line.predict_s(rows) if rows else 1.0 / line.row_s
        self.speed = self.pace
        self.taken = self.pace * self.free_at

    def _predict_lanes(self) -> None:
        """The same for pieces that run side by side, each from its sending or the end of an earlier one."""
        ends: list[float] = []
        self.head_due = math.inf
        for attempt in self.queue:
            takes_s = self.cost.run_s(attempt.rows) or 1e-9
            began = attempt.sent_at
            if len(ends) == self.window.lanes:
                began = max(began, min(ends))
                ends.remove(min(ends))
            ends.append(began + takes_s)
            if began + takes_s < self.head_due:
                self.head_due, self.head_s = began + takes_s, takes_s
        self.start_at = min(ends) if len(ends) == self.window.lanes else -math.inf

    def starts(self, now: float) -> tuple[float, float]:
        """When a new piece could begin there, and how many times slower the node seems than predicted."""
        if self.window.lanes == 1:
            return self.outlook(now)
        if not self.queue:
            return now, 1.0
        late_s = now - self.head_due
        if late_s <= 0:
            return max(now, self.start_at), 1.0
        slowness = 1.0 + late_s / self.head_s
        if self.start_at == -math.inf:
            return now, slowness
        return now + late_s + 0.05 * self.head_s + slowness * (self.start_at - self.head_due), slowness

    def is_late(self, now: float) -> bool:
        """Whether it should have ended a piece by now."""
        return now > self.head_due

    def outlook(self, now: float) -> tuple[float, float]:
        """When the node is free, and how many times slower it seems than predicted.

        A piece that is late is expected to take as long again as it is late by now.
        """
        if not self.queue:
            return now, 1.0
        late_s = now - self.head_due
        if late_s <= 0:
            return self.free_at, 1.0
        slowness = 1.0 + late_s / self.head_s
        return now + late_s + 0.05 * self.head_s + slowness * (self.free_at - self.head_due), slowness


class ChunkState:
    """One chunk that has been sent at least once.

    ``hedges`` counts the duplicates sent (see hedge.py); ``last_sent`` is the time of the newest attempt. The four
    counters of what went wrong are kept apart because each has a bound of its own (see scheduler.py).

    ``heirs`` are the pieces into which its rows were cut while it ran, ``origin`` is the other way round. ``is_done``
    also where its rows are done, or will be, by other pieces.
    """

    __slots__ = (
        "chunk", "failed_on", "failures", "forgive_at", "hedges", "heirs", "is_done", "last_sent", "live", "losses",
        "origin", "refusals", "refused_since", "sends", "unreached",
    )  # fmt: skip

    def __init__(self, chunk: Chunk) -> None:
        self.chunk = chunk
        self.live: list[Attempt] = []
        self.is_done = False
        self.sends = 0
        self.hedges = 0
        self.last_sent = 0.0
        self.failures = 0
        self.losses = 0
        self.unreached = 0
        self.refusals = 0
        self.refused_since = 0.0
        self.failed_on: set[NodeState] = set()
        self.forgive_at: float | None = None
        self.heirs: list[ChunkState] = []
        self.origin: ChunkState | None = None

    def part(self, chunk: Chunk) -> ChunkState:
        """Some of its rows as a piece of their own, with the same past."""
        other = ChunkState(chunk)
        other.sends, other.last_sent = self.sends, self.last_sent
        other.failures, other.losses, other.unreached = self.failures, self.losses, self.unreached
        other.refusals, other.refused_since = self.refusals, self.refused_since
        other.failed_on = set(self.failed_on)
        return other

    def runs_on(self, node: NodeState) -> bool:
        """Whether its rows are in flight there."""
        return node in self._running_on()

    def avoided(self) -> set[NodeState]:
        """Nodes to which it should not go: it failed there, or its rows are in flight there."""
        return self.failed_on.union(self._running_on())

    def _running_on(self) -> list[NodeState]:
        nodes = [attempt.node for attempt in self.live]
        if self.origin is not None and not self.origin.is_done:
            nodes += [attempt.node for attempt in self.origin.live]
        return nodes


class Attempt:
    """One sending of a chunk to a node, from Send until the driver reports its end."""

    __slots__ = ("attempt_id", "epoch", "is_cancelled", "node", "rows", "sent_at", "state")

    def __init__(self, attempt_id: int, state: ChunkState, node: NodeState, sent_at: float) -> None:
        self.attempt_id = attempt_id
        self.state = state
        self.rows = state.chunk.rows
        self.node = node
        self.epoch = node.epoch
        self.sent_at = sent_at
        self.is_cancelled = False


TimerKind: TypeAlias = Literal["retry", "forgive", "probe", "resume", "give_up", "budget"]


class Timers:
    """What is to happen at some time; equal times in the order in which they were set.

    A timer cannot be taken back: whoever set it looks at its subject again when the time has come.
    """

    __slots__ = ("_heap", "_number")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, TimerKind, NodeState | ChunkState | None]] = []
        self._number = 0

    def set(self, at: float, kind: TimerKind, subject: NodeState | ChunkState | None = None) -> None:
        """Let it happen at that time."""
        self._number += 1
        heapq.heappush(self._heap, (at, self._number, kind, subject))

    def pop_due(self, now: float) -> tuple[float, TimerKind, NodeState | ChunkState | None] | None:
        """The first whose time has come, with that time; None: nothing is due."""
        if not self._heap or self._heap[0][0] > now:
            return None
        at, _, kind, subject = heapq.heappop(self._heap)
        return at, kind, subject

    @property
    def next_at(self) -> float:
        """When the first is due; inf without any."""
        return self._heap[0][0] if self._heap else math.inf
