"""The node's end of connections, with a service that sends frames back."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator

import pytest
from tests.transport.frames import await_true, connect, frame, is_echoed, read

from pyrpc.errors import ConfigError
from pyrpc.transport import accept_loop as module
from pyrpc.transport import stream
from pyrpc.transport.channel import Channel
from pyrpc.transport.endpoint import Endpoint
from pyrpc.transport.listener import Listener
from pyrpc.transport.patience import Patience
from pyrpc.transport.stream import has_peer_closed

ANY = Endpoint("127.0.0.1", 0)


def echo(channel: Channel) -> bool:
    """Send each frame back; the frame "bye" ends the connection."""
    source = channel.source
    size = source.next_frame(10_000_000)
    data = bytearray(size)
    source.read_into(memoryview(data))
    if data == b"crash":
        raise LookupError("a bug")
    channel.send([bytes(data)], size)
    return data != b"bye"


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener(ANY, echo)
    listener.start()
    yield listener
    listener.close()


def pair() -> tuple[socket.socket, socket.socket]:
    """Both ends of a TCP connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        theirs = socket.create_connection(server.getsockname(), 10)
        return server.accept()[0], theirs


def test_frames_are_answered_one_after_the_other(listener: Listener) -> None:
    with connect(listener) as sock:
        assert all(is_echoed(sock, bytes([number]) * (number + 1)) for number in range(50))


def test_frames_sent_at_once_are_all_answered_in_order(listener: Listener) -> None:
    frames = b"".join(frame(str(number).encode()) for number in range(500))
    with connect(listener) as sock:
        sock.sendall(frames)
        assert read(sock, len(frames)) == frames


def test_frame_may_come_byte_by_byte(listener: Listener) -> None:
    with connect(listener) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in frame(b"slowly"):
            sock.sendall(bytes([byte]))
        assert read(sock, 10) == frame(b"slowly")


def test_frames_of_a_size_that_fills_the_window_are_answered(listener: Listener) -> None:
    """Thrift's own non-blocking server loses connections when a partial frame is a multiple of 8192 bytes."""
    with connect(listener) as sock:
        for size in (8188, 8192, 16384, 65532, 65536, 65540, 131072):
            sock.sendall(frame(b"x" * size)[:8192])
            sock.sendall(frame(b"x" * size)[8192:])
            assert read(sock, size + 4) == frame(b"x" * size)


def test_connection_that_rested_is_served_again(listener: Listener) -> None:
    with connect(listener) as sock:
        for _ in range(3):
            assert is_echoed(sock)
            await_true(lambda: listener.is_quiet)


def test_channel_may_end_its_connection(listener: Listener) -> None:
    with connect(listener) as sock:
        assert is_echoed(sock, b"bye")
        assert sock.recv(1) == b""
    await_true(lambda: listener.connections == 0)


def test_peers_that_vanish_are_forgotten(listener: Listener) -> None:
    socks = [connect(listener) for _ in range(10)]
    assert all(is_echoed(sock) for sock in socks)
    for number, sock in enumerate(socks):
        if number % 2:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("@ii", 1, 0))
        if number % 3:
            sock.sendall(b"\0\0\0\x09part")
        sock.close()
    await_true(lambda: listener.connections == 0)


def test_bug_in_the_service_costs_one_connection(listener: Listener, caplog: pytest.LogCaptureFixture) -> None:
    with connect(listener) as good, connect(listener) as bad:
        assert is_echoed(good)
        bad.sendall(frame(b"crash"))
        assert bad.recv(1) == b""
        assert is_echoed(good)
    assert "a bug" in caplog.text


def test_traffic_is_counted_also_of_connections_that_ended(listener: Listener) -> None:
    for _ in range(3):
        with connect(listener) as sock:
            assert is_echoed(sock, b"12345678")
    await_true(lambda: listener.connections == 0)
    assert listener.traffic() == (36, 36)


def test_on_close_is_told_of_each_end_once() -> None:
    ended = threading.Semaphore(0)
    listener = Listener(ANY, echo, on_close=ended.release)
    listener.start()
    with connect(listener) as first, connect(listener) as second:
        assert is_echoed(first, b"bye")
        assert ended.acquire(timeout=10)
        assert is_echoed(second)
        listener.close()
        assert ended.acquire(timeout=10)
    assert not ended.acquire(timeout=0.05)


def test_idle_connection_is_closed_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SWEEP_S", 0.05)
    listener = Listener(ANY, echo, patience=Patience(idle_s=0.1))
    listener.start()
    with connect(listener) as sock:
        assert is_echoed(sock)
        assert sock.recv(1) == b""
    listener.close()


# -- stopping


def test_refusing_keeps_open_connections_and_frees_the_port(listener: Listener) -> None:
    with connect(listener) as sock:
        assert is_echoed(sock)
        listener.stop_accepting()
        with pytest.raises(ConnectionRefusedError):
            connect(listener)
        assert is_echoed(sock)
        other = Listener(listener.endpoint, echo)
        other.bind()
        other.close()


def test_close_ends_connections_whatever_they_do(listener: Listener) -> None:
    with connect(listener) as resting, connect(listener) as sending, connect(listener) as fresh:
        assert is_echoed(resting)
        await_true(lambda: listener.is_quiet)
        sending.sendall(b"\0\0\0\x09part")
        listener.close()
        for sock in (resting, sending, fresh):
            try:
                assert sock.recv(1) == b""
            except ConnectionResetError:
                pass
    await_true(lambda: listener.connections == 0)


def test_nothing_is_left_after_close() -> None:
    before = set(threading.enumerate())
    listener = Listener(ANY, echo)
    listener.start()
    with connect(listener) as sock:
        assert is_echoed(sock)
        listener.close()
    for thread in set(threading.enumerate()) - before:
        thread.join(10)
        assert not thread.is_alive()
    listener.close()


def test_port_bound_and_never_started_is_freed() -> None:
    listener = Listener(ANY, echo)
    endpoint = listener.bind()
    listener.close()
    socket.create_server((endpoint.host, endpoint.port)).close()


def test_adopted_connection_is_served() -> None:
    ended = threading.Semaphore(0)
    listener = Listener(ANY, echo, on_close=ended.release)
    listener.adopt_only()
    with socket.create_server(("127.0.0.1", 0)) as port:
        with socket.create_connection(port.getsockname(), 10) as ours:
            theirs, _ = port.accept()
            listener.adopt(theirs)
            assert is_echoed(ours)
        assert ended.acquire(timeout=10)
    listener.close()


def test_listener_without_a_port_closes_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker's: there is no port to wait for."""
    monkeypatch.setattr(module, "_LEAVING_S", 60.0)
    listener = Listener(ANY, echo)
    listener.adopt_only()
    began = time.monotonic()
    listener.stop_accepting()
    listener.close()
    assert time.monotonic() - began < 30


def test_taken_port_is_told_apart_from_a_bad_host(listener: Listener) -> None:
    with pytest.raises(ConfigError) as taken:
        Listener(listener.endpoint, echo).bind()
    with pytest.raises(ConfigError) as foreign:
        Listener(Endpoint("192.0.2.1", 0), echo).bind()
    assert "another program" in str(taken.value.help)
    assert "address of this machine" in str(foreign.value.help)


@pytest.mark.parametrize("unread", [b"", b"\0\0", frame(b"hello") * 3])
@pytest.mark.parametrize("way", ["close", "reset", "half"])
def test_peer_that_closed_is_known_whatever_it_sent_before(unread: bytes, way: str) -> None:
    ours, theirs = pair()
    with ours, theirs:
        theirs.sendall(unread)
        assert not has_peer_closed(ours)
        if way == "half":
            theirs.shutdown(socket.SHUT_WR)
        else:
            if way == "reset":
                theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            theirs.close()
        assert has_peer_closed(ours)


def test_socket_that_was_closed_here_has_no_peer() -> None:
    ours, theirs = pair()
    with theirs:
        ours.close()
        assert has_peer_closed(ours)


def test_where_the_system_tells_less_the_end_is_seen_once_the_bytes_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_RDHUP", None)
    ours, theirs = pair()
    with ours, theirs:
        assert not has_peer_closed(ours)
        theirs.sendall(b"hello")
        theirs.close()
        assert not has_peer_closed(ours)
        assert ours.recv(5) == b"hello"
        assert has_peer_closed(ours)
        ours.close()
        assert has_peer_closed(ours)
