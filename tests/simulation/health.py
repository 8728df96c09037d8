"""Single calls to nodes that fail by chance: who is ejected, who may be called, and who comes back."""

from __future__ import annotations

from collections.abc import Callable

from tests.simulation.chance import Chance
from tests.simulation.job import FOREVER
from tests.simulation.rules import must

from pyrpc.plan.health import NodeHealth
from pyrpc.plan.outlier import Outliers

EJECTION_S, EJECTION_MAX_S, SLOW_START_S, SLOW_START_SHARE, IN_ROW = 30.0, 300.0, 30.0, 0.1, 5


class Healths:
    """A client's nodes, from a seed.

    Parameters
    ----------
    seed : int
    make : callable
        The record of outliers, or a broken one.
    """

    def __init__(self, seed: int, make: Callable[[list[NodeHealth]], Outliers] = Outliers) -> None:
        self.chance = chance = Chance(seed ^ 0x4EA17)
        self.count = 1 + chance.below(10)
        self.healths = [NodeHealth() for _ in range(self.count)]
        self.outliers = make(self.healths)
        self.fails = [chance.choice((0.0, 0.0, 0.02, 0.3, 1.0)) for _ in range(self.count)]
        self.steps = chance.choice((15, 30, 30, 80))
        # So many calls at once that shares of successes can be compared.
        self.burst = chance.choice((0,) * 19 + (25,))
        self.now = 0.0
        self.until: list[float] = [-FOREVER] * self.count
        self.probe_until: list[float] = [-FOREVER] * self.count
        self.was_ejected = [False] * self.count
        self.in_row = [0] * self.count
        self.is_told = False

    def run(self) -> Healths:
        """All steps; Broken if a rule does not hold."""
        for _ in range(self.steps):
            self._step()
            self._check()
        return self

    def _step(self) -> None:
        chance = self.chance
        self.now += chance.choice((0.0, 0.001, 0.5, 2.0, 11.0, 31.0, 100.0))
        if chance.happens(0.05):
            self.fails[chance.below(self.count)] = chance.choice((0.0, 1.0))
        usable = self.outliers.usable(self.now, chance)
        self._check_ejections()
        self._forget_if_calm()
        self._check_usable(usable)
        self._call(chance.choice(usable))
        if self.burst and chance.happens(0.05):
            for node in range(self.count):
                for _ in range(self.burst * 5):
                    self._end(node)

    def _call(self, node: int) -> None:
        is_over = self.until[node] <= self.now
        self.outliers.on_call(node, self.now)
        if self.outliers.is_ejected(node) and is_over:
            self.probe_until[node] = self.now + EJECTION_S
        if not self.chance.happens(0.05):  # of the others nothing is heard
            self._end(node)

    def _end(self, node: int) -> None:
        outliers = self.outliers
        before = outliers.is_ejected(node)
        is_over = self.until[node] <= self.now
        if self.chance.uniform() < self.fails[node]:
            self.is_told = True
            self.in_row[node] += 1
            outliers.on_failure(node, self.now, is_lost=self.chance.happens(0.3))
            after = outliers.is_ejected(node)
            must(after or not before, "a failure brings no node back", node)
            if self.in_row[node] >= IN_ROW and not before and 2 * (sum(self.was_ejected) + 1) <= self.count:
                must(after, "five failures in a row eject", node, self.in_row)
        else:
            self.in_row[node] = 0
            outliers.on_success(node, self.now)
            if before:
                must(outliers.is_ejected(node) != is_over, "a node is back by its probe, not before", node)
                if not outliers.is_ejected(node):
                    share = outliers.share(node, self.now)
                    must(share == SLOW_START_SHARE, "a node comes back slowly", share)
        self._check_ejections()
        self._forget_if_calm()

    def _forget_if_calm(self) -> None:
        """Where nothing is left to watch, failures in a row are forgotten."""
        if self.outliers.is_calm:
            self.in_row = [0] * self.count

    def _check_ejections(self) -> None:
        """After each report: who was ejected by it, and for how long."""
        outliers = self.outliers
        for node in range(self.count):
            is_ejected, until = outliers.is_ejected(node), outliers.ejected_until(node)
            if is_ejected and until != self.until[node]:
                rest_s = until - self.now
                must(rest_s <= EJECTION_MAX_S + 1e-6, "no ejection is longer than 300 s", rest_s)
                must(rest_s >= EJECTION_S - 1e-6, "no ejection is shorter than 30 s", rest_s)
                must(self.is_told, "nobody is ejected who never failed", node)
                self.probe_until[node] = -FOREVER
                self.in_row[node] = 0
            self.until[node] = until
            self.was_ejected[node] = is_ejected
        ejected = sum(self.was_ejected)
        must(2 * ejected <= self.count, "at most half are ejected", ejected, self.count)
        must(ejected < self.count, "the last node is never ejected", ejected, self.count)

    def _check_usable(self, usable: list[int]) -> None:
        must(bool(usable), "some node may always be called")
        must(usable == sorted(set(usable)) and usable[0] >= 0 and usable[-1] < self.count, "nodes, each once", usable)
        reachable = [node for node in range(self.count) if self.healths[node].usable(self.now)]
        healthy = [node for node in reachable if not self.outliers.is_ejected(node)]
        if not reachable:
            must(len(usable) == self.count, "when none can be reached all are tried", usable)
            return
        must(set(usable) <= set(reachable), "what cannot be reached is not called", usable, reachable)
        if 2 * len(healthy) < self.count:
            must(usable == reachable, "with less than half healthy, ejections are ignored", usable, reachable)
            return
        for node in usable:
            if self.outliers.is_ejected(node):
                must(self.now >= self.until[node], "an ejected node is not called before its time", node)
                must(self.now >= self.probe_until[node], "one call is the probe", node)

    def _check(self) -> None:
        for node in range(self.count):
            share = self.outliers.share(node, self.now)
            is_in_range = SLOW_START_SHARE <= share <= 1.0
            must(share == 0.0 if self.was_ejected[node] else is_in_range, "shares are 0 or 0.1 to 1", node, share)
