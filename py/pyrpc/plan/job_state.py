"""What a scheduler remembers of the nodes, chunks and attempts of one job. No decisions here."""

from __future__ import annotations

import heapq
import math
from typing import Literal, TypeAlias

from pyrpc.plan.partition import Chunk


class NodeState:
    """One node, as this job sees it.

    ``epoch`` counts how often it went down: the loss of an attempt sent in an earlier epoch says nothing about
    the node that is there now. ``answered_at`` is the time of its last sign of life within this job.
    """

    __slots__ = (
        "answered_at", "epoch", "failures", "in_flight", "load_level", "name", "paused_until", "probe_at",
        "probe_wait_s", "probing", "up",
    )  # fmt: skip

    def __init__(self, name: str, probe_wait_s: float) -> None:
        self.name = name
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


class ChunkState:
    """One chunk that has been sent at least once.

    ``hedges`` counts the duplicates sent (see hedge.py); ``last_sent`` is the time of the newest attempt. The four
    counters of what went wrong are kept apart because each has a bound of its own (see scheduler.py).
    """

    __slots__ = (
        "chunk", "failed_on", "failures", "forgive_at", "hedges", "is_done", "last_sent", "live", "losses",
        "refusals", "refused_since", "sends", "unreached",
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

    def runs_on(self, node: NodeState) -> bool:
        """Whether an attempt of this chunk is in flight there."""
        return any(attempt.node is node for attempt in self.live)


class Attempt:
    """One sending of a chunk to a node, from Send until the driver reports its end."""

    __slots__ = ("attempt_id", "epoch", "is_cancelled", "node", "sent_at", "state")

    def __init__(self, attempt_id: int, state: ChunkState, node: NodeState, sent_at: float) -> None:
        self.attempt_id = attempt_id
        self.state = state
        self.node = node
        self.epoch = node.epoch
        self.sent_at = sent_at
        self.is_cancelled = False


TimerKind: TypeAlias = Literal["retry", "forgive", "probe", "resume", "give_up"]


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
