"""The one source of chance of the vectors."""

from __future__ import annotations

from typing import Any, TypeVar

from reference.prng import Prng

T = TypeVar("T")
Case = dict[str, Any]


class Draw:
    """Everything by chance comes from here."""

    def __init__(self, seed: int) -> None:
        self.prng = Prng(seed * 0x9E3779B1 + 1)

    def whole(self, low: int, high: int) -> int:
        """Both ends included."""
        return low + self.prng.below(high - low + 1)

    def choice(self, items: list[T] | tuple[T, ...]) -> T:
        return items[self.prng.below(len(items))]

    def chance(self, share: float) -> bool:
        return self.prng.uniform() < share

    def decimal(self, low: float, high: float, digits: int = 4) -> float:
        """A number with few digits, so that the files stay small."""
        unit = 10**digits
        return self.whole(round(low * unit), round(high * unit)) / unit

    def spread(self, low_power: int, high_power: int) -> float:
        """Two digits, and any power of ten."""
        power = self.whole(low_power, high_power)
        digits = self.whole(10, 99)
        return digits * 10**power / 10 if power >= 0 else digits / (10 * 10**-power)

    def seed(self) -> str:
        return str(self.prng.next_u64())
