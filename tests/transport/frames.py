"""Peers that speak frames by plain sockets, for the tests of both ends."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

from pyrpc.transport.listener import Listener

# Far above what anything here takes, also on a machine that is busy with something else.
_MOST_S = 60.0


def connect(listener: Listener) -> socket.socket:
    """A connection to a listener; what is sent goes at once."""
    sock = socket.create_connection((listener.endpoint.host, listener.endpoint.port), 10)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def frame(data: bytes) -> bytes:
    """A message with its length before it."""
    return len(data).to_bytes(4, "big") + data


def read(sock: socket.socket, size: int) -> bytes:
    """So many bytes, or what came before the end of the stream."""
    data = b""
    while len(data) < size and (more := sock.recv(size - len(data))):
        data += more
    return data


def is_echoed(sock: socket.socket, data: bytes = b"hello") -> bool:
    """Whether a frame comes back as it was sent."""
    sock.sendall(frame(data))
    return read(sock, len(data) + 4) == frame(data)


def await_true(condition: Callable[[], bool]) -> None:
    """Wait until it is."""
    until = time.monotonic() + _MOST_S
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.001)
