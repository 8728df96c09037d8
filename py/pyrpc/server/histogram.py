"""How long calls took, as counts per bucket: plain ints, so that a call pays one look-up and one addition.

The bounds are 1, 2 and 5 of each power of ten, from 10 us to 100 s. Powers of two would be found in half the time
(75 ns instead of 150), but nobody has a target of 65.536 ms: an alert counts what stayed under a bound, so the bounds
are numbers that people agree on.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

BOUNDS_US = (*(digit * 10**power for power in range(1, 8) for digit in (1, 2, 5)), 10**8)
"""Upper bounds of the buckets, in microseconds; one more bucket holds what is above the last."""

ROW_BOUNDS = tuple(2**power for power in range(15))
"""Upper bounds of the buckets of batches, in rows: 1, 2, 4 ... 16384."""


def empty_buckets(bounds: Sequence[int] = BOUNDS_US) -> list[int]:
    """One zero for each bound, and one for what is above."""
    return [0] * (len(bounds) + 1)


def bucket_of(value: int, bounds: Sequence[int] = BOUNDS_US) -> int:
    """The index of the bucket that a value belongs to; a bound belongs to its own bucket."""
    return bisect_left(bounds, value)


def added(one: Sequence[int], other: Sequence[int]) -> list[int]:
    """Two histograms of the same bounds as one."""
    return [a + b for a, b in zip(one, other, strict=True)]


def quantile_us(buckets: Sequence[int], share: float, max_us: float) -> float:
    """About how long the given share of the calls took at most, in microseconds; 0 without calls.

    Between the bounds of its bucket the value is interpolated, as Prometheus does; so it is off by the width of the
    bucket at most, a factor of 2.5. It is never above ``max_us``, the longest that was seen.

    Parameters
    ----------
    share : float
        From 0 to 1: 0.99 for the 99th percentile.
    """
    rank = share * sum(buckets)
    below = 0
    for index, count in enumerate(buckets):
        if count and below + count >= rank:
            low = BOUNDS_US[index - 1] if index else 0
            high = min(BOUNDS_US[index], max_us) if index < len(BOUNDS_US) else max_us
            return min(low + (high - low) * (rank - below) / count, max_us) if high > low else max_us
        below += count
    return 0.0
