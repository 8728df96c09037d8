"""Factors by which a piece takes longer or shorter than it should, with mean 1.

Of a distribution: a table of equally likely ones, of which one is drawn each time. Measured ones: a deck of cards,
each dealt once before all are shuffled again. So a job that is simulated as it was measured meets the rare long piece
as often as that was, where drawing would give it twice or not at all.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from statistics import NormalDist

from pyrpc.plan.prng import SplitMix64

# A power of two: an entry is drawn by some bits of one number. Its shift leaves the upper ten of 64.
ENTRIES = 1024
SHIFT = 54
KINDS = ("lognormal", "uniform", "exponential")


@lru_cache(maxsize=64)
def luck_table(kind: str, deviation: float) -> tuple[float, ...]:
    """The factors; empty where all would be 1.

    Parameters
    ----------
    kind : str
        One of ``KINDS``.
    deviation : float
        Standard deviation of the factors, as their mean is 1.
    """
    if kind == "exponential":
        table = [-math.log1p(-_middle(place)) for place in range(ENTRIES)]
    elif deviation == 0:
        return ()
    elif kind == "uniform":
        table = [max(0.0, 1.0 + deviation * math.sqrt(3.0) * (2.0 * _middle(place) - 1.0)) for place in range(ENTRIES)]
    else:
        sigma = math.sqrt(math.log1p(deviation * deviation))
        normal = NormalDist(0.0, sigma)
        table = [math.exp(normal.inv_cdf(_middle(place))) for place in range(ENTRIES)]
    mean = math.fsum(table) / ENTRIES
    return tuple(factor / mean for factor in table)


def _middle(place: int) -> float:
    """The probability in the middle of an entry."""
    return (place + 0.5) / ENTRIES


class Deck:
    """Measured factors, dealt in an order that is drawn.

    Parameters
    ----------
    factors : sequence of float
    prng : SplitMix64
        As many draws as there are factors, each time the deck is shuffled.
    """

    __slots__ = ("_factors", "_left", "_prng")

    def __init__(self, factors: Sequence[float], prng: SplitMix64) -> None:
        self._factors = factors
        self._prng = prng
        self._left: list[float] = []

    def deal(self) -> float:
        """The next one."""
        if not self._left:
            self._left = list(self._factors)
            # Fisher and Yates, from the end.
            for place in range(len(self._left) - 1, 0, -1):
                other = self._prng.below(place + 1)
                self._left[place], self._left[other] = self._left[other], self._left[place]
        return self._left.pop()
