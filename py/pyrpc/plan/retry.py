"""Whether to try again, when, and how much trying again is too much.

``RetryPolicy`` answers for one call or chunk; ``RetryBudget`` limits the retries of all single calls together, so
that a pool of struggling nodes is not finished off by its own clients (Finagle's RetryBudget; SRE book, ch. 21).

Jobs do not draw on that budget. Losing a node means re-sending what it had in flight, at most ``window`` chunks,
all in one instant and however few chunks were done until then: a budget of 20% would fail just the jobs that
the retry is for. What bounds a job there is in `pyrpc.plan.scheduler`. Chunks that nodes turned away are sent again
within a ``JobBudget``: a job does not give up for lack of it, it waits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from pyrpc.errors import ConfigError, FailureClass
from pyrpc.plan.prng import SplitMix64

NoRetryReason = Literal["final", "unknown", "exhausted"]


@dataclass(frozen=True, slots=True)
class RetryDecision:
    """The answer of `RetryPolicy.decide`.

    Attributes
    ----------
    retry : bool
        Whether to try again.
    delay_s : float
        How long to wait before; 0 when not retried.
    reason : {"final", "unknown", "exhausted"} or None
        Why not: the failure is the answer; the call may have run and must not run twice; attempts are used up.
    """

    retry: bool
    delay_s: float = 0.0
    reason: NoRetryReason | None = None


_FINAL = RetryDecision(False, reason="final")
_UNKNOWN = RetryDecision(False, reason="unknown")
_EXHAUSTED = RetryDecision(False, reason="exhausted")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """At most `max_attempts` attempts, with exponential backoff and full jitter between them.

    Full jitter (uniform between 0 and the bound) spreads callers that failed together better than a fixed
    share of it (Brooker, "Exponential Backoff And Jitter", 2015).

    Raises
    ------
    ConfigError
        max_attempts below 1, or a time that is negative or not finite.
    """

    max_attempts: int = 3
    backoff_s: float = 0.1
    backoff_max_s: float = 1.0

    def __post_init__(self) -> None:
        if self.max_attempts < 1:
            raise ConfigError("max_attempts is too small", expected="max_attempts >= 1", got=str(self.max_attempts))
        for name, value in (("backoff_s", self.backoff_s), ("backoff_max_s", self.backoff_max_s)):
            if not (math.isfinite(value) and value >= 0):
                raise ConfigError(f"{name} makes no sense", expected="seconds >= 0", got=str(value))

    def decide(
        self,
        failure: FailureClass,
        attempt: int,
        *,
        idempotent: bool,
        prng: SplitMix64,
        retry_after_ms: int | None = None,
    ) -> RetryDecision:
        """What follows from the failure of one attempt.

        Parameters
        ----------
        failure : FailureClass
            What the error says of itself.
        attempt : int
            Number of the attempt that failed; the first one is 0.
        idempotent : bool
            Whether a second run does no harm.
        prng : SplitMix64
            One draw is taken for each retry, none otherwise.
        retry_after_ms : int, optional
            What the node asked for; the delay is that time plus the jittered backoff, so that callers who were
            sent away together do not come back together.
        """
        if failure is FailureClass.FINAL:
            return _FINAL
        if failure is FailureClass.UNKNOWN and not idempotent:
            return _UNKNOWN
        if attempt + 1 >= self.max_attempts:
            return _EXHAUSTED
        asked_s = max(0, retry_after_ms or 0) / 1000
        return RetryDecision(True, asked_s + prng.uniform() * self.backoff_bound_s(attempt))

    def backoff_bound_s(self, attempt: int) -> float:
        """The longest backoff after attempt number `attempt` (the first is 0): doubling, capped."""
        # 2**62 is past any cap that makes sense; the limit keeps the power a finite float.
        return min(self.backoff_max_s, self.backoff_s * 2.0 ** min(attempt, 62))


class RetryBudget:
    """Retries allowed in any `window_s`: `ratio` of the calls of that time, and `per_second` for each second.

    Parameters
    ----------
    ratio : float
        Share of calls that may be retried.
    per_second : float
        Allowed on top, so that a client with few calls may retry at all.
    window_s : float
        How long calls and retries are remembered.

    Notes
    -----
    Time is cut into slots, ten a window, and a slot is forgotten as a whole; so each operation is O(1). The
    current slot and ten older ones are remembered: with ten in all, a burst at the end of one slot would be
    forgotten before the window is over. Not thread-safe. Time that goes back counts as standing still.
    """

    _SLOTS = 11

    __slots__ = ("_calls", "_calls_sum", "_now", "_per_window", "_ratio", "_slot_s", "_spent", "_spent_sum")

    def __init__(self, ratio: float = 0.2, per_second: float = 10.0, window_s: float = 10.0) -> None:
        for name, value, fits in (
            ("ratio", ratio, ratio >= 0),
            ("per_second", per_second, per_second >= 0),
            ("window_s", window_s, window_s > 0),
        ):
            if not (fits and math.isfinite(value)):
                raise ConfigError(f"{name} makes no sense", expected="a positive number", got=str(value))
        self._ratio = ratio
        self._per_window = per_second * window_s
        self._slot_s = window_s / (self._SLOTS - 1)
        self._calls = [0] * self._SLOTS
        self._spent = [0] * self._SLOTS
        self._calls_sum = 0
        self._spent_sum = 0
        self._now: int | None = None

    def on_call(self, now: float) -> None:
        """A call was made (its retries do not count as calls)."""
        self._calls[self._slot(now)] += 1
        self._calls_sum += 1

    def on_calls(self, count: int, now: float) -> None:
        """Several calls were made since the last one that was told of."""
        self._calls[self._slot(now)] += count
        self._calls_sum += count

    def try_spend(self, now: float) -> bool:
        """Take one retry out of the budget; False: there is none left, do not retry."""
        if not self.can_spend(now):
            return False
        self._spent[self._slot(now)] += 1
        self._spent_sum += 1
        return True

    def can_spend(self, now: float) -> bool:
        """Whether ``try_spend`` would say yes; takes nothing."""
        self._slot(now)
        return self._spent_sum + 1 <= self._ratio * self._calls_sum + self._per_window

    def _slot(self, now: float) -> int:
        """Place of the current slot; forgets those that have become too old."""
        number = math.floor(now / self._slot_s)
        if self._now is None:
            self._now = number
        for old in range(self._now + 1, min(number, self._now + self._SLOTS) + 1):
            place = old % self._SLOTS
            self._calls_sum -= self._calls[place]
            self._spent_sum -= self._spent[place]
            self._calls[place] = self._spent[place] = 0
        self._now = max(self._now, number)
        return self._now % self._SLOTS


class JobBudget:
    """How often a job may send again what nodes have turned away: ``ratio`` of its chunks and `per_second`.

    Over the whole job: all its attempts are at most (1 + ratio) x chunks + per_second x seconds. Some may be sent
    again at the very beginning, on the account of the first half second, or short jobs would wait for nothing.
    """

    __slots__ = ("_began", "_chunks", "_per_second", "_ratio", "_spent")

    def __init__(self, ratio: float = 0.2, per_second: float = 10.0) -> None:
        self._ratio = ratio
        self._per_second = per_second
        self._began = 0.0
        self._chunks = 0
        self._spent = 0

    def start(self, now: float) -> None:
        """The job begins."""
        self._began = now

    def on_chunk(self) -> None:
        """A chunk was sent for the first time."""
        self._chunks += 1

    def try_spend(self, now: float) -> bool:
        """Take one out of the budget; False: there is none left now."""
        if self.next_at(now) > now:
            return False
        self._spent += 1
        return True

    def next_at(self, now: float) -> float:
        """When the next one may be sent; a time that has gone by: at once."""
        wanted = self._spent + 1 - self._ratio * self._chunks
        if wanted <= self._per_second / 2:
            return now
        # A little late rather than early, where rounding would have the timer come for nothing.
        return self._began + wanted / self._per_second + 1e-6
