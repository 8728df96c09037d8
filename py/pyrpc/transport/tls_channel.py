"""A connection at a node that speaks TLS.

The handshake is part of waiting for the first call: it goes on when all of a record is here, in one of the threads that
serve, and a caller that is silent in the middle of it holds none. The listener cuts those that are not done in time.
"""

from __future__ import annotations

import logging
import socket
import ssl
import time
from collections.abc import Callable

from pyrpc.errors import PyrpcError
from pyrpc.transport.certificates import Certificates
from pyrpc.transport.channel import LINGER_S, Channel, discard
from pyrpc.transport.tls import Tls
from pyrpc.transport.tls_context import server_context
from pyrpc.transport.tls_stream import PlainPeerError, TlsSocket
from pyrpc.wire.codec import BINARY, NEEDS_TLS, codec_of, wire_errors
from pyrpc.wire.source import BytesSource

_log = logging.getLogger("pyrpc.listener")
HANDSHAKE_S = 5.0
_UNREADABLE: tuple[type[Exception], ...] = (PyrpcError, *wire_errors())
_NEEDS_TLS_TEXT = "this node speaks TLS, and the caller does not"


class TlsChannel(Channel):
    """One connection at the node, over TLS."""

    def __init__(self, sock: socket.socket, peer: str, context: ssl.SSLContext) -> None:
        self._tls = TlsSocket(sock, context)
        super().__init__(self._tls, peer)
        self.greet_until = time.monotonic() + HANDSHAKE_S

    def has_frame(self) -> bool:
        """As for any channel; the handshake comes first."""
        if self.greet_until != float("inf"):
            if not self._secure():
                return False
            self.greet_until = float("inf")
        return super().has_frame()

    def read_ahead(self) -> bool:
        """As for any channel; of a handshake, until a thread can go on with it."""
        if self.greet_until != float("inf"):
            return self._tls.hear()
        return super().read_ahead()

    def has_pending(self) -> bool:
        """Whether records are here that were not deciphered."""
        return self._tls.has_pending

    def _secure(self) -> bool:
        try:
            self._tls.handshake(time.monotonic() + LINGER_S)
        except BlockingIOError:
            return False
        except PlainPeerError as plain:
            _log.info("%s does not speak TLS", self.peer)
            self._turn_away(plain.data)
            raise EOFError from None
        except (OSError, EOFError) as error:
            _log.info("no TLS session with %s: %s", self.peer, error)
            self.drain()
            raise EOFError from None
        return True

    def _turn_away(self, data: bytes) -> None:
        """Tell a caller without TLS so, in its own protocol and under the name of its call if that can be read."""
        source, codec, name, seqid = BytesSource(data), BINARY, "", 0
        try:
            source.next_frame(2**31)
            codec = codec_of(source)
            name, _, seqid = codec.reader(source).message()
        except _UNREADABLE:
            codec, name, seqid = BINARY, "", 0
        message = b"".join(codec.encode_exception(name, seqid, _NEEDS_TLS_TEXT, NEEDS_TLS))
        try:
            self._tls.raw.send(len(message).to_bytes(4, "big") + message)
        except OSError:
            return
        self.drain()

    def drain(self) -> None:
        """As for any channel; what comes is not even deciphered."""
        discard(self._tls, self._tls.raw, self.source.buf)

    def cut(self) -> None:
        """Break it off from another thread, whose turn with the session it is not."""
        self._tls.shut()


def certificates_of(tls: Tls) -> Certificates[ssl.SSLContext]:
    """What a node shows and whom it trusts, from files that may change.

    Raises
    ------
    ConfigError
        No certificate, or a file of ``tls`` that cannot be used.
    """
    return Certificates(tls, server_context)


def channels(certificates: Certificates[ssl.SSLContext]) -> Callable[[socket.socket, str], Channel]:
    """What makes a node's channels; each with the certificates of the moment."""

    def make(sock: socket.socket, peer: str) -> Channel:
        return TlsChannel(sock, peer, certificates.context)

    return make
