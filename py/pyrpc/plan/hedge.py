"""Which chunk to duplicate on a free node, and when.

A node that hangs or crawls holds what it was given; near the end of a job all others wait for it. So a chunk that
runs much longer than others did is sent again, to another node, and the first reply counts (Dean and Barroso, "The
Tail at Scale", 2013).
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import OrderedDict, deque
from collections.abc import Iterable

from pyrpc.plan.job_state import ChunkState, NodeState

HEDGE_MIN_S = 0.1
HEDGE_FIRST_S = 1.0
HEDGE_MEDIANS = 3.0
HEDGE_AGAIN = 4.0


class Stragglers:
    """The chunks in flight, in the order of their last sending, so that the oldest is found without a search.

    A chunk is due for a hedge ``wait_s() * 4**hedges`` after it was last sent. The first hedge is the rule; another
    one follows only if that does not end either, so that chunks which are just long do not fill all nodes, and
    yet any number of hung nodes is survived.
    """

    __slots__ = ("_by_hedges", "_durations")

    def __init__(self) -> None:
        # One queue for each number of hedges: within it, who was sent first is due first.
        self._by_hedges: list[OrderedDict[ChunkState, None]] = [OrderedDict()]
        self._durations = Durations()

    def add(self, state: ChunkState) -> None:
        """The chunk was just sent."""
        while state.hedges >= len(self._by_hedges):
            self._by_hedges.append(OrderedDict())
        self._by_hedges[state.hedges][state] = None

    def remove(self, state: ChunkState) -> None:
        """The chunk is done, or no attempt of it is in flight, or its rows were cut for others; else nothing."""
        if state.hedges < len(self._by_hedges):
            self._by_hedges[state.hedges].pop(state, None)

    def hedge_sent(self, state: ChunkState) -> None:
        """A duplicate was sent."""
        self.remove(state)
        state.hedges += 1
        self.add(state)

    def hedge_lost(self, state: ChunkState) -> None:
        """One of two attempts ended through no fault of the chunk: as if it had not been sent.

        So the chunk is as old as the attempt that is left, and likely to be due at once.
        """
        if state.hedges:
            self.remove(state)
            state.hedges -= 1
            state.last_sent = state.live[-1].sent_at
            self.add(state)
            self._by_hedges[state.hedges].move_to_end(state, last=False)

    def add_duration(self, duration_s: float) -> None:
        """A chunk is done; that it took so long tells what to expect of others."""
        self._durations.add(duration_s)

    def wait_s(self) -> float:
        """How long a chunk may run before it is a straggler."""
        median = self._durations.median()
        return HEDGE_FIRST_S if median is None else max(HEDGE_MIN_S, HEDGE_MEDIANS * median)

    def candidates(self, free: Iterable[NodeState]) -> list[tuple[float, ChunkState, NodeState]]:
        """For each number of hedges the chunk that is due first, with that time and the node to send it to."""
        wait_s = self.wait_s()
        found = []
        for hedges, queue in enumerate(self._by_hedges):
            pair = _first_pair(queue, free)
            if pair is not None:
                found.append((pair[0].last_sent + wait_s * HEDGE_AGAIN**hedges, *pair))
        return found


def _first_pair(queue: Iterable[ChunkState], free: Iterable[NodeState]) -> tuple[ChunkState, NodeState] | None:
    """The first chunk that a free node could duplicate, and the best such node.

    Few are looked at: a free node is passed over only if it runs the chunk, and it runs less than ``window``.
    """
    for state in queue:
        second_choice = None
        for node in free:
            if state.runs_on(node):
                continue
            if node not in state.failed_on:
                return state, node
            second_choice = second_choice or node
        if second_choice is not None:
            return state, second_choice
    return None


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
