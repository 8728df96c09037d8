"""The nodes of one job: which are up, which may be given a chunk, when to ask the others again."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from itertools import islice

from pyrpc.errors import ConfigError, FailureClass
from pyrpc.plan.cost import JobCost
from pyrpc.plan.job_state import Attempt, NodeState, Timers
from pyrpc.plan.window import WAITED, NodeWindow

PROBE_MIN_S = 0.1
PROBE_MAX_S = 1.0
PAUSE_MIN_S = 0.1
PAUSE_MAX_S = 1.0


class FreeNodes:
    """The nodes that may be given a chunk: least loaded first, and among equals the one that is free longest.

    Kept in one ordered dict for each number of attempts in flight, so that nothing looks at all nodes.
    """

    __slots__ = ("_by_load",)

    def __init__(self, most_window: int) -> None:
        self._by_load: list[dict[NodeState, None]] = [{} for _ in range(most_window)]

    def place(self, node: NodeState) -> None:
        """Put the node where its state says; to be called after each change of it."""
        level = node.in_flight if node.in_flight < node.window.size and node.is_usable else -1
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

    def holds(self, node: NodeState) -> bool:
        """Whether the node is one of them."""
        return node.load_level >= 0

    def at(self, index: int) -> NodeState:
        """One of them by its place."""
        return next(islice(self, index, None))

    def __len__(self) -> int:
        return sum(map(len, self._by_load))

    def __iter__(self) -> Iterator[NodeState]:
        for nodes in self._by_load:
            yield from nodes


class JobNodes:
    """Down and probed, paused, or free for work. All nodes are taken to be up until they show otherwise.

    Parameters
    ----------
    windows : Mapping[str, NodeWindow]
        The nodes by their names, and how many attempts each may have in flight.
    give_up_s : float
        How long all nodes may be down.
    timers : Timers
        Where to set "probe", "resume" and "give_up".
    job_cost : JobCost
        What the nodes have shown together.

    Attributes
    ----------
    changed : callable
        Told of each node that is different from before.
    """

    def __init__(self, windows: Mapping[str, NodeWindow], give_up_s: float, timers: Timers, job_cost: JobCost) -> None:
        self.free = FreeNodes(max(window.most for window in windows.values()))
        self.changed: Callable[[NodeState], None] = _ignore
        self._by_name = {name: NodeState(name, PROBE_MIN_S, job_cost, window) for name, window in windows.items()}
        self._up = len(self._by_name)
        self._give_up_s = give_up_s
        self._give_up_at = math.inf
        self._timers = timers

    def __iter__(self) -> Iterator[NodeState]:
        return iter(self._by_name.values())

    def __len__(self) -> int:
        return len(self._by_name)

    def named(self, name: str) -> NodeState:
        """The node of that name, or ConfigError."""
        try:
            return self._by_name[name]
        except KeyError:
            raise ConfigError("no such node in this job", expected=", ".join(self._by_name), got=name) from None

    def are_given_up(self, now: float) -> bool:
        """Whether all have been down for too long."""
        return now >= self._give_up_at

    def place(self, node: NodeState) -> None:
        """The node is different from before."""
        self.free.place(node)
        self.changed(node)

    def slot_taken(self, attempt: Attempt) -> None:
        """An attempt was sent."""
        node = attempt.node
        node.in_flight += 1
        node.queue.append(attempt)
        node.last_rows = attempt.rows
        self.place(node)

    def piece_done(self, attempt: Attempt, now: float, service_s: float, queued_s: float) -> None:
        """A piece has been done; before its slot is freed."""
        node = attempt.node
        waited = service_s > 0 and queued_s > WAITED * service_s
        node.window.done(attempt.rows, node.in_flight, now, waited=waited)

    def slot_freed(self, attempt: Attempt, now: float) -> None:
        """An attempt has ended."""
        node = attempt.node
        node.in_flight -= 1
        node.queue.remove(attempt)
        node.freed_at = now
        self.place(node)

    def has_replied(self, node: NodeState, now: float) -> None:
        """The node has done some work: past failures are forgiven."""
        node.answered_at = now
        node.failures = 0
        node.probe_wait_s = PROBE_MIN_S

    def take_down(self, node: NodeState, now: float) -> None:
        """The node is lost; it gets no work until ``bring_up``, and is probed in the meantime."""
        node.up = False
        node.epoch += 1
        self._up -= 1
        self.place(node)
        self.probe_later(node, now)
        if self._up == 0:
            self._give_up_at = now + self._give_up_s
            self._timers.set(self._give_up_at, "give_up")

    def bring_up(self, node: NodeState) -> None:
        """The node is there again."""
        node.up = True
        node.probing = False
        node.paused_until = None
        self._up += 1
        self._give_up_at = math.inf
        self.place(node)

    def probe_later(self, node: NodeState, now: float) -> None:
        """Plan the next probe; each wait is twice the last, until the node has done some work."""
        node.probing = False
        node.probe_at = now + node.probe_wait_s
        self._timers.set(node.probe_at, "probe", node)
        node.probe_wait_s = min(PROBE_MAX_S, 2 * node.probe_wait_s)

    def probe_now(self, node: NodeState, now: float) -> bool:
        """Whether the "probe" that is due is still wanted; if so, it counts as sent."""
        wanted = not node.up and not node.probing and node.probe_at <= now
        node.probing = node.probing or wanted
        return wanted

    def pause(self, node: NodeState, wait_s: float, now: float) -> None:
        """Give the node nothing for so long; a pause is never shortened."""
        if node.up and wait_s > 0 and (node.paused_until is None or now + wait_s > node.paused_until):
            node.paused_until = now + wait_s
            self._timers.set(node.paused_until, "resume", node)
            self.place(node)

    def pause_after_failure(
        self, node: NodeState, failure: FailureClass, retry_after_ms: int | None, now: float
    ) -> None:
        """Leave a node alone that turned an attempt away or keeps failing.

        A plain refusal pauses at once. A first failure of another kind does not, it may be the chunk's fault;
        nor does a refusal that tells its own time need more than that.
        """
        # What was in flight when the pause began says nothing new.
        node.failures += node.paused_until is None
        refused_plainly = failure is FailureClass.NOT_EXECUTED and retry_after_ms is None
        steps = node.failures if refused_plainly else node.failures - 1
        backoff_s = min(PAUSE_MAX_S, PAUSE_MIN_S * 2.0 ** min(steps - 1, 62)) if steps > 0 else 0.0
        self.pause(node, max(asked_s(retry_after_ms), backoff_s), now)

    def resume(self, node: NodeState, now: float) -> None:
        """A "resume" is due; the pause may have become longer since."""
        if node.paused_until is not None and node.paused_until <= now:
            node.paused_until = None
            self.place(node)


def _ignore(node: NodeState) -> None:
    pass


def asked_s(retry_after_ms: int | None) -> float:
    """The time a node asked for, in seconds."""
    return max(0, retry_after_ms or 0) / 1000
