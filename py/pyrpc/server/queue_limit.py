"""How many calls may wait: as many as get their turn while their callers still have use for it. Pure: time is given.

A queue that is only bounded by a number does harm when more comes than can be done for longer than a moment: it fills
up, every call waits for most of its time, and what the node does is done for callers that are gone. So the limit
follows what waiting costs, as TCP and Netflix's concurrency-limits do (Gradient; Vegas): each call that waited tells
what share of its time that took. Above a limit of that share the queue is cut in proportion, below half of it the
limit grows by one a call. What counts is the share and not milliseconds: a job whose chunks may take a minute is not
overload where an interactive call that has 100 ms is.
"""

from __future__ import annotations

# More than that of its time should no call wait: the rest is for running, the ways, and another try elsewhere.
_SHARE = 0.4
# Within one reaction; a single odd call must not empty the queue.
_LEAST_GRADIENT = 0.5
# What a call that sets no limit is taken to have: what Thrift clients are commonly given.
UNSAID_S = 30.0
# After so long without anybody waiting, what was learnt of the last overload is of no use.
_CALM_S = 1.0


class QueueLimit:
    """Calls that may wait, from 1 to ``most``; begins with ``most``. Not thread-safe.

    Parameters
    ----------
    most : int
        What it never exceeds; 0: nobody ever waits.
    """

    __slots__ = ("_settled_at", "_waited_at", "most", "value")

    def __init__(self, most: int) -> None:
        self.most = most
        self.value = most
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
        most_s = _SHARE * (UNSAID_S if given_s is None else given_s)
        if waited_s > most_s:
            if now >= self._settled_at:
                gradient = max(_LEAST_GRADIENT, most_s / waited_s)
                self.value = max(min(1, self.most), min(self.value, int((ahead + 1) * gradient)))
                self._settled_at = now + waited_s
        elif waited_s < most_s / 2 and self.value < self.most:
            self.value += 1
