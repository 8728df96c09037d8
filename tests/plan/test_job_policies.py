"""The policies of jobs: all balancers by name, and a user's own."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pyrpc.errors import ConfigError, FailureClass
from pyrpc.plan.actions import CancelAttempt, Fail, Send
from pyrpc.plan.balance import BALANCERS, NodeView
from pyrpc.plan.partition import plan_chunks
from pyrpc.plan.placement import POLICIES, check_policy
from pyrpc.plan.prng import SplitMix64
from pyrpc.plan.retry import RetryPolicy
from pyrpc.plan.scheduler import Scheduler
from pyrpc.plan.work import DivisibleWork


class Last:
    """Always the last of those that are free; keeps what it was shown."""

    def __init__(self) -> None:
        self.shown: list[list[NodeView]] = []

    def pick(self, nodes: Sequence[NodeView], prng: SplitMix64) -> int:
        self.shown.append(list(nodes))
        return len(nodes) - 1


class Picks:
    """Answers that were prepared; an error among them is raised."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)

    def pick(self, nodes: Sequence[NodeView], prng: SplitMix64) -> int:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[return-value]


def new_scheduler(policy: object, chunks: int = 20, nodes: str = "abc", **options) -> Scheduler:
    return Scheduler(
        plan_chunks(chunks, 4, 1, chunk_rows=1),
        list(nodes),
        retry=RetryPolicy(),
        idempotent=True,
        prng=SplitMix64(3),
        policy=policy,  # type: ignore[arg-type]
        **options,
    )


def test_every_balancer_is_a_policy_of_jobs_by_its_name():
    assert set(BALANCERS) < set(POLICIES)
    assert all(check_policy(name) == name for name in POLICIES)


def test_an_object_with_pick_is_a_policy():
    policy = Last()
    assert check_policy(policy) is policy


@pytest.mark.parametrize("policy", ["best", "", None, 3, Last, object()])
def test_what_is_no_policy_is_refused_with_the_list_of_all(policy: object):
    with pytest.raises(ConfigError) as caught:
        check_policy(policy)  # type: ignore[arg-type]
    assert all(name in str(caught.value) for name in (*POLICIES, "pick(nodes, prng)", repr(policy)))


def test_own_policy_chooses_among_nodes_with_a_free_slot_in_their_order():
    policy = Last()
    sends = new_scheduler(policy, window=2).start(0.0)
    assert [send.node for send in sends if isinstance(send, Send)] == list("ccbbaa")
    assert [[view.endpoint for view in views] for views in policy.shown] == [
        ["a", "b", "c"], ["a", "b", "c"], ["a", "b"], ["a", "b"], ["a"], ["a"],
    ]  # fmt: skip
    assert [views[-1].in_flight for views in policy.shown] == [0, 1, 0, 1, 0, 1]


def test_own_policy_sees_what_rows_take_on_each_node():
    policy = Last()
    scheduler = new_scheduler(policy, window=1)
    sends = {send.node: send for send in scheduler.start(0.0) if isinstance(send, Send)}
    scheduler.done(sends["a"].attempt_id, 1.0)
    scheduler.done(sends["b"].attempt_id, 3.0)
    (view,) = policy.shown[-1]
    assert (view.endpoint, view.ewma_s, view.peak_s, view.seen_at) == ("b", 3.0, 3.0, 3.0)
    assert view.slowness > 1.0


def test_own_policy_chooses_for_chunks_that_failed_among_those_where_they_did_not_fail():
    policy = Last()
    scheduler = new_scheduler(policy, chunks=1, window=2)
    (send,) = [action for action in scheduler.start(0.0) if isinstance(action, Send)]
    assert send.node == "c"
    again = scheduler.failed(send.attempt_id, FailureClass.UNKNOWN, 0.1, node_lost=True)
    assert [action.node for action in again if isinstance(action, Send)] == ["b"]


@pytest.mark.parametrize("answer", [3, -1, None, "a", 0.5, ZeroDivisionError("mine")])
def test_own_policy_that_picks_no_node_fails_the_job_before_anything_is_sent(answer: object):
    scheduler = new_scheduler(Picks(answer))
    (fail,) = scheduler.start(0.0)
    assert isinstance(fail, Fail) and fail.reason == "policy" and fail.attempt_id is None
    assert isinstance(fail.error, ConfigError)
    assert "Picks" in str(fail.error) and repr(answer) in str(fail.error)
    assert scheduler.is_over and scheduler.timer(9.0) == []


def test_sends_of_the_event_in_which_a_policy_went_wrong_are_not_sent():
    scheduler = new_scheduler(Picks(0, 1, 7))
    (fail,) = scheduler.start(0.0)
    assert isinstance(fail, Fail) and scheduler.is_over


def test_attempts_in_flight_are_cancelled_when_a_policy_goes_wrong():
    scheduler = new_scheduler(Picks(0, 0, 0, 9), window=1)
    first, *others = [action.attempt_id for action in scheduler.start(0.0) if isinstance(action, Send)]
    *cancels, fail = scheduler.done(first, 1.0)
    assert {cancel.attempt_id for cancel in cancels if isinstance(cancel, CancelAttempt)} == set(others)
    assert isinstance(fail, Fail) and fail.reason == "policy"
    assert not scheduler.is_wanted(others[0])


@pytest.mark.parametrize("policy", POLICIES)
def test_every_policy_hands_out_all_rows_that_may_be_cut(policy: str):
    scheduler = Scheduler(
        DivisibleWork(1000, nodes=3), list("abc"), retry=RetryPolicy(), idempotent=True, prng=SplitMix64(1),
        policy=policy,
    )  # fmt: skip
    now, rows = 0.0, 0
    pending = [action for action in scheduler.start(now) if isinstance(action, Send)]
    while pending:
        now += 0.01
        send = pending.pop(0)
        rows += send.chunk.rows
        pending += [action for action in scheduler.done(send.attempt_id, now) if isinstance(action, Send)]
        if not pending and not scheduler.is_over:
            pending += [action for action in scheduler.timer(now) if isinstance(action, Send)]
    assert rows == 1000 and scheduler.is_over
