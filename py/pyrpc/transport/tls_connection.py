"""A client's connection to a node that speaks TLS."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import time
from collections.abc import Callable

from pyrpc.errors import PyrpcError, TlsError, UnreachableError
from pyrpc.transport.certificates import Certificates
from pyrpc.transport.connection import Connection, connect
from pyrpc.transport.endpoint import Endpoint
from pyrpc.transport.stream import sleep_until_ready
from pyrpc.transport.tls import Tls
from pyrpc.transport.tls_context import client_context, handshake_failure, is_alert, refused
from pyrpc.transport.tls_stream import PlainPeerError, TlsSocket

_LOOK_S = 0.05
NO_TLS_HELP = "leave tls= (--tls-ca, PYRPC_TLS_CA ...) out, or start the node with tls= (--tls-cert and --tls-key)"


class TlsConnection(Connection):
    """One connection over TLS; see Connection."""

    _sock: TlsSocket

    def __init__(
        self, endpoint: Endpoint, connect_timeout_s: float, *, context: ssl.SSLContext, server_name: str | None
    ) -> None:
        self._context = context
        self._server_name = server_name or endpoint.host
        super().__init__(endpoint, connect_timeout_s)

    def _open(self, endpoint: Endpoint, timeout_s: float) -> TlsSocket:
        until = time.monotonic() + timeout_s
        sock = connect(endpoint, timeout_s)
        try:
            session = TlsSocket(sock, self._context, self._server_name)
            self._shake_hands(session, until)
        except BaseException:
            sock.close()
            raise
        return session

    def _shake_hands(self, session: TlsSocket, until: float) -> None:
        endpoint = str(self.endpoint)
        while True:
            left_s = until - time.monotonic()
            if left_s <= 0:
                raise UnreachableError(
                    "the node cannot be reached",
                    got="no end of the TLS handshake in time",
                    endpoint=endpoint,
                    help="does it speak TLS? It does if it was started with tls= (--tls-cert)",
                )
            try:
                session.handshake(until)
            except BlockingIOError:
                # It may be the node that takes nothing, for a moment.
                sleep_until_ready(session.raw, select.POLLIN, min(left_s, _LOOK_S))
                continue
            except PlainPeerError as plain:
                raise _without_tls(endpoint, plain.data) from None
            except EOFError as error:
                raise handshake_failure(OSError(str(error)), endpoint) from error
            except OSError as error:
                raise handshake_failure(error, endpoint) from error
            return

    def wait(self, timeout_s: float) -> bool:
        """As for any connection; bytes that are here already need no waiting."""
        return self._sock.has_pending or super().wait(timeout_s)

    @property
    def has_bytes(self) -> bool:
        """Whether bytes of a reply are here."""
        return self._sock.has_pending or super().has_bytes

    def is_alive(self) -> bool:
        """As for any connection; bytes that are here already are of no use, but for a part of a record."""
        return not self._sock.has_pending and super().is_alive()

    def abort(self) -> None:
        """As for any connection, from another thread: no turn of its own with the session."""
        self._aborted = True
        self.is_open = False
        self._sock.shut()

    def close(self) -> None:
        """As for any connection; the node is told, if that does not block."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        super().close()

    def _failed_to_send(self, error: OSError) -> PyrpcError:
        return self._refusal() or super()._failed_to_send(error)

    def _lost(self, error: Exception) -> PyrpcError:
        if is_alert(error) and self._source.received == 0 and isinstance(error, OSError):
            self.close()
            return refused(error, str(self.endpoint))
        return super()._lost(error)

    def _refusal(self) -> TlsError | None:
        """Why the node hung up, if it said so: in TLS 1.3 it looks at a client's certificate after the handshake."""
        if self._source.received or not self.is_open:
            return None
        try:
            self._sock.recv_into(bytearray(1))
        except OSError as error:
            if is_alert(error):
                self.close()
                return refused(error, str(self.endpoint))
        return None


def _without_tls(endpoint: str, data: bytes) -> TlsError:
    return TlsError("this node does not speak TLS", got=repr(data[:16]), endpoint=endpoint, help=NO_TLS_HELP)


def connector(tls: Tls) -> Callable[[Endpoint, float], Connection]:
    """What opens a client's connections.

    Raises
    ------
    ConfigError
        A file of ``tls`` that cannot be used.
    """
    certificates = Certificates(tls, client_context)

    def connect_by_tls(endpoint: Endpoint, timeout_s: float) -> Connection:
        return TlsConnection(endpoint, timeout_s, context=certificates.fresh(), server_name=tls.server_name)

    return connect_by_tls
