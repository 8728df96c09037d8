"""Factors by which a piece takes longer or shorter than it should, as a table of equally likely ones with mean 1."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

# A power of two: an entry is drawn by some bits of one number. Its shift leaves the upper ten of 64.
ENTRIES = 1024
SHIFT = 54
KINDS = ("lognormal", "uniform", "exponential")


def luck_table(kind: str, deviation: float, measured: Sequence[float] = ()) -> list[float]:
    """The factors; empty where all would be 1.

    Parameters
    ----------
    kind : str
        One of ``KINDS``.
    deviation : float
        Standard deviation of the factors, as their mean is 1.
    measured : sequence of float
        Takes the place of a distribution.
    """
    if measured:
        in_order = sorted(measured)
        return [in_order[place * len(in_order) // ENTRIES] for place in range(ENTRIES)]
    if kind == "exponential":
        table = [-math.log1p(-_middle(place)) for place in range(ENTRIES)]
    elif deviation == 0:
        return []
    elif kind == "uniform":
        table = [max(0.0, 1.0 + deviation * math.sqrt(3.0) * (2.0 * _middle(place) - 1.0)) for place in range(ENTRIES)]
    else:
        sigma = math.sqrt(math.log1p(deviation * deviation))
        normal = NormalDist(0.0, sigma)
        table = [math.exp(normal.inv_cdf(_middle(place))) for place in range(ENTRIES)]
    mean = math.fsum(table) / ENTRIES
    return [factor / mean for factor in table]


def _middle(place: int) -> float:
    """The probability in the middle of an entry."""
    return (place + 0.5) / ENTRIES
