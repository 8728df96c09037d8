"""All chance of a simulation: SplitMix64 under the names that a simulation needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from pyrpc.plan.prng import SplitMix64

Item = TypeVar("Item")


class Chance(SplitMix64):
    """A stream of draws that its seed decides."""

    __slots__ = ()

    def happens(self, probability: float) -> bool:
        """True with that probability."""
        return self.uniform() < probability

    def between(self, low: float, high: float) -> float:
        """A number from low to high."""
        return low + (high - low) * self.uniform()

    def choice(self, items: Sequence[Item]) -> Item:
        """One of them."""
        return items[self.next_u64() % len(items)]

    def some(self, items: Sequence[Item], probability: float) -> list[Item]:
        """Each of them with that probability."""
        return [item for item in items if self.uniform() < probability]
