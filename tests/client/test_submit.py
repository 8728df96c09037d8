"""Calls in the background."""

from __future__ import annotations

import concurrent.futures
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from pyrpc import Client, Server
from pyrpc.client import submit
from pyrpc.errors import (
    ArgumentError,
    ConfigError,
    DeadlineExceeded,
    StageFailedError,
    UnknownMethodError,
    UnsupportedTypeError,
)


class Service:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.let = threading.Event()
        self.entered = threading.Semaphore(0)
        self.calls: list[Any] = []

    def add(self, a: Any, b: Any = 0) -> Any:
        return a + b

    def note(self, x: Any) -> Any:
        with self.lock:
            self.calls.append(x)
        return x

    def wait(self, x: Any = None) -> Any:
        with self.lock:
            self.calls.append(x)
        self.let.wait(30)
        return x

    def wait_at(self, x: int, at: int) -> int:
        if x == at:
            self.entered.release()
            self.let.wait(30)
        return x

    def fail_odd(self, x: int) -> int:
        if x % 2:
            raise ValueError(f"{x} is odd")
        return x


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    yield service
    service.let.set()


@pytest.fixture
def client(cluster: Callable[..., Client], service: Service) -> Client:
    return cluster(2, service)


def test_each_future_has_its_own_result(client: Client) -> None:
    futures = [client.submit("Service.add", number, b=number) for number in range(50)]
    futures += [client.submit("Service.add", number, 1) for number in range(1000)]
    results = [future.result(30) for future in futures]
    assert results == [2 * number for number in range(50)] + [number + 1 for number in range(1000)]


def test_arrays_of_any_size_may_be_submitted(client: Client) -> None:
    futures = [client.submit("Service.add", np.full(size, 2.0), 1) for size in (0, 1, 1000, 1_000_000)]
    for future, size in zip(futures, (0, 1, 1000, 1_000_000), strict=True):
        np.testing.assert_array_equal(future.result(30), np.full(size, 3.0))


def test_calls_run_at_the_same_time(client: Client, service: Service) -> None:
    futures = [client.submit("Service.wait", number) for number in range(16)]
    until = time.monotonic() + 60
    while len(service.calls) < 16:
        assert time.monotonic() < until
        time.sleep(0.002)
    service.let.set()
    assert [future.result(30) for future in futures] == list(range(16))


def test_quick_calls_do_not_wait_for_slow_ones(client: Client, service: Service) -> None:
    client._submitter._learn("Service.add", 1e-5)
    slow = [client.submit("Service.wait", number) for number in range(5)]
    until = time.monotonic() + 60
    while len(service.calls) < len(slow):
        assert time.monotonic() < until
        time.sleep(0.002)
    assert [client.submit("Service.add", number).result(20) for number in range(5)] == list(range(5))
    service.let.set()
    assert [future.result(30) for future in slow] == list(range(5))


def test_quick_call_that_was_queued_before_the_slow_ones_began_does_not_wait_either(
    client: Client, service: Service
) -> None:
    submitter = client._submitter
    submitter._learn("Service.add", 1e-5)
    begun: list[Any] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(submitter._threads, "run", lambda *work: begun.append(work))
        slow = [client.submit("Service.wait", number) for number in range(5)]
        quick = client.submit("Service.add", 1)
    assert len(begun) == len(slow)
    for work in begun:
        submitter._threads.run(*work)
    assert quick.result(20) == 1
    service.let.set()
    assert [future.result(30) for future in slow] == list(range(5))


def test_errors_are_kept_for_their_own_future(client: Client) -> None:
    for _ in range(3):  # At first alone, then several on one connection.
        futures = [client.submit("Service.fail_odd", number) for number in range(100)]
        for number, future in enumerate(futures):
            if number % 2:
                assert isinstance(future.exception(30), StageFailedError)
                assert f"{number} is odd" in str(future.exception())
            else:
                assert future.result(30) == number


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (("Service.nothing",), UnknownMethodError),
        (("Service.add",), ArgumentError),
        (("Service.add", {1}), UnsupportedTypeError),
        (("Service.add", np.array([None])), UnsupportedTypeError),
        ((5, 1), ArgumentError),
    ],
)
def test_call_that_cannot_work_is_an_error_of_its_future(client: Client, call: Any, error: type[Exception]) -> None:
    assert isinstance(client.submit(*call).exception(30), error)
    assert client.submit("Service.add", 1).result(30) == 1


def test_calls_go_on_after_a_pause(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The threads that serve quick calls end after a while, and come back."""
    monkeypatch.setattr(submit, "_LINGER_S", 0.02)
    for _ in range(3):
        assert [f.result(30) for f in [client.submit("Service.add", n) for n in range(200)]] == list(range(200))
        until = time.monotonic() + 60
        while client._submitter._running:
            assert time.monotonic() < until
            time.sleep(0.002)


def test_time_runs_from_when_it_was_submitted(client: Client) -> None:
    assert isinstance(client.submit("Service.wait", timeout_s=0.1).exception(30), DeadlineExceeded)


def test_time_of_calls_that_share_a_connection_is_told_as_such(client: Client, service: Service) -> None:
    for future in [client.submit("Service.wait_at", number, -1) for number in range(200)]:
        future.result(30)
    futures = [client.submit("Service.wait_at", number, 0, timeout_s=0.5) for number in range(40)]
    for number, future in enumerate(futures):
        error = future.exception(30)
        assert error is None or isinstance(error, TimeoutError), (number, error)
    assert isinstance(futures[0].exception(), TimeoutError)


def test_waiting_call_may_be_cancelled_and_does_not_run(service: Service) -> None:
    with Server(service, port=0) as server, Client(server.endpoint) as client:
        busy = [client.submit("Service.wait", number) for number in range(64)]
        until = time.monotonic() + 60
        while not all(future.running() for future in busy):
            assert time.monotonic() < until
            time.sleep(0.002)
        waiting = [client.submit("Service.note", f"waiting {number}") for number in range(10)]
        assert [future.cancel() for future in waiting] == [True] * 10
        assert not busy[0].cancel()
        service.let.set()
        concurrent.futures.wait(busy, 30)
        with pytest.raises(concurrent.futures.CancelledError):
            waiting[0].result(30)
        assert client.submit("Service.note", "last").result(30) == "last"
    assert not [call for call in service.calls if str(call).startswith("waiting")]


def test_two_hundred_slow_calls_all_end(client: Client, service: Service) -> None:
    futures = [client.submit("Service.wait", number) for number in range(200)]
    service.let.set()
    assert [future.result(60) for future in futures] == list(range(200))
    assert sorted(service.calls) == list(range(200))


def test_calls_that_wait_when_the_client_is_closed_still_end(service: Service) -> None:
    with Server(service, port=0) as server:
        with Client(server.endpoint) as client:
            futures = [client.submit("Service.wait", number) for number in range(100)]
        with pytest.raises(ConfigError, match="closed"):
            client.submit("Service.add", 1)
        service.let.set()
        assert [future.result(30) for future in futures] == list(range(100))


def test_done_callbacks_may_submit_more(client: Client) -> None:
    seen: list[int] = []
    done = threading.Event()

    def go_on(future: concurrent.futures.Future[int]) -> None:
        seen.append(future.result())
        if len(seen) < 20:
            client.submit("Service.add", len(seen)).add_done_callback(go_on)
        else:
            done.set()

    client.submit("Service.add", 0).add_done_callback(go_on)
    assert done.wait(30)
    assert seen == list(range(20))


def test_futures_of_a_node_that_dies_all_end(service: Service) -> None:
    with Server(service, port=0) as server, Client(server.endpoint) as client:
        for future in [client.submit("Service.wait_at", number, -1) for number in range(200)]:
            future.result(30)
        futures = [client.submit("Service.wait_at", number, 5) for number in range(50)]
        assert service.entered.acquire(timeout=10)
        server.stop(grace_s=0)
        ended = concurrent.futures.wait(futures, 30)
        assert not ended.not_done
        assert all(future.exception() is None or isinstance(future.exception(), OSError) for future in futures)
