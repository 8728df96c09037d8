"""A caller that closes its connection takes its calls back: what waits is dropped, and a stage that runs may ask."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

import pyrpc
from pyrpc import Client, Server
from pyrpc.errors import CancelledError, DeadlineExceeded, StageFailedError
from pyrpc.wire import small
from pyrpc.wire.binary import ONEWAY
from pyrpc.wire.codec import BINARY
from pyrpc.wire.messages import CallOptions

# How soon a stage that polls must know.
SOON_S = 0.5


class Work:
    """Counts what runs; ``poll`` ends when it is told to, or when nobody waits for it, at a moment of the clock now."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self.now = now
        self.lock = threading.Lock()
        self.runs = self.stopped = 0
        self.stopped_at = 0.0
        self.calls: list[tuple[str, int, float]] = []
        self.go_on = threading.Event()

    def poll(self, x: object = 0) -> object:
        call = pyrpc.current_call()
        with self.lock:
            self.runs += 1
            self.calls.append((call.method, call.attempt, call.remaining_s))
        until = time.monotonic() + 20
        while time.monotonic() < until and not self.go_on.wait(0.005):
            if call.cancelled:
                with self.lock:
                    self.stopped += 1
                    self.stopped_at = self.now()
                raise CancelledError("nobody waits for it")
        return x

    @pyrpc.stage(idempotent=True)
    def quick(self, x: object = 0) -> object:
        if not self.go_on.is_set():
            return self.poll(x)
        return x

    def give_up(self) -> None:
        raise CancelledError("of its own accord")


@pytest.fixture
def work(own_time: Callable[[], float]) -> Iterator[Work]:
    work = Work(own_time)
    yield work
    work.go_on.set()


@pytest.fixture
def server(work: Work) -> Iterator[Server]:
    with Server(work, port=0, threads=1) as server:
        yield server
        work.go_on.set()


def until(holds: Callable[[], bool]) -> None:
    """Wait for other threads."""
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.002)


def call_frame(method: str, seqid: int = 1, options: CallOptions | None = None) -> bytes:
    message = b"".join(BINARY.encode_call(method, [], {}, options or CallOptions(), seqid))
    return len(message).to_bytes(4, "big") + message


def send(server: Server, data: bytes) -> socket.socket:
    host, port = server.endpoint.split(":")
    sock = socket.create_connection((host, int(port)), 10)
    sock.sendall(data)
    return sock


def occupy(server: Server, work: Work) -> socket.socket:
    """A call that has the only turn."""
    sock = send(server, call_frame("Work.poll"))
    until(lambda: work.runs == 1)
    return sock


def assert_stops_soon(work: Work, began: float, count: int = 1) -> None:
    until(lambda: work.stopped == count)
    assert work.stopped_at - began < SOON_S


# -- what waits


def test_cancelled_job_leaves_nothing_to_run(server: Server, work: Work) -> None:
    with Client(server.endpoint, window=8) as client:
        job = client.map_async("Work.poll", np.arange(40), chunk_rows=1)
        until(lambda: work.runs == 1 and server._admission.queued == 7)
        began = work.now()
        job.cancel()
        assert_stops_soon(work, began)
        until(lambda: server._admission.in_flight == 0)
        assert (work.runs, server._admission.queued) == (1, 0)
        assert client.stats()[server.endpoint].errors["CANCELLED"] == 8


def test_call_whose_caller_closed_frees_its_place_before_its_turn(work: Work) -> None:
    with Server(work, port=0, threads=1, max_queued=1) as server:
        running = occupy(server, work)
        waiting = send(server, call_frame("Work.poll"))
        until(lambda: server._admission.queued == 1)
        waiting.close()
        until(lambda: server._admission.queued == 0 and server._listener.connections == 1)
        with Client(server.endpoint) as client:
            answer = client.submit("Work.poll", 7)
            until(lambda: server._admission.queued == 1)
            work.go_on.set()
            assert answer.result(10) == 7
        assert running.recv(4096)
        running.close()
        assert work.runs == 2


@pytest.mark.parametrize("stop", [3, 20, -1])
def test_bytes_of_a_next_call_do_not_hide_the_end(server: Server, work: Work, stop: int) -> None:
    running = occupy(server, work)
    waiting = send(server, call_frame("Work.poll", 1) + call_frame("Work.poll", 2)[:stop])
    until(lambda: server._admission.queued == 1)
    waiting.close()
    until(lambda: server._admission.queued == 0)
    began = work.now()
    # The same for a call that runs.
    running.sendall(call_frame("Work.poll", 2)[:stop])
    running.close()
    assert_stops_soon(work, began)
    until(lambda: server._listener.connections == 0)
    assert work.runs == 1


def test_calls_behind_one_that_was_taken_back_do_not_run(server: Server, work: Work) -> None:
    running = occupy(server, work)
    waiting = send(server, b"".join(call_frame("Work.poll", seqid) for seqid in range(1, 6)))
    until(lambda: server._admission.queued == 1)
    waiting.close()
    work.go_on.set()
    assert running.recv(4096)
    until(lambda: server._listener.connections == 1)
    running.close()
    assert work.runs == 1


def test_oneway_call_is_not_taken_back_by_closing(server: Server, work: Work) -> None:
    running = occupy(server, work)
    frame = bytearray(call_frame("Work.poll"))
    frame[7] = ONEWAY
    waiting = send(server, bytes(frame))
    until(lambda: server._admission.queued == 1)
    waiting.close()
    # Longer than the node takes to look.
    assert not work.go_on.wait(0.3)
    assert server._admission.queued == 1
    running.close()
    until(lambda: work.runs == 2)
    assert work.stopped == 1


def test_calls_that_wait_are_answered_when_their_caller_stays(server: Server, work: Work) -> None:
    with Client(server.endpoint) as client:
        answers = [client.submit("Work.poll", number) for number in range(100)]
        until(lambda: server._admission.queued >= 60)
        # Longer than the node takes to look.
        assert not work.go_on.wait(0.3)
        work.go_on.set()
        assert [answer.result(10) for answer in answers] == list(range(100))
        assert client.stats()[server.endpoint].errors == {}


def test_quick_calls_on_a_shared_connection_are_answered_when_their_caller_stays(server: Server, work: Work) -> None:
    work.go_on.set()
    with Client(server.endpoint) as client:
        for _ in range(20):
            client.submit("Work.quick", 0).result(10)
        answers = [client.submit("Work.quick", number) for number in range(2000)]
        assert [answer.result(10) for answer in answers] == list(range(2000))


# -- what runs


def test_stage_may_learn_that_its_job_was_cancelled(server: Server, work: Work) -> None:
    with Client(server.endpoint) as client:
        job = client.map_async("Work.poll", np.arange(4))
        until(lambda: work.runs == 1)
        began = work.now()
        job.cancel()
        assert_stops_soon(work, began)
        with pytest.raises(CancelledError):
            job.result(10)


def test_stage_may_learn_that_its_caller_ran_out_of_time(server: Server, work: Work) -> None:
    with Client(server.endpoint) as client:
        while not work.runs:  # On a busy machine time may be over before it runs.
            with pytest.raises(DeadlineExceeded):
                client.call("Work.poll", timeout_s=0.2)
        assert_stops_soon(work, work.now())
        while work.runs < 2:
            with pytest.raises(DeadlineExceeded):
                client.map("Work.poll", np.arange(4), timeout_s=0.2)
        assert_stops_soon(work, work.now(), 2)


def test_stage_may_learn_that_time_is_over_of_a_caller_that_stays(server: Server, work: Work) -> None:
    began, began_at = work.now(), time.monotonic()
    with send(server, call_frame("Work.poll", 1, CallOptions(remaining_ms=200, attempt=2))) as sock:
        until(lambda: work.stopped == 1)
        assert time.monotonic() - began_at > 0.15
        assert work.stopped_at - began < 0.2 + SOON_S
        # The connection is in order.
        assert b"nobody waits" in sock.recv(4096)
        sock.sendall(call_frame("Work.give_up"))
        assert b"of its own accord" in sock.recv(65536)
    method, attempt, remaining_s = work.calls[0]
    assert (method, attempt) == ("Work.poll", 2)
    assert 0 < remaining_s <= 0.2


def test_stage_may_learn_that_its_caller_was_killed(server: Server, work: Work) -> None:
    script = f"import pyrpc; pyrpc.Client('{server.endpoint}', timeout_s=None).call('Work.poll')"
    process = subprocess.Popen([sys.executable, "-c", script])
    try:
        until(lambda: work.runs == 1)
        assert work.stopped == 0
    finally:
        began = work.now()
        process.kill()
        process.wait()
    assert_stops_soon(work, began)


def test_stage_may_learn_that_another_node_was_quicker(work: Work) -> None:
    other = Work()
    other.go_on.set()
    work.go_on.set()
    with (
        Server({"Work": work}, port=0) as slow,
        Server({"Work": other}, port=0) as fast,
        Client([slow.endpoint, fast.endpoint], policy="round_robin") as client,
    ):
        for _ in range(60):
            client.call("Work.quick")
        until(lambda: client._caller._methods["Work.quick"].hedge_after_s < 10)
        work.go_on.clear()
        while not work.runs:
            client.call("Work.quick")
        assert_stops_soon(work, work.now())


def test_stage_may_learn_that_its_chunk_was_done_elsewhere(work: Work) -> None:
    other = Work()
    other.go_on.set()
    with (
        Server({"Work": work}, port=0) as slow,
        Server({"Work": other}, port=0) as fast,
        Client([slow.endpoint, fast.endpoint]) as client,
    ):
        rows = np.arange(50)
        np.testing.assert_array_equal(client.map("Work.poll", rows, chunk_rows=1), rows)
        began = work.now()
        until(lambda: work.stopped == work.runs > 0)
        assert work.now() - began < SOON_S


def test_stage_may_learn_that_its_node_cut_it_off(work: Work) -> None:
    server = Server(work, port=0).start()
    sock = occupy(server, work)
    began = work.now()
    server.stop(grace_s=0.1)
    assert_stops_soon(work, began)
    sock.close()


def test_small_call_is_one_like_any_other(server: Server, work: Work) -> None:
    frame = small.encode_call("Work.poll", (1,), 5, 10_000)
    assert frame is not None
    sock = send(server, frame)
    until(lambda: work.runs == 1)
    began = work.now()
    sock.close()
    assert_stops_soon(work, began)
    assert 9 < work.calls[0][2] <= 10


# -- what is told of it


def test_stage_that_stops_for_nobody_is_no_error_of_the_stage(server: Server, work: Work) -> None:
    occupy(server, work).close()
    until(lambda: work.stopped == 1 and server._admission.in_flight == 0)
    with Client(server.endpoint) as client:
        stats = client.stats()[server.endpoint]
    assert (stats.errors, stats.stages["Work.poll"].errors) == ({"CANCELLED": 1}, 0)


def test_stage_that_cancels_itself_while_its_caller_waits_has_failed(server: Server) -> None:
    with Client(server.endpoint) as client, pytest.raises(StageFailedError, match="of its own accord"):
        client.call("Work.give_up")


def test_no_call_is_left_behind_in_the_thread_of_a_node(server: Server, work: Work) -> None:
    """What a stage asked for is of that call alone, on the same connection too."""
    work.go_on.set()
    with Client(server.endpoint) as client:
        client.call("Work.poll", timeout_s=50.0)
        client.call("Work.poll", timeout_s=5.0)
    assert [remaining_s > 5 for _, _, remaining_s in work.calls] == [True, False]
