"""How many pieces a node may have in flight: found out by trying, from a few on.

Two are enough where a node runs one piece at a time: one runs while the next one travels. A node that runs eight at the
same time needs eight, which nobody has told the client; and pieces that run side by side may share one core or the GIL,
so that more of them gain nothing. So the window doubles as long as that raises the node's rows per second.
"""

from __future__ import annotations

import math

# Where the caller asks for no window: at first; at most; and on all nodes together, as each attempt has a thread.
FIRST = 2
MOST = 16
MOST_IN_FLIGHT = 256
# Rows per second must grow at least so much when the window doubles.
GAIN = 1.25
# A trial has at least so many pieces, and as many as fill the window twice.
TRIAL_PIECES = 8
# Pieces of a trial are at most so much smaller than the largest one: small ones go slower whatever the window.
SPREAD = 4
# A piece waited if it did so for at least this share of the time that it ran.
WAITED = 0.25
# How much of the past counts, a piece ago.
KEEP = 0.85


def most_window(nodes: int) -> int:
    """To how many the window may grow on each of so many nodes."""
    return min(MOST, MOST_IN_FLIGHT // nodes)


class NodeWindow:
    """The window of one node of a job.

    Parameters
    ----------
    size : int
        Pieces in flight at first.
    most : int
        At most; no more than size: it stays as it is.

    Attributes
    ----------
    size : int
        Pieces in flight now, at most.
    most : int
        What size may become.
    is_settled : bool
        Whether it has found its size.
    lanes : int
        How many pieces run at the same time.
    width : float
        How many times longer a piece runs than it adds to its node: what pieces ran over what they added, of those that
        were not alone there; 1.0 with one lane.
    """

    __slots__ = (
        "_added", "_base", "_before", "_count", "_largest", "_ran", "_rows", "_since", "_skip", "_smallest",
        "is_settled", "lanes", "most", "size", "width",
    )  # fmt: skip

    def __init__(self, size: int, most: int) -> None:
        self.size = size
        self.is_settled = most <= size
        self.most = max(size, most)
        self.lanes = 1
        self.width = 1.0
        self._ran = self._added = 0.0
        self._base = 0.0
        self._before = size
        self._skip = 0
        self._largest = 0
        self._since: float | None = None
        self._count = self._rows = 0
        self._smallest = math.inf

    def again(self) -> NodeWindow:
        """The same for another job: what was found is kept, and a trial begins anew."""
        other = NodeWindow(self.size, self.most)
        other.is_settled, other._base, other._before = self.is_settled, self._base, self._before
        other.lanes, other.width, other._ran, other._added = self.lanes, self.width, self._ran, self._added
        return other

    def ran_beside(self, service_s: float, added_s: float) -> None:
        """A piece that was not alone ran so long, and added so much to its node; in seconds."""
        self._ran = self._ran * KEEP + service_s
        self._added = self._added * KEEP + added_s
        width = self._ran / max(self._added, 1e-9)
        self.lanes = max(1, min(self.size, int(width + 0.5)))
        self.width = min(width, float(self.size)) if self.lanes > 1 else 1.0

    def done(self, rows: int, in_flight: int, now: float, *, waited: bool = False) -> None:
        """A piece is done.

        Parameters
        ----------
        rows : int
            Its rows.
        in_flight : int
            Pieces that were in flight there, this one included.
        now : float
            The time.
        waited : bool
            Whether it waited on the node for its turn: then more than before are of no use.
        """
        if self.is_settled:
            return
        if waited and self._base > 0:
            self.size = self._before
            self.is_settled = True
            return
        self._largest = max(self._largest, rows)
        if in_flight < self.size:
            # What a node does that could do more tells nothing.
            self._begin(None)
        elif self._skip:
            self._skip -= 1
        elif self._since is None:
            self._begin(now)
        else:
            self._count += 1
            self._rows += rows
            self._smallest = min(self._smallest, rows)
            if self._largest > SPREAD * self._smallest:
                self._begin(now)
            elif self._count >= max(TRIAL_PIECES, 2 * self.size):
                self._judge(self._rows / max(now - self._since, 1e-9))

    def _begin(self, since: float | None) -> None:
        self._since = since
        self._count = self._rows = 0
        self._smallest = math.inf

    def _judge(self, rows_per_s: float) -> None:
        """The end of a trial."""
        self._begin(None)
        if rows_per_s < GAIN * self._base:
            self.size = self._before
            self.is_settled = True
        elif self.lanes < self.size or self.size == self.most:
            self.is_settled = True
        else:
            self._base = rows_per_s
            self._before = self.size
            self.size = self._skip = min(2 * self.size, self.most)
