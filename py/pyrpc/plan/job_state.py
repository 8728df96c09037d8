"""What a scheduler remembers of the nodes, chunks and attempts of one job. No decisions here."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterator

from pyrpc.plan.partition import Chunk


class NodeState:
    """One node, as this job sees it.

    ``epoch`` counts how often it went down: the loss of an attempt sent in an earlier epoch says nothing about
    the node that is there now.
    """

    __slots__ = (
        "epoch", "failures", "in_flight", "load_level", "name", "paused_until", "probe_at", "probe_wait_s", "probing",
        "up",
    )  # fmt: skip

    def __init__(self, name: str, probe_wait_s: float) -> None:
        self.name = name
        self.up = True
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

    ``hedges`` counts duplicates sent so far; ``last_sent`` is the time of the newest attempt. The four counters
    of what went wrong are kept apart because each has a bound of its own (see scheduler.py).
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


class FreeNodes:
    """The nodes that may be given a chunk: least loaded first, and among equals the one that is free longest.

    Kept in one ordered dict for each number of attempts in flight, so that nothing looks at all nodes.
    """

    __slots__ = ("_by_load", "_window")

    def __init__(self, window: int) -> None:
        self._window = window
        self._by_load: list[dict[NodeState, None]] = [{} for _ in range(window)]

    def place(self, node: NodeState) -> None:
        """Put the node where its state says; to be called after each change of it."""
        usable = node.up and node.paused_until is None and node.in_flight < self._window
        level = node.in_flight if usable else -1
        if level == node.load_level:
            return
        if node.load_level >= 0:
            del self._by_load[node.load_level][node]
        if level >= 0:
            self._by_load[level][node] = None
        node.load_level = level

    def first(self) -> NodeState | None:
        """The best free node."""
        for nodes in self._by_load:
            if nodes:
                return next(iter(nodes))
        return None

    def __iter__(self) -> Iterator[NodeState]:
        for nodes in self._by_load:
            yield from nodes


class Durations:
    """The last 127 durations, in order of size: an exact median of the recent past at a fixed price."""

    _KEPT = 127

    __slots__ = ("_by_age", "_by_size")

    def __init__(self) -> None:
        self._by_age: deque[float] = deque()
        self._by_size: list[float] = []

    def add(self, duration_s: float) -> None:
        """Remember one more; the oldest is forgotten."""
        if len(self._by_age) == self._KEPT:
            del self._by_size[bisect_left(self._by_size, self._by_age.popleft())]
        self._by_age.append(duration_s)
        insort(self._by_size, duration_s)

    def median(self) -> float | None:
        """The middle one (of an even number, the upper of the two); None before the first."""
        return self._by_size[len(self._by_size) // 2] if self._by_size else None
