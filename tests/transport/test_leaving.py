"""A connection that waits in the backlog when the port closes is served at once, not reset and not forgotten."""

from __future__ import annotations

import selectors
import socket

from pyrpc.transport.endpoint import Endpoint
from pyrpc.transport.listener import Channel, Listener


def test_connections_in_the_backlog_are_registered_before_the_port_closes() -> None:
    listener = Listener(Endpoint("127.0.0.1", 0), lambda channel: True)
    endpoint = listener.bind()
    with (
        selectors.DefaultSelector() as selector,
        socket.create_connection((endpoint.host, endpoint.port), 10) as first,
        socket.create_connection((endpoint.host, endpoint.port), 10) as second,
    ):
        listener._close_port(selector, False)
        channels = [key.data for key in selector.get_map().values()]
        assert len(channels) == 2 and all(isinstance(channel, Channel) for channel in channels)
        # They are open still: the peers are not reset.
        for sock in (first, second):
            sock.setblocking(False)
            try:
                assert sock.recv(1) != b"", "closed"
            except BlockingIOError:
                pass
        for channel in channels:
            channel.close()
