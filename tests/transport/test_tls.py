"""TLS below the frames: bytes through the session, the handshake, waiting, closing."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from pyrpc.deadline import Deadline
from pyrpc.errors import CancelledError, ConfigError, DeadlineExceeded, TlsError, UnreachableError
from pyrpc.transport.channel import Channel
from pyrpc.transport.connection import Connection, wait_any
from pyrpc.transport.endpoint import Endpoint
from pyrpc.transport.listener import Listener
from pyrpc.transport.patience import Patience
from pyrpc.transport.stream import has_peer_closed, send_all, set_timeouts
from pyrpc.transport.tls import Tls
from pyrpc.transport.tls_channel import certificates_of, channels
from pyrpc.transport.tls_connection import connector
from pyrpc.transport.tls_context import client_context, server_context
from pyrpc.transport.tls_stream import PlainPeerError, TlsSocket

ANY = Endpoint("127.0.0.1", 0)
SIZES = [1, 16_383, 16_384, 16_385, 100_000, 3_000_000]


def pair() -> tuple[socket.socket, socket.socket]:
    """Both ends of a TCP connection, with short time-outs."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        theirs = socket.create_connection(server.getsockname(), 10)
        ours = server.accept()[0]
    for sock in (ours, theirs):
        sock.setblocking(True)
        set_timeouts(sock, 0.05, 0.05)
    return ours, theirs


@pytest.fixture
def node_tls(authority: Any) -> Tls:
    return authority.issue("127.0.0.1")


@pytest.fixture
def ends(authority: Any, node_tls: Tls) -> Iterator[tuple[TlsSocket, TlsSocket]]:
    """Both ends of a session, the node's first."""
    ours, theirs = pair()
    node = TlsSocket(ours, server_context(node_tls))
    client = TlsSocket(theirs, client_context(Tls(ca=authority.file)), "127.0.0.1")
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(shaken, node)
        shaken(client)
        done.result()
    yield node, client
    ours.close()
    theirs.close()


def shaken(session: TlsSocket) -> None:
    while True:
        with contextlib.suppress(BlockingIOError):
            return session.handshake()


def read(session: TlsSocket, size: int, step: int = 100_000) -> bytes:
    data = bytearray(size)
    at = 0
    while at < size:
        with contextlib.suppress(BlockingIOError):
            got = session.recv_into(memoryview(data)[at : at + step])
            assert got > 0
            at += got
    return bytes(data)


@pytest.mark.parametrize("size", SIZES)
def test_bytes_arrive_as_they_were(ends: tuple[TlsSocket, TlsSocket], size: int) -> None:
    data = os.urandom(size)
    for sender, receiver in (ends, ends[::-1]):
        with ThreadPoolExecutor(1) as pool:
            sent = pool.submit(send_all, sender, memoryview(data), time.monotonic() + 30)
            assert read(receiver, size) == data
            sent.result()


def test_bytes_go_both_ways_at_the_same_time(ends: tuple[TlsSocket, TlsSocket]) -> None:
    # Each end is used by one thread that sends and another one after it that receives, as a channel is.
    node, client = ends
    data = os.urandom(200_000)

    def echo() -> None:
        send_all(node, memoryview(read(node, len(data))), time.monotonic() + 30)

    with ThreadPoolExecutor(1) as pool:
        echoed = pool.submit(echo)
        send_all(client, memoryview(data), time.monotonic() + 30)
        assert read(client, len(data), step=1000) == data
        echoed.result()


def test_bytes_that_wait_in_the_session_are_given_out_before_the_socket_is_asked(
    ends: tuple[TlsSocket, TlsSocket],
) -> None:
    node, client = ends
    send_all(client, memoryview(b"abc"), time.monotonic() + 5)
    send_all(client, memoryview(b"def"), time.monotonic() + 5)
    assert read(node, 1) == b"a"
    assert node.has_pending
    # Nothing is left in the socket: a selector would wait for ever.
    node.raw.setblocking(False)
    assert read(node, 5, step=2) == b"bcdef"
    assert not node.has_pending
    with pytest.raises(BlockingIOError):
        node.recv_into(bytearray(9))


def test_peer_that_does_not_read_is_waited_for_and_nothing_is_sent_twice(ends: tuple[TlsSocket, TlsSocket]) -> None:
    node, client = ends
    data = os.urandom(8_000_000)
    waits = 0
    at = 0
    while waits < 2:
        try:
            at += client.send(memoryview(data)[at : at + 300_000])
            waits = 0
        except BlockingIOError:
            waits += 1
    assert at < len(data)
    with pytest.raises(TimeoutError):
        send_all(client, memoryview(data)[at:], time.monotonic())
    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(send_all, client, memoryview(data)[at:], time.monotonic() + 30)
        assert read(node, len(data)) == data
        sent.result()


def test_end_of_the_stream_is_told_to_the_other_end(ends: tuple[TlsSocket, TlsSocket]) -> None:
    node, client = ends
    client.shutdown(socket.SHUT_WR)
    assert node.recv_into(bytearray(9)) == 0
    assert has_peer_closed(node)


def test_socket_that_was_shut_from_another_thread_is_at_its_end(ends: tuple[TlsSocket, TlsSocket]) -> None:
    node, _ = ends
    set_timeouts(node, 10, 10)
    timer = threading.Timer(0.05, node.shut)
    timer.start()
    assert node.recv_into(bytearray(9)) == 0
    timer.join()


@pytest.mark.parametrize("is_node", [True, False])
def test_peer_without_tls_is_told_apart_by_its_first_byte(authority: Any, node_tls: Tls, is_node: bool) -> None:
    ours, theirs = pair()
    with ours, theirs:
        context = server_context(node_tls) if is_node else client_context(Tls(ca=authority.file))
        session = TlsSocket(ours, context, None if is_node else "127.0.0.1")
        theirs.send(b"\0\0\0\5hello")
        with pytest.raises(PlainPeerError) as caught:
            session.handshake()
        assert caught.value.data == b"\0\0\0\5hello"


# -- contexts


@pytest.mark.parametrize("make", [lambda tls: server_context(tls), lambda tls: client_context(tls)])
def test_older_versions_are_refused(authority: Any, node_tls: Tls, make: Callable[[Tls], ssl.SSLContext]) -> None:
    context = make(Tls(ca=authority.file, cert=node_tls.cert, key=node_tls.key))
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"cert": "nowhere.pem"}, "nowhere.pem"),
        ({"ca": "nowhere.pem"}, "nowhere.pem"),
        ({"key": "OTHER"}, "KEY_VALUES_MISMATCH"),
        ({"cert": __file__}, "cannot be used"),
        ({"ca": __file__}, "CA cannot be used"),
        ({"cert": 7}, "cannot be read"),
        ({"cert": None}, "without a certificate"),
    ],
)
def test_file_that_cannot_be_used_is_told_before_anything_is_connected(
    authority: Any, node_tls: Tls, change: dict[str, Any], complaint: str
) -> None:
    if change.get("key") == "OTHER":
        change = {"key": authority.issue("127.0.0.1").key}
    files = {"cert": node_tls.cert, "key": node_tls.key, "ca": authority.file, **change}
    with pytest.raises(ConfigError, match=complaint):
        client_context(Tls(**files))


def test_encrypted_key_is_refused_instead_of_asked_for(authority: Any, node_tls: Tls, tmp_path: Any) -> None:
    from cryptography.hazmat.primitives import serialization as forms

    assert node_tls.key is not None
    with open(node_tls.key, "rb") as file:
        key = forms.load_pem_private_key(file.read(), None)
    locked = tmp_path / "locked.key"
    locked.write_bytes(
        key.private_bytes(
            forms.Encoding.PEM, forms.PrivateFormat.TraditionalOpenSSL, forms.BestAvailableEncryption(b"password")
        )
    )
    with pytest.raises(ConfigError, match="encrypted"):
        server_context(Tls(cert=node_tls.cert, key=locked))


def test_node_needs_a_certificate() -> None:
    with pytest.raises(ConfigError, match="needs a certificate"):
        server_context(Tls())


def test_environment_is_a_client_s_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Tls.from_environment() is None
    monkeypatch.setenv("PYRPC_TLS", "0")
    assert Tls.from_environment() is None
    monkeypatch.setenv("PYRPC_TLS", "1")
    assert Tls.from_environment() == Tls()
    monkeypatch.delenv("PYRPC_TLS")
    monkeypatch.setenv("PYRPC_TLS_CA", "ca.pem")
    monkeypatch.setenv("PYRPC_TLS_SERVER_NAME", "node")
    assert Tls.from_environment() == Tls(ca="ca.pem", server_name="node")


# -- a listener


def echo(channel: Channel) -> bool:
    """Send each frame back; the frame "wait" is answered when the caller is gone."""
    source = channel.source
    data = bytearray(source.next_frame(10_000_000))
    source.read_into(memoryview(data))
    while data == b"wait" and not channel.is_gone():
        time.sleep(0.005)
    channel.send([bytes(data)], len(data))
    return True


@pytest.fixture
def listener(node_tls: Tls) -> Iterator[Listener]:
    listener = Listener(ANY, echo, make_channel=channels(certificates_of(node_tls)))
    listener.start()
    yield listener
    listener.close()


@pytest.fixture
def connect(authority: Any, listener: Listener) -> Iterator[Callable[[], Connection]]:
    make = connector(Tls(ca=authority.file))
    with contextlib.ExitStack() as stack:

        def connect() -> Connection:
            connection = make(listener.endpoint, 10.0)
            stack.callback(connection.close)
            return connection

        yield connect


def exchange(connection: Connection, data: bytes) -> bytes:
    connection.send_parts([data], Deadline(30))
    return receive(connection)


def receive(connection: Connection) -> bytes:
    source = connection._source
    source.deadline_at = time.monotonic() + 30
    got = bytearray(source.next_frame(10_000_000))
    source.read_into(memoryview(got))
    return bytes(got)


@pytest.mark.parametrize("size", SIZES)
def test_frames_come_back(connect: Callable[[], Connection], size: int) -> None:
    connection = connect()
    for _ in range(3):
        data = os.urandom(size)
        assert exchange(connection, data) == data


@pytest.mark.parametrize("pause_s", [0.0, 0.2])
def test_frames_sent_in_a_row_are_all_answered(connect: Callable[[], Connection], pause_s: float) -> None:
    # Many frames in one record: the node finds the later ones in the session, when the socket has nothing more.
    connection = connect()
    frames = [os.urandom(1 + 37 * index) for index in range(100)]
    joined = b"".join(len(frame).to_bytes(4, "big") + frame for frame in frames)
    exchange(connection, b"first")
    time.sleep(pause_s)  # longer than the node lingers: it has to be woken
    connection.send_small(joined, time.monotonic() + 30)
    assert [receive(connection) for _ in frames] == frames


def test_connection_that_rested_is_alive_until_the_node_closes(
    connect: Callable[[], Connection], listener: Listener
) -> None:
    connection = connect()
    exchange(connection, b"x")
    assert connection.is_alive()
    time.sleep(0.1)
    assert connection.is_alive()
    assert exchange(connection, b"y") == b"y"
    listener.close()
    until = time.monotonic() + 60
    while connection.is_alive() and time.monotonic() < until:
        time.sleep(0.01)
    assert not connection.is_alive()


def test_wait_tells_when_a_reply_begins(connect: Callable[[], Connection]) -> None:
    first, second = connect(), connect()
    for connection in (first, second):
        exchange(connection, b"x")
    assert not first.wait(0.01)
    second.send_parts([b"reply"], Deadline(10))
    assert wait_any([first, second], 10) is second
    assert second.wait(0)
    assert receive(second) == b"reply"
    assert wait_any([first, second], 0.01) is None


def test_deadline_of_a_reply_holds(connect: Callable[[], Connection], own_time: Callable[[], float]) -> None:
    connection = connect()
    began = own_time()
    with pytest.raises(DeadlineExceeded):
        connection.exchange("call", 1, [b"wait"], Deadline(0.1))
    assert own_time() - began < 5
    assert not connection.is_open


def test_call_that_is_broken_off_ends_at_both_ends(connect: Callable[[], Connection], listener: Listener) -> None:
    connection = connect()
    timer = threading.Timer(0.1, connection.abort)
    timer.start()
    with pytest.raises(CancelledError):
        connection.exchange("call", 1, [b"wait"], Deadline(30))
    timer.join()
    connection.close()
    until = time.monotonic() + 60
    while listener.connections and time.monotonic() < until:
        time.sleep(0.01)
    assert listener.connections == 0


@pytest.fixture
def quick_cut(node_tls: Tls) -> Iterator[Listener]:
    """A listener that waits a second for a handshake."""
    listener = Listener(ANY, echo, make_channel=channels(certificates_of(node_tls)), patience=Patience(handshake_s=1.0))
    listener.start()
    yield listener
    listener.close()


@pytest.mark.parametrize("said", [b"", b"\x16\x03\x01\x02\x00\x01\x00"])
def test_silent_client_is_cut_in_time_and_holds_no_thread(
    quick_cut: Listener, authority: Any, said: bytes, own_time: Callable[[], float]
) -> None:
    endpoint = quick_cut.endpoint
    before = threading.active_count()
    with contextlib.ExitStack() as stack:
        silent = [stack.enter_context(socket.create_connection((endpoint.host, endpoint.port), 10)) for _ in range(20)]
        began = own_time()
        for sock in silent:
            sock.send(said)
        # Nobody waits for them.
        connection = connector(Tls(ca=authority.file))(endpoint, 10.0)
        assert exchange(connection, b"x") == b"x"
        for sock in silent:
            # The end of the stream, or a reset: not the time-out of ten seconds.
            with contextlib.suppress(ConnectionError):
                assert sock.recv(99) == b""
        assert own_time() - began < 5
        # Whoever has greeted stays.
        assert exchange(connection, b"y") == b"y"
        assert quick_cut.connections == 1
        connection.close()
    assert threading.active_count() <= before + 21


def test_handshake_dripped_byte_by_byte_is_cut_in_time(quick_cut: Listener, authority: Any) -> None:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = client_context(Tls(ca=authority.file)).wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
    with pytest.raises(ssl.SSLWantReadError):
        session.do_handshake()
    endpoint = quick_cut.endpoint
    began = time.monotonic()
    with (
        socket.create_connection((endpoint.host, endpoint.port), 10) as sock,
        contextlib.suppress(ConnectionError),
    ):
        for byte in outgoing.read()[:-1]:
            sock.send(bytes((byte,)))
            time.sleep(0.01)
            if time.monotonic() - began > 5:
                pytest.fail("it was not cut")


def test_plain_client_is_answered_and_cut_at_once(listener: Listener, own_time: Callable[[], float]) -> None:
    endpoint = listener.endpoint
    began = own_time()
    for said in (
        b"GET / HTTP/1.1\r\n\r\n",
        b"\0\0\0\1x",
        b"\0",
        b"\0\0\0\x1d\x80\1\0\1\0\0\0\4call\0\0\0\7" + bytes(13),
    ):
        with socket.create_connection((endpoint.host, endpoint.port), 10) as sock:
            sock.send(said)
            answer = b""
            while more := sock.recv(999):
                answer += more
            assert b"this node speaks TLS" in answer
            assert (b"call\0\0\0\7" in answer) == (b"call" in said)
    assert own_time() - began < 5


def test_plain_node_is_told_of_by_the_client(authority: Any) -> None:
    plain = Listener(ANY, echo)
    plain.start()
    try:
        with pytest.raises(TlsError):
            connector(Tls(ca=authority.file))(plain.endpoint, 0.5)
    except UnreachableError:
        pytest.fail("the answer took too long")
    finally:
        plain.close()


def test_node_that_is_silent_in_the_handshake_is_given_up_in_time(
    authority: Any, own_time: Callable[[], float]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        began = own_time()
        with pytest.raises(UnreachableError, match="handshake"):
            connector(Tls(ca=authority.file))(Endpoint("127.0.0.1", server.getsockname()[1]), 0.2)
        assert own_time() - began < 5


def test_channel_of_a_plain_node_is_the_plain_one() -> None:
    assert Listener(ANY, echo)._channels._make_channel is Channel
