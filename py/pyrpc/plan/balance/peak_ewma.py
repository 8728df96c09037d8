"""The node with the lowest latency times queue, where a slow answer counts at once and a quick one slowly."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pyrpc.plan.balance.view import NodeView
from pyrpc.plan.prng import SplitMix64

# Finagle's default. Long against one call, short against the time that a node stays slow.
DECAY_S = 10.0
# What a node that never answered costs while it has a call: more than any that did.
PENALTY_S = 1e9


def observed(peak_s: float, seen_at: float, took_s: float, now: float) -> float:
    """The peak EWMA after one more latency: the latency itself if that is higher, else an average on its way down."""
    if took_s >= peak_s:
        return took_s
    keep = math.exp(-max(0.0, now - seen_at) / DECAY_S)
    return peak_s * keep + took_s * (1.0 - keep)


def peak_load(node: NodeView, now: float) -> float:
    """Decayed peak latency times (in_flight + 1).

    A node that never answered costs nothing while idle, so it is tried, and more than all others while its first
    call runs, so it is not tried by everybody at once.
    """
    peak_s = node.peak_s
    if peak_s <= 0.0:
        return PENALTY_S * node.in_flight
    return peak_s * math.exp(-max(0.0, now - node.seen_at) / DECAY_S) * (node.in_flight + 1)


class PeakEwma:
    """The lowest peak EWMA x (in_flight + 1) / weight of all; an exact scan.

    Finagle's metric (``com.twitter.finagle.loadbalancer.PeakEwma``): it reacts to a node that turns slow with the
    first slow answer, and comes back to it as the memory fades, by a factor e every 10 s. Finagle draws two nodes
    and compares them; ``power_of_two`` does so here.

    Equals take turns, beginning after the last pick.
    """

    __slots__ = ("_next",)

    def __init__(self) -> None:
        self._next = 0

    def pick(self, nodes: Sequence[NodeView], prng: SplitMix64, now: float = 0.0) -> int:
        """The node of the lowest cost; draws nothing."""
        count = len(nodes)
        best = index = self._next % count
        best_load = math.inf
        for _ in range(count):
            node = nodes[index]
            load = peak_load(node, now) / node.weight if node.weight > 0 else math.inf
            if load < best_load:
                best = index
                best_load = load
            index = index + 1 if index + 1 < count else 0
        self._next = best + 1
        return best
