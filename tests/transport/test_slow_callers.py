"""Callers who send a frame in drips hold no thread, are cut off in time, and slow nobody."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.transport.frames import await_true, connect, frame, is_echoed, read

from pyrpc.transport.channel import Channel
from pyrpc.transport.endpoint import Endpoint
from pyrpc.transport.listener import Listener
from pyrpc.transport.patience import Patience
from pyrpc.transport.tls import Tls
from pyrpc.transport.tls_channel import certificates_of, channels
from pyrpc.transport.tls_context import client_context

ANY = Endpoint("127.0.0.1", 0)
LARGE = 200_000
DRIPPING = 60


def echo(channel: Channel) -> bool:
    """Send each frame back."""
    source = channel.source
    data = bytearray(source.next_frame(10_000_000))
    source.read_into(memoryview(data))
    channel.send([bytes(data)], len(data))
    return True


@contextlib.contextmanager
def listening(**options: Any) -> Iterator[Listener]:
    listener = Listener(ANY, echo, **options)
    listener.start()
    try:
        yield listener
    finally:
        listener.close()


@pytest.fixture
def stack() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as stack:
        yield stack


def busy_threads(listener: Listener) -> int:
    return listener._threads._threads - listener._threads._spare


def is_cut(sock: socket.socket) -> bool:
    sock.settimeout(10)
    try:
        return sock.recv(1) == b""
    except ConnectionResetError:
        return True


def resting(listener: Listener) -> list[Channel]:
    return [channel for channel in listener._channels._channels if channel.rested_at < float("inf")]


# What has come of the frame when the drips begin: nothing, part of its length, its length, some of it; a frame that
# fits into the window and one that does not.
@pytest.mark.parametrize("head", [b"", b"\0\0", frame(b"x" * 1000)[:4], frame(b"x" * LARGE)[:300]])
@pytest.mark.parametrize("has_called", [False, True])
def test_connections_that_drip_hold_no_thread(stack: contextlib.ExitStack, head: bytes, has_called: bool) -> None:
    listener = stack.enter_context(listening())
    dripping = [stack.enter_context(connect(listener)) for _ in range(DRIPPING)]
    for sock in dripping:
        assert not has_called or is_echoed(sock)
    await_true(lambda: len(resting(listener)) == DRIPPING and busy_threads(listener) == 0)
    whole = frame(b"x" * (LARGE if len(head) > 4 else 1000))
    for sock in dripping:
        sock.sendall(whole[: len(head) + 1])
    for drip in range(len(head) + 1, len(head) + 5):
        for sock in dripping:
            sock.sendall(whole[drip : drip + 1])
            assert busy_threads(listener) == 0
    await_true(lambda: len(resting(listener)) == 0)
    assert busy_threads(listener) == 0
    for sock in dripping[:3]:
        # What dripped is served once it is whole.
        sock.sendall(whole[len(head) + 5 :])
        assert read(sock, len(whole)) == whole


def test_frame_that_stops_in_the_middle_leaves_its_thread(stack: contextlib.ExitStack) -> None:
    """Also where a thread is with the connection, since it called just before."""
    listener = stack.enter_context(listening())
    sock = stack.enter_context(connect(listener))
    # The answer and the part of the next frame meet in one thread.
    sock.sendall(frame(b"first") + b"\0\0")
    assert read(sock, 9) == frame(b"first")
    await_true(lambda: any(channel.is_unfinished for channel in listener._channels._channels))
    sock.sendall(b"\0\4rest")
    assert read(sock, 8) == frame(b"rest")


@pytest.mark.parametrize(
    ("patience", "head"),
    [
        (Patience(header_s=0.1), b"\0\0"),
        (Patience(stalled_s=0.1), frame(b"x" * 9000)[:9]),
        (Patience(stalled_s=0.1), frame(b"x" * LARGE)[:100]),
        (Patience(stalled_s=0.1), frame(b"x" * LARGE)[:5000]),
    ],
    ids=["length", "small", "large", "streamed"],
)
@pytest.mark.parametrize("drips", [False, True])
def test_unfinished_frame_is_cut_off_in_time(
    stack: contextlib.ExitStack, patience: Patience, head: bytes, drips: bool, own_time: Callable[[], float]
) -> None:
    listener = stack.enter_context(listening(patience=patience))
    sock, other = (stack.enter_context(connect(listener)) for _ in range(2))
    began = own_time()
    sock.sendall(head)
    if drips:
        with contextlib.suppress(OSError):
            while own_time() - began < 5:
                sock.sendall(b"\0" if len(head) > 4 else b"")
                time.sleep(0.01)
                if listener.connections == 1:
                    break
    assert is_cut(sock)
    assert own_time() - began < 4
    assert is_echoed(other)


@pytest.mark.usefixtures("stalls_do_not_count")
def test_time_for_a_frame_is_not_that_of_the_one_before(stack: contextlib.ExitStack) -> None:
    listener = stack.enter_context(listening(patience=Patience(header_s=5.0, stalled_s=0.4)))
    sock = stack.enter_context(connect(listener))
    for _ in range(6):
        sock.sendall(frame(b"slowly")[:5])
        time.sleep(0.12)
        sock.sendall(frame(b"slowly")[5:])
        assert read(sock, 10) == frame(b"slowly")


@pytest.mark.usefixtures("stalls_do_not_count")
def test_each_byte_gives_time_for_more(stack: contextlib.ExitStack) -> None:
    listener = stack.enter_context(listening(patience=Patience(stalled_s=0.15, min_bytes_per_s=50)))
    sock = stack.enter_context(connect(listener))
    whole = frame(b"x" * 50)
    for at in range(0, len(whole), 10):
        sock.sendall(whole[at : at + 10])
        time.sleep(0.1)
    assert read(sock, len(whole)) == whole


def test_no_more_threads_wait_for_slow_callers_than_may(
    stack: contextlib.ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of those who stall in a frame that streams the ones that are too many are cut, long before their time."""
    monkeypatch.setattr("pyrpc.transport.channel._SLOW_AFTER_S", 0.05)
    listener = stack.enter_context(listening(slow_callers=3))
    slow = [stack.enter_context(connect(listener)) for _ in range(10)]
    for sock in slow:
        sock.sendall(frame(b"x" * LARGE)[:5000])
    await_true(lambda: listener.traffic()[0] == 10 * 5000)
    await_true(lambda: listener.connections == 3)
    other = stack.enter_context(connect(listener))
    assert is_echoed(other, b"y" * LARGE)
    # Whoever was not cut is served when the rest comes after all, and leaves its place.
    left = [sock for sock in slow if not is_over(sock)]
    assert len(left) == 3
    for sock in left:
        sock.sendall(frame(b"x" * LARGE)[5000:])
        assert read(sock, LARGE + 4) == frame(b"x" * LARGE)
    await_true(lambda: listener._channels._slow._free._value == 3)


def is_over(sock: socket.socket) -> bool:
    sock.setblocking(False)
    try:
        return sock.recv(1) == b""
    except BlockingIOError:
        sock.setblocking(True)
        return False
    except ConnectionResetError:
        return True


def test_place_of_a_slow_caller_who_is_cut_is_free_again(
    stack: contextlib.ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pyrpc.transport.channel._SLOW_AFTER_S", 0.05)
    listener = stack.enter_context(listening(slow_callers=1, patience=Patience(stalled_s=0.2)))
    for _ in range(2):
        sock = stack.enter_context(connect(listener))
        sock.sendall(frame(b"x" * LARGE)[:5000])
        await_true(lambda: listener.connections == 1)
        assert is_cut(sock)
        await_true(lambda: listener.connections == 0)
    assert listener._channels._slow.enter()


def test_callers_who_drip_do_not_hold_up_the_end(stack: contextlib.ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pyrpc.transport.channel._SLOW_AFTER_S", 0.1)
    listener = stack.enter_context(listening())
    sock = stack.enter_context(connect(listener))
    sock.sendall(b"\0\0\0\x09half")
    await_true(lambda: listener.is_busy)
    await_true(lambda: not listener.is_busy)
    assert listener.connections == 1


def test_frame_larger_than_any_is_refused_by_its_length(stack: contextlib.ExitStack) -> None:
    """And what is no frame at all, though no more of it comes."""
    listener = stack.enter_context(listening())
    for said in (b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff", b"GET ", b"\x15\x03\x01\x00\x02\x02\x28"):
        sock = stack.enter_context(connect(listener))
        sock.sendall(said)
        assert is_cut(sock)


def test_connection_that_ends_in_the_middle_of_a_frame_is_forgotten(stack: contextlib.ExitStack) -> None:
    listener = stack.enter_context(listening())
    with connect(listener) as sock:
        sock.sendall(b"\0\0\0\x09half")
        await_true(lambda: any(channel.is_unfinished for channel in listener._channels._channels))
    await_true(lambda: listener.connections == 0)
    assert listener.traffic() == (8, 0)


# -- over TLS


class _Caller:
    """A caller over TLS whose bytes are at hand before they are sent."""

    def __init__(self, listener: Listener, authority: Any) -> None:
        self.sock = connect(listener)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = client_context(Tls(ca=authority.file))
        self._session = context.wrap_bio(self._incoming, self._outgoing, server_hostname="127.0.0.1")

    def greet(self) -> None:
        while True:
            try:
                self._session.do_handshake()
            except ssl.SSLWantReadError:
                self.sock.sendall(self._outgoing.read())
                self._incoming.write(self.sock.recv(65536))
            else:
                self.sock.sendall(self._outgoing.read())
                return

    def hello(self) -> bytes:
        with contextlib.suppress(ssl.SSLWantReadError):
            self._session.do_handshake()
        return self._outgoing.read()

    def records(self, data: bytes) -> bytes:
        self._session.write(data)
        return self._outgoing.read()

    def read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            try:
                data += self._session.read(size - len(data))
            except ssl.SSLWantReadError:
                self._incoming.write(self.sock.recv(65536))
        return data


@pytest.fixture
def tls(authority: Any) -> Iterator[Listener]:
    with listening(make_channel=channels(certificates_of(authority.issue("127.0.0.1")))) as listener:
        yield listener


def test_handshakes_that_drip_begin_no_thread(tls: Listener, authority: Any, stack: contextlib.ExitStack) -> None:
    callers = [_Caller(tls, authority) for _ in range(20)]
    hellos = []
    for caller in callers:
        stack.callback(caller.sock.close)
        hellos.append(caller.hello())
    for at in range(20):
        for caller, hello in zip(callers, hellos, strict=True):
            caller.sock.sendall(hello[at : at + 1])
    await_true(lambda: all(len(channel._tls._heard) == 20 for channel in tls._channels._channels))  # type: ignore[attr-defined]
    assert tls._threads._threads == 0
    # And whoever comes to the end of it is greeted.
    callers[0].sock.sendall(hellos[0][20:])
    assert callers[0].sock.recv(1) == b"\x16"


def test_records_that_drip_begin_no_thread(tls: Listener, authority: Any, stack: contextlib.ExitStack) -> None:
    callers = [_Caller(tls, authority) for _ in range(10)]
    for caller in callers:
        stack.callback(caller.sock.close)
        caller.greet()
    await_true(lambda: tls.is_quiet)
    handed: list[Channel] = []
    hand_over = tls._loop._hand_over  # type: ignore[union-attr]
    tls._loop._hand_over = lambda channel: (handed.append(channel), hand_over(channel))[1]  # type: ignore[union-attr]
    # One record that drips, and many records of one frame.
    whole = [caller.records(frame(b"hello")) for caller in callers[:5]]
    whole += [b"".join(caller.records(bytes((byte,))) for byte in frame(b"hello")) for caller in callers[5:]]
    for at in range(25):
        for caller, data in zip(callers, whole, strict=True):
            caller.sock.sendall(data[at : at + 1])
    assert not handed
    for caller, data in zip(callers, whole, strict=True):
        caller.sock.sendall(data[25:])
        assert caller.read(9) == frame(b"hello")
    assert len(handed) == len(callers)
