"""When a batch is sent, on a clock that stands still until it is turned."""

from __future__ import annotations

import pytest

from pyrpc.server.batch_rule import Lane, Reason
from pyrpc.testing import FakeClock


class Stage:
    """A lane with its clock, as the node drives it."""

    def __init__(self, max_rows: int = 64, max_delay_s: float = 0.005) -> None:
        self.lane = Lane(max_rows, max_delay_s)
        self.clock = FakeClock(100.0)

    def come(self, calls: int = 1, rows: int = 1) -> Reason | None:
        for _ in range(calls):
            assert self.lane.is_open is False or self.lane.fits(rows)
            self.lane.add(rows, self.clock.monotonic())
        return self.verdict()

    def verdict(self, *, is_draining: bool = False, has_others: bool = False) -> Reason | None:
        return self.lane.verdict(self.clock.monotonic(), is_draining=is_draining, has_others=has_others)

    def send(self) -> int:
        calls = self.lane.calls
        self.lane.send()
        return calls

    def leave(self, calls: int) -> None:
        self.lane.leave(calls, self.clock.monotonic())


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_call_to_an_empty_stage_goes_at_once(stage: Stage) -> None:
    assert stage.come() is Reason.NOBODY_ELSE


def test_caller_by_itself_never_waits(stage: Stage) -> None:
    for _ in range(5):
        assert stage.come() is Reason.NOBODY_ELSE
        stage.leave(stage.send())
        stage.clock.advance(0.001)


def test_call_waits_while_another_one_runs(stage: Stage) -> None:
    stage.come()
    stage.send()
    assert stage.come() is None
    stage.clock.advance(0.0049)
    assert stage.verdict() is None
    stage.clock.advance(0.0002)
    assert stage.verdict() is Reason.DELAY


def test_delay_counts_from_the_first_call_of_the_batch(stage: Stage) -> None:
    stage.come()
    stage.send()
    stage.come()
    stage.clock.advance(0.004)
    assert stage.come() is None
    assert stage.lane.until == pytest.approx(100.005)


def test_full_batch_goes_at_once() -> None:
    stage = Stage(max_rows=8)
    stage.come()
    stage.send()
    assert stage.come(calls=3, rows=2) is None
    assert stage.lane.fits(2)
    assert not stage.lane.fits(3)
    assert stage.come(rows=2) is Reason.FULL
    assert not stage.lane.fits(1)


def test_callers_in_a_loop_come_together_and_wait_for_the_last_of_them_only(stage: Stage) -> None:
    stage.come()
    stage.send()
    stage.come(calls=31)
    stage.clock.advance(0.005)
    assert stage.verdict() is Reason.DELAY
    stage.leave(1)
    stage.send()
    assert stage.come() is None
    stage.leave(31)
    assert stage.verdict() is None
    assert stage.come(calls=30) is None
    assert stage.come() is Reason.NOBODY_ELSE
    assert stage.send() == 32


def test_one_caller_less_costs_one_delay(stage: Stage) -> None:
    stage.come(calls=4)
    stage.leave(stage.send())
    assert stage.come(calls=3) is None
    stage.clock.advance(0.0051)
    assert stage.verdict() is Reason.DELAY
    stage.leave(stage.send())
    assert stage.come(calls=2) is None
    assert stage.come() is Reason.NOBODY_ELSE


def test_callers_of_long_ago_are_not_waited_for(stage: Stage) -> None:
    stage.come(calls=4)
    stage.leave(stage.send())
    stage.clock.advance(0.0051)
    assert stage.come() is Reason.NOBODY_ELSE


def test_batch_goes_when_the_last_other_call_is_gone(stage: Stage) -> None:
    stage.come()
    stage.send()
    stage.come(calls=2)
    # The caller of the first call does not come back, but might for as long as the delay.
    stage.leave(1)
    assert stage.verdict() is None
    stage.clock.advance(0.0051)
    assert stage.verdict() is not None


def test_drain_waits_for_nobody(stage: Stage) -> None:
    stage.come()
    stage.send()
    assert stage.come() is None
    assert stage.verdict(is_draining=True) is Reason.DRAIN


def test_call_beside_others_that_do_not_fit_says_so(stage: Stage) -> None:
    stage.lane.add(1, stage.clock.monotonic())
    assert stage.verdict(has_others=True) is Reason.INCOMPATIBLE
    stage.lane.add(1, stage.clock.monotonic())
    assert stage.verdict(has_others=True) is Reason.NOBODY_ELSE


def test_call_that_leaves_makes_room() -> None:
    stage = Stage(max_rows=4)
    stage.come()
    stage.send()
    stage.come(calls=3)
    assert not stage.lane.fits(2)
    stage.lane.withdraw(1)
    assert stage.lane.fits(2)
    assert (stage.lane.calls, stage.lane.inside) == (2, 3)


def test_no_delay_merges_nothing_that_need_not_wait() -> None:
    stage = Stage(max_delay_s=0.0)
    stage.come()
    stage.send()
    assert stage.come() is Reason.DELAY
