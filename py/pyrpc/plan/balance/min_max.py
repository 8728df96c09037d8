"""The node where the call is predicted to finish first."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pyrpc.plan.balance.view import NodeView
from pyrpc.plan.prng import SplitMix64

# Latencies of small calls scatter by about that much between nodes that are alike. Without it one lucky node would
# get all the calls of a client that makes one at a time.
ALIKE = 2.0
# How fast bad news grows old: a node that got slow must be tried again some day. As for peak EWMA.
DECAY_S = 10.0


class MinMax:
    """The earliest predicted finish, (in_flight + 1) x expected service time / weight, of all; an exact scan.

    List scheduling onto machines of different speed: each call goes where it ends first, so that the last of all
    ends early (Graham, "Bounds on Multiprocessing Timing Anomalies", 1969; for uniform machines Cho and Sahni,
    "Bounds for List Schedules on Uniform Processors", 1980). The expected service time is the node's ``slowness``:
    for one call, what it takes in seconds is the same factor for all nodes. So a mix of quick and long methods does
    not make the node that just ran a long one look slow, as it does with latencies in seconds.

    Nodes within a factor 2 of the quickest count as equally quick, and so do those not known yet; equals take turns.
    A slow node's figure decays with a time constant of 10 s until it is tried again: one 100 times slower gets one
    call in 40 s from a client that makes one call at a time.
    """

    __slots__ = ("_next",)

    def __init__(self) -> None:
        self._next = 0

    def pick(self, nodes: Sequence[NodeView], prng: SplitMix64, now: float = 0.0) -> int:
        """The node of the earliest finish; draws nothing."""
        count = len(nodes)
        quickest = math.inf
        for node in nodes:
            if 0.0 < node.slowness < quickest:
                quickest = node.slowness
        if quickest == math.inf:
            quickest = 1.0
        alike = ALIKE * quickest
        best = index = self._next % count
        earliest = math.inf
        for _ in range(count):
            node = nodes[index]
            service = node.slowness
            if service > alike:
                service *= math.exp(-max(0.0, now - node.seen_at) / DECAY_S)
            if service <= alike:
                service = quickest
            finish = (node.in_flight + 1) * service / node.weight if node.weight > 0 else math.inf
            if finish < earliest:
                best = index
                earliest = finish
            index = index + 1 if index + 1 < count else 0
        self._next = best + 1
        return best
