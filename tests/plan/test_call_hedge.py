"""When a single call is hedged, and what the hedges of all calls may cost."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from pyrpc.plan.call_hedge import CallBudget, Latencies, quantile_index


def latencies(values: list[float], is_idempotent: bool | None = True) -> Latencies:
    kept = Latencies()
    if is_idempotent is not None:
        kept.allow(is_idempotent)
    for value in values:
        kept.add(value)
    return kept


def test_nothing_is_hedged_before_twenty_calls():
    assert latencies([0.01] * 19).hedge_after_s == math.inf
    assert latencies([0.01] * 20).hedge_after_s == 0.01


def test_only_a_method_known_to_be_idempotent_is_hedged():
    assert latencies([0.01] * 200, None).hedge_after_s == math.inf
    assert latencies([0.01] * 200, False).hedge_after_s == math.inf


def test_leave_that_comes_late_counts_at_once():
    kept = latencies([0.01] * 50, None)
    kept.allow(True)
    assert kept.hedge_after_s == 0.01


def test_the_delay_is_the_95th_percentile_but_at_least_a_millisecond():
    assert latencies([0.001 * n for n in range(1, 21)]).hedge_after_s == 0.019
    assert latencies([0.00005] * 40).hedge_after_s == 0.001


def test_old_latencies_are_forgotten():
    kept = latencies([1.0] * 128 + [0.01] * 160)
    assert kept.p95_s == kept.median_s == 0.01


@given(st.lists(st.floats(0, 1e3), min_size=1, max_size=200), st.floats(0.01, 1))
def test_a_quantile_is_the_smallest_that_covers_its_share(values: list[float], quantile: float):
    ordered = sorted(values)
    index = quantile_index(len(ordered), quantile)
    assert (index + 1) / len(ordered) >= quantile - 1e-9
    assert index == 0 or index / len(ordered) < quantile


def test_hedges_are_five_percent_of_the_calls():
    budget = CallBudget()
    assert not budget.try_hedge(0.0)
    budget.on_calls(1000, 0.0)
    assert sum(budget.try_hedge(0.0) for _ in range(1000)) == 50


def test_retries_and_hedges_share_one_budget():
    budget = CallBudget()
    budget.on_calls(1000, 0.0)
    # 20% of 1000, and 10 a second for 10 s.
    assert sum(budget.try_retry(0.0) for _ in range(1000)) == 300
    assert not budget.try_hedge(0.0)


def test_hedges_leave_less_for_retries():
    budget = CallBudget()
    budget.on_calls(1000, 0.0)
    assert all(budget.try_hedge(0.0) for _ in range(50))
    assert sum(budget.try_retry(0.0) for _ in range(1000)) == 250


def test_hedge_that_the_retry_budget_forbids_is_not_taken_from_that_of_hedges() -> None:
    budget = CallBudget()
    budget.on_calls(1000, 0.0)
    while budget.try_retry(0.0):
        pass
    assert not any(budget.try_hedge(0.0) for _ in range(100))
    # Room for 40 more in all; the 54 hedges of 5% are all there.
    budget.on_calls(200, 5.0)
    assert sum(budget.try_hedge(5.0) for _ in range(100)) == 40
