"""The kinds of vectors: each is a file."""

from __future__ import annotations

from collections.abc import Callable

import jobs
import scenarios
from draw import Case, Draw
from reference import balance, cost, hedge, outlier, partition, ping, prng, reduction, retry, window, work

Fill = Callable[[Case], Case]


def _answered(case: Case) -> Case:
    """What comes of an event of a job decides what happens next, so it is answered while it is drawn."""
    return case


# Name of the file and kind: how many, how they are drawn, how they are answered.
KINDS: dict[str, list[tuple[int, Callable[[Draw], Case], Fill]]] = {
    "prng": [(500, scenarios.numbers, prng.fill)],
    "partition": [(2000, scenarios.chunks, partition.fill_partition)],
    "leaf_grid": [(1000, scenarios.leaves, partition.fill_leaf_grid)],
    "work": [(800, scenarios.works, partition.fill_work)],
    "balance": [(130, scenarios.picks(policy), balance.fill) for policy in scenarios.POLICIES],
    "peak_ewma": [(250, scenarios.peaks, balance.fill_peak)],
    "retry": [(1400, scenarios.retries, retry.fill_retry)],
    "retry_budget": [(350, scenarios.retry_budgets, retry.fill_retry_budget)],
    "call_budget": [(150, scenarios.call_budgets, retry.fill_call_budget)],
    "job_budget": [(400, scenarios.job_budgets, retry.fill_job_budget)],
    "health": [(700, scenarios.healths, outlier.fill_health)],
    "outlier": [(350, scenarios.outliers, outlier.fill_outlier)],
    "call_hedge": [(250, scenarios.call_hedges, hedge.fill_call_hedge)],
    "stragglers": [(350, scenarios.stragglers, hedge.fill_stragglers)],
    "cost": [(300, scenarios.costs, cost.fill)],
    "reduction": [
        (600, scenarios.reductions, reduction.fill),
        *[(40, scenarios.reductions_of(dtype), reduction.fill) for dtype in scenarios.OTHER_DTYPES],
    ],
    "ping": [(250, scenarios.pings, ping.fill)],
    "scheduler": [(1600, jobs.jobs, _answered)],
    "stream": [(300, scenarios.streams, work.fill)],
    "window": [(300, scenarios.windows, window.fill)],
}
