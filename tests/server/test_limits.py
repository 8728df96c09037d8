"""Each limit of a node is refused by its own error, and the node goes on."""

from __future__ import annotations

import contextlib
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from pyrpc import Client, Server
from pyrpc.client.node import NodeHandle
from pyrpc.deadline import Deadline
from pyrpc.errors import ConfigError, OverloadedError, ProtocolError, PyrpcError, TooLargeError
from pyrpc.server import Patience
from pyrpc.transport.connection import Connection
from pyrpc.transport.endpoint import Endpoint
from pyrpc.wire import limits
from pyrpc.wire.codec import BINARY
from pyrpc.wire.messages import CallOptions

CHUNK = 600_000


class Work:
    """Holds what it gets until it is let."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.let = threading.Event()

    def hold(self, x: np.ndarray) -> int:
        self.entered.release()
        self.let.wait(30)
        return len(x)

    def same(self, x: Any) -> Any:
        return x

    def take(self, x: Any) -> None:
        pass


@pytest.fixture
def work() -> Iterator[Work]:
    work = Work()
    yield work
    work.let.set()


@pytest.fixture
def connection(work: Work) -> Iterator[Connection]:
    with Server(work, port=0, max_frame_bytes=10**6, max_bytes_in_flight=10**6) as server:
        connection = Connection(Endpoint.parse(server.endpoint))
        yield connection
        connection.close()


@pytest.fixture
def roomy(work: Work) -> Iterator[Connection]:
    """To a node with the limits that nodes have by themselves."""
    with Server(work, port=0) as server, contextlib.closing(Connection(Endpoint.parse(server.endpoint))) as connection:
        yield connection


def send(connection: Connection, method: str, *args: Any) -> Any:
    parts = BINARY.encode_call(method, list(args), {}, CallOptions(), 7)
    return connection.exchange("call", 7, parts, Deadline(60))


def beyond(
    connection: Connection, monkeypatch: pytest.MonkeyPatch, limit: str, value: Any, method: str = "Work.same"
) -> PyrpcError:
    """What the node answers to what this end would refuse to send."""
    with monkeypatch.context() as patch:
        patch.setattr(limits, limit, 2**30)
        parts = BINARY.encode_call(method, [value], {}, CallOptions(), 7)
    with pytest.raises(PyrpcError) as caught:
        connection.exchange("call", 7, parts, Deadline(60))
    return caught.value


def check_others_are_served(connection: Connection) -> None:
    """By another connection: the client closes its own where one of the two did not understand the other."""
    with contextlib.closing(Connection(connection.endpoint)) as other:
        assert send(other, "Work.same", 1).value == 1


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("limit", "make", "told"),
    [
        ("NDIM", lambda: np.zeros((1,) * 33), "too many dims"),
        ("CONTAINER_ITEMS", lambda: [None] * 4097, "too many items"),
        ("NESTING", lambda: nested(65), "nested too deep"),
    ],
    ids=["dims", "items", "nesting"],
)
def test_value_over_a_limit_is_refused_at_both_ends(
    connection: Connection, monkeypatch: pytest.MonkeyPatch, limit: str, make: Callable[[], Any], told: str
) -> None:
    with pytest.raises(TooLargeError, match=told):
        send(connection, "Work.same", make())
    error = beyond(connection, monkeypatch, limit, make())
    assert isinstance(error, ProtocolError)
    assert told in str(error)
    check_others_are_served(connection)


def test_items_of_all_containers_of_a_message_are_limited_together(connection: Connection) -> None:
    # A million items would be over the frame of this node.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "MESSAGE_ITEMS", 10_000)
        with pytest.raises(ProtocolError, match="message with too many items"):
            send(connection, "Work.same", [[None] * 4000] * 3)
    check_others_are_served(connection)


SMALL_VALUES: dict[str, Any] = {
    "dicts": {"a": 1},
    "texts": "ab",
    "lists": [],
    "arrays": np.zeros(1),
}


@pytest.mark.parametrize("kind", SMALL_VALUES)
def test_small_values_that_would_take_much_memory_are_refused(roomy: Connection, kind: str) -> None:
    with pytest.raises(ProtocolError, match=r"(?s)too many small values.*4194304.*send many numbers as an array"):
        send(roomy, "Work.take", [[SMALL_VALUES[kind]] * 4096] * 40)
    check_others_are_served(roomy)


ORDINARY: dict[str, Callable[[], Any]] = {
    "a table by rows": lambda: [{f"f{column}": 0.5 * row for column in range(20)} for row in range(4096)],
    "a table of texts by rows": lambda: [
        {f"field{column}": f"text {row}" for column in range(8)} for row in range(4096)
    ],
    "a hundred thousand numbers": lambda: [list(range(4000))] * 25,
    "forty thousand words": lambda: [[f"word{index}" for index in range(4000)]] * 10,
    "many arrays": lambda: [[np.zeros(3)] * 4000] * 2,
}


@pytest.mark.parametrize("kind", ORDINARY)
def test_ordinary_values_are_not_too_many(roomy: Connection, kind: str) -> None:
    assert send(roomy, "Work.take", ORDINARY[kind]()).value is None


def test_name_of_a_method_is_limited(connection: Connection) -> None:
    with pytest.raises(TooLargeError, match="name of a method is too long"):
        send(connection, "x" * 129)
    with pytest.raises(ConfigError, match="too long"):
        Server({"x" * 129: lambda: 1})
    check_others_are_served(connection)


def test_frame_over_the_limit_is_refused_by_its_length(connection: Connection) -> None:
    with pytest.raises(TooLargeError, match="at most 1000000 bytes"):
        send(connection, "Work.same", np.zeros(2 * 10**6, np.uint8))


# -- bytes in flight


def test_bytes_over_the_limit_are_refused_and_the_connection_goes_on(work: Work) -> None:
    with Server(work, port=0, max_bytes_in_flight=10**6) as server, Client(server.endpoint) as client:
        server._dispatcher.request_bytes._wait_s = 0.05
        running = client.submit("Work.hold", np.zeros(CHUNK, np.uint8))
        assert work.entered.acquire(timeout=10)
        connection = Connection(Endpoint.parse(server.endpoint))
        with pytest.raises(OverloadedError, match="as many bytes") as caught:
            send(connection, "Work.same", np.zeros(CHUNK, np.uint8))
        assert caught.value.retry_after_ms
        # What is small is not counted.
        assert send(connection, "Work.same", 1).value == 1
        assert server._dispatcher.request_bytes.held >= CHUNK
        work.let.set()
        assert running.result(10) == CHUNK
        assert len(send(connection, "Work.same", np.zeros(CHUNK, np.uint8)).value) == CHUNK
        connection.close()
        # The node lets go of a call once its answer has gone out, when the caller may have it already.
        until = time.monotonic() + 60
        while server._dispatcher.request_bytes.held and time.monotonic() < until:
            time.sleep(0.001)
        assert server._dispatcher.request_bytes.held == 0


def test_call_waits_for_room_a_moment(work: Work) -> None:
    with Server(work, port=0, max_bytes_in_flight=10**6) as server, Client(server.endpoint) as client:
        server._dispatcher.request_bytes._wait_s = 20
        running = client.submit("Work.hold", np.zeros(CHUNK, np.uint8))
        assert work.entered.acquire(timeout=10)
        node = NodeHandle(Endpoint.parse(server.endpoint), 5)
        threading.Timer(0.1, work.let.set).start()
        assert len(node.invoke("Work.same", [np.zeros(CHUNK, np.uint8)], {}, Deadline(20)).value) == CHUNK
        assert running.result(10) == CHUNK
        node.pool.close()


def test_single_request_over_the_limit_runs_alone(work: Work) -> None:
    with Server(work, port=0, max_bytes_in_flight=1000) as server, Client(server.endpoint) as client:
        assert len(client.call("Work.same", np.zeros(CHUNK, np.uint8))) == CHUNK


def test_map_over_a_node_with_little_room_loses_nothing(work: Work) -> None:
    x = np.arange(2 * 10**6, dtype=np.uint8).reshape(-1, 1000)
    with Server(work, port=0, max_bytes_in_flight=300_000) as server, Client(server.endpoint, window=4) as client:
        np.testing.assert_array_equal(client.map("Work.same", x, chunk_rows=200), x)


@pytest.mark.parametrize("option", ["max_bytes_in_flight", "max_connections", "max_frame_bytes"])
@pytest.mark.parametrize("value", [0, -1, 1.5])
def test_limit_that_makes_no_sense_is_told(work: Work, option: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=option):
        Server(work, port=0, **{option: value})


@pytest.mark.parametrize("name", ["idle_s", "header_s", "stalled_s", "min_bytes_per_s", "handshake_s"])
@pytest.mark.parametrize("value", [0, -1.0, float("inf"), "1", True])
def test_patience_that_makes_no_sense_is_told(name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=name):
        Patience(**{name: value})


# -- connections


@contextlib.contextmanager
def many_files(count: int) -> Iterator[None]:
    """Both ends are in this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        pytest.skip(f"this process may not open {count} files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_five_thousand_idle_connections_hold_no_thread_and_slow_nobody(work: Work) -> None:
    idle: list[socket.socket] = []
    with (
        many_files(10_500),
        Server(work, port=0) as quiet,
        Server(work, port=0, max_connections=6000) as server,
        Client(quiet.endpoint) as beside,
        Client(server.endpoint) as client,
    ):
        assert client.call("Work.same", 1) == beside.call("Work.same", 1) == 1
        before = threading.active_count()
        ((_, alone_cpu_s),) = call_times_s(client)
        host, _, port = server.endpoint.rpartition(":")
        try:
            for _ in range(5000):
                idle.append(socket.create_connection((host, int(port)), 10))
            until = time.monotonic() + 60
            while server._listener.connections < 5001 and time.monotonic() < until:
                time.sleep(0.01)
            assert server._listener.connections >= 5001
            assert threading.active_count() <= before + 1
            (took_s, cpu_s), (beside_s, _) = call_times_s(client, beside)
            assert took_s <= 1.5 * beside_s + 0.0005
            assert cpu_s <= 1.5 * alone_cpu_s + 0.005
        finally:
            for sock in idle:
                sock.close()


def call_times_s(*clients: Client) -> list[tuple[float, float]]:
    """Of each client the median time of a call, and what 99 of 100 calls cost this process at most, in CPU time.

    In turn, so that a machine with other work to do slows them all; and what it takes is no CPU time of this process.
    """
    times: list[list[tuple[float, float]]] = [[] for _ in clients]
    for _ in range(300):
        for client, taken in zip(clients, times, strict=True):
            began, began_cpu = time.perf_counter(), time.process_time()
            client.call("Work.same", 1)
            taken.append((time.perf_counter() - began, time.process_time() - began_cpu))
    columns = [[sorted(column) for column in zip(*taken, strict=True)] for taken in times]
    return [(took[150], cpu[-4]) for took, cpu in columns]


def test_node_out_of_file_descriptors_does_not_spin(work: Work) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with Server(work, port=0) as server, contextlib.ExitStack() as stack:
        waiting = [stack.enter_context(socket.socket()) for _ in range(3)]
        used: list[socket.socket] = []
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (waiting[-1].fileno() + 20, hard))
            with contextlib.suppress(OSError):
                while True:
                    used.append(socket.socket())
            host, _, port = server.endpoint.rpartition(":")
            for sock in waiting:
                sock.connect((host, int(port)))
            began = time.process_time()
            time.sleep(0.5)
            # Tried again ten times a second; a loop that spins takes all of it.
            assert time.process_time() - began < 0.2
        finally:
            for sock in used:
                sock.close()
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
