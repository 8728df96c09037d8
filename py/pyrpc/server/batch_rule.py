"""When a batch is sent: the rule alone, told of what happens and of the time.

A call waits for others only if there are others. Whoever comes to an empty stage goes at once; while calls of the same
kind run or wait, or if as many as lately are about to come back, it waits for them, ``max_delay_s`` at most. So a
caller by itself never waits (once, after a time with others), and callers in a loop, each of which sends its next
call when it has the answer to its last, come together in one batch that goes as soon as the last of them is there.
"""

from __future__ import annotations

import enum
import math


class Reason(str, enum.Enum):
    """Why a batch was sent."""

    FULL = "full"
    DELAY = "delay"
    NOBODY_ELSE = "nobody_else"
    DRAIN = "drain"
    INCOMPATIBLE = "incompatible"


class Lane:
    """The calls of one stage that fit together, of which at most one batch is open. No clock, no lock, no threads.

    Parameters
    ----------
    max_rows : int
        Rows of a batch at most.
    max_delay_s : float
        How long a batch stays open at most, in seconds.

    Attributes
    ----------
    inside : int
        Calls that wait or run, those of the open batch included.
    calls, rows : int
        Of the open batch.
    until : float
        When the open batch goes at the latest.
    """

    __slots__ = ("_left_at", "_most", "calls", "inside", "is_open", "max_delay_s", "max_rows", "rows", "until")

    def __init__(self, max_rows: int, max_delay_s: float) -> None:
        self.max_rows = max_rows
        self.max_delay_s = max_delay_s
        self.inside = 0
        self.is_open = False
        self.calls = self.rows = 0
        self.until = math.inf
        # The most that were inside since the last batch went.
        self._most = 0
        self._left_at = -math.inf

    def fits(self, rows: int) -> bool:
        """Whether there is a batch with room for so many rows."""
        return self.is_open and self.rows + rows <= self.max_rows

    def add(self, rows: int, now: float) -> None:
        """A call comes in, to the open batch or to a new one. Where it does not fit the open one is sent before."""
        if not self.is_open:
            self.is_open = True
            self.calls = self.rows = 0
            self.until = now + self.max_delay_s
        self.calls += 1
        self.rows += rows
        self.inside += 1
        self._most = max(self._most, self.inside)

    def expected(self, now: float) -> int:
        """Calls that are likely to come to the open batch: as many as there were lately, if that was just now."""
        return self._most if now - self._left_at <= self.max_delay_s else 1

    def verdict(self, now: float, *, is_draining: bool, has_others: bool) -> Reason | None:
        """Why the open batch is to be sent now; None: it waits, until ``until`` if nothing happens before.

        Parameters
        ----------
        has_others : bool
            Whether other calls of the stage are there that do not fit with these.
        """
        if self.rows >= self.max_rows:
            return Reason.FULL
        if is_draining:
            return Reason.DRAIN
        if self.max_delay_s and now >= self.until:
            # Also if those that were expected are by now too long ago to be waited for.
            return Reason.DELAY
        if self.calls >= self.inside and self.calls >= self.expected(now):
            return Reason.INCOMPATIBLE if has_others and self.calls == 1 else Reason.NOBODY_ELSE
        return Reason.DELAY if now >= self.until else None

    def send(self) -> None:
        """The open batch takes no more calls."""
        self.is_open = False
        self._most = self.inside

    def withdraw(self, rows: int) -> None:
        """A call leaves the open batch."""
        self.calls -= 1
        self.rows -= rows
        self.inside -= 1

    def leave(self, calls: int, now: float) -> None:
        """So many calls have their answers."""
        self.inside -= calls
        self._left_at = now
