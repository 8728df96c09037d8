"""Connections to one node, kept for reuse.

The most recently used one is handed out first: it is warm, and those not needed grow old and are dropped.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from pyrpc.transport.connection import TRUSTED_IDLE_S, Connection
from pyrpc.transport.endpoint import Endpoint


class ConnectionPool:
    """Connections to one endpoint; thread-safe (a deque's append and pop are atomic, so there is no lock).

    Parameters
    ----------
    max_idle : int
        How many connections are kept while nobody uses them.
    connect : callable
        Opens a connection, within a number of seconds.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        connect_timeout_s: float = 5.0,
        max_idle: int = 64,
        connect: Callable[[Endpoint, float], Connection] = Connection,
    ) -> None:
        self.endpoint = endpoint
        self._connect_timeout_s = connect_timeout_s
        self._max_idle = max_idle
        self._connect = connect
        self._idle: deque[Connection] = deque()
        self._is_closed = False
        # Told in the thread of each caller that finds no connection in steady use; must neither block nor raise.
        self.on_rested: Callable[[], None] | None = None

    def take(self, timeout_s: float, now: float) -> Connection:
        """A connection that nobody else has until it is given back; may block while connecting.

        Parameters
        ----------
        timeout_s : float
            For connecting, together with the pool's own.
        now : float
            Of ``time.monotonic``.

        Raises
        ------
        UnreachableError
        """
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                self._tell_rested()
                return self._connect(self.endpoint, max(0.001, min(self._connect_timeout_s, timeout_s)))
            # Written out for a connection in steady use: the call alone would show in the time of a small call.
            if now - connection.used_at < TRUSTED_IDLE_S:
                return connection
            self._tell_rested()
            if connection.is_alive():
                return connection
            connection.close()

    def _tell_rested(self) -> None:
        if self.on_rested is not None:
            self.on_rested()

    def give_back(self, connection: Connection) -> None:
        """Return a connection; one that was closed is dropped."""
        if not connection.is_open or len(self._idle) >= self._max_idle:
            connection.close()
            return
        self._idle.append(connection)
        # Asked last: a pool that is closed just now may have looked before this one was there.
        if self._is_closed:
            self.drop_idle()

    def drop_idle(self) -> None:
        """Close what nobody uses, e.g. after the node died: the others lead to the same dead process."""
        while self._idle:
            try:
                self._idle.pop().close()
            except IndexError:
                return

    def close(self) -> None:
        """Close all that is idle now, and the rest when it comes back."""
        self._is_closed = True
        self.drop_idle()
