"""The rules of a job, one by one: what each event leads to."""

from __future__ import annotations

import pytest

from pyrpc.errors import ConfigError, FailureClass
from pyrpc.plan.actions import Action, CancelAttempt, Fail, Finish, Probe, Send, WaitUntil
from pyrpc.plan.partition import plan_chunks
from pyrpc.plan.prng import SplitMix64
from pyrpc.plan.retry import RetryPolicy
from pyrpc.plan.scheduler import Scheduler

FINAL, UNKNOWN, NOT_EXECUTED = FailureClass.FINAL, FailureClass.UNKNOWN, FailureClass.NOT_EXECUTED


class Job:
    """A scheduler, and the actions of its last event sorted by kind."""

    def __init__(
        self, chunks: int, nodes: str, *, idempotent: bool = True, retry: RetryPolicy | None = None, **options
    ):
        self.scheduler = Scheduler(
            plan_chunks(chunks, 4, 1, chunk_rows=1) if chunks else [],
            list(nodes),
            retry=retry or RetryPolicy(),
            idempotent=idempotent,
            prng=SplitMix64(1),
            **options,
        )
        self.now = 0.0
        self.sends: list[Send] = []
        self.all_sends: dict[int, Send] = {}
        self.wake_at: float | None = None
        self.took(self.scheduler.start(0.0))

    def took(self, actions: list[Action]) -> Job:
        self.actions = actions
        self.sends = [a for a in actions if isinstance(a, Send)]
        self.all_sends.update({send.attempt_id: send for send in self.sends})
        for action in actions:
            if isinstance(action, WaitUntil):
                self.wake_at = action.at
        return self

    def at(self, now: float) -> Job:
        self.now = now
        return self

    def done(self, send: Send) -> Job:
        return self.took(self.scheduler.done(send.attempt_id, self.now))

    def failed(self, send: Send, failure: FailureClass, **how) -> Job:
        return self.took(self.scheduler.failed(send.attempt_id, failure, self.now, **how))

    def lost(self, send: Send, failure: FailureClass = UNKNOWN) -> Job:
        return self.failed(send, failure, node_lost=True)

    def timer(self) -> Job:
        return self.took(self.scheduler.timer(self.now))

    def wake(self) -> Job:
        """Let the time of the last WaitUntil come."""
        assert self.wake_at is not None
        return self.at(self.wake_at).timer()

    @property
    def placed(self) -> list[tuple[int, str]]:
        """What was sent where by the last event."""
        return [(send.chunk.index, send.node) for send in self.sends]

    def of(self, kind: type) -> list[Action]:
        return [action for action in self.actions if isinstance(action, kind)]


# -- pull ------------------------------------------------------------------------------------------------


def test_every_node_gets_a_first_chunk_before_any_gets_a_second():
    assert Job(9, "abc").placed == [(0, "a"), (1, "b"), (2, "c"), (3, "a"), (4, "b"), (5, "c")]


def test_fewer_chunks_than_nodes_leave_nodes_idle():
    assert Job(2, "abc").placed == [(0, "a"), (1, "b")]


def test_a_node_that_finishes_gets_the_next_chunk():
    job = Job(9, "ab", window=1)
    assert job.done(job.all_sends[2]).placed == [(2, "b")]
    assert job.done(job.all_sends[3]).placed == [(3, "b")]


def test_no_chunks_finish_at_once():
    job = Job(0, "a")
    assert job.actions == [Finish()]
    assert job.scheduler.is_over


def test_the_last_chunk_finishes_the_job():
    job = Job(2, "a")
    first, second = job.sends
    assert job.done(second).actions == []
    assert job.done(first).actions == [Finish()]
    assert job.scheduler.chunks_left == 0


def test_the_first_attempt_is_number_zero():
    job = Job(1, "ab")
    assert (job.sends[0].attempt_no, job.sends[0].hedge) == (0, False)
    assert job.lost(job.sends[0]).sends[0].attempt_no == 1


# -- replies that come twice ---------------------------------------------------------------------------------


def test_a_reply_reported_twice_counts_once():
    job = Job(3, "a", window=1)
    first = job.sends[0]
    assert job.scheduler.is_wanted(first.attempt_id)
    job.done(first)
    assert not job.scheduler.is_wanted(first.attempt_id)
    assert job.done(first).actions == []
    assert job.scheduler.late == 1
    assert job.scheduler.chunks_left == 2


def test_a_failure_reported_after_the_reply_changes_nothing():
    job = Job(3, "a", window=1)
    first = job.sends[0]
    job.done(first)
    assert job.failed(first, FINAL).actions == []
    assert not job.scheduler.is_over


# -- failures ----------------------------------------------------------------------------------------------


def test_an_answer_that_another_try_would_not_change_fails_the_job():
    job = Job(4, "ab", window=1)
    first, second = job.sends
    assert job.failed(first, FINAL).actions == [
        CancelAttempt(second.attempt_id, "b"),
        Fail(first.attempt_id, "final"),
    ]


def test_what_may_have_run_is_not_repeated_unless_idempotent():
    job = Job(1, "ab", idempotent=False)
    assert job.lost(job.sends[0]).actions == [Fail(1, "unknown")]


def test_what_did_not_run_is_repeated_even_if_not_idempotent():
    job = Job(1, "ab", idempotent=False)
    assert job.lost(job.sends[0], NOT_EXECUTED).placed == [(0, "b")]


def test_a_failed_chunk_waits_its_backoff_and_goes_to_another_node_first():
    job = Job(6, "ab", window=1)
    first, second = job.sends
    assert job.failed(first, UNKNOWN).placed == [(2, "a")]
    job.wake()
    assert job.done(second).placed == [(0, "b")]
    assert job.sends[0].attempt_no == 1


def test_a_failed_chunk_prefers_a_busy_node_to_the_one_it_failed_on_but_not_for_ever():
    job = Job(2, "ab", window=1, hedge=False)
    first, _ = job.sends
    job.failed(first, UNKNOWN)
    assert job.wake().placed == []  # backoff is over, only a is free
    assert job.wake().placed == [(0, "a")]
    assert job.now >= 1.0


def test_with_a_single_node_it_goes_back_to_that():
    job = Job(1, "a")
    job.failed(job.sends[0], UNKNOWN)
    assert job.wake().placed == [(0, "a")]


def test_attempts_are_exhausted():
    job = Job(1, "abcd", hedge=False)
    job.failed(job.sends[0], UNKNOWN).wake()
    job.failed(job.sends[0], UNKNOWN).wake()
    third = job.sends[0]
    assert third.attempt_no == 2
    assert job.failed(third, UNKNOWN).actions == [Fail(third.attempt_id, "exhausted")]


def test_the_policy_sets_the_attempts():
    job = Job(1, "ab", retry=RetryPolicy(max_attempts=1))
    assert job.failed(job.sends[0], UNKNOWN).actions == [Fail(1, "exhausted")]


# -- nodes that go down --------------------------------------------------------------------------------------


def test_chunks_of_a_lost_node_go_elsewhere_at_once_and_ahead_of_new_ones():
    job = Job(9, "ab")
    a0, b1, a2, _ = job.sends
    job.lost(a0).lost(a2)
    assert job.placed == []
    assert job.done(b1).placed == [(2, "b")]
    assert job.done(job.sends[0]).placed == [(0, "b")]
    assert job.done(job.sends[0]).placed == [(4, "b")]


def test_lost_nodes_do_not_use_up_attempts():
    job = Job(1, "abc", retry=RetryPolicy(max_attempts=1))
    assert job.lost(job.sends[0]).placed == [(0, "b")]
    assert job.lost(job.sends[0]).placed == [(0, "c")]
    assert job.done(job.sends[0]).actions == [Finish()]


def test_a_chunk_that_takes_three_nodes_with_it_is_a_poison_pill():
    job = Job(1, "abcde")
    job.lost(job.sends[0])
    job.lost(job.sends[0])
    third = job.sends[0]
    assert job.lost(third).actions == [Fail(third.attempt_id, "exhausted")]


def test_nodes_that_never_were_there_are_no_poison_pill():
    job = Job(1, "abcdefghij")
    for _ in range(9):
        job.lost(job.sends[0], NOT_EXECUTED)
    assert job.placed == [(0, "j")]


def test_a_node_that_answers_pings_but_takes_no_chunk_does_not_keep_the_job_for_ever():
    job = Job(1, "a")
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


def test_a_node_that_is_down_gets_nothing():
    job = Job(9, "ab", window=1)
    first, second = job.sends
    job.took(job.scheduler.node_down("a", 0.0))
    assert job.done(first).placed == []
    assert job.done(second).placed == [(2, "b")]


def test_a_node_that_is_back_gets_work_but_rather_another_chunk_than_the_one_it_failed_on():
    job = Job(9, "ab", window=1)
    job.lost(job.sends[0])
    assert job.took(job.scheduler.node_up("a", 0.2)).placed == [(2, "a")]


def test_nodes_that_are_down_are_probed_at_growing_intervals():
    job = Job(1, "ab", hedge=False)
    job.took(job.scheduler.node_down("b", 0.0))
    times = []
    for _ in range(6):
        assert job.wake().of(Probe) == [Probe("b")]
        times.append(job.now)
        job.took(job.scheduler.node_down("b", job.now))
    assert times == pytest.approx([0.1, 0.3, 0.7, 1.5, 2.5, 3.5])


def test_there_is_one_probe_at_a_time_however_often_a_node_comes_and_goes():
    job = Job(1, "ab", hedge=False)
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


def test_the_loss_of_an_attempt_sent_before_a_restart_does_not_take_the_node_down_again():
    job = Job(9, "a")
    first, second = job.sends
    job.lost(first)
    job.took(job.scheduler.node_up("a", 0.1))
    job.at(0.2).lost(second)
    assert job.placed == [(1, "a")]


def test_no_node_for_five_seconds_fails_the_job():
    job = Job(3, "ab", window=1)
    for send in list(job.sends):
        job.at(1.0).lost(send)
    while not job.scheduler.is_over:
        job.wake()
        for probe in job.of(Probe):
            job.took(job.scheduler.node_down(probe.node, job.now))
    assert job.actions == [Fail(None, "no_nodes")]
    assert job.now == 6.0


def test_a_node_that_comes_back_in_time_saves_the_job():
    job = Job(1, "a")
    job.lost(job.sends[0])
    assert job.took(job.scheduler.node_up("a", 4.9)).placed == [(0, "a")]
    job.at(5.0).timer()
    assert not job.scheduler.is_over


# -- nodes that are busy --------------------------------------------------------------------------------------


def test_an_overloaded_node_is_left_alone_as_long_as_it_asks():
    job = Job(9, "ab", window=1)
    first, second = job.sends
    assert job.failed(first, NOT_EXECUTED, retry_after_ms=700).placed == []
    assert job.done(second).placed == [(0, "b")]
    assert job.at(0.69).timer().placed == []
    assert job.at(0.7).timer().placed == [(2, "a")]


def test_a_job_waits_for_a_busy_node_longer_than_it_has_attempts():
    job = Job(1, "a")
    for _ in range(10):
        job.failed(job.sends[0], NOT_EXECUTED, retry_after_ms=50)
        job.wake()
    assert job.sends[0].attempt_no == 10
    assert job.done(job.sends[0]).actions == [Finish()]


def test_a_chunk_that_is_turned_away_for_half_a_minute_gives_up():
    job = Job(1, "a")
    while not job.scheduler.is_over:
        send = job.sends[0]
        job.failed(send, NOT_EXECUTED, retry_after_ms=50)
        if not job.scheduler.is_over:
            job.wake()
    assert job.actions == [Fail(send.attempt_id, "exhausted")]
    assert 30 <= job.now < 32


def test_a_node_that_fails_everything_does_not_pull_in_the_job():
    job = Job(200, "ab", window=1, retry=RetryPolicy(max_attempts=100))
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


# -- hedges -------------------------------------------------------------------------------------------------


def test_a_straggler_is_duplicated_after_three_medians():
    job = Job(4, "ab", window=1)
    slow, fast = job.sends
    for now in (0.1, 0.2, 0.3):
        job.at(now).done(fast)
        fast = job.sends[0] if job.sends else fast
    assert job.placed == []
    assert job.wake_at == pytest.approx(0.3)  # that is now: the driver's timer
    job.wake()
    assert [(s.chunk.index, s.node, s.hedge) for s in job.sends] == [(0, "b", True)]
    job.at(0.35).done(job.sends[0])
    assert job.actions == [CancelAttempt(slow.attempt_id, "a"), Finish()]


def test_before_any_chunk_is_done_a_hedge_waits_a_second():
    job = Job(1, "ab")
    assert job.actions[1:] == [WaitUntil(1.0)]
    assert job.at(0.99).timer().sends == []
    assert job.wake().placed == [(0, "b")]


def test_the_first_reply_wins_and_the_other_is_late():
    job = Job(2, "ab", window=1)
    slow, other = job.sends
    job.at(1.0).done(other)
    job.wake()
    (hedge,) = job.sends
    assert job.scheduler.is_wanted(slow.attempt_id) and job.scheduler.is_wanted(hedge.attempt_id)
    assert job.done(slow).actions == [CancelAttempt(hedge.attempt_id, "b"), Finish()]
    assert job.done(hedge).actions == []
    assert job.scheduler.late == 1


def test_a_hedge_that_fails_leaves_the_chunk_to_the_first_attempt():
    job = Job(1, "ab", retry=RetryPolicy(max_attempts=1))
    (first,) = job.sends
    (hedge,) = job.wake().sends
    job.failed(hedge, UNKNOWN)
    assert not job.scheduler.is_over
    assert job.done(first).actions == [Finish()]


def test_there_is_no_hedge_without_idempotence_or_if_switched_off():
    assert Job(1, "ab", idempotent=False).wake_at is None
    assert Job(1, "ab", hedge=False).wake_at is None


def test_there_is_no_hedge_while_chunks_wait_to_be_sent():
    job = Job(9, "ab", window=1)
    job.at(50.0).timer()
    assert job.sends == []


def test_a_hedge_takes_no_more_than_the_window():
    job = Job(2, "ab", window=1)
    assert job.at(50.0).timer().sends == []


def test_another_hedge_comes_only_after_four_times_as_long():
    job = Job(1, "abc", window=1)
    assert job.wake().placed == [(0, "b")]
    assert job.at(4.9).timer().placed == []
    assert job.wake_at == 5.0
    assert job.wake().placed == [(0, "c")]


def test_a_cancelled_attempt_holds_its_slot_until_it_is_reported():
    job = Job(4, "ab", window=1)
    hung, _ = job.sends
    job.at(0.1).done(job.sends[1])
    job.at(0.2).done(job.sends[0])
    last = job.sends[0]
    job.at(0.3).done(last)
    job.wake()
    job.at(1.0)
    assert job.scheduler.chunks_left == 1
    assert job.done(job.sends[0]).actions == [CancelAttempt(hung.attempt_id, "a"), Finish()]
    assert job.failed(hung, FINAL).actions == []


def test_giving_up_a_cancelled_attempt_does_not_count_as_a_failure():
    job = Job(2, "abc", window=1)
    slow, other = job.sends
    hedge = job.wake().sends[0]
    assert hedge.node == "c"
    job.done(hedge)
    assert job.of(CancelAttempt) == [CancelAttempt(slow.attempt_id, "a")]
    job.failed(slow, FINAL)
    assert not job.scheduler.is_over
    assert job.done(other).actions[-1] == Finish()


def test_a_silent_node_that_a_hedge_overtook_gets_no_more_until_it_answers_a_probe():
    job = Job(3, "abc", window=1)
    hung, other, _ = job.sends
    job.at(0.1).done(job.sends[2])
    job.wake()
    hedge = job.sends[0]
    job.done(hedge)
    assert job.of(CancelAttempt) == [CancelAttempt(hung.attempt_id, "a")]
    job.failed(hung, FINAL)
    job.lost(other)
    while not job.of(Probe):
        assert "a" not in {send.node for send in job.wake().sends}
    assert Probe("a") in job.actions


def test_a_slow_node_that_a_hedge_overtook_but_that_has_replied_since_stays_in_the_job():
    job = Job(5, "abc")
    a0, b1, c2, a3, b4 = job.sends
    job.at(0.1).done(b1)
    job.done(c2)
    hedges = {send.chunk.index: send for send in job.wake().sends}
    job.at(0.5).done(a3)
    job.done(hedges[0])
    assert job.of(CancelAttempt) == [CancelAttempt(a0.attempt_id, "a")]
    job.failed(a0, FINAL)
    job.lost(b4)
    assert job.lost(hedges[4]).placed == [(4, "a")]


def test_a_hedge_that_is_turned_away_is_replaced_at_once():
    job = Job(1, "abc", window=1)
    job.wake()
    assert job.failed(job.sends[0], NOT_EXECUTED).placed == [(0, "c")]
    assert job.sends[0].hedge


# -- the end ------------------------------------------------------------------------------------------------


def test_cancelling_cancels_what_is_in_flight_and_nothing_follows():
    job = Job(9, "ab", window=1)
    first, second = job.sends
    assert job.took(job.scheduler.cancel(0.5)).actions == [CancelAttempt(1, "a"), CancelAttempt(2, "b")]
    assert job.done(first).actions == job.lost(second).actions == job.timer().actions == []
    assert job.scheduler.cancel(1.0) == []


def test_nothing_follows_a_failure():
    job = Job(9, "ab", window=1)
    first, second = job.sends
    job.failed(first, FINAL)
    assert job.done(second).actions == job.timer().actions == []
    assert job.scheduler.node_down("b", 1.0) == job.scheduler.node_up("b", 1.0) == []


@pytest.mark.parametrize(("nodes", "options"), [("", {}), ("aa", {}), ("a", {"window": 0}), ("a", {"give_up_s": -1.0})])
def test_options_that_make_no_sense_are_refused(nodes: str, options: dict[str, float]):
    with pytest.raises(ConfigError):
        Job(1, nodes, **options)


def test_a_string_is_not_a_list_of_nodes():
    with pytest.raises(ConfigError):
        Scheduler([], "host:9090", retry=RetryPolicy(), idempotent=True, prng=SplitMix64(1))


def test_news_of_a_node_that_is_not_in_the_job_is_refused():
    with pytest.raises(ConfigError, match="no such node"):
        Job(1, "ab").scheduler.node_up("c", 0.0)
