"""A clock for tests moves only when it is told."""

from __future__ import annotations

import math

import pytest

from pyrpc.deadline import Clock, Deadline
from pyrpc.testing import FakeClock


def test_time_stands_still() -> None:
    clock: Clock = FakeClock(5)
    assert [clock.monotonic() for _ in range(3)] == [5.0, 5.0, 5.0]


def test_sleep_turns_the_clock_and_is_written_down() -> None:
    clock = FakeClock()
    clock.sleep(1.5)
    clock.sleep(0)
    clock.sleep(-1)
    assert clock.monotonic() == 1.5
    assert clock.sleeps == [1.5, 0, -1]


def test_advance_turns_the_clock() -> None:
    clock = FakeClock(1)
    clock.advance(0.25)
    assert clock.monotonic() == 1.25
    assert clock.sleeps == []


@pytest.mark.parametrize("seconds", [-0.1, math.nan, math.inf])
def test_clock_never_goes_back(seconds: float) -> None:
    clock = FakeClock()
    with pytest.raises(ValueError, match="cannot be turned"):
        clock.advance(seconds)
    assert clock.monotonic() == 0


def test_deadline_follows_the_clock() -> None:
    clock = FakeClock()
    deadline = Deadline(2.0, clock)
    clock.advance(1.5)
    assert (deadline.remaining_ms(), deadline.is_over) == (500, False)
    clock.advance(0.5)
    assert (deadline.remaining_ms(), deadline.is_over) == (0, True)
