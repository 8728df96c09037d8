"""A random order for each pick, in which heavier nodes tend to come first."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pyrpc.plan.balance.view import NodeView
from pyrpc.plan.prng import SplitMix64


class RandomPriority:
    """Each node draws a priority; the highest wins, and equal ones are settled by the fewest calls in flight.

    The priority is ln(1 - u) / weight, u uniform in [0, 1): the logarithm of Efraimidis and Spirakis' key
    u**(1/weight) ("Weighted random sampling with a reservoir", 2006), in the same order but without underflow.
    So a node wins in proportion to its weight, and the whole order is a weighted sample without replacement.
    """

    __slots__ = ()

    def pick(self, nodes: Sequence[NodeView], prng: SplitMix64, now: float = 0.0) -> int:
        """The node of highest priority; one draw a node, in their order."""
        best = 0
        best_priority = -math.inf
        for index, node in enumerate(nodes):
            key = math.log(1.0 - prng.uniform())
            priority = key / node.weight if node.weight > 0 else -math.inf
            if priority > best_priority or (priority == best_priority and node.in_flight < nodes[best].in_flight):
                best = index
                best_priority = priority
        return best
