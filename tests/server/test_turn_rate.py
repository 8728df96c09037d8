"""How long a call will wait, by how turns come."""

from __future__ import annotations

import pytest

from pyrpc.server.turn_rate import TurnRate
from pyrpc.testing import FakeClock


def turns(rate: TurnRate, clock: FakeClock, gaps: list[float]) -> None:
    for gap in gaps:
        clock.advance(gap)
        rate.turn(clock.monotonic())


def test_nothing_is_known_at_first() -> None:
    rate, clock = TurnRate(4), FakeClock()
    rate.begin(clock.monotonic())
    assert rate.wait_s(10, clock.monotonic()) == 0
    assert not rate.is_measured


def test_wait_is_one_turn_for_each_call_before_and_one_more() -> None:
    rate, clock = TurnRate(1), FakeClock()
    rate.begin(clock.monotonic())
    turns(rate, clock, [0.01] * 50)
    assert rate.wait_s(0, clock.monotonic()) == pytest.approx(0.01)
    assert rate.wait_s(9, clock.monotonic()) == pytest.approx(0.1)


def test_threads_that_end_together_count_as_if_one_after_the_other() -> None:
    rate, clock = TurnRate(8), FakeClock()
    rate.begin(clock.monotonic())
    turns(rate, clock, ([0.8] + [0.0] * 7) * 20)
    assert rate.wait_s(7, clock.monotonic()) == pytest.approx(0.8, rel=0.2)


def test_time_without_turns_counts_before_the_first_one() -> None:
    rate, clock = TurnRate(4), FakeClock()
    rate.begin(clock.monotonic())
    clock.advance(2.0)
    assert rate.wait_s(0, clock.monotonic()) == pytest.approx(0.5)


def test_calls_that_have_come_to_take_longer_show_before_they_end() -> None:
    rate, clock = TurnRate(2), FakeClock()
    rate.begin(clock.monotonic())
    turns(rate, clock, [0.001] * 100)
    clock.advance(1.0)
    assert rate.wait_s(0, clock.monotonic()) == pytest.approx(0.5)


def test_new_rate_replaces_the_old_one_within_some_tens_of_turns() -> None:
    rate, clock = TurnRate(1), FakeClock()
    rate.begin(clock.monotonic())
    turns(rate, clock, [0.1] * 100)
    turns(rate, clock, [0.001] * 200)
    assert rate.wait_s(0, clock.monotonic()) < 0.002


def test_time_in_which_nobody_waited_is_not_counted() -> None:
    rate, clock = TurnRate(1), FakeClock()
    rate.begin(clock.monotonic())
    turns(rate, clock, [0.01] * 50)
    clock.advance(100.0)
    rate.begin(clock.monotonic())
    assert rate.wait_s(0, clock.monotonic()) == pytest.approx(0.01)
