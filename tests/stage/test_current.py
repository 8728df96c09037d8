"""What a stage may know of the call that it runs for."""

from __future__ import annotations

import math
import threading
import time

import pytest

import pyrpc
from pyrpc.errors import ConfigError
from pyrpc.stage.current import RUNNING, CurrentCall
from pyrpc.testing import fake_call


class Caller:
    """A peer that counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.has_left = False

    def is_gone(self) -> bool:
        self.asked += 1
        return self.has_left


def test_outside_of_a_stage_it_is_a_typed_error_that_says_what_to_do() -> None:
    with pytest.raises(ConfigError, match="no stage runs in this thread") as caught:
        pyrpc.current_call()
    assert "fake_call" in str(caught.value)


def test_thread_of_its_own_has_no_call() -> None:
    failures: list[Exception] = []

    def ask() -> None:
        try:
            pyrpc.current_call()
        except ConfigError as error:
            failures.append(error)

    with fake_call():
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join(10)
    assert len(failures) == 1


def test_plain_values_become_one_object_for_each_call() -> None:
    began_ns = time.perf_counter_ns()
    RUNNING.call = "Tools.add", 2, None, began_ns, 10.0, 4_000_000
    try:
        call = pyrpc.current_call()
        assert call is pyrpc.current_call()
    finally:
        RUNNING.call = None
    assert (call.method, call.attempt, call.cancelled) == ("Tools.add", 2, False)
    # 10 s were left before it waited for 4.
    assert 0 < call.remaining_s <= 6.0
    assert "Tools.add" in repr(call)


def test_call_without_a_limit_has_all_the_time() -> None:
    call = CurrentCall("f", 0, None, math.inf)
    assert (call.remaining_s, call.cancelled) == (math.inf, False)


def test_call_whose_time_is_over_is_cancelled_whether_or_not_the_caller_is_there() -> None:
    caller = Caller()
    call = CurrentCall("f", 0, caller, time.perf_counter() - 1.0)
    assert (call.cancelled, call.remaining_s, caller.asked) == (True, 0.0, 0)


def test_call_of_a_caller_that_left_is_cancelled_for_good() -> None:
    caller = Caller()
    call = CurrentCall("f", 0, caller, math.inf)
    caller.has_left = True
    assert call.cancelled
    caller.has_left = False
    assert call.cancelled


def test_socket_is_asked_once_in_a_millisecond_at_most() -> None:
    caller = Caller()
    call = CurrentCall("f", 0, caller, math.inf)
    began = time.perf_counter()
    times = 0
    while time.perf_counter() - began < 0.02:
        assert not call.cancelled
        times += 1
    took_ms = (time.perf_counter() - began) * 1000
    assert 1 <= caller.asked <= took_ms + 1
    assert times > caller.asked


def test_fake_call_ends_as_it_began_and_may_be_nested() -> None:
    with fake_call("outer") as outer:
        with fake_call("inner", attempt=1, timeout_s=60.0) as inner:
            assert pyrpc.current_call() is inner
            assert (inner.method, inner.attempt) == ("inner", 1)
            assert 59 < inner.remaining_s <= 60
        assert pyrpc.current_call() is outer
        assert not outer.cancelled
        outer.cancel()
        assert pyrpc.current_call().cancelled
    with pytest.raises(ConfigError):
        pyrpc.current_call()
