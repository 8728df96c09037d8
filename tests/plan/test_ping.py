"""Whom a client pings, and when."""

from __future__ import annotations

import itertools
import math

import pytest

from pyrpc.plan import ping
from pyrpc.plan.health import NodeHealth
from pyrpc.plan.outlier import Outliers
from pyrpc.plan.ping import PingPlan
from pyrpc.plan.prng import SplitMix64
from pyrpc.testing import FakeClock

PRNG = SplitMix64(1)


class Driver:
    """What client/pinger.py does, without threads: the nodes whose names are in ``dead`` do not answer."""

    def __init__(self, nodes: int) -> None:
        self.clock = FakeClock()
        self.healths = [NodeHealth() for _ in range(nodes)]
        self.outliers = Outliers(self.healths)
        self.plan = PingPlan(self.healths)
        self.heard_at = [-math.inf] * nodes
        self.dead: set[int] = set()
        self.asked: list[tuple[float, int]] = []
        # Pings on their way: when their time is over, of which node.
        self.ends: list[tuple[float, int]] = []
        self.plan.start(self.clock.monotonic())

    def run(self, until: float) -> None:
        """Ping at each moment that the plan names; an answer takes no time, silence all of it."""
        ends = self.ends
        while True:
            wake_at = min([self.plan.wake_at(self.heard_at), *(at for at, _ in ends)])
            if wake_at > until:
                self.clock.advance(until - self.clock.monotonic())
                return
            self.clock.advance(max(0.0, wake_at - self.clock.monotonic()))
            now = self.clock.monotonic()
            for end in [end for end in ends if end[0] <= now]:
                ends.remove(end)
                self.end(end[1], False)
            for node in self.plan.due(now, self.heard_at):
                self.asked.append((now, node))
                if node in self.dead:
                    ends.append((now + self.plan.timeout_s, node))
                else:
                    self.end(node, True)

    def end(self, node: int, is_there: bool) -> None:
        now = self.clock.monotonic()
        self.outliers.on_ping(node, now, is_there)
        self.plan.ended(node, now, is_there)

    def usable(self) -> list[int]:
        return self.outliers.usable(self.clock.monotonic(), PRNG)


@pytest.fixture
def three() -> Driver:
    return Driver(3)


def test_nobody_is_pinged_before_a_second_has_passed(three: Driver) -> None:
    three.run(0.999)
    assert three.asked == []
    three.run(1.0)
    assert three.asked == [(1.0, 0), (1.0, 1), (1.0, 2)]


def test_silent_nodes_are_pinged_every_ten_seconds(three: Driver) -> None:
    three.run(32.0)
    assert [at for at, node in three.asked if node == 1] == [1.0, 11.0, 21.0, 31.0]


def test_node_that_replies_to_calls_is_not_pinged(three: Driver) -> None:
    for second in range(40):
        three.heard_at[0] = float(second)
        three.run(second + 0.5)
    assert {node for _, node in three.asked} == {1, 2}


def test_node_is_pinged_ten_seconds_after_its_last_reply(three: Driver) -> None:
    three.heard_at = [7.5, 7.5, 7.5]
    three.run(20.0)
    assert three.asked == [(17.5, 0), (17.5, 1), (17.5, 2)]


def test_no_call_goes_to_a_node_that_died_while_nobody_called_it(three: Driver) -> None:
    three.run(5.0)
    three.dead = {2}
    three.run(12.9)
    assert three.usable() == [0, 1, 2]
    three.run(13.01)
    assert not three.outliers.is_calm
    # Neither between two pings nor while one is on its way.
    for tenth in range(1301, 6000):
        three.run(tenth / 100)
        assert three.usable() == [0, 1]


def test_node_that_is_down_is_pinged_by_its_backoff_and_never_a_second_time_before_the_answer(three: Driver) -> None:
    three.dead = {2}
    three.run(60.0)
    asked = [at for at, node in three.asked if node == 2]
    pauses = [later - at - ping.TIMEOUT_S for at, later in itertools.pairwise(asked)]
    assert pauses[:7] == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0])
    assert pauses[7:] == pytest.approx([5.0] * len(pauses[7:]))


def test_node_that_came_back_is_used_again_after_its_next_ping(three: Driver) -> None:
    three.dead = {2}
    three.run(60.0)
    three.dead = set()
    three.run(67.5)
    assert three.usable() == [0, 1, 2]
    assert three.healths[2].is_up


def test_long_silence_ejects_nobody(three: Driver) -> None:
    three.dead = {0, 1, 2}
    three.run(300.0)
    assert not any(three.outliers.is_ejected(node) for node in range(3))
    # When all seem to be down, calls go to all.
    assert three.usable() == [0, 1, 2]


def test_answer_to_a_ping_does_not_bring_back_a_node_that_fails_its_calls(three: Driver) -> None:
    for _ in range(5):
        three.outliers.on_failure(2, 0.0, is_lost=False)
    assert three.outliers.is_ejected(2)
    three.run(35.0)
    assert (three.outliers.ejected_until(2) <= 35.0, three.outliers.is_ejected(2)) == (True, True)


def test_node_that_a_call_found_down_is_pinged_when_its_backoff_is_over(three: Driver) -> None:
    three.run(2.0)
    three.outliers.on_failure(1, 2.0, is_lost=True)
    assert three.plan.wake_at(three.heard_at) == pytest.approx(2.1)
    three.dead = {1}
    three.run(2.1)
    assert three.asked[-1] == (pytest.approx(2.1), 1)
    # The ping is the probe: no call is.
    assert three.usable() == [0, 2]


def test_call_that_succeeds_on_a_node_taken_for_dead_brings_it_back(three: Driver) -> None:
    three.dead = {1}
    three.run(4.0)
    assert three.usable() == [0, 2]
    three.outliers.on_success(1, 4.0)
    assert three.usable() == [0, 1, 2]


def test_pings_on_their_way_are_bounded() -> None:
    many = Driver(40)
    assert many.plan.due(1.0, many.heard_at) == list(range(16))
    assert many.plan.due(1.0, many.heard_at) == []
    assert many.plan.wake_at(many.heard_at) == math.inf
    many.outliers.on_ping(3, 1.5, True)
    many.plan.ended(3, 1.5, True)
    assert many.plan.wake_at(many.heard_at) <= 1.5
    assert many.plan.due(1.5, many.heard_at) == [16]


def test_client_is_idle_a_minute_after_its_last_call(three: Driver) -> None:
    assert not three.plan.is_idle(60.9, -math.inf)
    assert three.plan.is_idle(61.0, -math.inf)
    assert not three.plan.is_idle(100.0, 40.5)
    assert three.plan.is_idle(100.5, 40.5)


def test_second_start_settles_again(three: Driver) -> None:
    three.run(2.0)
    three.plan.start(100.0)
    assert three.plan.wake_at(three.heard_at) == 101.0
    assert not three.plan.is_idle(160.9, 40.0)


def test_short_period_settles_in_less_than_a_second() -> None:
    plan = PingPlan([NodeHealth()], every_s=0.1)
    plan.start(5.0)
    assert plan.due(5.1, [-math.inf]) == [0]
