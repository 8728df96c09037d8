"""When a single call is sent a second time while the first is still on its way, and how often that may happen.

Dean and Barroso, "The Tail at Scale" (2013): a second request after the 95th percentile of the latency costs about 5%
more load and takes most of the tail away. Only for methods declared idempotent.
"""

from __future__ import annotations

import math

from pyrpc.plan.retry import RetryBudget

HEDGE_QUANTILE = 0.95
HEDGE_MIN_S = 0.001
HEDGE_RATIO = 0.05
# With fewer the 95th percentile is just the highest.
HEDGE_MIN_CALLS = 20


class Latencies:
    """The last 128 latencies of one method: median, 95th percentile, and the delay of a hedge.

    Both are those of the moment of the last update, every 32 calls (and after 8 and 20): sorting 128 numbers for each
    call would show in its time. Not thread-safe.

    Attributes
    ----------
    median_s : float
        0 before the eighth call: the first ones connect, import and warm up.
    p95_s : float
        Nearest rank: the smallest latency that at least 95% do not exceed; 0 before.
    hedge_after_s : float
        How long to wait for a reply; inf: do not hedge.
    is_idempotent : bool or None
        Whether the method may run twice; None: not known yet.
    """

    _KEPT = 128
    _EVERY = 32

    __slots__ = ("_at", "_due", "_kept", "hedge_after_s", "is_idempotent", "median_s", "p95_s")

    def __init__(self) -> None:
        self._kept: list[float] = []
        self._at = 0
        self._due = 8
        self.median_s = 0.0
        self.p95_s = 0.0
        self.hedge_after_s = math.inf
        self.is_idempotent: bool | None = None

    def add(self, took_s: float) -> bool:
        """One more; True when the figures were updated."""
        kept = self._kept
        if len(kept) < self._KEPT:
            kept.append(took_s)
        else:
            kept[self._at & 127] = took_s
        self._at += 1
        if self._at < self._due:
            return False
        self._due = HEDGE_MIN_CALLS if self._at < HEDGE_MIN_CALLS else self._at + self._EVERY
        self._update()
        return True

    def allow(self, is_idempotent: bool) -> None:
        """Say whether the method may run twice."""
        self.is_idempotent = is_idempotent
        self._set_delay()

    def _update(self) -> None:
        ordered = sorted(self._kept)
        self.median_s = ordered[len(ordered) // 2]
        self.p95_s = ordered[quantile_index(len(ordered), HEDGE_QUANTILE)]
        self._set_delay()

    def _set_delay(self) -> None:
        is_known = self.is_idempotent is True and self._at >= HEDGE_MIN_CALLS
        self.hedge_after_s = max(HEDGE_MIN_S, self.p95_s) if is_known else math.inf


def quantile_index(count: int, quantile: float) -> int:
    """Nearest rank in a sorted list of count numbers: index of the smallest that covers the quantile."""
    return min(count - 1, max(0, math.ceil(quantile * count) - 1))


class CallBudget:
    """Second attempts of all single calls together: retries within their budget, hedges also within 5% of the calls.

    Retries and hedges share the one budget of 20% and 10 a second, so that nodes in trouble get no more than that in
    all. Not thread-safe.
    """

    __slots__ = ("_all", "_hedges")

    def __init__(self) -> None:
        self._all = RetryBudget()
        self._hedges = RetryBudget(HEDGE_RATIO, 0.0)

    def on_calls(self, count: int, now: float) -> None:
        """So many calls were made since the last time."""
        self._all.on_calls(count, now)
        self._hedges.on_calls(count, now)

    def try_retry(self, now: float) -> bool:
        """Take a retry; False: none is left."""
        return self._all.try_spend(now)

    def try_hedge(self, now: float) -> bool:
        """Take a hedge; False: none is left."""
        # Neither pays for a hedge that the other one forbids.
        return self._hedges.can_spend(now) and self._all.try_spend(now) and self._hedges.try_spend(now)
