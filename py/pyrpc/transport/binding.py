"""Taking a port."""

from __future__ import annotations

import errno
import socket

from pyrpc.errors import ConfigError
from pyrpc.transport.endpoint import Endpoint


def bind(endpoint: Endpoint) -> socket.socket:
    """A listening socket.

    Raises
    ------
    ConfigError
    """
    sock = reserve(endpoint)
    listen(sock, endpoint)
    return sock


def listen(sock: socket.socket, endpoint: Endpoint, backlog: int = 1024) -> None:
    """Let callers connect to a port that was reserved.

    Raises
    ------
    ConfigError
        Another program was quicker. The socket is closed.
    """
    try:
        sock.listen(backlog)
    except OSError as error:
        sock.close()
        raise _cannot_listen(endpoint, error) from error


def reserve(endpoint: Endpoint) -> socket.socket:
    """A socket that has the port, but refuses callers: whoever takes long to be ready learns first that it is free.

    Raises
    ------
    ConfigError
    """
    family = socket.AF_INET6 if ":" in endpoint.host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        # Without it a restarted node waits out the old connections' TIME_WAIT; on Linux it does not share the port.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((endpoint.host, endpoint.port))
    except OSError as error:
        sock.close()
        raise _cannot_listen(endpoint, error) from error
    return sock


def _cannot_listen(endpoint: Endpoint, error: OSError) -> ConfigError:
    taken = error.errno == errno.EADDRINUSE
    return ConfigError(
        f"cannot listen on {endpoint}",
        got=str(error),
        help="another program has that port: choose one with port=, or port=0 for a free one"
        if taken
        else "host must be an address of this machine, e.g. 127.0.0.1",
    )
