"""Turns for calls."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from pyrpc.errors import CancelledError, ExpiredError, OverloadedError
from pyrpc.server.admission import Admission


def waiter(admission: Admission, order: list[int], number: int) -> threading.Thread:
    def wait() -> None:
        admission.enter()
        order.append(number)
        admission.leave()

    queued = admission.queued
    thread = threading.Thread(target=wait)
    thread.start()
    while admission.queued == queued:
        time.sleep(0.001)
    return thread


def test_free_turn_costs_no_wait() -> None:
    admission = Admission(2)
    assert [admission.enter(), admission.enter()] == [0, 0]
    assert (admission.in_flight, admission.queued) == (2, 0)


def test_turns_are_given_in_the_order_of_arrival() -> None:
    admission, order = Admission(1), []
    admission.enter()
    threads = [waiter(admission, order, number) for number in range(5)]
    admission.leave()
    for thread in threads:
        thread.join(10)
    assert order == [0, 1, 2, 3, 4]
    assert (admission.in_flight, admission.queued) == (0, 0)


def test_queue_has_a_limit() -> None:
    admission = Admission(1, max_queued=1)
    admission.enter()
    thread = waiter(admission, [], 0)
    with pytest.raises(OverloadedError) as caught:
        admission.enter()
    assert caught.value.retry_after_ms
    admission.leave()
    thread.join(10)


def test_turn_that_does_not_come_in_time_is_not_kept() -> None:
    admission = Admission(1)
    admission.enter()
    with pytest.raises(ExpiredError, match="before the call could start"):
        admission.enter(0.01)
    assert (admission.in_flight, admission.queued) == (1, 0)
    admission.leave()
    assert admission.enter(0.01) == 0


def test_no_time_to_wait_is_no_time() -> None:
    admission = Admission(1)
    admission.enter()
    with pytest.raises(ExpiredError):
        admission.enter(0.0)


def test_turn_that_comes_while_giving_up_is_passed_on() -> None:
    """Many waiters whose time ends just when turns come: no turn gets lost."""
    admission = Admission(1)

    def try_often() -> None:
        for _ in range(200):
            try:
                admission.enter(0.0002)
            except (ExpiredError, OverloadedError):
                continue
            time.sleep(0.0001)
            admission.leave()

    threads = [threading.Thread(target=try_often) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (admission.in_flight, admission.queued) == (0, 0)


class Caller:
    """A peer that leaves when told to."""

    def __init__(self) -> None:
        self.asked = 0
        self.has_left = False

    def is_gone(self) -> bool:
        self.asked += 1
        return self.has_left


def test_caller_is_not_asked_for_when_a_turn_is_free() -> None:
    caller = Caller()
    caller.has_left = True
    assert Admission(1).enter(None, caller) == 0
    assert caller.asked == 0


def test_call_of_a_caller_that_left_leaves_the_queue_before_its_turn() -> None:
    admission, caller = Admission(1, max_queued=1), Caller()
    admission.enter()
    caller.has_left = True
    with pytest.raises(CancelledError, match="not started"):
        admission.enter(None, caller)
    assert (admission.in_flight, admission.queued) == (1, 0)


def test_call_of_a_caller_that_left_passes_its_turn_on() -> None:
    admission, order = Admission(1), []
    admission.enter()
    outcomes: list[object] = []
    caller = Caller()

    def wait() -> None:
        try:
            outcomes.append(admission.enter(None, caller))
        except CancelledError as error:
            outcomes.append(error)

    first = threading.Thread(target=wait)
    first.start()
    while admission.queued == 0:
        time.sleep(0.001)
    second = waiter(admission, order, 2)
    caller.has_left = True
    admission.leave()
    first.join(10)
    second.join(10)
    assert isinstance(outcomes[0], CancelledError)
    assert order == [2]
    assert (admission.in_flight, admission.queued) == (0, 0)


def test_caller_that_stays_is_asked_for_again_and_gets_its_turn() -> None:
    admission, caller = Admission(1), Caller()
    admission.enter()
    waits: list[int] = []
    first = threading.Thread(target=lambda: waits.append(admission.enter(30, caller)))
    first.start()
    until = time.monotonic() + 60
    while caller.asked < 2:
        assert time.monotonic() < until
        time.sleep(0.001)
    admission.leave()
    first.join(10)
    assert len(waits) == 1 and waits[0] > 0


def test_caller_that_stays_gets_its_time() -> None:
    admission, caller = Admission(1), Caller()
    admission.enter()
    with pytest.raises(ExpiredError):
        admission.enter(0.05, caller)
    assert caller.asked >= 1
    admission.leave()
    assert admission.enter(0.25, caller) == 0


def busy(threads: int = 1, max_queued: int = 1024) -> Admission:
    """All turns taken."""
    admission = Admission(threads, max_queued)
    for _ in range(threads):
        admission.enter()
    return admission


def end_with(admission: Admission, waiters: list[threading.Thread], every_s: float = 0.0) -> None:
    """Give turns until all have had theirs."""
    for _ in range(admission.threads):
        time.sleep(every_s)
        admission.leave()
    for thread in waiters:
        thread.join(10)


def test_call_that_would_get_its_turn_too_late_is_refused_at_once(own_time: Callable[[], float]) -> None:
    admission = busy()
    first = waiter(admission, [], 0)
    end_with(admission, [first], every_s=0.05)
    # From here on it is known that a turn takes 50 ms or more.
    admission.enter()
    waiters = [waiter(admission, [], number) for number in range(4)]
    began = own_time()
    with pytest.raises(OverloadedError, match="time would be over") as caught:
        admission.enter(0.15)
    assert own_time() - began < 0.15
    assert caught.value.retry_after_ms is not None and caught.value.retry_after_ms >= 5 * 50
    assert admission.queued == 4
    end_with(admission, waiters)
    assert (admission.in_flight, admission.queued) == (0, 0)


def test_next_in_line_may_wait_however_slow_turns_were() -> None:
    admission = busy()
    end_with(admission, [waiter(admission, [], 0)], every_s=0.05)
    admission.enter()
    with pytest.raises(ExpiredError):
        admission.enter(0.001)
    admission.leave()


def test_queue_gets_shorter_when_waiting_costs_callers_their_time() -> None:
    admission = busy()
    assert admission.queue_limit == 1024
    outcomes: list[object] = []

    def wait() -> None:
        try:
            admission.enter(0.05)
        except (ExpiredError, OverloadedError) as error:
            outcomes.append(type(error))

    threads = [threading.Thread(target=wait) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(outcomes) == 10
    assert admission.queue_limit < 10
    admission.leave()


def test_when_to_come_back_follows_the_queue() -> None:
    admission = busy()
    end_with(admission, [waiter(admission, [], 0)], every_s=0.02)
    admission.enter()
    waiters = [waiter(admission, [], 0)]
    with_one = admission.retry_after_ms()
    waiters += [waiter(admission, [], number) for number in range(1, 9)]
    assert admission.retry_after_ms() >= 4 * with_one
    end_with(admission, waiters)
