"""Each in turn."""

from __future__ import annotations

from collections.abc import Sequence

from pyrpc.plan.balance.view import NodeView
from pyrpc.plan.prng import SplitMix64


class RoundRobin:
    """One node after the other, whatever their load and weight.

    The first node is drawn: clients that start together would otherwise all begin with the same one.
    """

    __slots__ = ("_next",)

    def __init__(self) -> None:
        self._next = -1

    def pick(self, nodes: Sequence[NodeView], prng: SplitMix64, now: float = 0.0) -> int:
        """The one after the last pick."""
        index = self._next % len(nodes) if self._next >= 0 else prng.below(len(nodes))
        self._next = index + 1
        return index
