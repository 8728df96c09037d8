"""How a node leaves its connections: those in the backlog are not reset, and those in order get a last word.

Whoever does not get it cannot know whether a call that crosses it has run.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable

from pyrpc.transport.accept_loop import AcceptLoop
from pyrpc.transport.channel import LINGER_S, PATIENCE, Channel, SlowCallers
from pyrpc.transport.channel_set import ChannelSet
from pyrpc.transport.endpoint import Endpoint
from pyrpc.transport.listener import Listener

LAST_WORD = b"\0\0\0\3bye"


def test_connections_in_the_backlog_are_registered_before_the_port_closes() -> None:
    channels = ChannelSet(Channel, PATIENCE, SlowCallers(1), 0.05, 10)
    port = socket.create_server(("127.0.0.1", 0))
    port.setblocking(False)
    loop = AcceptLoop(channels, PATIENCE, lambda channel: None, lambda channel: None, port)
    with (
        socket.create_connection(port.getsockname(), 10) as first,
        socket.create_connection(port.getsockname(), 10) as second,
    ):
        loop._close_port(False)
        waiting = [key.data for key in loop._selector.get_map().values()]
        assert len(waiting) == 2 and all(isinstance(channel, Channel) for channel in waiting)
        # They are open still: the peers are not reset.
        for sock in (first, second):
            sock.setblocking(False)
            try:
                assert sock.recv(1) != b"", "closed"
            except BlockingIOError:
                pass
        channels.cut()
        loop._end()
        loop._selector.close()


def echo(channel: Channel) -> bool:
    data = bytearray(channel.source.next_frame(1000))
    channel.source.read_into(memoryview(data))
    channel.send([bytes(data)], len(data))
    return True


def new_listener(make_channel: type[Channel] = Channel) -> Listener:
    listener = Listener(
        Endpoint("127.0.0.1", 0),
        echo,
        make_channel=make_channel,
        farewell=lambda channel: channel.send_small(LAST_WORD),
    )
    listener.start()
    return listener


def caller_of(listener: Listener) -> socket.socket:
    """A connection that has had an answer; the thread that gave it lingers."""
    sock = socket.create_connection((listener.endpoint.host, listener.endpoint.port), 10)
    sock.sendall(b"\0\0\0\2hi")
    assert sock.recv(100) == b"\0\0\0\2hi"
    return sock


def all_that_comes(sock: socket.socket) -> bytes:
    data = b""
    while more := sock.recv(100):
        data += more
    return data


def test_thread_that_gets_no_turn_while_the_node_leaves_says_the_last_word_later() -> None:
    is_lingering, is_leaving = threading.Event(), threading.Event()

    class Late(Channel):
        def has_frame(self) -> bool:
            found = super().has_frame()
            if not found:
                is_lingering.set()
                is_leaving.wait(10)
                # As on a machine with a lot to do.
                time.sleep(6 * LINGER_S)
            return found

    listener = new_listener(Late)
    with caller_of(listener) as sock:
        # The answer is here before the thread that gave it has had a turn to take note that it did.
        assert is_lingering.wait(10)
        is_leaving.set()
        listener.close()
        assert all_that_comes(sock) == LAST_WORD


def test_connection_that_is_parked_when_the_loop_has_ended_gets_the_last_word(own_time: Callable[[], float]) -> None:
    listener = new_listener()
    loop, is_parking = listener._loop, threading.Event()
    assert loop is not None
    park = loop.park

    def park_too_late(channel: Channel) -> None:
        is_parking.set()
        loop._thread.join(10)
        park(channel)

    loop.park = park_too_late  # type: ignore[method-assign]
    with caller_of(listener) as sock:
        assert is_parking.wait(10)
        began = own_time()
        listener.close()
        assert all_that_comes(sock) == LAST_WORD
    assert own_time() - began < 1.5


def test_connection_that_was_cut_takes_no_bytes() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        channel = Channel(ours, "peer")
        assert channel.takes_bytes()
        channel.cut()
        assert not channel.takes_bytes()
