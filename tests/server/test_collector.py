"""Who comes to which batch, where two things happen at the same moment."""

from __future__ import annotations

import numpy as np
import pytest

import pyrpc
from pyrpc import Batch
from pyrpc.errors import ExpiredError, PyrpcError
from pyrpc.server.batch_rule import Reason
from pyrpc.server.batched_call import BatchedCall
from pyrpc.server.collector import Collector, OpenBatch
from pyrpc.stage.registry import Registry, Stage


@pytest.fixture
def stage() -> Stage:
    @pyrpc.stage(batch=Batch(max_rows=8, max_delay_ms=60_000))
    def double(x: np.ndarray) -> np.ndarray:
        return 2 * x

    return Registry(double).lookup("double")


def call(rows: int = 1, left_s: float | None = None) -> BatchedCall:
    made = BatchedCall([np.ones(rows)], {}, left_s, None, 0)
    made.rows = rows
    return made


def is_awake(each: BatchedCall) -> bool:
    return each.signal.acquire(blocking=False)


def reason_of(batch: OpenBatch) -> Reason | None:
    return batch.reason


def test_second_call_joins_the_first_and_sleeps(stage: Stage) -> None:
    collector, first, second = Collector(), call(), call()
    batch = collector.join(stage, "kind", first, False)
    assert batch.reason is Reason.NOBODY_ELSE
    assert collector.join(stage, "kind", second, False) is batch
    assert batch.calls == [first, second]
    assert is_awake(first) and not is_awake(second)


def test_call_for_which_there_is_no_room_sends_the_batch_and_begins_another(stage: Stage) -> None:
    collector, calls = Collector(), [call(5), call(4), call(4)]
    # One runs, so that the next waits.
    collector.close(collector.join(stage, "kind", call(), False))
    first = collector.join(stage, "kind", calls[0], False)
    assert reason_of(first) is None
    second = collector.join(stage, "kind", calls[1], False)
    assert second is not first
    assert reason_of(first) is Reason.FULL and is_awake(calls[0])
    assert collector.join(stage, "kind", calls[2], False) is second
    assert second.reason is Reason.FULL


def test_other_kind_is_another_batch(stage: Stage) -> None:
    collector = Collector()
    first = collector.join(stage, "kind", call(), False)
    other = collector.join(stage, "other", call(), False)
    assert first is not other
    assert other.reason is Reason.INCOMPATIBLE


def test_caller_that_has_its_answer_is_waited_for_and_then_nobody(stage: Stage) -> None:
    collector, waiting = Collector(), call()
    running = collector.join(stage, "kind", call(), False)
    collector.close(running)
    batch = collector.join(stage, "kind", waiting, False)
    for _ in range(2):
        assert collector.join(stage, "kind", call(), False) is batch
    collector.leave(running, False)
    assert reason_of(batch) is None and not is_awake(waiting)
    assert collector.join(stage, "kind", call(), False) is batch
    assert reason_of(batch) is Reason.NOBODY_ELSE and is_awake(waiting)


def test_dead_batch_is_closed_with_an_error_for_each(stage: Stage) -> None:
    collector, calls = Collector(), [call(left_s=0.0), call(left_s=0.0)]
    batch = collector.join(stage, "kind", calls[0], False)
    assert collector.join(stage, "kind", calls[1], False) is batch
    assert collector.close_if_dead(batch)
    assert batch.is_closed
    assert all(isinstance(each.error, ExpiredError) for each in calls)


def test_batch_to_which_somebody_comes_as_the_last_caller_leaves_goes_on(stage: Stage) -> None:
    collector, newcomer = Collector(), call()
    follower = call(left_s=0.0)
    batches: list[OpenBatch] = []

    class Dying(BatchedCall):
        def death(self, now: float, *, asks_peer: bool = True) -> PyrpcError | None:
            # One leaves and one comes, so that there are as many as before.
            if not newcomer.is_done:
                newcomer.is_done = True
                assert collector._withdraw(batches[0], follower)
                collector.join(stage, "kind", newcomer, False)
            return super().death(now)

    leader = Dying([np.ones(1)], {}, 0.0, None, 0)
    leader.rows = 1
    batches.append(collector.join(stage, "kind", leader, False))
    collector.join(stage, "kind", follower, False)
    assert not collector.close_if_dead(batches[0])
    assert batches[0].calls == [leader, newcomer]
    assert not batches[0].is_closed


def test_closed_batch_keeps_its_calls(stage: Stage) -> None:
    collector, first, second = Collector(), call(), call()
    batch = collector.join(stage, "kind", first, False)
    collector.join(stage, "kind", second, False)
    collector.close(batch)
    assert not collector._withdraw(batch, second)
    assert collector.join(stage, "kind", call(), False) is not batch


def test_kinds_of_which_nobody_is_left_are_forgotten(stage: Stage) -> None:
    collector = Collector()
    for number in range(1000):
        batch = collector.join(stage, number, call(), False)
        collector.close(batch)
        collector.leave(batch, False)
    assert len(collector._lanes) <= 65
    assert collector._inside == 0
