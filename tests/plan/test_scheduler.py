"""The rules of a job: who gets what, what a failure leads to, and the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pyrpc.errors import ConfigError, FailureClass
from pyrpc.plan.actions import CancelAttempt, Fail, Finish, WaitUntil
from pyrpc.plan.prng import SplitMix64
from pyrpc.plan.retry import RetryPolicy
from pyrpc.plan.scheduler import Scheduler

FINAL, UNKNOWN, NOT_EXECUTED = FailureClass.FINAL, FailureClass.UNKNOWN, FailureClass.NOT_EXECUTED
NewJob = Callable[..., Any]  # the fixture of conftest.py


# -- pull ----------------------------------------------------------------------------------------------------


def test_every_node_gets_a_first_chunk_before_any_gets_a_second(new_job: NewJob):
    assert new_job(9, "abc").placed == [(0, "a"), (1, "b"), (2, "c"), (3, "a"), (4, "b"), (5, "c")]


def test_fewer_chunks_than_nodes_leave_nodes_idle(new_job: NewJob):
    assert new_job(2, "abc").placed == [(0, "a"), (1, "b")]


def test_a_node_that_finishes_gets_the_next_chunk(new_job: NewJob):
    job = new_job(9, "ab", window=1)
    assert job.done(job.all_sends[2]).placed == [(2, "b")]
    assert job.done(job.all_sends[3]).placed == [(3, "b")]


def test_no_chunks_finish_at_once(new_job: NewJob):
    job = new_job(0, "a")
    assert job.actions == [Finish()]
    assert job.scheduler.is_over


def test_the_last_chunk_finishes_the_job(new_job: NewJob):
    job = new_job(2, "a")
    first, second = job.sends
    assert job.done(second).actions == []
    assert job.done(first).actions == [Finish()]
    assert job.scheduler.chunks_left == 0


def test_the_first_attempt_is_number_zero(new_job: NewJob):
    job = new_job(1, "ab")
    assert (job.sends[0].attempt_no, job.sends[0].hedge) == (0, False)
    assert job.lost(job.sends[0]).sends[0].attempt_no == 1


# -- replies that come twice ---------------------------------------------------------------------------------


def test_a_reply_reported_twice_counts_once(new_job: NewJob):
    job = new_job(3, "a", window=1)
    first = job.sends[0]
    assert job.scheduler.is_wanted(first.attempt_id)
    job.done(first)
    assert not job.scheduler.is_wanted(first.attempt_id)
    assert job.done(first).actions == []
    assert job.scheduler.late == 1
    assert job.scheduler.chunks_left == 2


def test_a_failure_reported_after_the_reply_changes_nothing(new_job: NewJob):
    job = new_job(3, "a", window=1)
    first = job.sends[0]
    job.done(first)
    assert job.failed(first, FINAL).actions == []
    assert not job.scheduler.is_over


# -- failures ------------------------------------------------------------------------------------------------


def test_an_answer_that_another_try_would_not_change_fails_the_job(new_job: NewJob):
    job = new_job(4, "ab", window=1)
    first, second = job.sends
    assert job.failed(first, FINAL).actions == [
        CancelAttempt(second.attempt_id, "b"),
        Fail(first.attempt_id, "final"),
    ]


def test_what_may_have_run_is_not_repeated_unless_idempotent(new_job: NewJob):
    job = new_job(1, "ab", idempotent=False)
    assert job.lost(job.sends[0]).actions == [Fail(1, "unknown")]


def test_what_did_not_run_is_repeated_even_if_not_idempotent(new_job: NewJob):
    job = new_job(1, "ab", idempotent=False)
    assert job.lost(job.sends[0], NOT_EXECUTED).placed == [(0, "b")]


def test_a_failed_chunk_waits_its_backoff_and_goes_to_another_node_first(new_job: NewJob):
    job = new_job(6, "ab", window=1)
    first, second = job.sends
    assert job.failed(first, UNKNOWN).placed == [(2, "a")]
    job.wake()
    assert job.done(second).placed == [(0, "b")]
    assert job.sends[0].attempt_no == 1


def test_a_failed_chunk_prefers_a_busy_node_to_the_one_it_failed_on_but_not_for_ever(new_job: NewJob):
    job = new_job(2, "ab", window=1, hedge=False)
    first, _ = job.sends
    job.failed(first, UNKNOWN)
    assert job.wake().placed == []  # backoff is over, only a is free
    assert job.wake().placed == [(0, "a")]
    assert job.now >= 1.0


def test_with_a_single_node_it_goes_back_to_that(new_job: NewJob):
    job = new_job(1, "a")
    job.failed(job.sends[0], UNKNOWN)
    assert job.wake().placed == [(0, "a")]


def test_attempts_are_exhausted(new_job: NewJob):
    job = new_job(1, "abcd", hedge=False)
    job.failed(job.sends[0], UNKNOWN).wake()
    job.failed(job.sends[0], UNKNOWN).wake()
    third = job.sends[0]
    assert third.attempt_no == 2
    assert job.failed(third, UNKNOWN).actions == [Fail(third.attempt_id, "exhausted")]


def test_the_policy_sets_the_attempts(new_job: NewJob):
    job = new_job(1, "ab", retry=RetryPolicy(max_attempts=1))
    assert job.failed(job.sends[0], UNKNOWN).actions == [Fail(1, "exhausted")]


def test_a_chunk_that_is_passed_over_keeps_its_place(new_job: NewJob):
    job = new_job(9, "abc", window=3, hedge=False)
    a0, b1, c2, a3, _, c5, _, _, c8 = job.sends
    job.failed(a0, UNKNOWN)
    for send in (c2, c5, c8):
        job.lost(send, NOT_EXECUTED)
    job.at(0.5).timer()  # now 0, 8 and 5 wait in this order, and all slots are taken
    assert job.done(a3).placed == [(8, "a")]
    assert job.done(b1).placed == [(0, "b")]


def test_the_driver_is_told_when_it_must_wake_earlier_than_it_was_told_before(new_job: NewJob):
    job = new_job(1, "ab")
    assert job.wake_at == 1.0
    assert job.took(job.scheduler.node_down("b", 0.0)).actions == [WaitUntil(0.1)]


# -- the end -------------------------------------------------------------------------------------------------


def test_cancelling_cancels_what_is_in_flight_and_nothing_follows(new_job: NewJob):
    job = new_job(9, "ab", window=1)
    first, second = job.sends
    assert job.took(job.scheduler.cancel(0.5)).actions == [CancelAttempt(1, "a"), CancelAttempt(2, "b")]
    assert job.done(first).actions == job.lost(second).actions == job.timer().actions == []
    assert job.scheduler.cancel(1.0) == []


def test_what_was_cancelled_is_not_cancelled_again(new_job: NewJob):
    job = new_job(2, "abc", window=1)
    slow, other = job.sends
    job.done(job.wake().sends[0])
    assert CancelAttempt(slow.attempt_id, "a") in job.actions
    cancelled = job.took(job.scheduler.cancel(job.now)).of(CancelAttempt)
    assert other.attempt_id in {action.attempt_id for action in cancelled}
    assert slow.attempt_id not in {action.attempt_id for action in cancelled}


def test_nothing_follows_a_failure(new_job: NewJob):
    job = new_job(9, "ab", window=1)
    first, second = job.sends
    job.failed(first, FINAL)
    assert job.done(second).actions == job.timer().actions == []
    assert job.scheduler.node_down("b", 1.0) == job.scheduler.node_up("b", 1.0) == []


@pytest.mark.parametrize(("nodes", "options"), [("", {}), ("aa", {}), ("a", {"window": 0}), ("a", {"give_up_s": -1.0})])
def test_options_that_make_no_sense_are_refused(new_job: NewJob, nodes: str, options: dict[str, float]):
    with pytest.raises(ConfigError):
        new_job(1, nodes, **options)


def test_a_string_is_not_a_list_of_nodes():
    with pytest.raises(ConfigError):
        Scheduler([], "host:9090", retry=RetryPolicy(), idempotent=True, prng=SplitMix64(1))


def test_news_of_a_node_that_is_not_in_the_job_is_refused(new_job: NewJob):
    with pytest.raises(ConfigError, match="no such node"):
        new_job(1, "ab").scheduler.node_up("c", 0.0)
