"""How many calls may wait: as many as get their turn while their callers still have use for it. Pure: time is given.

A queue that is only bounded by a number does harm when more comes than can be done for longer than a moment: it fills
up, every call waits for most of its time, and what the node does is done for callers that are gone. So the limit
follows what waiting costs, as TCP and Netflix's concurrency-limits do (Gradient; Vegas): each call that waited tells
what share of its time that took. Above a limit of that share the queue is cut in proportion, below half of it the
limit grows by one a call. What counts is the share and not milliseconds: a job whose chunks may take a minute is not
overload where interactive calls that have 100 ms are. One caller in a hurry among patient ones is none either: it
counts as if it had as much time as calls have on average, and is refused by itself, by the rate of turns
(admission.py).
"""

from __future__ import annotations

# More than that of its time should no call wait: the rest is for running, the ways, and another try elsewhere.
_SHARE = 0.4
# Within one reaction; a single odd call must not empty the queue.
_LEAST_GRADIENT = 0.5
# What a call that sets no limit is taken to have: what Thrift clients are commonly given.
UNSAID_S = 30.0
# A new call's share in the average of the time that calls have, and what one counts for at most.
_NEW_WEIGHT, _MOST_COUNTED_S = 0.1, 600.0
# After so long without anybody waiting, what was learnt of the last overload is of no use.
_CALM_S = 1.0


class QueueLimit:
    """Calls that may wait, from ``least`` to ``most``; begins with ``most``. Not thread-safe.

    Parameters
    ----------
    most : int
        What it never exceeds; 0: nobody ever waits.
    least : int
        What it is never cut below: the node's threads, or some of them would idle between two calls.
    """

    __slots__ = ("_least", "_settled_at", "_usual_s", "_waited_at", "most", "value")

    def __init__(self, most: int, least: int = 1) -> None:
        self.most = most
        self.value = most
        self._least = min(least, most)
        # What calls have on average; None: none waited.
        self._usual_s: float | None = None
        # A cut shows only once the calls that wait now are through.
        self._settled_at = float("-inf")
        self._waited_at = float("-inf")

    def on_first(self, now: float) -> None:
        """A call is to wait, the first one after a time in which nobody did; now in seconds."""
        if now - self._waited_at > _CALM_S:
            self.value = self.most

    def on_waited(self, now: float, ahead: int, waited_s: float, given_s: float | None) -> None:
        """A call got its turn, or its time was over before.

        Parameters
        ----------
        ahead : int
            Calls that waited before it when it came.
        waited_s : float
            How long it waited.
        given_s : float, optional
            The time that it had when it came; None: it set no limit.
        """
        self._waited_at = now
        most_s = _SHARE * self._patience_s(UNSAID_S if given_s is None else given_s)
        if waited_s > most_s:
            # The next in line waits for calls that run; that tells nothing of the queue.
            if ahead and now >= self._settled_at:
                gradient = max(_LEAST_GRADIENT, most_s / waited_s)
                self.value = max(self._least, min(self.value, int((ahead + 1) * gradient)))
                self._settled_at = now + waited_s
        elif waited_s < most_s / 2 and self.value < self.most:
            self.value += 1

    def _patience_s(self, given_s: float) -> float:
        counted_s = min(given_s, _MOST_COUNTED_S)
        usual_s = counted_s if self._usual_s is None else self._usual_s
        self._usual_s = usual_s + _NEW_WEIGHT * (counted_s - usual_s)
        return max(given_s, self._usual_s)
