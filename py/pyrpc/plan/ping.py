"""Whom a client pings, and when, so that no call has to find out that a node died or came back.

1. A node of which nothing was heard for 10 s is pinged, with 2 s for its answer. Each reply to a call counts as heard;
   right after the start, nobody is pinged for a second, so that a program that ends soon pings nobody.
2. A node that is down, by a failed call or ping, is pinged when its backoff (`pyrpc.plan.health`) is over. Until that
   ping has ended no call goes there: a hung node would cost a call all of its time, and costs a ping two seconds.
3. At most 16 pings are on their way at the same time.
4. A client that made no call for 60 s pings no more, until the next call.

An answer ends the backoff, silence begins one or doubles it (0.1 s to 5 s). Neither touches ejections: what answers a
ping may still fail its calls, and what answers no ping is out already.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from pyrpc.plan.health import NodeHealth

EVERY_S = 10.0
TIMEOUT_S = 2.0
IDLE_S = 60.0
SETTLE_S = 1.0
MOST_AT_ONCE = 16
# Beyond the time for the answer: until a result that comes in time has been told.
_MARGIN_S = 0.5


class PingPlan:
    """Which nodes are due. Pure: time is given. Not thread-safe.

    Nodes are named by their index. A node that was given out by ``due`` is not due again before ``ended``.

    Parameters
    ----------
    healths : sequence of NodeHealth
        One a node, told of how calls ended by others, and of pings before ``ended``.
    every_s : float
        Silence after which a node that is up is pinged.
    timeout_s : float
        Given to each ping.
    idle_s : float
        After so long without a call the client counts as idle.
    """

    __slots__ = ("_asked", "_every_s", "_healths", "_heard_at", "_idle_s", "_next_at", "_settled_at", "timeout_s")

    def __init__(
        self,
        healths: Sequence[NodeHealth],
        every_s: float = EVERY_S,
        timeout_s: float = TIMEOUT_S,
        idle_s: float = IDLE_S,
    ) -> None:
        self._healths = healths
        self._every_s = every_s
        self.timeout_s = timeout_s
        self._idle_s = idle_s
        self._settled_at = math.inf
        self._asked: set[int] = set()
        # When an answer to a ping came last.
        self._heard_at = [-math.inf] * len(healths)
        # When a node that is down is pinged next, if a ping found it down; -inf: by its backoff.
        self._next_at = [-math.inf] * len(healths)

    def start(self, now: float) -> None:
        """The client makes a call, the first one or after it was idle."""
        self._settled_at = now + min(SETTLE_S, self._every_s)

    def is_idle(self, now: float, called_at: float) -> bool:
        """Whether the last call, which ended at called_at, was so long ago that nobody needs to be pinged."""
        return now - max(called_at, self._settled_at) >= self._idle_s

    def due(self, now: float, heard_at: Sequence[float]) -> list[int]:
        """Nodes to ping now, in order; none of them may get a call that tries whether it is back.

        Parameters
        ----------
        heard_at : sequence of float
            When each node replied to a call last.
        """
        room = MOST_AT_ONCE - len(self._asked)
        nodes = [node for node in range(len(self._healths)) if self._due_at(node, heard_at) <= now][:room]
        self._asked.update(nodes)
        for node in nodes:
            self._healths[node].hold(now + self.timeout_s + _MARGIN_S)
        return nodes

    def wake_at(self, heard_at: Sequence[float]) -> float:
        """When to ask again, unless a ping ends or a call fails before; inf: not until a ping has ended."""
        if len(self._asked) >= MOST_AT_ONCE:
            return math.inf
        return min((self._due_at(node, heard_at) for node in range(len(self._healths))), default=math.inf)

    def ended(self, node: int, now: float, is_there: bool) -> None:
        """A ping has ended, and its node's health was told."""
        self._asked.discard(node)
        if is_there:
            self._heard_at[node] = now
            self._next_at[node] = -math.inf
            return
        health = self._healths[node]
        self._next_at[node] = health.down_until
        health.hold(health.down_until + self.timeout_s + _MARGIN_S)

    def _due_at(self, node: int, heard_at: Sequence[float]) -> float:
        if node in self._asked:
            return math.inf
        health = self._healths[node]
        if health.is_up:
            due_at = max(heard_at[node], self._heard_at[node]) + self._every_s
        elif self._next_at[node] > -math.inf:
            due_at = self._next_at[node]
        else:
            due_at = health.down_until
        return max(due_at, self._settled_at)
