"""When a node is ejected from single calls, for how long, and how it comes back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyrpc.plan.health import NodeHealth
from pyrpc.plan.outlier import Outliers
from pyrpc.plan.prng import SplitMix64


def outliers(count: int) -> Outliers:
    return Outliers([NodeHealth() for _ in range(count)])


def fail(pool: Outliers, node: int, times: int, now: float = 0.0) -> None:
    for _ in range(times):
        pool.on_failure(node, now, is_lost=False)


def usable(pool: Outliers, now: float, seed: int = 0) -> list[int]:
    return pool.usable(now, SplitMix64(seed))


def test_all_are_usable_and_calm_at_first():
    pool = outliers(3)
    assert pool.is_calm and usable(pool, 0.0) == [0, 1, 2]


def test_five_failures_in_a_row_eject():
    pool = outliers(4)
    fail(pool, 1, 4)
    assert usable(pool, 0.0) == [0, 1, 2, 3]
    fail(pool, 1, 1)
    assert pool.is_ejected(1) and usable(pool, 29.9) == [0, 2, 3]


def test_a_success_ends_the_row():
    pool = outliers(4)
    fail(pool, 1, 4)
    pool.on_success(1, 0.0)
    fail(pool, 1, 4)
    assert not pool.is_ejected(1)


def test_after_thirty_seconds_one_call_is_the_probe():
    pool = outliers(4)
    fail(pool, 1, 5)
    assert 1 in usable(pool, 30.0)
    pool.on_call(1, 30.0)
    assert 1 not in usable(pool, 30.0)
    pool.on_success(1, 30.1)
    assert not pool.is_ejected(1)


def test_a_probe_that_is_never_heard_of_does_not_lock_the_node_out():
    pool = outliers(4)
    fail(pool, 1, 5)
    pool.on_call(1, 30.0)
    assert 1 in usable(pool, 60.0)


def test_a_failed_probe_ejects_for_longer_up_to_300_seconds():
    pool = outliers(4)
    now, times = 0.0, []
    fail(pool, 1, 5, now)
    for _ in range(12):
        times.append(pool.ejected_until(1) - now)
        now = pool.ejected_until(1)
        pool.on_call(1, now)
        fail(pool, 1, 1, now)
    assert times == pytest.approx([30, 60, 90, 120, 150, 180, 210, 240, 270, 300, 300, 300])


def test_time_served_makes_the_next_ejection_shorter():
    pool = outliers(4)
    fail(pool, 1, 5, 0.0)
    fail(pool, 1, 1, 30.0)
    pool.on_success(1, 90.0)
    fail(pool, 1, 5, 121.0)
    assert pool.ejected_until(1) == pytest.approx(121.0 + 60.0)


def test_slow_start_grows_from_a_tenth_in_thirty_seconds():
    pool = outliers(4)
    fail(pool, 1, 5)
    assert pool.share(1, 0.0) == 0.0
    pool.on_success(1, 30.0)
    assert [pool.share(1, 30.0 + t) for t in (0.0, 3.0, 15.0, 30.0, 99.0)] == pytest.approx([0.1, 0.1, 0.5, 1, 1])
    for after_s, share in ((0.0, 0.1), (15.0, 0.5)):
        prng = SplitMix64(1)
        taken = sum(1 in pool.usable(30.0 + after_s, prng) for _ in range(2000))
        assert taken / 2000 == pytest.approx(share, abs=0.03)
    assert 1 in usable(pool, 60.0)


def test_never_more_than_half_and_never_the_last():
    for count, most in ((1, 0), (2, 1), (3, 1), (4, 2), (9, 4)):
        pool = outliers(count)
        for node in range(count):
            fail(pool, node, 50)
        assert sum(pool.is_ejected(node) for node in range(count)) == most
        assert usable(pool, 0.0)


def test_below_half_healthy_ejections_are_ignored_but_not_a_backoff():
    pool = outliers(4)
    fail(pool, 0, 5)
    fail(pool, 1, 5)
    assert usable(pool, 0.0) == [2, 3]
    pool.on_failure(2, 0.0, is_lost=True)
    assert usable(pool, 0.05) == [0, 1, 3]


def test_all_in_backoff_means_use_all():
    pool = outliers(3)
    for node in range(3):
        pool.on_failure(node, 0.0, is_lost=True)
    assert usable(pool, 0.05) == [0, 1, 2]


def served(pool: Outliers, rates: list[float], calls: int = 200) -> None:
    """Calls with that share of successes, mixed so that no five failures follow each other."""
    pool.on_failure(0, 0.0, is_lost=False)
    pool.on_success(0, 0.0)
    for node, rate in enumerate(rates):
        for call in range(calls):
            if int(call * rate) != int((call + 1) * rate):
                pool.on_success(node, 1.0)
            else:
                pool.on_failure(node, 1.0, is_lost=False)
    pool.on_success(0, 10.0)


def test_a_share_of_successes_far_below_the_mean_ejects():
    pool = outliers(6)
    served(pool, [1.0, 1.0, 0.99, 0.6, 1.0, 1.0])
    assert [node for node in range(6) if pool.is_ejected(node)] == [3]


@pytest.mark.parametrize(
    ("rates", "calls"), [([1.0, 1.0, 0.5, 1.0], 200), ([1.0, 1.0, 0.5, 1.0, 1.0], 90), ([0.7] * 6, 200)]
)
def test_few_nodes_few_calls_or_like_shares_tell_nothing(rates: list[float], calls: int):
    pool = outliers(len(rates))
    served(pool, rates, calls)
    assert not any(pool.is_ejected(node) for node in range(len(rates)))


def test_it_is_calm_again_when_nothing_failed_for_two_intervals():
    pool = outliers(3)
    fail(pool, 0, 1)
    assert not pool.is_calm
    pool.on_success(0, 5.0)
    pool.on_success(0, 10.0)
    assert not pool.is_calm
    pool.on_success(0, 20.0)
    assert pool.is_calm


events = st.tuples(st.integers(0, 3), st.sampled_from(["call", "ok", "fail", "lost"]), st.floats(0, 40))


@given(st.integers(1, 4), st.lists(events, max_size=200), st.integers(0, 2**64 - 1))
def test_whatever_happens_there_is_a_node_to_call_and_half_are_kept(count: int, happened: list, seed: int):
    pool, prng, now = outliers(count), SplitMix64(seed), 0.0
    for node, what, passed in happened:
        now += passed
        node %= count
        if what == "call":
            pool.on_call(node, now)
        elif what == "ok":
            pool.on_success(node, now)
        else:
            pool.on_failure(node, now, is_lost=what == "lost")
        nodes = pool.usable(now, prng)
        assert nodes and set(nodes) <= set(range(count))
        assert sum(pool.is_ejected(other) for other in range(count)) <= count // 2


def test_pings_tell_whether_a_node_is_there_and_nothing_of_its_calls():
    pool = outliers(4)
    for _ in range(20):
        pool.on_ping(1, 0.0, False)
    assert not pool.is_calm
    assert usable(pool, 1.0) == [0, 2, 3]
    assert not pool.is_ejected(1)
    pool.on_ping(1, 1.0, True)
    assert usable(pool, 1.0) == [0, 1, 2, 3]
    fail(pool, 2, 5, now=1.0)
    pool.on_ping(2, 40.0, True)
    assert pool.is_ejected(2)


def test_node_whose_last_call_failed_is_in_doubt():
    pool = outliers(2)
    assert not pool.in_doubt(0)
    fail(pool, 0, 1)
    assert (pool.in_doubt(0), pool.in_doubt(1)) == (True, False)
    pool.on_ping(0, 0.0, True)
    assert pool.in_doubt(0)
    pool.on_success(0, 0.0)
    assert not pool.in_doubt(0)
