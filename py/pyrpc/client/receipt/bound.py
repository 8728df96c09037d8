"""How soon a job could have ended: what an ideal scheduler reaches on the same nodes.

The bound takes each node at the speed that it showed while it ran (rows a second), lets all of them work from the
first moment to the last, and gives moving, waiting and deciding no time at all.

- All together they do ``V = sum of speeds`` rows a second, so no schedule ends before ``rows / V``.
- A chunk of a fixed grid stays whole. A node that needs ``t_i`` seconds for one ends ``floor(T / t_i)`` of them by
  the time T, so no schedule ends before the smallest T with ``sum of floor(T / t_i) >= chunks``, which assigning each
  chunk to whoever ends it first does reach (Graham 1969 treats equal machines; with equal chunks it is exact here).
  Where sizes differ, this holds for the chunks of at least each size alone, and the largest of these bounds counts.
- No schedule ends before the quickest run of a largest chunk.

What was done can be done: so the bound is never above the makespan.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

# Sizes of chunks for which the bound is looked at; a grid has one or two.
_SIZES = 8
_BISECTIONS = 100
# Of a chunk: what rounding may take from a whole number.
_TINY = 1e-9


def grid_bound_s(sizes: Iterable[int], speeds: Sequence[float]) -> float:
    """The least time for chunks of so many rows on nodes of these speeds (rows a second)."""
    counts = sorted(Counter(rows for rows in sizes if rows > 0).items(), reverse=True)
    moving = [speed for speed in speeds if speed > 0]
    if not moving:
        return 0.0
    at_least, best = 0, 0.0
    for number, (rows, count) in enumerate(counts):
        at_least += count
        if number < _SIZES or number == len(counts) - 1:
            best = max(best, list_bound_s(at_least, [rows / speed for speed in moving]))
    return best


def list_bound_s(chunks: int, times_s: Sequence[float]) -> float:
    """The smallest T with ``sum of floor(T / t_i) >= chunks``.

    Parameters
    ----------
    chunks : int
        Equal ones.
    times_s : sequence of float
        How long each node needs for one, in seconds; above 0.
    """
    if chunks <= 0:
        return 0.0
    low_s, high_s = 0.0, chunks * min(times_s)
    for _ in range(_BISECTIONS):
        middle_s = (low_s + high_s) / 2
        if not low_s < middle_s < high_s:
            break
        if _done_by(middle_s, times_s) >= chunks:
            high_s = middle_s
        else:
            low_s = middle_s
    # The answer is a whole number of chunks on some node, just at or below what was found.
    return max(math.floor(high_s / time_s + _TINY) * time_s for time_s in times_s)


def _done_by(moment_s: float, times_s: Sequence[float]) -> int:
    return sum(math.floor(moment_s / time_s + _TINY) for time_s in times_s)
