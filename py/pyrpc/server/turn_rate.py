"""How fast a queue moves, measured while calls wait in it. Pure: time is given."""

from __future__ import annotations

# Turns that are remembered, about: a few rounds of the usual eight threads.
_KEPT = 1 - 1 / 32


class TurnRate:
    """Seconds from one turn to the next; the same as mean time of a call / threads. Not thread-safe.

    Measured are the turns and not the calls: that costs nothing where nobody waits, and tells the truth also where
    calls of different kinds take turns, or get in each other's way.

    Parameters
    ----------
    threads : int
        Calls that run at the same time.
    """

    __slots__ = ("_since", "_threads", "_time_s", "_turns")

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._since = 0.0
        # Sums that fade: their quotient is the mean.
        self._time_s = 0.0
        self._turns = 0.0

    def begin(self, now: float) -> None:
        """A call begins to wait where nobody did."""
        self._since = now

    def turn(self, now: float) -> None:
        """A call that waited gets its turn."""
        self._time_s = self._time_s * _KEPT + now - self._since
        self._turns = self._turns * _KEPT + 1
        self._since = now

    @property
    def is_measured(self) -> bool:
        """Whether a call that waited has had its turn."""
        return self._turns > 0

    def wait_s(self, ahead: int, now: float) -> float:
        """How long a call will wait that has so many before it; 0 while nothing is known.

        If no turn came for longer than usual, it is that which counts: calls may have come to take longer. All the
        threads may end together, so the time since the last turn is shared out among them.
        """
        usual_s = self._time_s / self._turns if self._turns else 0.0
        return (ahead + 1) * max(usual_s, (now - self._since) / self._threads)
