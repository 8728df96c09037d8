"""The rules of a job for nodes that go down, come back, or are busy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pyrpc.errors import FailureClass
from pyrpc.plan.actions import Fail, Finish, Probe, Send, WaitUntil
from pyrpc.plan.partition import plan_chunks
from pyrpc.plan.prng import SplitMix64
from pyrpc.plan.retry import RetryPolicy
from pyrpc.plan.scheduler import Scheduler

FINAL, UNKNOWN, NOT_EXECUTED = FailureClass.FINAL, FailureClass.UNKNOWN, FailureClass.NOT_EXECUTED
NewJob = Callable[..., Any]  # the fixture of conftest.py


# -- nodes that go down --------------------------------------------------------------------------------------


def test_chunks_of_a_lost_node_go_elsewhere_at_once_and_ahead_of_new_ones(new_job: NewJob):
    job = new_job(9, "ab")
    a0, b1, a2, _ = job.sends
    job.lost(a0).lost(a2)
    assert job.placed == []
    assert job.done(b1).placed == [(2, "b")]
    assert job.done(job.sends[0]).placed == [(0, "b")]
    assert job.done(job.sends[0]).placed == [(4, "b")]


def test_lost_nodes_do_not_use_up_attempts(new_job: NewJob):
    job = new_job(1, "abc", retry=RetryPolicy(max_attempts=1))
    assert job.lost(job.sends[0]).placed == [(0, "b")]
    assert job.lost(job.sends[0]).placed == [(0, "c")]
    assert job.done(job.sends[0]).actions == [Finish()]


def test_a_chunk_that_takes_three_nodes_with_it_is_a_poison_pill(new_job: NewJob):
    job = new_job(1, "abcde")
    job.lost(job.sends[0])
    job.lost(job.sends[0])
    third = job.sends[0]
    assert job.lost(third).actions == [Fail(third.attempt_id, "exhausted")]


def test_nodes_that_never_were_there_are_no_poison_pill(new_job: NewJob):
    job = new_job(1, "abcdefghij")
    for _ in range(9):
        job.lost(job.sends[0], NOT_EXECUTED)
    assert job.placed == [(0, "j")]


def test_a_node_that_answers_pings_but_takes_no_chunk_does_not_keep_the_job_for_ever(new_job: NewJob):
    job = new_job(1, "a")
    while not job.scheduler.is_over:
        (send,) = job.sends
        job.lost(send, NOT_EXECUTED)
        if not job.scheduler.is_over:
            while not job.wake().of(Probe):
                assert not job.scheduler.is_over
            job.took(job.scheduler.node_up("a", job.now))
        assert send.attempt_no < 20
    assert job.actions == [Fail(send.attempt_id, "exhausted")]
    assert job.now > 5.0  # its pace went down to one a second


def test_a_node_that_is_down_gets_nothing(new_job: NewJob):
    job = new_job(9, "ab", window=1)
    first, second = job.sends
    job.took(job.scheduler.node_down("a", 0.0))
    assert job.done(first).placed == []
    assert job.done(second).placed == [(2, "b")]


def test_a_node_that_is_back_gets_work_but_rather_another_chunk_than_the_one_it_failed_on(new_job: NewJob):
    job = new_job(9, "ab", window=1)
    job.lost(job.sends[0])
    assert job.took(job.scheduler.node_up("a", 0.2)).placed == [(2, "a")]


def test_nodes_that_are_down_are_probed_at_growing_intervals(new_job: NewJob):
    job = new_job(1, "ab", hedge=False)
    job.took(job.scheduler.node_down("b", 0.0))
    times = []
    for _ in range(6):
        assert job.wake().of(Probe) == [Probe("b")]
        times.append(job.now)
        job.took(job.scheduler.node_down("b", job.now))
    assert times == pytest.approx([0.1, 0.3, 0.7, 1.5, 2.5, 3.5])


def test_there_is_one_probe_at_a_time_however_often_a_node_comes_and_goes(new_job: NewJob):
    job = new_job(1, "ab", hedge=False)
    for _ in range(5):
        job.took(job.scheduler.node_down("b", 0.0))
        job.took(job.scheduler.node_up("b", 0.0))
    job.took(job.scheduler.node_down("b", 0.0))
    probes = 0
    for tick in range(1, 100):
        if job.at(tick / 10).timer().of(Probe):
            probes += 1
            job.took(job.scheduler.node_down("b", job.now))
    assert probes <= 10


def test_the_loss_of_an_attempt_sent_before_a_restart_does_not_take_the_node_down_again(new_job: NewJob):
    job = new_job(9, "a")
    first, second = job.sends
    job.lost(first)
    job.took(job.scheduler.node_up("a", 0.1))
    job.at(0.2).lost(second)
    assert job.placed == [(1, "a")]


def test_no_node_for_five_seconds_fails_the_job(new_job: NewJob):
    job = new_job(3, "ab", window=1)
    for send in list(job.sends):
        job.at(1.0).lost(send)
    while not job.scheduler.is_over:
        job.wake()
        for probe in job.of(Probe):
            job.took(job.scheduler.node_down(probe.node, job.now))
    assert job.actions == [Fail(None, "no_nodes")]
    assert job.now == 6.0


def test_a_node_that_comes_back_in_time_saves_the_job(new_job: NewJob):
    job = new_job(1, "a")
    job.lost(job.sends[0])
    assert job.took(job.scheduler.node_up("a", 4.9)).placed == [(0, "a")]
    job.at(5.0).timer()
    assert not job.scheduler.is_over


def test_there_is_no_second_probe_before_the_first_is_answered(new_job: NewJob):
    job = new_job(9, "a", window=1)
    job.took(job.scheduler.node_down("a", 0.0))  # a probe is due at 0.1
    job.took(job.scheduler.node_up("a", 0.0))
    job.took(job.scheduler.node_down("a", 0.0))  # at 0.2
    job.took(job.scheduler.node_up("a", 0.0))
    job.done(job.all_sends[1])
    job.took(job.scheduler.node_down("a", 0.0))  # at 0.1 again, since the node has worked
    assert job.at(0.1).timer().of(Probe) == [Probe("a")]
    assert job.at(0.25).timer().of(Probe) == []


def test_a_node_that_has_worked_is_probed_soon_when_it_goes_down_again(new_job: NewJob):
    job = new_job(9, "ab", window=1, hedge=False)
    for now in (0.0, 0.1, 0.3):
        job.at(now).timer()
        job.took(job.scheduler.node_down("a", now))
    job.took(job.scheduler.node_up("a", 0.4))
    job.at(0.5).done(job.all_sends[1])
    job.at(1.0).took(job.scheduler.node_down("a", 1.0))
    assert job.at(1.1).timer().of(Probe) == [Probe("a")]


def test_a_node_that_was_restarted_is_not_held_to_its_pause(new_job: NewJob):
    job = new_job(9, "a", window=1)
    job.failed(job.sends[0], NOT_EXECUTED, retry_after_ms=5000)
    job.took(job.scheduler.node_down("a", 0.1))
    assert job.took(job.scheduler.node_up("a", 0.2)).placed == [(0, "a")]


# -- nodes that are busy -------------------------------------------------------------------------------------


def test_an_overloaded_node_is_left_alone_as_long_as_it_asks(new_job: NewJob):
    job = new_job(9, "ab", window=1)
    first, second = job.sends
    assert job.failed(first, NOT_EXECUTED, retry_after_ms=700).placed == []
    assert job.done(second).placed == [(0, "b")]
    assert job.at(0.69).timer().placed == []
    assert job.at(0.7).timer().placed == [(2, "a")]


def test_a_node_that_turns_everything_away_is_asked_at_growing_intervals(new_job: NewJob):
    job = new_job(1, "a")
    pauses = []
    for _ in range(6):
        before = job.now
        job.failed(job.sends[0], NOT_EXECUTED)
        job.wake()
        pauses.append(job.now - before)
    assert pauses == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.0, 1.0])


def test_what_is_turned_away_together_counts_once(new_job: NewJob):
    job = new_job(9, "a", window=3)
    for send in list(job.sends):
        job.failed(send, NOT_EXECUTED)
    assert len(job.at(0.1).timer().sends) == 3


def test_a_reply_forgives_the_node_its_failures(new_job: NewJob):
    job = new_job(9, "a", window=1)
    for _ in range(5):
        job.failed(job.sends[0], NOT_EXECUTED)
        job.wake()
    job.done(job.sends[0])
    at = job.now
    job.failed(job.sends[0], NOT_EXECUTED)
    assert job.wake().placed
    assert job.now == pytest.approx(at + 0.1)


def test_a_job_waits_for_a_busy_node_longer_than_it_has_attempts(new_job: NewJob):
    job = new_job(1, "a")
    for _ in range(10):
        job.failed(job.sends[0], NOT_EXECUTED, retry_after_ms=50)
        job.wake()
    assert job.sends[0].attempt_no == 10
    assert job.done(job.sends[0]).actions == [Finish()]


def test_a_chunk_that_is_turned_away_for_half_a_minute_gives_up(new_job: NewJob):
    job = new_job(1, "a")
    while not job.scheduler.is_over:
        send = job.sends[0]
        job.failed(send, NOT_EXECUTED, retry_after_ms=50)
        if not job.scheduler.is_over:
            job.wake()
    assert job.actions == [Fail(send.attempt_id, "exhausted")]
    assert 30 <= job.now < 32


def test_a_node_that_fails_everything_does_not_pull_in_the_job(new_job: NewJob):
    job = new_job(200, "ab", window=1, retry=RetryPolicy(max_attempts=100))
    failures = 0
    good = next(send for send in job.sends if send.node == "b")
    for tick in range(1, 101):
        job.at(tick / 100)
        bad = [s for i, s in job.all_sends.items() if s.node == "a" and job.scheduler.is_wanted(i)]
        for send in bad:
            failures += 1
            job.failed(send, UNKNOWN)
        job.timer()
        if tick % 10 == 0:
            job.done(good)
            good = next(send for send in job.sends if send.node == "b")
    assert failures <= 6


def _scheduler() -> Scheduler:
    chunks = plan_chunks(8, 1, 2, chunk_rows=1)
    return Scheduler(chunks, ["a", "b"], window=1, retry=RetryPolicy(), idempotent=True, prng=SplitMix64(1))


def test_a_node_lost_by_an_earlier_job_gets_no_work_before_it_answers():
    scheduler = _scheduler()
    actions = scheduler.start(0.0, ["b"])
    assert [action.node for action in actions if isinstance(action, Send)] == ["a"]
    probe_at = next(action.at for action in actions if isinstance(action, WaitUntil))
    assert scheduler.timer(probe_at) == [Probe("b")]
    actions = scheduler.node_up("b", probe_at)
    assert [action.node for action in actions if isinstance(action, Send)] == ["b"]


def test_when_an_earlier_job_has_lost_all_nodes_they_are_tried():
    scheduler = _scheduler()
    actions = scheduler.start(0.0, ["a", "b"])
    assert [action.node for action in actions if isinstance(action, Send)] == ["a", "b"]
