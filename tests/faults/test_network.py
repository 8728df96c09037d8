"""What networks do to the bytes between a client and its nodes: an equal result, or a named error."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np
import pytest

import pyrpc
from pyrpc import Client, Server
from pyrpc.errors import ConnectionLostError, DeadlineExceeded, ProtocolError, PyrpcError, UnreachableError
from pyrpc.testing.proxy import FaultProxy, Faults
from pyrpc.transport.patience import Patience
from pyrpc.wire.codec import BINARY
from pyrpc.wire.messages import CallOptions, LoadReport

X = np.arange(96 * 2000, dtype=np.float64).reshape(96, 2000)


class Work:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.calls = 0

    def double(self, x: Any) -> Any:
        with self.lock:
            self.calls += 1
        return 2 * x

    def slow(self, x: np.ndarray, seconds: float) -> np.ndarray:
        time.sleep(seconds)
        return 2 * x

    @pyrpc.stage(idempotent=False)
    def once(self, x: np.ndarray) -> np.ndarray:
        return 2 * x

    @pyrpc.stage(idempotent=True)
    def again(self, x: int) -> int:
        return x + 1

    def zeros(self, count: int) -> np.ndarray:
        return np.zeros(count)


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def client(proxies: list[FaultProxy]) -> Iterator[Client]:
    with Client([proxy.endpoint for proxy in proxies]) as client:
        yield client


@pytest.fixture
def fake_node() -> Iterator[Callable[[Callable[[socket.socket], None]], str]]:
    """``fake_node(behave)`` listens and behaves so on each connection."""
    with ExitStack() as stack:

        def start(behave: Callable[[socket.socket], None]) -> str:
            port = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            # close() alone would leave accept() asleep in its thread.
            stack.callback(port.shutdown, socket.SHUT_RDWR)

            def attend(sock: socket.socket) -> None:
                with sock:
                    try:
                        behave(sock)
                    except OSError:
                        pass

            def accept() -> None:
                while True:
                    try:
                        sock, _ = port.accept()
                    except OSError:
                        return
                    threading.Thread(target=attend, args=(sock,), daemon=True).start()

            threading.Thread(target=accept, daemon=True).start()
            return f"127.0.0.1:{port.getsockname()[1]}"

        yield start


# -- torn and late bytes


@pytest.mark.parametrize(
    ("to_node", "to_client"),
    [
        (Faults(slice_bytes=1), Faults(slice_bytes=1)),
        (Faults(slice_bytes=3), Faults()),
        (Faults(), Faults(slice_bytes=7)),
    ],
)
def test_pieces_of_any_size_make_the_same_messages(
    client: Client, proxies: list[FaultProxy], to_node: Faults, to_client: Faults
) -> None:
    for proxy in proxies:
        proxy.afflict(to_node=to_node, to_client=to_client)
    x = np.arange(40.0).reshape(8, 5)
    np.testing.assert_array_equal(client.map("Work.double", x), 2 * x)
    assert client.call("Work.double", 4) == 8
    assert [future.result(30) for future in [client.submit("Work.double", n) for n in range(20)]] == list(
        range(0, 40, 2)
    )


def test_large_arrays_in_pieces(client: Client, proxies: list[FaultProxy]) -> None:
    for proxy in proxies:
        proxy.afflict(to_node=Faults(slice_bytes=10_007), to_client=Faults(slice_bytes=9_973))
    np.testing.assert_array_equal(client.map("Work.double", X), 2 * X)


def test_slow_link_costs_time_only(client: Client, proxies: list[FaultProxy]) -> None:
    proxies[0].afflict(to_node=Faults(delay_s=0.02), to_client=Faults(delay_s=0.02))
    job = client.map_async("Work.double", X)
    np.testing.assert_array_equal(job.result(30), 2 * X)
    shares = job.receipt.rows_by_node()
    assert shares[proxies[0].endpoint] < shares[proxies[1].endpoint]


# -- cut connections


@pytest.mark.parametrize("then", ["close", "reset"])
@pytest.mark.parametrize("after_bytes", [0, 1, 50, 5_000, 90_000])
def test_reply_that_is_cut_is_done_elsewhere(
    client: Client, proxies: list[FaultProxy], then: Any, after_bytes: int
) -> None:
    client.stages()
    proxies[0].cut()
    proxies[0].afflict(to_client=Faults(after_bytes=after_bytes, then=then), connections=2)
    job = client.map_async("Work.double", X, chunk_rows=6)
    np.testing.assert_array_equal(job.result(30), 2 * X)
    assert sum(job.receipt.rows_by_node().values()) == len(X)
    assert {entry.node for entry in job.receipt.entries if entry.outcome == "failed"} <= {proxies[0].endpoint}


def test_call_that_is_cut_while_it_is_sent_is_done_elsewhere(client: Client, proxies: list[FaultProxy]) -> None:
    client.stages()
    proxies[0].cut()
    proxies[0].afflict(to_node=Faults(after_bytes=30_000, then="reset"), connections=2)
    np.testing.assert_array_equal(client.map("Work.double", X, chunk_rows=6), 2 * X)


def test_connections_cut_again_and_again_cost_no_row(client: Client, proxies: list[FaultProxy]) -> None:
    job = client.map_async("Work.slow", X, 0.005, chunk_rows=1)
    for number, _ in enumerate(job.as_completed()):
        if number % 12 == 5:
            proxies[number % 2].cut()
    np.testing.assert_array_equal(job.result(30), 2 * X)


def test_not_idempotent_stage_is_not_repeated(client: Client, proxies: list[FaultProxy]) -> None:
    client.stages()
    for proxy in proxies:
        proxy.cut()
        proxy.afflict(to_client=Faults(after_bytes=100, then="reset"), connections=1)
    with pytest.raises(ConnectionLostError, match="rows") as caught:
        client.map("Work.once", X, chunk_rows=6)
    assert caught.value.endpoint in client.endpoints


def test_not_idempotent_stage_is_repeated_when_nothing_was_run(client: Client, proxies: list[FaultProxy]) -> None:
    client.stages()
    proxies[0].cut()
    # Cut inside the call: the node never got it whole. Enough of it fits into no socket's buffer.
    proxies[0].afflict(to_node=Faults(after_bytes=1_000_000, then="reset"), connections=2)
    x = np.ones((2, 2_000_000))
    np.testing.assert_array_equal(client.map("Work.once", x, chunk_rows=1), 2 * x)


def test_half_of_all_connections_failing_is_survived_within_the_budget(proxies: list[FaultProxy]) -> None:
    """Retries are bounded: what does not get one fails by name, and nothing is tried for ever."""
    proxies[0].afflict(to_client=Faults(after_bytes=0, then="reset"))
    with Client([proxy.endpoint for proxy in proxies]) as client:
        outcomes = []
        for number in range(60):
            try:
                assert client.call("Work.again", number) == number + 1
                outcomes.append("ok")
            except PyrpcError as error:
                outcomes.append(type(error).__name__)
        assert outcomes.count("ok") == 60
        # The failing node is left alone for longer and longer.
        assert proxies[0].accepted < 20


# -- bytes that get lost, and networks that part


def test_half_open_connection_is_hedged(
    client: Client, proxies: list[FaultProxy], own_time: Callable[[], float]
) -> None:
    """The node runs its chunks, and the replies go nowhere."""
    client.stages()
    proxies[0].cut()
    proxies[0].afflict(to_client=Faults(after_bytes=10, then="drop"))
    began = own_time()
    np.testing.assert_array_equal(client.map("Work.double", X), 2 * X)
    assert own_time() - began < 5


def test_parted_network_that_heals_changes_nothing(client: Client, proxies: list[FaultProxy]) -> None:
    job = client.map_async("Work.slow", X, 0.01, chunk_rows=2)
    completed = job.as_completed()
    next(completed)
    proxies[0].hold()
    list(completed)
    np.testing.assert_array_equal(job.result(), 2 * X)
    # What was kept back comes now, and is for nobody.
    proxies[0].release()
    for factor in (3, 5):
        np.testing.assert_array_equal(client.map("Work.double", factor * X), 2 * factor * X)


def test_node_that_takes_connections_and_never_answers_costs_little(
    work: Work, fake_node: Callable[..., str], own_time: Callable[[], float]
) -> None:
    release = threading.Event()
    silent = fake_node(lambda sock: release.wait(30))
    with Server(work, port=0) as server, Client([server.endpoint, silent]) as client:
        client.stages()
        began = own_time()
        job = client.map_async("Work.double", X)
        np.testing.assert_array_equal(job.result(30), 2 * X)
        assert own_time() - began < 5
        assert job.receipt.rows_by_node() == {server.endpoint: 96, silent: 0}
    release.set()


def test_node_to_which_no_connection_opens_costs_little(work: Work, own_time: Callable[[], float]) -> None:
    """Its backlog is full, so that the kernel drops what comes: as behind a firewall."""
    with socket.socket() as port, ExitStack() as stack:
        port.bind(("127.0.0.1", 0))
        port.listen(0)
        for _ in range(3):
            sock = stack.enter_context(socket.socket())
            sock.setblocking(False)
            sock.connect_ex(port.getsockname())
        mute = f"127.0.0.1:{port.getsockname()[1]}"
        with Server(work, port=0) as server, Client([server.endpoint, mute]) as client:
            client.stages()
            began = own_time()
            np.testing.assert_array_equal(client.map("Work.double", X), 2 * X)
            assert own_time() - began < 4


# -- bytes that are no replies


def answer_with(data: bytes) -> Callable[[socket.socket], None]:
    def behave(sock: socket.socket) -> None:
        while sock.recv(65536):
            sock.sendall(data)

    return behave


def frame(message: bytes) -> bytes:
    return len(message).to_bytes(4, "big") + message


GARBAGE = [
    b"HTTP/1.1 400 Bad Request\r\n\r\n",
    b"SSH-2.0-OpenSSH_9.2\r\n",
    frame(b"\x80\x01\x00\x02\x00\x00\x00\x04call\x7f\xff\xff\xff\x00"),
    frame(b"junk that is no message"),
    b"\x7f\xff\xff\xff",
    frame(b"".join(BINARY.encode_request("ping", 1, {}))),
]


@pytest.mark.parametrize("data", GARBAGE, ids=range(len(GARBAGE)))
def test_node_that_answers_garbage_fails_the_call_by_name(fake_node: Callable[..., str], data: bytes) -> None:
    """It may have run, and another try would hide a node that is misconfigured or of another kind: it is told."""
    endpoint = fake_node(answer_with(data))
    with Client(endpoint) as client:
        with pytest.raises(ProtocolError) as caught:
            client.call("Work.double", 1)
        assert caught.value.endpoint == endpoint
        with pytest.raises(ProtocolError):
            client.map("Work.double", np.arange(4))


def test_node_that_answers_garbage_fails_the_job_by_name(work: Work, fake_node: Callable[..., str]) -> None:
    garbage = fake_node(answer_with(GARBAGE[0]))
    with Server(work, port=0) as server, Client([server.endpoint, garbage]) as client:
        client.stages()
        with pytest.raises(ProtocolError) as caught:
            client.map("Work.double", X)
        assert caught.value.endpoint == garbage


def test_corrupt_header_of_a_reply_is_told_and_the_connection_not_used_again(
    client: Client, proxies: list[FaultProxy]
) -> None:
    for proxy in proxies:
        proxy.afflict(to_client=Faults(corrupt_at=5), connections=1)
    for _ in range(2):
        with pytest.raises(ProtocolError):
            client.call("Work.double", 1)
    assert [client.call("Work.double", number) for number in range(10)] == list(range(0, 20, 2))


def test_reply_of_another_call_is_never_taken(fake_node: Callable[..., str]) -> None:
    """A node (or a proxy) that answers with what it answered before."""
    message = b"".join(BINARY.encode_result("call", 12345, None))
    endpoint = fake_node(answer_with(frame(message)))
    with Client(endpoint) as client, pytest.raises(ProtocolError, match="another call") as caught:
        client.call("Work.double", 1)
    assert "12345" in str(caught.value.got)


# -- peers of a node


def test_peer_that_does_not_read_its_reply_holds_up_nobody(work: Work) -> None:
    options = CallOptions(request_id=1, remaining_ms=30_000, max_frame_bytes=2**30 - 1)
    call = frame(b"".join(BINARY.encode_call("Work.zeros", [4_000_000], {}, options, 1)))
    with Server(work, port=0, threads=2) as server, Client(server.endpoint) as client, ExitStack() as stack:
        host, port = server.endpoint.split(":")
        for _ in range(5):
            sock = stack.enter_context(socket.create_connection((host, int(port)), 10))
            sock.sendall(call)
            assert sock.recv(1)
        np.testing.assert_array_equal(client.map("Work.double", X), 2 * X)


def test_flood_of_connections_that_vanish_is_survived(work: Work) -> None:
    with Server(work, port=0) as server, Client(server.endpoint) as client:
        host, port = server.endpoint.split(":")
        for number in range(300):
            with socket.create_connection((host, int(port)), 10) as sock:
                if number % 3 == 1:
                    sock.sendall(b"\0\0")
                elif number % 3 == 2:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        np.testing.assert_array_equal(client.map("Work.double", X), 2 * X)
        until = time.monotonic() + 60
        while client.stats()[server.endpoint].connections > 8:
            assert time.monotonic() < until


def test_writer_of_one_byte_at_a_time_is_cut_off_and_holds_up_nobody(work: Work) -> None:
    """Each byte that comes gives time for more, but so little that dripping does not keep a connection."""
    patience = Patience(stalled_s=0.3)
    with Server(work, port=0, threads=1, patience=patience) as server, Client(server.endpoint) as client:
        host, port = server.endpoint.split(":")
        with socket.create_connection((host, int(port)), 10) as sock:
            sock.sendall(b"\0\1\0\0\x80")
            sock.settimeout(0.01)
            began, is_cut = time.monotonic(), False
            while not is_cut:
                assert time.monotonic() - began < 10
                assert client.call("Work.double", 2) == 4
                try:
                    sock.sendall(b"\0")
                    is_cut = sock.recv(65536) == b""
                except TimeoutError:
                    pass
                except OSError:
                    is_cut = True
            assert time.monotonic() - began > 0.2


@pytest.mark.parametrize("array", [False, True])
def test_reply_that_drips_costs_the_time_that_was_given(
    fake_node: Callable[..., str], array: bool, own_time: Callable[[], float]
) -> None:
    """Each byte comes before the client would look at the time for want of one."""
    reply = frame(b"".join(BINARY.encode_value("call", 1, np.zeros(50_000) if array else 1, LoadReport())))
    is_over = threading.Event()

    def drip(sock: socket.socket) -> None:
        sock.recv(65536)
        for byte in reply:
            sock.sendall(bytes([byte]))
            if is_over.wait(0.05):
                return

    with Client(fake_node(drip)) as client:
        began, began_at = own_time(), time.monotonic()
        with pytest.raises(DeadlineExceeded):
            client.call("Work.double", 1, timeout_s=0.4)
        assert time.monotonic() - began_at > 0.3
        assert own_time() - began < 2
    is_over.set()


def test_name_that_moves_to_another_address_is_followed(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name is asked for at each connection: nothing remembers where it led."""
    where = ["127.0.0.1"]
    resolve = socket.getaddrinfo

    def getaddrinfo(host: str, *args: Any, **kwargs: Any) -> Any:
        return resolve(where[0] if host == "node.test" else host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with Server(work, port=0) as first:
        port = int(first.endpoint.rpartition(":")[2])
        client = Client(f"node.test:{port}")
        with client, Server(work, host="127.0.0.2", port=port) as second:
            np.testing.assert_array_equal(client.map("Work.double", X), 2 * X)
            job = client.map_async("Work.slow", X, 0.01, chunk_rows=2)
            next(job.as_completed())
            where[0] = "127.0.0.2"
            first.stop()
            np.testing.assert_array_equal(job.result(30), 2 * X)
            assert client.call("Work.double", 21) == 42
            assert second.endpoint == f"127.0.0.2:{port}"


def test_nodes_that_refuse_are_told_at_once(work: Work, own_time: Callable[[], float]) -> None:
    with Server(work, port=0) as server:
        endpoint = server.endpoint
    with Client(endpoint) as client:
        began = own_time()
        with pytest.raises(UnreachableError):
            client.map("Work.double", X)
        assert own_time() - began < 3
