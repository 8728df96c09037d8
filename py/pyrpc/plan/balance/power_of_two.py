"""The better of two drawn nodes."""

from __future__ import annotations

from collections.abc import Sequence

from pyrpc.plan.balance.peak_ewma import peak_load
from pyrpc.plan.balance.view import NodeView
from pyrpc.plan.prng import SplitMix64


class PowerOfTwo:
    """Draws two different nodes and takes the one with the lower peak EWMA load / weight, as Finagle does.

    The longest queue grows like ln ln n instead of ln n / ln ln n for one draw (Mitzenmacher, "The Power of Two
    Choices in Randomized Load Balancing", 2001), at a price that does not depend on n. Unlike an exact minimum it
    does not send all clients with the same picture to the same node.
    """

    __slots__ = ()

    def pick(self, nodes: Sequence[NodeView], prng: SplitMix64, now: float = 0.0) -> int:
        """The lighter of two; the first drawn if they are equal. Two draws, none for a single node."""
        count = len(nodes)
        if count == 1:
            return 0
        first = prng.below(count)
        second = prng.below(count - 1)
        if second >= first:
            second += 1
        a, b = nodes[first], nodes[second]
        load_a, load_b = peak_load(a, now), peak_load(b, now)
        if load_a == load_b:
            # Nothing known of either, most likely: the queues decide.
            load_a, load_b = a.in_flight + 1, b.in_flight + 1
        # Compared crosswise: no division, and the same result for the same numbers in every language.
        return first if load_a * b.weight <= load_b * a.weight else second
