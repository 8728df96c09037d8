"""Time: a clock that tests can turn, and deadlines made of it.

A deadline is a point on the monotonic clock of this process. On the wire goes the time that is left, in
milliseconds, since two machines share no clock.
"""

from __future__ import annotations

import math
import time
from typing import Protocol


class Clock(Protocol):
    """What tells the time; ``pyrpc.testing.FakeClock`` is another one."""

    def monotonic(self) -> float:
        """Seconds since some fixed moment; never goes back."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class MonotonicClock:
    """The clock of this process."""

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


SYSTEM_CLOCK = MonotonicClock()


class Deadline:
    """A moment after which a call is of no use; one deadline spans all attempts.

    Parameters
    ----------
    timeout_s : float or None
        Seconds from now; None: never.
    clock : Clock, optional
        What tells the time.
    """

    __slots__ = ("_clock", "at")

    def __init__(self, timeout_s: float | None, clock: Clock = SYSTEM_CLOCK) -> None:
        self._clock = clock
        # Straight to the clock where it is the system's: one is made for each call.
        now = time.monotonic() if clock is SYSTEM_CLOCK else clock.monotonic()
        self.at = math.inf if timeout_s is None else now + timeout_s

    @classmethod
    def after(cls, began: float, timeout_s: float | None) -> Deadline:
        """A deadline on the system's clock, timeout_s after a moment that was."""
        deadline = cls(None)
        deadline.at = math.inf if timeout_s is None else began + timeout_s
        return deadline

    def remaining_s(self) -> float:
        """Seconds left, never below 0; ``inf`` without a limit."""
        if self.at == math.inf:
            return math.inf
        return max(0.0, self.at - self._clock.monotonic())

    def remaining_ms(self) -> int | None:
        """Whole milliseconds left as the wire wants them, at least 0; None without a limit."""
        if self.at == math.inf:
            return None
        return max(0, math.ceil((self.at - self._clock.monotonic()) * 1000))

    @property
    def is_over(self) -> bool:
        """Whether the time is up."""
        return self.at != math.inf and self._clock.monotonic() >= self.at
