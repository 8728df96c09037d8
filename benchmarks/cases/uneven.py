"""What the benchmarks of jobs on uneven nodes share: the fleets, the ideal, the rounds.

The ideal is the work over the sum of all speeds: nobody can be faster, and a grid of whole pieces cannot even reach it.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..harness.contest import OURS as PYRPC
from ..harness.contest import leave_out, open_numbered
from ..harness.outcome import Outcome, Series
from ..harness.placement import Placement
from ..harness.processes import ChildFailedError, Driver, sharp_timers
from ..harness.rounds import interleave

NODES = 4
TIMES = 5.0
UNIT = "x ideal"
# How many of the nodes are slow.
SLOW = (1, 2)
OURS = "pyrpc min_max"
_PULL: dict[str, dict[str, Any]] = {"pyrpc pull": {"policy": "pull"}}
_NEW: dict[str, dict[str, Any]] = {"pyrpc min_max, new client": {"is_cold": True}}
# Ways to run the job, by the number of slow nodes; a new client costs the same whatever the nodes.
OPTIONS: dict[int, dict[str, dict[str, Any]]] = {1: {OURS: {}, **_NEW, **_PULL}, 2: {OURS: {}, **_PULL}}

Contender = tuple[Series, Callable[[], list[float]]]


@dataclass(frozen=True)
class Work:
    """So many rows of so many seconds each."""

    rows: int
    row_s: float

    def ideal_s(self, slow: int) -> float:
        """With so many slow nodes among all."""
        return self.rows * self.row_s / (NODES - slow + slow / TIMES)

    def best_pieces_s(self, slow: int) -> float:
        """The same where rows are indivisible: the best of all ways to share them out."""
        ends = sorted(
            {self.row_s * rows for rows in range(self.rows + 1)}
            | {TIMES * self.row_s * rows for rows in range(self.rows + 1)}
        )
        return next(end for end in ends if self._done_by(end, slow) >= self.rows)

    def _done_by(self, end_s: float, slow: int) -> int:
        fast_each, slow_each = int(end_s / self.row_s + 1e-9), int(end_s / self.row_s / TIMES + 1e-9)
        return (NODES - slow) * fast_each + slow * slow_each


def prefix(slow: int) -> str:
    """Which of the two cases a series belongs to."""
    return f"{slow} of {NODES} slow: "


def open_ours(stack: ExitStack, outcome: Outcome, placement: Placement) -> Driver | None:
    """pyrpc's nodes and a client."""
    return open_numbered(stack, outcome, PYRPC, "sleeping", NODES, placement).driver


def contender(
    outcome: Outcome, name: str, driver: Driver | None, work: Work, slow: int, **options: Any
) -> list[Contender]:
    """A series of makespans as multiples of the ideal, and how it is measured; none without a driver."""
    if driver is None:
        return []
    series = outcome.add(prefix(slow) + name, UNIT)
    named = {"rows": work.rows, "row_s": work.row_s, "slow": slow, "times": TIMES, **options}
    return [(series, partial(_measure, driver, named, work.ideal_s(slow)))]


def _measure(driver: Driver, named: dict[str, Any], ideal_s: float) -> list[float]:
    return [driver.ask("of_caller", name="job", **named) / ideal_s]


def judge(outcome: Outcome, name: str, at_most: float) -> None:
    """Set pyrpc's makespans against what is wanted."""
    for slow in SLOW:
        ours = outcome.get(prefix(slow) + name)
        if ours is not None:
            outcome.aim(f"{prefix(slow)}makespan of {name} / ideal", ours.median, at_most=at_most)
            outcome.targets[-1].by_best = ours.best


def measure(outcome: Outcome, contenders: list[Contender], rounds: int) -> None:
    """All contenders in turn."""
    try:
        interleave(contenders, rounds)
    except ChildFailedError as error:
        leave_out(outcome, PYRPC, error)


def slept_s(seconds: float, times: int = 15) -> float:
    """What a sleep of so many seconds takes on this machine: the median of a few."""
    took = []
    with sharp_timers():
        for _ in range(times):
            start = time.perf_counter()
            time.sleep(seconds)
            took.append(time.perf_counter() - start)
    return statistics.median(took)
