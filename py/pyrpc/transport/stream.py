"""A TCP socket as both ends use it: a Source to read frames from, and a way to send them.

The sockets stay in blocking mode and time out by SO_RCVTIMEO and SO_SNDTIMEO: a Python timeout costs a poll() before
each call, about 1.6 us. What takes longer than such a time is waited for by poll() after all: a signal makes Python
begin the call of the socket anew, with all of that time, but a poll() with what is left of it.
"""

from __future__ import annotations

import math
import select
import socket
import struct
import time
from typing import Protocol

from pyrpc.wire import limits
from pyrpc.wire.codec import Parts
from pyrpc.wire.source import Source


class StreamSocket(Protocol):
    """What is used of a socket once it is connected; one with TLS has the same (transport/tls_stream.py)."""

    def recv_into(self, buffer: bytearray | memoryview, nbytes: int = 0, flags: int = 0, /) -> int: ...

    def recv(self, size: int, flags: int, /) -> bytes: ...

    def send(self, data: bytes | memoryview, /) -> int: ...

    def fileno(self) -> int: ...

    def setsockopt(self, level: int, option: int, value: bytes, /) -> None: ...

    def shutdown(self, how: int, /) -> None: ...

    def close(self) -> None: ...


_timeval = struct.Struct("@ll")
# Up to here one joined write is quicker than two; above, the parts go out as they are, in slices that let a
# receiver start while the rest is still being sent.
_JOINED_BYTES = limits.SMALL_BYTES
_SLICE_BYTES = 512 * 1024
# Nothing need look at the time more often; only a socket that was closed, and its number given to another, is missed.
_LOOK_S = 1.0
# Linux tells of a peer that closed even behind bytes that were not read yet.
_RDHUP: int | None = getattr(select, "POLLRDHUP", None)


class SocketSource(Source):
    """Frames from a socket.

    ``deadline_at`` (monotonic seconds) bounds the reading of a frame. A receive looks at the time when nothing came for
    SO_RCVTIMEO, and then sleeps until something comes or the time is over. It looks, too, when fewer than
    ``slow_bytes`` came: a peer that drips never lets it sleep so long.
    """

    __slots__ = ("deadline_at", "sock")

    slow_bytes = limits.HARD_FRAME_BYTES

    def __init__(self, sock: StreamSocket) -> None:
        super().__init__()
        self.sock = sock
        self.deadline_at = float("inf")

    def fill(self) -> None:
        self.pos = self.stop = self.end = 0
        try:
            got = self.sock.recv_into(self.buf)
        except (BlockingIOError, InterruptedError):
            self._waited()
            got = self.receive(self.view)
        if got == 0:
            raise EOFError("the peer closed the connection")
        self.end = got
        self.received += got

    def receive(self, target: memoryview) -> int:
        while True:
            try:
                got = self.sock.recv_into(target)
            except (BlockingIOError, InterruptedError):
                self._waited()
                continue
            if got == 0:
                raise EOFError("the peer closed the connection")
            if got < self.slow_bytes and time.monotonic() > self.deadline_at:
                self.overdue("the bytes come too slowly")
            return got

    def overdue(self, what: str) -> None:
        """The deadline has come; whoever has time left moves it."""
        raise TimeoutError(what)

    def _waited(self) -> None:
        """Nothing came for SO_RCVTIMEO: the peer is slow, or it is gone without a word."""
        left_s = self.deadline_at - time.monotonic()
        if left_s <= 0:
            self.overdue("no byte arrived in time")
        else:
            sleep_until_ready(self.sock, select.POLLIN, left_s)


def sleep_until_ready(sock: StreamSocket, event: int, longest_s: float) -> None:
    """Wait until a socket is ready for select.POLLIN or POLLOUT, or has ended; not longer than that, or a second."""
    poll = select.poll()
    try:
        poll.register(sock, event)
    except ValueError:
        return  # It was closed by another thread: whatever is tried next says so.
    poll.poll(math.ceil(min(longest_s, _LOOK_S) * 1000))


def set_timeouts(sock: StreamSocket, receive_s: float, send_s: float) -> None:
    """Set SO_RCVTIMEO and SO_SNDTIMEO, at least a millisecond."""
    for option, seconds in ((socket.SO_RCVTIMEO, receive_s), (socket.SO_SNDTIMEO, send_s)):
        micros = max(1000, int(seconds * 1e6))
        sock.setsockopt(socket.SOL_SOCKET, option, _timeval.pack(micros // 1_000_000, micros % 1_000_000))


def has_peer_closed(sock: StreamSocket) -> bool:
    """Whether the other end closed the connection, or shut down its sending side; never blocks.

    True for a socket that was closed here. Where there is no POLLRDHUP, bytes that were not read yet hide the end.
    """
    try:
        if _RDHUP is not None:
            # Made each time, 0.5 us: two threads must not poll with the same object.
            poll = select.poll()
            poll.register(sock, _RDHUP)
            return bool(poll.poll(0))
        return not sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except (OSError, ValueError):
        return True


def send_frame(sock: StreamSocket, parts: Parts, size: int, deadline_at: float) -> None:
    """Send a frame of size bytes made of parts.

    Raises
    ------
    TimeoutError
        The deadline came first. Like any OSError here it means: the frame was not sent whole.
    """
    head = size.to_bytes(4, "big")
    if size <= _JOINED_BYTES:
        send_all(sock, memoryview(b"".join((head, *parts))), deadline_at)
        return
    small: list[bytes | memoryview] = [head]
    for part in parts:
        if len(part) <= _JOINED_BYTES:
            small.append(part)
            continue
        send_all(sock, memoryview(b"".join(small)), deadline_at)
        small.clear()
        send_all(sock, memoryview(part), deadline_at)
    if small:
        send_all(sock, memoryview(b"".join(small)), deadline_at)


def send_all(sock: StreamSocket, data: memoryview, deadline_at: float) -> None:
    """Send all of data, in slices; errors as for ``send_frame``."""
    at, size = 0, len(data)
    while at < size:
        try:
            at += sock.send(data[at : at + _SLICE_BYTES])
        except BlockingIOError:
            left_s = deadline_at - time.monotonic()
            if left_s <= 0:
                raise TimeoutError("the peer takes no more bytes") from None
            sleep_until_ready(sock, select.POLLOUT, left_s)
