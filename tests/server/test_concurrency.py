"""Threads, turns, queues and connections of a server."""

from __future__ import annotations

import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from pyrpc import Client, Server
from pyrpc.client.node import NodeHandle
from pyrpc.deadline import Deadline
from pyrpc.errors import ExpiredError, OverloadedError
from pyrpc.transport.endpoint import Endpoint
from pyrpc.transport.patience import Patience
from pyrpc.wire.codec import BINARY
from pyrpc.wire.messages import CallOptions


class Gate:
    """Counts who is inside, and lets nobody out before ``let`` is set."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.inside = self.most = self.runs = 0
        self.entered = threading.Semaphore(0)
        self.let = threading.Event()

    def wait(self) -> int:
        with self.lock:
            self.inside += 1
            self.runs += 1
            self.most = max(self.most, self.inside)
        self.entered.release()
        self.let.wait(30)
        with self.lock:
            self.inside -= 1
        return threading.get_ident()

    def quick(self) -> int:
        return 1


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.let.set()


def await_true(condition: Callable[[], bool]) -> None:
    """Wait for what nobody tells of, at most a minute."""
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until, "it did not come"
        time.sleep(0.002)


def our_threads() -> int:
    return sum(thread.name == "pyrpc-node" for thread in threading.enumerate())


def connect(server: Server) -> socket.socket:
    host, port = server.endpoint.split(":")
    return socket.create_connection((host, int(port)), 10)


def ping(sock: socket.socket) -> bytes:
    message = b"".join(BINARY.encode_request("ping", 1, {}))
    sock.sendall(len(message).to_bytes(4, "big") + message)
    sock.settimeout(10)
    return sock.recv(65536)


@pytest.mark.parametrize("threads", [1, 3])
def test_no_more_calls_run_than_there_are_threads(gate: Gate, threads: int) -> None:
    with Server(gate, port=0, threads=threads) as server, Client(server.endpoint) as client:
        futures = [client.submit("Gate.wait") for _ in range(12)]
        for _ in range(threads):
            assert gate.entered.acquire(timeout=10)
        await_true(lambda: next(iter(client.stats().values())).load.queued == 12 - threads)
        assert gate.most == threads
        gate.let.set()
        assert all(future.result(10) for future in futures)
        assert (gate.most, gate.runs) == (threads, 12)


def test_ping_and_stats_are_answered_while_every_thread_is_busy(gate: Gate) -> None:
    with Server(gate, port=0, threads=1) as server, Client(server.endpoint) as client:
        future = client.submit("Gate.wait")
        assert gate.entered.acquire(timeout=10)
        info = client.ping(timeout_s=10)[server.endpoint]
        assert info.threads == 1
        assert client.stats(timeout_s=10)[server.endpoint].load.in_flight == 1
        gate.let.set()
        future.result(10)


def test_call_beyond_the_queue_is_refused_with_when_to_come_back(gate: Gate) -> None:
    with Server(gate, port=0, threads=1, max_queued=1) as server, Client(server.endpoint) as client:
        running = client.submit("Gate.wait")
        assert gate.entered.acquire(timeout=10)
        began = time.monotonic()
        waiting = client.submit("Gate.wait")
        await_true(lambda: client.stats()[server.endpoint].load.queued == 1)
        node = NodeHandle(Endpoint.parse(server.endpoint), 5)
        with pytest.raises(OverloadedError) as caught:
            node.invoke("Gate.quick", [], {}, Deadline(10))
        # No turn came yet, so all that is known is how long the first in the queue has waited for one.
        waited_ms = (time.monotonic() - began) * 1000
        assert caught.value.retry_after_ms is not None
        assert 100 <= caught.value.retry_after_ms <= max(100, 2 * waited_ms + 1)
        gate.let.set()
        assert running.result(10)
        assert waiting.result(10)
        assert node.invoke("Gate.quick", [], {}, Deadline(10)).value == 1
        node.pool.close()


def test_queue_of_no_length_takes_what_can_run_at_once(gate: Gate) -> None:
    gate.let.set()
    with Server(gate, port=0, threads=1, max_queued=0) as server, Client(server.endpoint) as client:
        assert client.call("Gate.wait")


def test_call_whose_time_is_over_is_not_started(gate: Gate) -> None:
    with Server(gate, port=0, threads=1) as server, Client(server.endpoint) as client:
        running = client.submit("Gate.wait")
        assert gate.entered.acquire(timeout=10)
        with pytest.raises(TimeoutError):
            client.call("Gate.wait", timeout_s=0.05)
        await_true(lambda: client.stats()[server.endpoint].load.queued == 0)
        gate.let.set()
        running.result(10)
        assert client.call("Gate.quick") == 1
        assert gate.runs == 1


@pytest.mark.parametrize("remaining_ms", [0, -5])
def test_call_that_arrives_expired_is_not_started(gate: Gate, remaining_ms: int) -> None:
    gate.let.set()
    with Server(gate, port=0) as server:
        node = NodeHandle(Endpoint.parse(server.endpoint), 5)
        connection = node.pool.take(5, time.monotonic())
        options = CallOptions(request_id=1, remaining_ms=remaining_ms, max_frame_bytes=10**6)
        parts = BINARY.encode_call("Gate.wait", [], {}, options, 1)
        with pytest.raises(ExpiredError):
            connection.exchange("call", 1, parts, Deadline(10))
        connection.close()
    assert gate.runs == 0


def test_idle_connections_hold_no_thread(gate: Gate) -> None:
    before = our_threads()
    with Server(gate, port=0) as server, Client(server.endpoint) as client:
        sockets = [connect(server) for _ in range(200)]
        await_true(lambda: client.stats()[server.endpoint].connections == 201)
        assert our_threads() - before <= 2
        # And they are all served.
        assert all(ping(sock) for sock in sockets)
        for sock in sockets:
            sock.close()
        await_true(lambda: client.stats()[server.endpoint].connections == 1)


def test_connections_over_the_limit_wait_for_room(gate: Gate) -> None:
    with Server(gate, port=0, max_connections=2) as server:
        first, second, third = (connect(server) for _ in range(3))
        with first, second, third:
            assert ping(first)
            assert ping(second)
            third.settimeout(0.1)
            message = b"".join(BINARY.encode_request("ping", 1, {}))
            third.sendall(len(message).to_bytes(4, "big") + message)
            with pytest.raises(TimeoutError):
                third.recv(1)
            first.close()
            third.settimeout(10)
            assert third.recv(1)


def test_node_out_of_file_descriptors_takes_connections_again_later(gate: Gate) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with Server(gate, port=0) as server, connect(server) as early:
        assert ping(early)
        waiting = socket.socket()
        used = []
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (waiting.fileno() + 20, hard))
            while True:
                try:
                    used.append(socket.socket())
                except OSError:
                    break
            host, port = server.endpoint.split(":")
            waiting.connect((host, int(port)))
            # Those it has are served meanwhile.
            assert ping(early)
        finally:
            for sock in used:
                sock.close()
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        with waiting:
            assert ping(waiting)


def test_connection_without_a_thread_is_closed_and_the_others_go_on(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_start = threading.Thread.start
    has_failed = threading.Event()

    def start(thread: threading.Thread) -> None:
        if thread.name == "pyrpc-node" and not has_failed.is_set():
            has_failed.set()
            raise RuntimeError("can't start new thread")
        real_start(thread)

    monkeypatch.setattr(threading.Thread, "start", start)
    with Server(gate, port=0) as server:
        with connect(server) as first:
            assert ping(first) == b""
        with connect(server) as second:
            assert ping(second)


def test_peer_that_stalls_inside_a_frame_is_cut_off(gate: Gate) -> None:
    with Server(gate, port=0, patience=Patience(stalled_s=0.1)) as server, connect(server) as sock:
        sock.sendall(b"\0\0\1\0\x80\x01")
        sock.settimeout(10)
        assert sock.recv(1) == b""


def test_peer_that_stalls_inside_the_length_is_cut_off_sooner(gate: Gate) -> None:
    with Server(gate, port=0, patience=Patience(header_s=0.1)) as server, connect(server) as sock:
        sock.sendall(b"\0\0")
        sock.settimeout(10)
        assert sock.recv(1) == b""


@pytest.mark.usefixtures("stalls_do_not_count")
def test_slow_network_is_not_taken_for_a_stalled_peer(gate: Gate) -> None:
    patience = Patience(stalled_s=0.15, min_bytes_per_s=100)
    message = b"".join(BINARY.encode_call("Gate.quick", [b"x" * 200], {}, CallOptions(), 1))
    frame = len(message).to_bytes(4, "big") + message
    with Server(gate, port=0, patience=patience) as server, connect(server) as sock:
        for start in range(0, len(frame), 50):
            sock.sendall(frame[start : start + 50])
            # Longer than the node waits for the next bytes before it looks at the time.
            time.sleep(0.06)
        sock.settimeout(10)
        assert sock.recv(65536)
