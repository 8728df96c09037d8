"""The better of two drawn nodes."""

from __future__ import annotations

from collections.abc import Sequence

from pyrpc.plan.balance.view import NodeView
from pyrpc.plan.prng import SplitMix64


class PowerOfTwo:
    """Draws two different nodes and takes the one with the lower (in_flight + 1) / weight.

    The longest queue grows like ln ln n instead of ln n / ln ln n for one draw (Mitzenmacher, "The Power of Two
    Choices in Randomized Load Balancing", 2001), at a price that does not depend on n. Unlike an exact minimum it
    does not send all clients with the same picture to the same node.
    """

    __slots__ = ()

    def pick(self, nodes: Sequence[NodeView], prng: SplitMix64) -> int:
        """The lighter of two; the first drawn if they are equal. Two draws, none for a single node."""
        count = len(nodes)
        if count == 1:
            return 0
        first = prng.below(count)
        second = prng.below(count - 1)
        if second >= first:
            second += 1
        a, b = nodes[first], nodes[second]
        # Compared crosswise: no division, and the same result for the same numbers in every language.
        return first if (a.in_flight + 1) * b.weight <= (b.in_flight + 1) * a.weight else second
