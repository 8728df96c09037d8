"""When a node is left alone, and when it is tried again."""

from __future__ import annotations

import pytest

from pyrpc.plan.health import NodeHealth, usable_nodes


def test_a_new_node_is_usable():
    assert NodeHealth().usable(0.0) and NodeHealth().is_up


def test_a_failure_takes_it_down_for_a_tenth_of_a_second():
    health = NodeHealth()
    health.on_failure(5.0)
    assert not health.is_up
    assert not health.usable(5.09)
    assert health.usable(5.1)


def test_the_time_down_doubles_up_to_five_seconds():
    health = NodeHealth()
    times = []
    for _ in range(9):
        health.on_failure(0.0)
        times.append(health.down_until)
    assert times == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0])


def test_ten_thousand_failures_are_no_overflow():
    health = NodeHealth()
    for _ in range(10_000):
        health.on_failure(0.0)
    assert health.down_until == 5.0


def test_one_call_is_the_probe_and_others_wait_for_it():
    health = NodeHealth()
    health.on_failure(0.0)
    health.on_call(0.1)
    assert not health.usable(0.2)
    health.on_success()
    assert health.usable(0.2) and health.is_up


def test_a_probe_that_is_never_heard_of_does_not_lock_the_node_out():
    health = NodeHealth()
    health.on_failure(0.0)
    health.on_call(0.1)
    assert not health.usable(5.0)
    assert health.usable(5.1)


def test_a_call_sent_in_panic_is_no_probe():
    health = NodeHealth()
    health.on_failure(0.0)
    health.on_call(0.05)
    assert health.usable(0.1)


def test_one_success_forgets_all_failures():
    health = NodeHealth()
    for _ in range(5):
        health.on_failure(0.0)
    health.on_success()
    health.on_failure(10.0)
    assert health.down_until == pytest.approx(10.1)


def test_nodes_that_are_down_are_left_out():
    healths = [NodeHealth() for _ in range(3)]
    healths[1].on_failure(0.0)
    assert usable_nodes(healths, 0.0) == [0, 2]


def test_all_down_means_use_all():
    healths = [NodeHealth() for _ in range(3)]
    for health in healths:
        health.on_failure(0.0)
    assert usable_nodes(healths, 0.0) == [0, 1, 2]


def test_nobody_tries_a_node_while_somebody_asks_it():
    health = NodeHealth()
    health.hold(9.0)
    assert health.usable(0.0) and health.is_up
    health.on_failure(0.0)
    health.hold(2.0)
    assert not health.usable(1.9)
    health.hold(1.0)
    assert not health.usable(1.9)
    assert health.usable(2.0)
    health.on_success()
    assert health.usable(0.0)
