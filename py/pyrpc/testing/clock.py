"""A clock that stands still until a test turns it."""

from __future__ import annotations

import math
import threading


class FakeClock:
    """Time for tests: a :class:`pyrpc.deadline.Clock` that nobody waits for. Thread-safe.

    Parameters
    ----------
    now_s : float
        What ``monotonic`` tells at first, in seconds.

    Attributes
    ----------
    sleeps : list of float
        Seconds of every ``sleep``, in order.

    Examples
    --------
    >>> from pyrpc.deadline import Deadline
    >>> clock = FakeClock()
    >>> deadline = Deadline(1.5, clock)
    >>> clock.advance(1.0)
    >>> deadline.remaining_ms()
    500
    """

    def __init__(self, now_s: float = 0.0) -> None:
        self._now_s = float(now_s)
        self._lock = threading.Lock()
        self.sleeps: list[float] = []

    def monotonic(self) -> float:
        """Seconds since some fixed moment; changes only by ``advance`` and ``sleep``."""
        return self._now_s

    def sleep(self, seconds: float) -> None:
        """Turn the clock on by seconds and return at once; negative counts as 0, as in an event loop."""
        self.sleeps.append(seconds)
        self.advance(max(0.0, seconds))

    def advance(self, seconds: float) -> None:
        """Turn the clock on.

        Raises
        ------
        ValueError
            seconds is negative or no number: a monotonic clock never goes back.
        """
        if not 0 <= seconds < math.inf:
            raise ValueError(f"a monotonic clock cannot be turned on by {seconds} s")
        with self._lock:
            self._now_s += seconds
