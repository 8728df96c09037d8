"""Quick calls of many connections, served by one thread; and what becomes of those that are not quick after all."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest
from tests.transport.frames import await_true, frame, is_echoed, read

from pyrpc.transport.channel import Channel
from pyrpc.transport.endpoint import Endpoint
from pyrpc.transport.lane import Lane
from pyrpc.transport.listener import Listener

FAREWELL = b"\0\0\0\3bye"


class Echo:
    """Sends frames back. Those that begin with q count as quick; some do something odd first."""

    def __init__(self) -> None:
        self.let = threading.Event()
        self.blocked = threading.Semaphore(0)
        self.quick_by: list[int] = []

    def serve(self, channel: Channel) -> bool:
        source = channel.source
        data = bytearray(source.next_frame(10_000_000))
        source.read_into(memoryview(data))
        if b"block" in data:
            self.blocked.release()
            self.let.wait(20)
        if b"crash" in data:
            raise LookupError("a bug")
        if b"gone" in data:
            raise ConnectionResetError
        channel.was_quick = data[:1] == b"q"
        channel.send_small(len(data).to_bytes(4, "big") + data)
        return True

    def serve_quick(self, channel: Channel) -> bool:
        source = channel.source
        if source.buf[source.pos + 4] != ord("q"):
            return False
        self.quick_by.append(threading.get_ident())
        return self.serve(channel)


@pytest.fixture
def echo() -> Iterator[Echo]:
    echo = Echo()
    yield echo
    echo.let.set()


@pytest.fixture
def listener(echo: Echo) -> Iterator[Listener]:
    listener = Listener(
        Endpoint("127.0.0.1", 0),
        echo.serve,
        serve_quick=echo.serve_quick,
        farewell=lambda channel: channel.send_small(FAREWELL),
    )
    listener.start()
    yield listener
    echo.let.set()
    listener.close()


@pytest.fixture
def callers(listener: Listener) -> Iterator[list[socket.socket]]:
    """Connections that are served by the lane."""
    with contextlib.ExitStack() as stack:
        address = listener.endpoint.host, listener.endpoint.port
        socks = [stack.enter_context(socket.create_connection(address, 10)) for _ in range(5)]
        await_in_lane(listener, socks)
        yield socks


def await_in_lane(listener: Listener, socks: list[socket.socket]) -> None:
    def are_in_lane() -> bool:
        for sock in socks:
            sock.sendall(frame(b"q"))
        for sock in socks:
            assert read(sock, 5) == frame(b"q")
        return members(listener) == len(socks)

    await_true(are_in_lane)


def members(listener: Listener) -> int:
    return len(lane_of(listener)._members)


def lane_of(listener: Listener) -> Lane:
    assert listener._lane is not None
    return listener._lane


def is_answered(sock: socket.socket) -> bool:
    """Whether a quick call is."""
    return is_echoed(sock, b"q")


def test_quick_calls_of_many_connections_are_served_by_one_thread(
    listener: Listener, callers: list[socket.socket], echo: Echo
) -> None:
    # A machine that is busy may take the lane from its thread; so not every round is one thread's.
    def is_one_thread() -> bool:
        echo.quick_by.clear()
        assert all(is_answered(sock) for sock in callers)
        return len(echo.quick_by) == len(callers) and len(set(echo.quick_by)) == 1

    await_true(is_one_thread)


def test_call_that_blocks_after_all_holds_up_nobody(
    listener: Listener, callers: list[socket.socket], echo: Echo
) -> None:
    stuck = callers[0]
    stuck.sendall(frame(b"q block"))
    assert echo.blocked.acquire(timeout=20)
    assert all(is_answered(sock) for sock in callers[1:])
    echo.let.set()
    assert read(stuck, 11) == frame(b"q block")
    # And it is served as before.
    assert is_answered(stuck)
    await_in_lane(listener, callers)


def test_each_of_several_that_block_loses_the_lane(
    listener: Listener, callers: list[socket.socket], echo: Echo
) -> None:
    for sock in callers[:4]:
        sock.sendall(frame(b"q block"))
    for _ in range(4):
        assert echo.blocked.acquire(timeout=20)
    assert is_answered(callers[4])
    echo.let.set()
    assert all(read(sock, 11) == frame(b"q block") for sock in callers[:4])


@pytest.mark.parametrize("how", [b"q block crash", b"q block gone"])
def test_call_that_fails_after_it_lost_the_lane_costs_one_connection(
    listener: Listener, callers: list[socket.socket], echo: Echo, how: bytes
) -> None:
    callers[0].sendall(frame(how))
    assert echo.blocked.acquire(timeout=20)
    assert all(is_answered(sock) for sock in callers[1:])
    echo.let.set()
    assert callers[0].recv(1) == b""
    await_true(lambda: listener.connections == 4)


@pytest.mark.parametrize("how", [b"q crash", b"q gone"])
def test_call_that_fails_costs_one_connection(listener: Listener, callers: list[socket.socket], how: bytes) -> None:
    callers[0].sendall(frame(how))
    assert callers[0].recv(1) == b""
    assert all(is_answered(sock) for sock in callers[1:])
    await_true(lambda: listener.connections == 4)


def test_frame_that_is_not_quick_gets_a_thread(listener: Listener, callers: list[socket.socket], echo: Echo) -> None:
    callers[0].sendall(frame(b"block"))
    assert echo.blocked.acquire(timeout=20)
    assert all(is_answered(sock) for sock in callers[1:])
    echo.let.set()
    assert read(callers[0], 9) == frame(b"block")


@pytest.mark.parametrize("size", [1_000, 300_000])
@pytest.mark.parametrize("cut", [2, 4, 100])
def test_frame_that_comes_in_parts_is_answered(
    listener: Listener, callers: list[socket.socket], size: int, cut: int
) -> None:
    whole = frame(b"q" * size)
    callers[0].sendall(frame(b"q") + whole[:cut])
    assert read(callers[0], 5) == frame(b"q")
    assert all(is_answered(sock) for sock in callers[1:])
    callers[0].sendall(whole[cut:])
    assert read(callers[0], len(whole)) == whole


def test_calls_sent_without_waiting_are_all_answered(listener: Listener, callers: list[socket.socket]) -> None:
    frames = b"".join(frame(b"q%d" % number) for number in range(2000))
    for sock in callers[:2]:
        sock.sendall(frames)
    assert all(is_answered(sock) for sock in callers[2:])
    assert all(read(sock, len(frames)) == frames for sock in callers[:2])


def test_connections_that_say_nothing_rest(listener: Listener, callers: list[socket.socket]) -> None:
    await_true(lambda: listener.is_quiet)
    assert members(listener) == 0
    await_true(lambda: not lane_of(listener).is_running)
    assert all(is_answered(sock) for sock in callers)


def test_connection_that_is_alone_gets_a_thread_of_its_own(listener: Listener, callers: list[socket.socket]) -> None:
    def is_alone() -> bool:
        assert is_answered(callers[0])
        return members(listener) == 0

    await_true(is_alone)
    # Nor does it come back while the others say nothing.
    for _ in range(20):
        assert is_answered(callers[0])
    assert members(listener) == 0


def test_connection_that_ends_is_forgotten(listener: Listener, callers: list[socket.socket]) -> None:
    callers[0].close()
    await_true(lambda: listener.connections == 4)
    assert all(is_answered(sock) for sock in callers[1:])


def test_connections_get_the_last_word_when_the_node_ends(listener: Listener, callers: list[socket.socket]) -> None:
    assert all(is_answered(sock) for sock in callers)
    listener.close()
    assert all(read(sock, len(FAREWELL) + 1) == FAREWELL for sock in callers)
    assert listener.connections == 0
    await_true(lambda: not lane_of(listener).is_running)


def test_connection_that_was_cut_does_not_join(listener: Listener, callers: list[socket.socket]) -> None:
    channel = next(iter(listener._channels._channels))
    await_true(lambda: not lane_of(listener).is_running and listener.is_quiet)
    channel.cut()
    listener._join(channel)
    assert listener.connections == 4
    assert members(listener) == 0
    assert not lane_of(listener).is_running


def test_without_a_thread_for_them_connections_are_served_one_by_one(
    listener: Listener, callers: list[socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    await_true(lambda: not lane_of(listener).is_running)

    def start(*args: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(lane_of(listener), "_start", start)
    for _ in range(3):
        assert all(is_answered(sock) for sock in callers)
    await_true(lambda: members(listener) == 0 and not lane_of(listener).is_running)
