"""Outlier ejection: a node that fails where others do not gets no single calls for a while.

As Envoy and gRPC (A50) do it, over the backoff of `pyrpc.plan.health`, which answers within a tenth of a second for
a node that cannot be reached at all:

1. A node is ejected after 5 failures in a row, or when in an interval of 10 s its share of successes lies 1.9 standard
   deviations below the mean of the nodes (at least 5 of them with at least 100 calls each).
2. For 30 s x n, at most 300 s; n counts its ejections, and goes down by one for each 30 s that it served since.
3. Never more than half of the nodes at once, rounded down, so never the last one.
4. Then one call is the probe. If it succeeds the node is back: its share grows from 10% to all in 30 s. If it fails the
   node is ejected again.
5. Panic: when less than half of the nodes are healthy (neither ejected nor in backoff), ejections are ignored: what
   few are left would fall over next. A node in backoff stays out as long as there is another, since nothing listens
   there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from pyrpc.plan.health import NodeHealth
from pyrpc.plan.prng import SplitMix64

FAILURES_IN_ROW = 5
INTERVAL_S = 10.0
SIGMAS = 1.9
MIN_NODES = 5
MIN_CALLS = 100
EJECTION_S = 30.0
EJECTION_MAX_S = 300.0
SLOW_START_S = 30.0
SLOW_START_SHARE = 0.1


class _Record:
    """What is remembered of one node."""

    __slots__ = (
        "calls",
        "ejected_until",
        "ejections",
        "failures",
        "in_row",
        "is_ejected",
        "probe_until",
        "served_since",
    )

    def __init__(self) -> None:
        self.in_row = 0
        # Of the current interval.
        self.calls = 0
        self.failures = 0
        self.is_ejected = False
        self.ejected_until = -math.inf
        # Another probe may go after that, if nothing was heard of the last one.
        self.probe_until = -math.inf
        self.ejections = 0
        # Since when it is back; it is in slow start for the first 30 s.
        self.served_since = -math.inf


class Outliers:
    """Which of a client's nodes may get a single call. Pure: time is given. Not thread-safe.

    Nodes are named by their index. While ``is_calm`` nothing needs to be asked or told but failures.

    Parameters
    ----------
    healths : sequence of NodeHealth
        One a node; told of node losses here.
    """

    __slots__ = ("_healths", "_interval_end", "_records", "_restless_until", "is_calm")

    def __init__(self, healths: Sequence[NodeHealth]) -> None:
        self._healths = healths
        self._records = [_Record() for _ in healths]
        self._interval_end = -math.inf
        self._restless_until = -math.inf
        self.is_calm = True

    # -- what happened

    def on_call(self, node: int, now: float) -> None:
        """A call goes to a node; the first to one whose ejection is over is the probe."""
        record = self._records[node]
        if record.is_ejected and now >= record.ejected_until:
            record.probe_until = now + EJECTION_S
        self._healths[node].on_call(now)

    def on_success(self, node: int, now: float) -> None:
        """A node answered, be it by an error of the stage."""
        self._healths[node].on_success()
        if self.is_calm:
            return
        record = self._records[node]
        record.in_row = 0
        record.calls += 1
        # In panic a node may answer before its time is over: that is no reason to shorten it.
        if record.is_ejected and now >= record.ejected_until:
            record.is_ejected = False
            record.served_since = now
        self._turn(now)

    def on_failure(self, node: int, now: float, *, is_lost: bool) -> None:
        """A node failed, by its own fault. is_lost: it could not be reached or broke off, so it gets a backoff."""
        if is_lost:
            self._healths[node].on_failure(now)
        self._watch(now)
        record = self._records[node]
        record.in_row += 1
        record.calls += 1
        record.failures += 1
        if record.is_ejected:
            if now >= record.ejected_until:
                self._eject(record, now)
        elif record.in_row >= FAILURES_IN_ROW and self._may_eject():
            self._eject(record, now)
        self._turn(now)

    def on_ping(self, node: int, now: float, is_there: bool) -> None:
        """A node answered a ping, or did not. That tells whether it is there, and nothing of what its calls do."""
        if is_there:
            self._healths[node].on_success()
        else:
            self._healths[node].on_failure(now)
            self._watch(now)

    # -- who may be called

    def usable(self, now: float, prng: SplitMix64) -> list[int]:
        """Nodes a call may go to, never none. One draw for each node in slow start."""
        self._turn(now)
        reachable = [node for node, health in enumerate(self._healths) if health.usable(now)]
        if not reachable:
            # The record is more likely wrong than right, and a call that is not sent fails for sure.
            return list(range(len(self._records)))
        healthy = [node for node in reachable if not self._records[node].is_ejected]
        if 2 * len(healthy) < len(self._records):
            return reachable
        chosen = [node for node in reachable if self._may_call(self._records[node], now, prng)]
        return chosen or healthy

    def share(self, node: int, now: float) -> float:
        """Share of a full node's calls that it gets: 0 while ejected, 0.1 to 1 in slow start, else 1."""
        record = self._records[node]
        if record.is_ejected:
            return 0.0
        served = (now - record.served_since) / SLOW_START_S
        return min(1.0, max(SLOW_START_SHARE, served))

    def is_ejected(self, node: int) -> bool:
        """Whether a node is ejected, or waits for the end of its probe."""
        return self._records[node].is_ejected

    def in_doubt(self, node: int) -> bool:
        """Whether the last call to it that was told of failed."""
        return self._records[node].in_row > 0

    def ejected_until(self, node: int) -> float:
        """When its probe may go; -inf if it was never ejected."""
        return self._records[node].ejected_until

    # -- inside

    def _watch(self, now: float) -> None:
        """Not calm, for a while at least."""
        if self.is_calm:
            self.is_calm = False
            self._interval_end = now + INTERVAL_S
        self._restless_until = now + 2 * INTERVAL_S

    def _may_call(self, record: _Record, now: float, prng: SplitMix64) -> bool:
        if record.is_ejected:
            return now >= record.ejected_until and now >= record.probe_until
        served_s = now - record.served_since
        # The node is left out of so many picks, rather than given a smaller weight: that works for any policy.
        return served_s >= SLOW_START_S or prng.uniform() < max(SLOW_START_SHARE, served_s / SLOW_START_S)

    def _may_eject(self) -> bool:
        ejected = sum(record.is_ejected for record in self._records)
        return 2 * (ejected + 1) <= len(self._records)

    def _eject(self, record: _Record, now: float) -> None:
        if not record.is_ejected and record.ejections:
            record.ejections = max(0, record.ejections - int((now - record.served_since) / EJECTION_S))
        record.ejections += 1
        record.is_ejected = True
        record.ejected_until = now + min(EJECTION_MAX_S, EJECTION_S * record.ejections)
        record.probe_until = -math.inf
        record.in_row = 0

    def _turn(self, now: float) -> None:
        """Close an interval that is over; be calm again when there is nothing left to watch."""
        if self.is_calm or now < self._interval_end:
            return
        self._eject_below_mean(now)
        for record in self._records:
            record.calls = record.failures = 0
        self._interval_end = now + INTERVAL_S
        self.is_calm = now >= self._restless_until and all(
            not record.is_ejected and now - record.served_since >= SLOW_START_S and health.is_up
            for record, health in zip(self._records, self._healths, strict=True)
        )
        if self.is_calm:
            for record in self._records:
                record.in_row = 0

    def _eject_below_mean(self, now: float) -> None:
        rates = [
            (1.0 - record.failures / record.calls, record) for record in self._records if record.calls >= MIN_CALLS
        ]
        if len(rates) < MIN_NODES:
            return
        mean = math.fsum(rate for rate, _ in rates) / len(rates)
        sigma = math.sqrt(math.fsum((rate - mean) ** 2 for rate, _ in rates) / len(rates))
        for rate, record in rates:
            # Nodes that are alike have a tiny sigma, and then some node is always 1.9 of it below: no less than
            # what chance alone does to so many calls.
            chance = math.sqrt(max(0.0, mean * (1.0 - mean)) / record.calls)
            if rate < mean - SIGMAS * max(sigma, chance) and not record.is_ejected and self._may_eject():
                self._eject(record, now)
