"""Our client against programs that are no node: an error that tells what, expected, got, endpoint and what to do."""

from __future__ import annotations

import contextlib
import http.server
import itertools
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from pyrpc import Client
from pyrpc.errors import (
    ConnectionLostError,
    DeadlineExceeded,
    FailureClass,
    ProtocolError,
    PyrpcError,
    UnreachableError,
)
from pyrpc.wire.codec import BINARY, COMPACT
from pyrpc.wire.messages import LoadReport
from pyrpc.wire.source import BytesSource

TIMEOUT_S = 10.0

# Answers one call: gets the connection and the number of the call.
Answer = Callable[[socket.socket, int], object]


def framed(raw: bytes) -> bytes:
    return len(raw).to_bytes(4, "big") + raw


def reply(seqid: int, value: object = 1, codec=BINARY, name: str = "call") -> bytes:
    return framed(b"".join(codec.encode_value(name, seqid, value, LoadReport(0, 1, 0, 0))))


def read_exactly(sock: socket.socket, size: int) -> bytes:
    raw = b""
    while len(raw) < size:
        more = sock.recv(size - len(raw))
        if not more:
            raise EOFError
        raw += more
    return raw


class Impostor:
    """A server that reads each call as a node would and answers it as a function says; then it closes."""

    def __init__(self, answer: Answer, calls_per_connection: int = 1) -> None:
        self._answer = answer
        self._calls_per_connection = calls_per_connection
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = "{}:{}".format(*self._listener.getsockname())
        self.connections = 0
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                self.connections += 1
                with sock, contextlib.suppress(OSError, EOFError):
                    for _ in range(self._calls_per_connection):
                        self._serve(sock)

    def _serve(self, sock: socket.socket) -> None:
        head = read_exactly(sock, 4)
        source = BytesSource(head + read_exactly(sock, int.from_bytes(head, "big")))
        source.next_frame(10**9)
        self._answer(sock, BINARY.reader(source).message()[2])

    def __enter__(self) -> Impostor:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


def sends(raw: bytes) -> Answer:
    return lambda sock, seqid: sock.sendall(raw)


def reset(sock: socket.socket, seqid: int) -> None:
    # Closing with a linger time of 0 sends a reset instead of an end.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


NO_THRIFT = {
    "HTTP": (sends(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"), "looks like HTTP"),
    "TLS alert": (sends(b"\x15\x03\x03\x00\x02\x02\x46"), "looks like a TLS alert"),
    "length 0": (sends(b"\0\0\0\0"), "not a Thrift frame"),
    "length -1": (sends(b"\xff" * 20), "not a Thrift frame"),
    "largest length": (sends(b"\x7f\xff\xff\xff" + b"x" * 20), "not a Thrift frame"),
    "Thrift without frames": (lambda sock, seqid: sock.sendall(reply(seqid)[4:]), "without frames"),
    "frame of other bytes": (sends(framed(b"hello, world")), "not a Thrift message"),
    "frame of few bytes": (sends(framed(b"hi")), "past the end of its frame"),
    "compact": (lambda sock, seqid: sock.sendall(reply(seqid, codec=COMPACT)), "not a Thrift message"),
    "another call's number": (lambda sock, seqid: sock.sendall(reply(seqid + 1)), "reply to another call"),
    "another call's name": (lambda sock, seqid: sock.sendall(reply(seqid, name="run")), "reply to another call"),
    "a call": (lambda sock, seqid: sock.sendall(framed(b"".join(BINARY.encode_request("ping", seqid, {})))), "another"),
    "cut off": (lambda sock, seqid: sock.sendall(framed(reply(seqid)[4:-5])), "past the end of its frame"),
    "more than a message": (lambda sock, seqid: sock.sendall(framed(reply(seqid)[4:] + b"x")), "bytes after the end"),
    "neither result nor error": (
        lambda sock, seqid: sock.sendall(framed(b"".join(BINARY.encode_result("call", seqid, None)))),
        "neither a result nor an error",
    ),
    "bool of 2": (
        lambda sock, seqid: sock.sendall(reply(seqid, np.array([True] * 9)).replace(b"\1" * 9, b"\2" * 9)),
        "other than 0 and 1",
    ),
}

LOST = {
    "closes at once": lambda sock, seqid: None,
    "resets": reset,
    "ends inside the length": sends(b"\0\0"),
    "ends inside the message": lambda sock, seqid: sock.sendall(reply(seqid)[:-3]),
    "ends inside an array": lambda sock, seqid: sock.sendall(reply(seqid, np.zeros(50_000))[:-70_000]),
    "greets": sends(b"+OK ready\r\n"),
}


def error_of(endpoint: str, *args: object, timeout_s: float = TIMEOUT_S) -> PyrpcError:
    with Client(endpoint, timeout_s=timeout_s) as client, pytest.raises(PyrpcError) as caught:
        client.call("echo", *args)
    assert caught.value.endpoint == endpoint
    return caught.value


# A small call and its reply take a way of their own, so each case is tried with a large one too.
ARGUMENTS = [(1,), (np.zeros(100_000),)]


@pytest.mark.parametrize("args", ARGUMENTS, ids=["small", "large"])
@pytest.mark.parametrize("name", NO_THRIFT)
def test_reply_that_is_none_is_a_protocol_error(name: str, args: tuple) -> None:
    answer, pattern = NO_THRIFT[name]
    with Impostor(answer) as server:
        error = error_of(server.endpoint, *args)
    assert type(error) is ProtocolError
    assert pattern in str(error), error
    # The answer is final: the same call again would end the same way.
    assert error.failure_class is FailureClass.FINAL
    assert error.got or "neither" in error.message or "bool" in error.message
    assert server.connections == 1


@pytest.mark.parametrize("name", ["frame of other bytes", "frame of few bytes", "another call's number"])
def test_protocol_error_says_what_to_do(name: str) -> None:
    with Impostor(NO_THRIFT[name][0]) as server:
        assert error_of(server.endpoint, 1).help


@pytest.mark.parametrize("args", ARGUMENTS, ids=["small", "large"])
@pytest.mark.parametrize("name", LOST)
def test_reply_that_breaks_off_is_a_lost_connection(name: str, args: tuple) -> None:
    with Impostor(LOST[name]) as server:
        error = error_of(server.endpoint, *args)
    # It may have run: only what is declared idempotent is tried again.
    assert type(error) is ConnectionLostError
    assert error.failure_class is FailureClass.UNKNOWN
    assert error.got
    assert error.help


def until_closed(sock: socket.socket, seqid: int) -> None:
    sock.recv(1)


def stops_halfway(sock: socket.socket, seqid: int) -> None:
    sock.sendall(reply(seqid, np.zeros(50_000))[:100_000])
    sock.recv(1)


@pytest.mark.parametrize("hang", [until_closed, stops_halfway])
def test_server_that_hangs_costs_the_time_that_was_given(hang: Answer) -> None:
    # Later connections are closed at once, so that nothing else takes time here.
    answers = itertools.chain([hang], itertools.repeat(lambda sock, seqid: None))
    with Impostor(lambda sock, seqid: next(answers)(sock, seqid)) as server:
        began = time.monotonic()
        error = error_of(server.endpoint, 1, timeout_s=0.2)
        assert 0.19 < time.monotonic() - began < TIMEOUT_S / 2
    assert type(error) is DeadlineExceeded


def test_nothing_is_asked_after_the_time_is_over() -> None:
    answers = itertools.chain([until_closed], itertools.repeat(lambda sock, seqid: None))
    with Impostor(lambda sock, seqid: next(answers)(sock, seqid)) as server:
        error_of(server.endpoint, 1, timeout_s=0.2)
        assert server.connections == 1


def test_reply_that_nobody_asked_for_is_never_taken_for_another_ones() -> None:
    # The second frame is there when the next call begins on the same connection.
    def twice(sock: socket.socket, seqid: int) -> None:
        sock.sendall(reply(seqid, "mine") + reply(seqid, "old"))

    with Impostor(twice, calls_per_connection=5) as server, Client(server.endpoint, timeout_s=TIMEOUT_S) as client:
        assert client.call("echo", 1) == "mine"
        for _ in range(3):
            try:
                assert client.call("echo", 2) == "mine"
            except (ProtocolError, ConnectionLostError, UnreachableError):
                pass


def test_broken_connection_is_not_used_again() -> None:
    answers = iter([sends(framed(b"hello, world")), lambda sock, seqid: sock.sendall(reply(seqid, "fine"))])
    with (
        Impostor(lambda sock, seqid: next(answers)(sock, seqid), calls_per_connection=2) as server,
        Client(server.endpoint, timeout_s=TIMEOUT_S) as client,
    ):
        with pytest.raises(ProtocolError):
            client.call("echo", 1)
        assert client.call("echo", 1) == "fine"
        assert server.connections == 2


# -- programs as they are


@pytest.fixture
def http_endpoint() -> Iterator[str]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield "{}:{}".format(*server.server_address)
        server.shutdown()
        thread.join()


def test_http_server_is_told_apart(http_endpoint: str) -> None:
    # It reads up to a line's end, which the bytes of a call may never have.
    error = error_of(http_endpoint, b"\r\n\r\n", timeout_s=1.0)
    assert isinstance(error, ProtocolError | ConnectionLostError | DeadlineExceeded)


def test_port_where_nobody_listens_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as placeholder:
        endpoint = "{}:{}".format(*placeholder.getsockname())
    with (
        Client(endpoint, timeout_s=1.0) as client,
        pytest.raises(UnreachableError, match="cannot be reached") as caught,
    ):
        client.call("echo", 1)
    assert caught.value.help
    assert endpoint in str(caught.value)
