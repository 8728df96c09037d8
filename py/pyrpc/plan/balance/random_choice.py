"""Any node, by chance."""

from __future__ import annotations

from collections.abc import Sequence

from pyrpc.plan.balance.view import NodeView
from pyrpc.plan.prng import SplitMix64


class Random:
    """Each node as likely as any other, whatever their load and weight.

    The longest queue grows like ln n / ln ln n (Raab and Steger, "Balls into Bins", 1998): the yardstick for the
    others, and right for clients that are many and know nothing.
    """

    __slots__ = ()

    def pick(self, nodes: Sequence[NodeView], prng: SplitMix64, now: float = 0.0) -> int:
        """One draw a pick."""
        return prng.below(len(nodes))
