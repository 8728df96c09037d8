"""Retries of one call, and the budget of all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyrpc.errors import ConfigError, FailureClass
from pyrpc.plan.prng import SplitMix64
from pyrpc.plan.retry import RetryBudget, RetryPolicy

FINAL, UNKNOWN, NOT_EXECUTED = FailureClass.FINAL, FailureClass.UNKNOWN, FailureClass.NOT_EXECUTED
seeds = st.integers(0, 2**64 - 1)


def decide(failure: FailureClass, attempt: int = 0, *, idempotent: bool = True, retry_after_ms: int | None = None):
    return RetryPolicy().decide(
        failure, attempt, idempotent=idempotent, prng=SplitMix64(1), retry_after_ms=retry_after_ms
    )


@pytest.mark.parametrize("idempotent", [True, False])
def test_an_answer_is_never_asked_for_again(idempotent: bool):
    decision = decide(FINAL, idempotent=idempotent, retry_after_ms=5)
    assert (decision.retry, decision.reason) == (False, "final")


def test_what_may_have_run_runs_again_only_if_that_does_no_harm():
    assert decide(UNKNOWN).retry
    assert decide(UNKNOWN, idempotent=False).reason == "unknown"


def test_what_did_not_run_may_always_run_again():
    assert decide(NOT_EXECUTED, idempotent=False).retry


def test_three_attempts_are_all():
    assert [decide(NOT_EXECUTED, attempt).retry for attempt in range(4)] == [True, True, False, False]
    assert decide(UNKNOWN, 2).reason == "exhausted"


@given(seeds, st.integers(0, 10_000))
def test_backoff_lies_between_zero_and_a_doubling_bound(seed: int, attempt: int):
    policy = RetryPolicy(max_attempts=100_000)
    decision = policy.decide(UNKNOWN, attempt, idempotent=True, prng=SplitMix64(seed))
    assert 0 <= decision.delay_s < min(1.0, 0.1 * 2 ** min(attempt, 10)) + 1e-12
    assert decision.delay_s == SplitMix64(seed).uniform() * policy.backoff_bound_s(attempt)


@given(seeds, st.integers(0, 10**6))
def test_the_time_a_node_asks_for_is_a_least(seed: int, asked_ms: int):
    decision = RetryPolicy().decide(NOT_EXECUTED, 0, idempotent=False, prng=SplitMix64(seed), retry_after_ms=asked_ms)
    assert asked_ms / 1000 <= decision.delay_s <= asked_ms / 1000 + 0.1


def test_only_retries_draw_numbers():
    prng = SplitMix64(1)
    RetryPolicy().decide(FINAL, 0, idempotent=True, prng=prng)
    RetryPolicy().decide(UNKNOWN, 2, idempotent=True, prng=prng)
    assert prng.next_u64() == SplitMix64(1).next_u64()


@pytest.mark.parametrize(
    "options", [{"max_attempts": 0}, {"backoff_s": -1.0}, {"backoff_max_s": float("nan")}, {"backoff_s": float("inf")}]
)
def test_a_policy_that_makes_no_sense_is_refused(options: dict[str, float]):
    with pytest.raises(ConfigError, match=next(iter(options))):
        RetryPolicy(**options)


def spend_all(budget: RetryBudget, now: float) -> int:
    spent = 0
    while budget.try_spend(now):
        spent += 1
    return spent


def test_without_calls_ten_a_second_may_be_retried():
    assert spend_all(RetryBudget(), 0.0) == 100


def test_a_fifth_of_the_calls_comes_on_top():
    budget = RetryBudget()
    for _ in range(50):
        budget.on_call(0.0)
    assert spend_all(budget, 0.0) == 110


def test_what_was_spent_comes_back_after_the_window():
    budget = RetryBudget()
    assert spend_all(budget, 0.95) == 100
    assert spend_all(budget, 10.9) == 0
    assert spend_all(budget, 11.0) == 100


def test_calls_are_forgotten_after_the_window():
    budget = RetryBudget(per_second=0.0)
    for _ in range(50):
        budget.on_call(0.0)
    assert not RetryBudget(per_second=0.0).try_spend(0.0)
    assert budget.try_spend(10.0)
    assert not budget.try_spend(11.0)


def test_a_budget_of_nothing_allows_nothing():
    budget = RetryBudget(ratio=0.0, per_second=0.0)
    budget.on_call(0.0)
    assert not budget.try_spend(0.0)


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 3)), max_size=300), st.floats(-1e3, 1e6))
def test_no_window_sees_more_retries_than_it_may(events: list[tuple[bool, float]], start: float):
    budget = RetryBudget(ratio=0.5, per_second=0.2, window_s=10.0)
    now = start
    calls: list[float] = []
    spent: list[float] = []
    for is_call, step in events:
        now += step
        if is_call:
            budget.on_call(now)
            calls.append(now)
        elif budget.try_spend(now):
            spent.append(now)
            in_window = sum(at > now - 10.0 for at in spent)
            remembered = sum(at > now - 11.1 for at in calls)
            assert in_window <= 0.5 * remembered + 2.0


def test_time_that_goes_back_stands_still():
    budget = RetryBudget()
    assert spend_all(budget, 100.0) == 100
    assert not budget.try_spend(50.0)
    assert not budget.try_spend(100.0)


@pytest.mark.parametrize("options", [{"ratio": -0.1}, {"per_second": -1.0}, {"window_s": 0.0}, {"ratio": float("nan")}])
def test_a_budget_that_makes_no_sense_is_refused(options: dict[str, float]):
    with pytest.raises(ConfigError, match=next(iter(options))):
        RetryBudget(**options)
