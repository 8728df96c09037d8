"""A connection that waits in the backlog when the port closes is served at once, not reset and not forgotten."""

from __future__ import annotations

import socket

from pyrpc.transport.accept_loop import AcceptLoop
from pyrpc.transport.channel import PATIENCE, Channel, SlowCallers
from pyrpc.transport.channel_set import ChannelSet


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
