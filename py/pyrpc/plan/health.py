"""Whether a node is worth a single call, from what came of the last ones. Jobs keep their own record (scheduler.py)."""

from __future__ import annotations

import math
from collections.abc import Sequence

BACKOFF_MIN_S = 0.1
BACKOFF_MAX_S = 5.0


class NodeHealth:
    """Up, or down for a while that doubles from 0.1 s to 5 s with each failure in a row.

    After that while one call, the probe, may try the node; the others stay away until it has ended. A probe of
    which nothing is heard counts as failed after `backoff_max_s`.

    Parameters
    ----------
    backoff_s, backoff_max_s : float
        The first and the longest time down, in seconds.

    Notes
    -----
    Report only failures that tell of the node (refused, lost), not those of the call. Not thread-safe.
    """

    __slots__ = ("_backoff_max_s", "_backoff_s", "_down_until", "failures")

    def __init__(self, backoff_s: float = BACKOFF_MIN_S, backoff_max_s: float = BACKOFF_MAX_S) -> None:
        self._backoff_s = backoff_s
        self._backoff_max_s = backoff_max_s
        self._down_until = -math.inf
        self.failures = 0

    @property
    def is_up(self) -> bool:
        """Whether the last call that was heard of went well (or there was none)."""
        return self.failures == 0

    @property
    def down_until(self) -> float:
        """When the next probe may go; -inf while the node is up."""
        return self._down_until

    def usable(self, now: float) -> bool:
        """Whether a call may go there: up, or due for a probe."""
        return self.failures == 0 or now >= self._down_until

    def on_call(self, now: float) -> None:
        """A call goes there; to a node that is down it is the probe, and others wait for its end."""
        if self.failures and now >= self._down_until:
            self._down_until = now + self._backoff_max_s

    def on_success(self) -> None:
        """The node answered, be it by an error of the stage."""
        self.failures = 0
        self._down_until = -math.inf

    def on_failure(self, now: float) -> None:
        """The node could not be reached, or was lost."""
        wait_s = min(self._backoff_max_s, self._backoff_s * 2.0 ** min(self.failures, 62))
        self.failures += 1
        self._down_until = now + wait_s

    def hold(self, until: float) -> None:
        """Somebody is asking a node that is down: no call is the probe before that moment. Nothing while it is up."""
        if self.failures:
            self._down_until = max(self._down_until, until)


def usable_nodes(healths: Sequence[NodeHealth], now: float) -> list[int]:
    """Indexes of the nodes a call may go to; all of them when none is usable.

    Panic, as Envoy calls it: when everything seems to be down, the record is more likely wrong than right, and a
    call that is not sent fails for sure.
    """
    usable = [index for index, health in enumerate(healths) if health.usable(now)]
    return usable or list(range(len(healths)))
