"""A program that gets signals again and again keeps its deadlines: each one makes Python begin a system call anew."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import numpy as np
import pytest

from pyrpc import Client, Server
from pyrpc.deadline import Deadline
from pyrpc.errors import DeadlineExceeded, UnreachableError
from pyrpc.transport.connection import Connection
from pyrpc.transport.endpoint import Endpoint
from pyrpc.transport.tls import Tls
from pyrpc.transport.tls_connection import connector
from pyrpc.wire.codec import BINARY
from pyrpc.wire.messages import CallOptions

# By then a peer that takes or says nothing hangs up: the call is lost then, but not late.
PEER_S = 10.0
# More often than any deadline here ends.
EVERY_S = 0.025


@pytest.fixture
def signals() -> Iterator[None]:
    """This thread gets a signal again and again, as from a profiler."""
    me, is_over = threading.get_ident(), threading.Event()

    def send() -> None:
        while not is_over.wait(EVERY_S):
            signal.pthread_kill(me, signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, lambda number, frame: None)
    sender = threading.Thread(target=send)
    sender.start()
    yield
    is_over.set()
    sender.join()
    signal.signal(signal.SIGUSR1, before)


@pytest.fixture
def silent() -> Iterator[Endpoint]:
    """Takes connections, and says and reads nothing."""
    with socket.create_server(("127.0.0.1", 0)) as port, ExitStack() as stack:
        port.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        is_over = threading.Event()

        def take() -> None:
            sock = stack.enter_context(port.accept()[0])
            is_over.wait(PEER_S)
            sock.shutdown(socket.SHUT_RDWR)

        peer = threading.Thread(target=take)
        peer.start()
        yield Endpoint(*port.getsockname())
        is_over.set()
        peer.join()


def call(connection: Connection, timeout_s: float, value: Any = 1) -> Any:
    parts = BINARY.encode_call("f", [value], {}, CallOptions(), 1)
    return connection.exchange("call", 1, parts, Deadline(timeout_s))


@pytest.mark.usefixtures("signals")
def test_no_reply_costs_the_time_that_was_given(silent: Endpoint) -> None:
    with closing(Connection(silent)) as connection, pytest.raises(DeadlineExceeded):
        call(connection, 0.3)


@pytest.mark.usefixtures("signals")
def test_no_reply_to_a_small_call_costs_the_time_that_was_given(silent: Endpoint) -> None:
    with Client(str(silent)) as client, pytest.raises(DeadlineExceeded):
        client.call("f", 1, timeout_s=0.3)


@pytest.mark.usefixtures("signals")
def test_peer_that_takes_no_bytes_costs_the_time_that_was_given(silent: Endpoint) -> None:
    refusal = pytest.raises(DeadlineExceeded, match="did not take the call in time")
    with closing(Connection(silent)) as connection, refusal:
        call(connection, 0.3, np.zeros(16_000_000, np.uint8))


@pytest.mark.usefixtures("signals")
def test_handshake_that_does_not_end_costs_the_time_that_was_given(silent: Endpoint, authority: Any) -> None:
    with pytest.raises(UnreachableError, match="handshake in time"):
        connector(Tls(ca=authority.file))(silent, 0.3)


@pytest.mark.usefixtures("signals")
@pytest.mark.parametrize("is_tls", [False, True])
def test_reply_that_takes_its_time_arrives(authority: Any, is_tls: bool) -> None:
    let = threading.Event()

    def double(x: np.ndarray) -> np.ndarray:
        let.wait(10 * EVERY_S)
        return 2 * x

    x = np.arange(1_000_000.0)
    with (
        Server({"double": double}, port=0, tls=authority.issue("127.0.0.1") if is_tls else None) as server,
        Client(server.endpoint, tls=Tls(ca=authority.file) if is_tls else None) as client,
    ):
        np.testing.assert_array_equal(client.call("double", x, timeout_s=30.0), 2 * x)
        assert client.call("double", 2, timeout_s=30.0) == 4
