"""A TLS session over a socket, used like a socket itself.

Not an ssl.SSLSocket. Bytes come and go through memory, so that

1. the socket stays in blocking mode and times out by SO_RCVTIMEO and SO_SNDTIMEO, as one without TLS does,
2. one receive fetches many records (OpenSSL by itself takes two system calls for each 16 KiB), and
3. no thread but the one that reads and writes ever touches the session: another one may only shut the socket down.
   An SSLSocket that is closed meanwhile reads on from whatever has its file descriptor next.

Bytes that were received and not yet asked for are handed out before the socket is asked again, so a thread that finds
nothing more (BlockingIOError) may wait for the socket alone to become readable.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from typing import cast

# A few records at once; more would stay with each connection as memory.
_RECEIVE_BYTES = 64 * 1024
_SLICE_BYTES = 128 * 1024
_RECORD_BYTES = 16 * 1024
_HEADER_BYTES = 5
# How often to ask the socket for the rest of one record: a peer that drips must not keep a thread from its deadline.
_RECEIVES = 8
# The types of TLS records; a stream that begins with another byte is no TLS.
_RECORD_TYPES = range(0x14, 0x18)


class PlainPeerError(Exception):
    """The other end does not speak TLS. ``data`` is what it said first."""

    def __init__(self, data: bytes) -> None:
        super().__init__("the other end does not speak TLS")
        self.data = data


class TlsSocket:
    """The session and its socket; for one thread at a time, but for ``shut`` and ``fileno``.

    Parameters
    ----------
    server_name : str, optional
        At a client: the host that the certificate must be for. None: this is the node's end.
    """

    __slots__ = ("_heard", "_incoming", "_outgoing", "_session", "_taken", "_unsent", "is_secured", "raw")

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, server_name: str | None = None) -> None:
        self.raw = sock
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._session = context.wrap_bio(
            self._incoming, self._outgoing, server_side=server_name is None, server_hostname=server_name
        )
        self.is_secured = False
        # What the other end said in the handshake and the session does not know yet: not all of a record.
        self._heard = bytearray()
        # Records that the socket did not take yet, and the bytes of the caller's that they hold.
        self._unsent: bytes | memoryview = b""
        self._taken = 0

    # -- the handshake

    def handshake(self, until: float = float("inf")) -> None:
        """Begin the session, or go on with it after a BlockingIOError.

        Parameters
        ----------
        until : float
            When to give up on an other end that drips; on the system's clock.

        Raises
        ------
        BlockingIOError
            The other end was silent for SO_RCVTIMEO.
        PlainPeerError
            The other end does not speak TLS.
        EOFError, OSError
            It is gone, or ssl.SSLError: there is no session that both ends agree to; the other one was told.
        """
        self._feed()
        while True:
            try:
                self._session.do_handshake()
                self.is_secured = True
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError:
                with contextlib.suppress(OSError):
                    self._send_records()
                raise
            self._send_records()
            if self.is_secured:
                # From here on the session takes in parts of records, too.
                self._incoming.write(self._heard)
                self._heard.clear()
                return
            while not self.hear(0):
                if time.monotonic() > until:
                    raise BlockingIOError("not all of a TLS record came")
            self._feed()

    def hear(self, flags: int = socket.MSG_DONTWAIT) -> bool:
        """In the handshake, take in what is here; whether it can go on, since a record is whole or what came is none.

        Raises
        ------
        EOFError, OSError
            The other end is gone.
        """
        try:
            data = self.raw.recv(_RECEIVE_BYTES, flags)
        except BlockingIOError:
            if flags:
                return False
            raise
        if not data:
            raise EOFError("the peer closed the connection in the TLS handshake")
        self._heard += data
        return self._heard[0] not in _RECORD_TYPES or self._whole_records() > 0

    def _whole_records(self) -> int:
        """How many of the bytes that were heard are whole records."""
        heard, at = self._heard, 0
        while len(heard) >= at + _HEADER_BYTES:
            end = at + _HEADER_BYTES + int.from_bytes(heard[at + 3 : at + _HEADER_BYTES], "big")
            if end > len(heard):
                break
            at = end
        return at

    def _feed(self) -> None:
        """Give the session what is whole."""
        heard = self._heard
        if not heard:
            return
        if heard[0] not in _RECORD_TYPES:
            raise PlainPeerError(bytes(heard))
        size = self._whole_records()
        self._incoming.write(heard[:size])
        del heard[:size]

    # -- what a socket has

    def recv_into(self, target: bytearray | memoryview, nbytes: int = 0, flags: int = 0) -> int:
        """Some bytes, 0 at the end of the stream; BlockingIOError after SO_RCVTIMEO, or when a record only drips.

        Parameters
        ----------
        nbytes : int
            Must be 0: as many as target takes.
        flags : int
            For the receive from the socket.
        """
        receives = 0
        while True:
            if self.has_pending:
                try:
                    # With a buffer it tells how many, whatever its type stub says.
                    return cast(int, self._session.read(len(target), target))
                except ssl.SSLWantReadError:
                    # Part of a record, or one without data for us.
                    pass
                except ssl.SSLZeroReturnError:
                    return 0
            if receives == _RECEIVES:
                raise BlockingIOError("the rest of a TLS record does not come")
            receives += 1
            data = self.raw.recv(_RECEIVE_BYTES, flags)
            if not data:
                return 0
            self._incoming.write(data)

    @property
    def has_pending(self) -> bool:
        """Whether bytes are here that ``recv_into`` did not give out; perhaps not all of a record."""
        return self._incoming.pending > 0 or self._session.pending() > 0

    def send(self, data: bytes | memoryview) -> int:
        """Send some of data and tell how much.

        Raises
        ------
        BlockingIOError
            The socket took no more for SO_SNDTIMEO. The next call must be with the same data again.
        """
        if not self._unsent:
            size = len(data)
            if size > _RECORD_BYTES:
                data = memoryview(data)[:_SLICE_BYTES]
                size = len(data)
            self._taken = taken = self._session.write(data)
            while taken < size:
                # It takes one record at a time.
                taken += self._session.write(data[taken:])
                self._taken = taken
        self._send_records()
        return self._taken

    def _send_records(self) -> None:
        unsent = self._unsent or self._outgoing.read()
        while unsent:
            # What is left is kept before it can fail.
            self._unsent = unsent
            sent = self.raw.send(unsent)
            unsent = memoryview(unsent)[sent:] if sent < len(unsent) else b""
        self._unsent = b""

    def fileno(self) -> int:
        """Of the socket; -1 once it is closed."""
        return self.raw.fileno()

    def setsockopt(self, level: int, option: int, value: int | bytes) -> None:
        """As for the socket."""
        self.raw.setsockopt(level, option, value)

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Bytes as they are on the wire: to see whether there are any."""
        return self.raw.recv(size, flags)

    def shutdown(self, how: int) -> None:
        """Tell the other end that no more comes, if that does not block, and shut the socket down."""
        if self.is_secured and not self._unsent:
            # It reports that the other end has not said so yet, among other things that do not matter any more.
            with contextlib.suppress(OSError):
                self._session.unwrap()
            with contextlib.suppress(OSError):
                self.raw.send(self._outgoing.read(), socket.MSG_DONTWAIT)
            self.is_secured = False
        self.raw.shutdown(how)

    def shut(self) -> None:
        """Shut the socket down, from any thread; whoever reads or writes here finds the end of the stream."""
        with contextlib.suppress(OSError):
            self.raw.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the socket."""
        self.raw.close()
