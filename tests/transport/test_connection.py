"""One connection: what each way of failing means, and that nothing is used after it."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from pyrpc.deadline import Deadline
from pyrpc.errors import (
    CancelledError,
    ConnectionLostError,
    DeadlineExceeded,
    FailureClass,
    ProtocolError,
    StageFailedError,
    TooLargeError,
    UnreachableError,
)
from pyrpc.transport.connection import Connection
from pyrpc.transport.endpoint import Endpoint
from pyrpc.wire.codec import BINARY
from pyrpc.wire.messages import CallOptions, LoadReport, NodeInfo

SEQID = 7


class Peer:
    """The other end, in the test's own hands."""

    def __init__(self) -> None:
        self._port = socket.create_server(("127.0.0.1", 0))
        self.connection = Connection(Endpoint("127.0.0.1", self._port.getsockname()[1]))
        self.sock, _ = self._port.accept()
        self.sock.settimeout(10)

    def close(self) -> None:
        self.connection.close()
        self.sock.close()
        self._port.close()

    def read_call(self) -> bytes:
        size = int.from_bytes(self._read(4), "big")
        return self._read(size)

    def _read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = self.sock.recv(size - len(data))
            assert more
            data += more
        return data

    def behave(self, act: Callable[[], object]) -> threading.Thread:
        """In the background: read a call, then act."""

        def run() -> None:
            self.read_call()
            act()

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread

    def reset(self) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("@ii", 1, 0))
        self.sock.close()

    def call(self, timeout_s: float = 10, value: Any = 1, **more: Any) -> Any:
        parts = BINARY.encode_call("m", [value], {}, CallOptions(), SEQID)
        return self.connection.exchange("call", SEQID, parts, Deadline(timeout_s), **more).value


@pytest.fixture
def peer() -> Iterator[Peer]:
    peer = Peer()
    yield peer
    peer.close()


def reply(value: object, seqid: int = SEQID) -> bytes:
    message = b"".join(BINARY.encode_value("call", seqid, value, LoadReport()))
    return len(message).to_bytes(4, "big") + message


def test_reply_is_given(peer: Peer) -> None:
    peer.behave(lambda: peer.sock.sendall(reply("hello")))
    assert peer.call() == "hello"
    assert peer.connection.is_open


def test_reply_may_come_byte_by_byte(peer: Peer) -> None:
    peer.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    peer.behave(lambda: [peer.sock.sendall(bytes([byte])) for byte in reply({"k": [1, 2.5, None]})])
    assert peer.call() == {"k": [1, 2.5, None]}


def test_bytes_are_counted(peer: Peer) -> None:
    data = reply(np.zeros(100_000))
    peer.behave(lambda: peer.sock.sendall(data))
    peer.call()
    assert peer.connection.bytes_received == len(data)
    assert 0 < peer.connection.bytes_sent < 200


def test_array_is_received_where_it_is_wanted(peer: Peer) -> None:
    target = np.full(50_000, -1.0)
    x = np.arange(50_000.0)
    peer.behave(lambda: peer.sock.sendall(reply(x)))
    result = peer.call(place=lambda dtype, shape: target if (dtype, shape) == (target.dtype, target.shape) else None)
    assert result is target
    np.testing.assert_array_equal(target, x)


# -- before the call is sent whole: nothing ran


def test_nobody_listening_is_unreachable() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        endpoint = Endpoint("127.0.0.1", sock.getsockname()[1])
        with pytest.raises(UnreachableError, match="cannot be reached") as caught:
            Connection(endpoint)
    assert caught.value.failure_class is FailureClass.NOT_EXECUTED
    assert caught.value.endpoint == str(endpoint)


def test_unknown_host_is_unreachable() -> None:
    with pytest.raises(UnreachableError) as caught:
        Connection(Endpoint("no-such-host.invalid", 1))
    assert caught.value.got


def test_port_that_lets_nobody_in_is_unreachable_after_the_time_for_connecting(own_time: Callable[[], float]) -> None:
    with socket.socket() as port, socket.socket() as first, socket.socket() as second:
        port.bind(("127.0.0.1", 0))
        port.listen(0)
        for sock in (first, second):
            sock.setblocking(False)
            sock.connect_ex(port.getsockname())
        began = own_time()
        with pytest.raises(UnreachableError):
            Connection(Endpoint(*port.getsockname()), 0.1)
        assert own_time() - began < 3


def test_connection_to_itself_is_none() -> None:
    """Linux may give a client the very port it connects to as its own."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        endpoint = Endpoint(*sock.getsockname())
    real = socket.create_connection

    def to_itself(address: tuple[str, int], timeout: float) -> socket.socket:
        return real(address, timeout, source_address=address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "create_connection", to_itself)
        with pytest.raises(UnreachableError):
            Connection(endpoint)


def test_reset_while_sending_is_unreachable(peer: Peer) -> None:
    def reset_soon() -> None:
        peer.sock.recv(1000)
        peer.reset()

    thread = threading.Thread(target=reset_soon)
    thread.start()
    with pytest.raises(UnreachableError, match="before the call was sent") as caught:
        # More than both sockets' buffers can hold, and less than what needs a ping first.
        peer.call(value=np.zeros(16_000_000, np.uint8))
    thread.join(10)
    assert not caught.value.may_have_run
    assert not peer.connection.is_open


def test_peer_that_takes_no_bytes_costs_the_time_that_was_given(peer: Peer, own_time: Callable[[], float]) -> None:
    peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    began, began_at = own_time(), time.monotonic()
    with pytest.raises(DeadlineExceeded):
        peer.call(0.3, np.zeros(16_000_000, np.uint8))
    assert time.monotonic() - began_at > 0.25
    assert own_time() - began < 1
    assert not peer.connection.is_open


# -- after that: it may have run


@pytest.mark.parametrize("part", [0, 1, 4, 10, -1])
def test_end_of_the_stream_before_the_reply_is_whole_is_a_lost_connection(peer: Peer, part: int) -> None:
    def act() -> None:
        peer.sock.sendall(reply("hello" * 100)[:part])
        peer.sock.close()

    peer.behave(act)
    with pytest.raises(ConnectionLostError) as caught:
        peer.call()
    assert caught.value.failure_class is FailureClass.UNKNOWN
    assert caught.value.endpoint == str(peer.connection.endpoint)
    assert not peer.connection.is_open


def test_reset_is_a_lost_connection(peer: Peer) -> None:
    peer.behave(peer.reset)
    with pytest.raises(ConnectionLostError):
        peer.call()
    assert not peer.connection.is_open


@pytest.mark.parametrize("timeout_s", [0.05, 0.4, 1.1])
def test_no_reply_costs_the_time_that_was_given(peer: Peer, timeout_s: float, own_time: Callable[[], float]) -> None:
    began, began_at = own_time(), time.monotonic()
    with pytest.raises(DeadlineExceeded):
        peer.call(timeout_s)
    assert time.monotonic() - began_at >= timeout_s - 0.01
    assert own_time() - began < timeout_s + 0.2
    assert not peer.connection.is_open


def test_reply_that_stops_in_the_middle_costs_the_time_that_was_given(
    peer: Peer, own_time: Callable[[], float]
) -> None:
    peer.behave(lambda: peer.sock.sendall(reply(np.zeros(100_000))[:50_000]))
    began = own_time()
    with pytest.raises(DeadlineExceeded):
        peer.call(0.2)
    assert own_time() - began < 0.5


def test_deadline_of_one_call_does_not_hold_for_the_next(peer: Peer) -> None:
    peer.behave(lambda: peer.sock.sendall(reply(1)))
    assert peer.call(0.05) == 1
    gate = threading.Event()

    def late() -> None:
        gate.wait(10)
        peer.sock.sendall(reply(2))

    peer.behave(late)
    threading.Timer(0.15, gate.set).start()
    assert peer.call(10) == 2


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"\xff\xff\xff\xff",
        b"\0\0\0\x04junk",
        reply(1, seqid=SEQID + 1),
        reply(1)[:-1] + b"\x0f",
        (len(reply(1)) - 4 + 3).to_bytes(4, "big") + reply(1)[4:] + b"\0\0\0",
    ],
    ids=["http", "negative", "junk", "another call", "bad end", "bytes after the end"],
)
def test_what_is_no_reply_to_this_call_closes_the_connection(peer: Peer, data: bytes) -> None:
    peer.behave(lambda: peer.sock.sendall(data))
    with pytest.raises(ProtocolError) as caught:
        peer.call()
    assert caught.value.endpoint == str(peer.connection.endpoint)
    assert not peer.connection.is_open


def test_error_of_the_stage_leaves_the_connection_in_order(peer: Peer) -> None:
    message = b"".join(BINARY.encode_error("call", SEQID, StageFailedError("bad", remote_type="ValueError")))
    peer.behave(lambda: peer.sock.sendall(len(message).to_bytes(4, "big") + message))
    with pytest.raises(StageFailedError) as caught:
        peer.call()
    assert caught.value.remote_type == "ValueError"
    assert peer.connection.is_open
    peer.behave(lambda: peer.sock.sendall(reply(2)))
    assert peer.call() == 2


def test_connection_goes_on_after_a_call_that_the_node_could_not_read(peer: Peer) -> None:
    """It has skipped the call, as SPEC.md says; a reply that cannot be read here is another matter."""
    message = b"".join(BINARY.encode_error("call", SEQID, ProtocolError("a call that cannot be read", got="x")))
    peer.behave(lambda: peer.sock.sendall(len(message).to_bytes(4, "big") + message))
    with pytest.raises(ProtocolError, match="a call that cannot be read; got x") as caught:
        peer.call()
    assert caught.value.endpoint == str(peer.connection.endpoint)
    assert peer.connection.is_open
    peer.behave(lambda: peer.sock.sendall(reply(2)))
    assert peer.call() == 2


def test_large_call_asks_first_what_the_node_takes(peer: Peer) -> None:
    message = b"".join(BINARY.encode_result("ping", 1, NodeInfo(max_frame_bytes=16_500_000)))
    peer.behave(lambda: peer.sock.sendall(len(message).to_bytes(4, "big") + message))
    with pytest.raises(TooLargeError) as caught:
        peer.call(value=np.zeros(16_600_000, np.uint8))
    assert "16500000" in str(caught.value.expected)
    assert "map" in str(caught.value.help)
    assert peer.connection.is_open


def test_node_that_gives_up_first_tells_that_the_time_is_over(peer: Peer) -> None:
    """Only a caller cancels; this one did not."""
    message = b"".join(BINARY.encode_error("call", SEQID, CancelledError("nobody waits")))
    peer.behave(lambda: peer.sock.sendall(len(message).to_bytes(4, "big") + message))
    with pytest.raises(DeadlineExceeded) as caught:
        peer.call()
    assert caught.value.endpoint == str(peer.connection.endpoint)
    assert peer.connection.is_open


# -- abort, and connections that rested


def test_abort_breaks_off_a_call(peer: Peer) -> None:
    peer.behave(peer.connection.abort)
    with pytest.raises(CancelledError):
        peer.call()
    assert not peer.connection.is_open


def test_connection_that_the_peer_closed_is_not_alive(peer: Peer) -> None:
    assert peer.connection.is_alive()
    peer.sock.shutdown(socket.SHUT_WR)
    while peer.connection.is_alive():
        time.sleep(0.001)


def test_connection_with_bytes_that_nobody_asked_for_is_not_alive(peer: Peer) -> None:
    peer.sock.sendall(b"late reply")
    while peer.connection.is_alive():
        time.sleep(0.001)
