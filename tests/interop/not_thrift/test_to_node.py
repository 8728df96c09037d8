"""Whatever arrives at its port, a node answers what can be answered and goes on serving."""

from __future__ import annotations

import contextlib
import random
import socket
import ssl
import time
from collections.abc import Iterator

import numpy as np
import pytest

from pyrpc import Client, Server
from pyrpc.errors import ProtocolError
from pyrpc.wire.codec import BINARY, COMPACT
from pyrpc.wire.messages import CallOptions
from pyrpc.wire.source import BytesSource

# More than any answer takes; nothing here waits for it unless a rule is broken.
PATIENCE_S = 10.0
MAX_FRAME_BYTES = 2**20


def echo(x):
    return x


@pytest.fixture(scope="module")
def node() -> Iterator[Server]:
    with Server(echo, port=0, max_frame_bytes=MAX_FRAME_BYTES) as server:
        yield server


@pytest.fixture
def client(node: Server) -> Iterator[Client]:
    with Client(node.endpoint, timeout_s=PATIENCE_S) as client:
        yield client


@contextlib.contextmanager
def raw_connection(node: Server) -> Iterator[socket.socket]:
    host, _, port = node.endpoint.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE_S) as sock:
        yield sock


def framed(raw: bytes) -> bytes:
    return len(raw).to_bytes(4, "big") + raw


def call_frame(value: object, codec=BINARY, seqid: int = 7) -> bytes:
    return framed(b"".join(codec.encode_call("echo", [value], {}, CallOptions(1, 60_000, 2**30 - 1), seqid)))


class Answers(BytesSource):
    """What a node sends, frame by frame."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(b"")
        self._sock = sock

    def receive(self, target: memoryview) -> int:
        got = self._sock.recv_into(target)
        if got == 0:
            raise EOFError
        return got

    def value(self, codec=BINARY, seqid: int = 7) -> object:
        self.next_frame(10**9)
        return codec.decode_reply(self, "call", seqid).value

    def complaint(self) -> str:
        """The next frame as text: for what a node answers to bytes that name no call."""
        size = self.next_frame(10**9)
        raw = bytearray(size)
        self.read_into(memoryview(raw))
        return raw.decode(errors="replace")

    def is_at_end(self) -> bool:
        """Whether the node closed the connection."""
        try:
            self.next_frame(10**9)
        except (EOFError, ConnectionResetError):
            return True
        return False


# -- bytes after which the stream cannot go on

STREAMS = {
    "HTTP": (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "looks like HTTP"),
    "largest length": (b"\x7f\xff\xff\xff" + b"x" * 100, "not a Thrift frame"),
    "length 0": (b"\0\0\0\0", "not a Thrift frame"),
    "length -1": (b"\xff\xff\xff\xff" + b"x" * 100, "not a Thrift frame"),
    "lowest length": (b"\x80\0\0\0" + b"x" * 100, "not a Thrift frame"),
    "Thrift without frames": (b"\x80\x01\0\x01\0\0\0\x04ping\0\0\0\1\0", "without frames"),
    "compact without frames": (b"\x82\x21\x01\x04ping\0", "without frames"),
    "frame over the limit": ((2**20 + 1).to_bytes(4, "big") + b"\x80\x01\0\x01" + b"x" * 100, "too large|TOO_LARGE"),
    "frame of other bytes": (framed(b"hello, world"), "not Thrift"),
    "frame of one byte": (framed(b"\x80"), "past the end"),
    "old binary": (framed(b"\0\0\0\x04ping\x01\0\0\0\x01\0"), "strictWrite"),
    "unknown version": (framed(b"\x80\x02\0\x01\0\0\0\x04ping\0\0\0\1\0"), "not a Thrift message"),
    "long name": (framed(b"\x80\x01\0\x01\0\0\x01\xf4" + b"x" * 500 + b"\0\0\0\1\0"), "too long"),
}


@pytest.mark.parametrize("name", STREAMS)
def test_stream_that_is_no_thrift_is_told_so_and_closed(node: Server, client: Client, name: str) -> None:
    raw, pattern = STREAMS[name]
    with raw_connection(node) as sock:
        sock.sendall(raw)
        answers = Answers(sock)
        text = answers.complaint()
        assert any(part in text for part in pattern.split("|")), text
        assert answers.is_at_end()
    assert client.call("echo", 1) == 1


def test_tls_hello_is_answered_at_once(node: Server, client: Client) -> None:
    context = ssl._create_unverified_context()
    began = time.monotonic()
    with raw_connection(node) as sock, pytest.raises((ssl.SSLError, OSError)):
        context.wrap_socket(sock)
    assert time.monotonic() - began < PATIENCE_S / 2
    assert client.call("echo", 1) == 1


def test_random_bytes_do_no_harm(node: Server, client: Client) -> None:
    chance = random.Random(5)
    for _ in range(40):
        with raw_connection(node) as sock:
            # The length may promise more than ever comes: nobody waits for the answer.
            sock.sendall(chance.randbytes(chance.randint(1, 5000)))
        with raw_connection(node) as sock:
            sock.sendall(framed(b"\x80\x01\0\x01\0\0\0\x04call\0\0\0\7" + chance.randbytes(chance.randint(1, 5000))))
            assert Answers(sock).next_frame(10**6)
    assert client.call("echo", 1) == 1


# -- frames after which it can


def malformed(codec) -> dict[str, bytes]:
    good = call_frame([np.arange(5), "text"], codec)[4:]
    return {
        "cut off": framed(good[: len(good) // 2]),
        "longer than its message": framed(good + b"more"),
        "much longer than its message": framed(good + b"x" * 200_000),
        "two messages": framed(good + good),
    }


@pytest.mark.parametrize("name", malformed(BINARY))
@pytest.mark.parametrize("codec", [BINARY, COMPACT], ids=["binary", "compact"])
def test_next_frame_is_answered_after_a_malformed_one(node: Server, name: str, codec) -> None:
    bad = malformed(codec)[name]
    array = np.arange(100_000)
    with raw_connection(node) as sock:
        answers = Answers(sock)
        for seqid in (8, 9):
            # In one go, so that the node has the good frame in its window when it reads the bad one.
            sock.sendall(bad + call_frame(array, codec, seqid))
            with pytest.raises(ProtocolError):
                answers.value(codec)
            assert np.array_equal(answers.value(codec, seqid), array)


def test_error_of_a_malformed_call_is_that_of_its_method(node: Server) -> None:
    good = call_frame("text")[4:]
    with raw_connection(node) as sock:
        sock.sendall(framed(good + b"more"))
        with pytest.raises(ProtocolError, match="bytes after the end"):
            Answers(sock).value()


def test_malformed_oneway_call_is_not_answered(node: Server) -> None:
    # A caller that waits for no answer would take it for that to its next call.
    oneway = bytearray(call_frame("text")[4:] + b"more")
    oneway[3] = 4
    with raw_connection(node) as sock:
        sock.sendall(framed(bytes(oneway)) + call_frame("next", seqid=8))
        assert Answers(sock).value(seqid=8) == "next"


@pytest.mark.parametrize("cut", [1, 3, 4, 5, 20, 300, 100_000])
def test_frame_that_ends_early_costs_its_connection_only(node: Server, client: Client, cut: int) -> None:
    frame = call_frame(np.zeros(50_000))
    before = client.stats()[node.endpoint].connections
    with raw_connection(node) as sock:
        sock.sendall(frame[:cut])
        sock.shutdown(socket.SHUT_WR)
        assert Answers(sock).is_at_end()
    assert client.call("echo", 1) == 1
    until = time.monotonic() + PATIENCE_S
    while client.stats()[node.endpoint].connections > before and time.monotonic() < until:
        pass
    assert client.stats()[node.endpoint].connections <= before


def test_peer_that_closes_without_reading_does_no_harm(node: Server, client: Client) -> None:
    for _ in range(10):
        with raw_connection(node) as sock:
            sock.sendall(call_frame(np.zeros(100_000)) * 3)
    assert client.call("echo", 1) == 1


def test_frames_byte_by_byte_and_all_at_once_are_answered_alike(node: Server) -> None:
    frames = [call_frame(value, seqid=seqid) for seqid, value in enumerate(["a", None, np.arange(3)], 1)]
    with raw_connection(node) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in b"".join(frames):
            sock.sendall(bytes([byte]))
        answers = Answers(sock)
        slow = [answers.value(seqid=seqid) for seqid in (1, 2, 3)]
        sock.sendall(b"".join(frames))
        quick = [answers.value(seqid=seqid) for seqid in (1, 2, 3)]
    assert slow[:2] == quick[:2] == ["a", None]
    assert slow[2].tolist() == quick[2].tolist() == [0, 1, 2]


def test_protocols_may_change_from_frame_to_frame(node: Server) -> None:
    with raw_connection(node) as sock:
        sock.sendall(call_frame("a", COMPACT, 1) + call_frame("b", BINARY, 2) + call_frame("c", COMPACT, 3))
        answers = Answers(sock)
        got = [answers.value(codec, seqid) for codec, seqid in ((COMPACT, 1), (BINARY, 2), (COMPACT, 3))]
    assert got == ["a", "b", "c"]


# -- and the sums are right


def test_malformed_calls_are_counted(node: Server, client: Client) -> None:
    before = client.stats()[node.endpoint].errors.get("MALFORMED", 0)
    with raw_connection(node) as sock:
        sock.sendall(framed(call_frame("a")[4:] + b"more") * 3)
        answers = Answers(sock)
        for _ in range(3):
            answers.complaint()
    assert client.stats()[node.endpoint].errors["MALFORMED"] == before + 3
