"""Taking a port."""

from __future__ import annotations

import errno
import socket

from pyrpc.errors import ConfigError
from pyrpc.transport.endpoint import Endpoint


def bind(endpoint: Endpoint, backlog: int = 1024) -> socket.socket:
    """A listening socket.

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
        sock.listen(backlog)
    except OSError as error:
        sock.close()
        taken = error.errno == errno.EADDRINUSE
        raise ConfigError(
            f"cannot listen on {endpoint}",
            got=str(error),
            help="another program has that port: choose one with port=, or port=0 for a free one"
            if taken
            else "host must be an address of this machine, e.g. 127.0.0.1",
        ) from error
    return sock
