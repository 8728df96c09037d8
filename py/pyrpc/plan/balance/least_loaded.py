"""The node with the least to do."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pyrpc.plan.balance.view import NodeView
from pyrpc.plan.prng import SplitMix64


class LeastLoaded:
    """The lowest in_flight / weight of all; an exact scan, so it costs time in proportion to the nodes.

    Equals take turns, beginning after the last pick: idle nodes share the calls of a client that makes one at a
    time, where the first of them would otherwise get all.
    """

    __slots__ = ("_next",)

    def __init__(self) -> None:
        self._next = 0

    def pick(self, nodes: Sequence[NodeView], prng: SplitMix64, now: float = 0.0) -> int:
        """The least loaded node; draws nothing."""
        count = len(nodes)
        best = index = self._next % count
        best_load = math.inf
        for _ in range(count):
            node = nodes[index]
            if node.in_flight == 0 and node.weight > 0:
                best = index
                break
            load = node.in_flight / node.weight if node.weight > 0 else math.inf
            if load < best_load:
                best = index
                best_load = load
            index = index + 1 if index + 1 < count else 0
        self._next = best + 1
        return best
