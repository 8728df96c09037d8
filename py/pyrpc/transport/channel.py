"""One connection as a node sees it: what came of the next frame, how long its caller may take, and what goes back.

A frame that fits into the window (64 KiB) is read before a thread begins with it, so a caller who takes his time over
one holds none. Larger ones stream past the window, into memory that was taken as their header said; they begin once
enough is here to tell who calls, and a caller who then falls behind counts as slow: see ``CallSource``.
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
import time
from collections.abc import Callable

from pyrpc.transport.patience import Patience
from pyrpc.transport.stream import SocketSource, StreamSocket, has_peer_closed, send_all, send_frame
from pyrpc.wire import limits
from pyrpc.wire.codec import Codec, Parts

LINGER_S = 0.05
"""How long a thread stays with a connection that says nothing, and with a frame of which not all comes."""

PATIENCE = Patience()
_i32 = struct.Struct(">i")
_HELD_FRAMES = 64
_HELD_S = 0.001
_DRAIN_S = 1.0
_DRAIN_BYTES = 64 * 2**20
# Of a frame that streams: more than the header of any call, so that a connection that drips gets no thread for it.
_STREAM_FROM_BYTES = 1024
# By so much may a caller who streams be behind the slowest rate before it counts as slow. Networks that lose a packet
# are back after less; what they sent late is not forgotten, so a caller cannot be slow for long and unseen.
_SLOW_AFTER_S = 1.0


class SlowCallers:
    """How many threads may wait for callers who are slow in the middle of a frame; one each. Thread-safe."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._free = threading.Semaphore(most)

    def enter(self) -> bool:
        """Count one more; False: there are as many as may be."""
        return self._free.acquire(blocking=False)

    def leave(self) -> None:
        """Count one less."""
        self._free.release()


class CallSource(SocketSource):
    """Frames from a caller. Each byte that comes gives it time for more: slow networks are none of its fault.

    ``deadline_at`` is at first when the caller counts as slow. One of the few who may be (``slow``) then gets the rest
    of its time, ``grace_s``; any other is cut off, since threads that wait are what there is to lose.
    """

    __slots__ = ("grace_s", "is_slow", "min_bytes_per_s", "slow")

    # Larger pieces that come too seldom leave time to sleep; a node that was stopped for a while finds them waiting.
    slow_bytes = 1024

    def __init__(self, sock: StreamSocket) -> None:
        super().__init__(sock)
        self.min_bytes_per_s = PATIENCE.min_bytes_per_s
        self.grace_s = 0.0
        self.is_slow = False
        self.slow: SlowCallers | None = None

    def receive(self, target: memoryview) -> int:
        got = super().receive(target)
        self.deadline_at += got / self.min_bytes_per_s
        return got

    def overdue(self, what: str) -> None:
        if self.grace_s <= 0:
            raise TimeoutError(what)
        if self.slow is not None:
            if not self.slow.enter():
                raise TimeoutError(f"{what}, and {self.slow.most} threads wait for slow callers already")
            self.is_slow = True
        self.deadline_at += self.grace_s
        self.grace_s = 0.0

    def recover(self) -> None:
        """After a frame: its caller, who was slow, is not any more."""
        if self.is_slow and self.slow is not None:
            self.is_slow = False
            self.slow.leave()


class Channel:
    """One connection at the node; used by one thread at a time."""

    # When the listener cuts it unless a handshake is done by then; on the system's clock.
    greet_until = float("inf")
    patience = PATIENCE
    # In which protocol the caller spoke last; None: in none yet.
    codec: Codec | None = None
    # What the layer above remembers of who calls.
    caller: object = None

    def __init__(self, sock: StreamSocket, peer: str) -> None:
        self.sock = sock
        self.peer = peer
        self.source = CallSource(sock)
        self.bytes_sent = 0
        # Since when it waits for a call; inf while a thread is with it, or part of a call is here.
        self.rested_at = time.monotonic()
        # When something came of it last, while one thread serves many.
        self.heard_at = 0.0
        # Whether its last call took next to no time.
        self.was_quick = False
        # The largest frame that the caller takes, as a call said it last; for calls that have no place for it.
        self.max_frame_bytes = limits.STOCK_FRAME_BYTES
        # From the first byte of a call to the last of its answer.
        self.is_busy = False
        # Part of a frame is here, and no thread.
        self.is_unfinished = False
        # Whether somebody will look at ``cut_at``.
        self.is_watched = False
        # Whether the caller was found to have closed its end; see ``is_gone``.
        self.was_gone = False
        # Where in the stream the frame began that ``deadline_at`` of the source is for, and whether its length came.
        self._begun_at = -1
        self._has_length = False
        self._held: list[bytes] = []
        self._held_since = 0.0

    # -- the next frame

    def has_frame(self) -> bool:
        """Whether to read a next frame; False: not all of it came within the linger time. EOFError when none will."""
        source = self.source
        if source.pos == source.end:
            # As _receive_first does it, without the call: for a caller who calls again and again this is all there is.
            source.pos = source.stop = source.end = 0
            try:
                got = self.sock.recv_into(source.buf)
            except BlockingIOError:
                return False
            if got == 0:
                raise EOFError
            source.end = got
            source.received += got
            if got >= 4 and _i32.unpack_from(source.buf)[0] <= got - 4:
                return True
        return source.holds_frame() or self._await_rest()

    def _receive_first(self) -> bool:
        """Receive into the empty window, without waiting; whether it holds a frame then."""
        source = self.source
        source.pos = source.stop = source.end = 0
        got = self.sock.recv_into(source.buf, 0, socket.MSG_DONTWAIT)
        if got == 0:
            raise EOFError
        source.end = got
        source.received += got
        # As holds_frame does it.
        return got >= 4 and bool(_i32.unpack_from(source.buf)[0] <= got - 4)

    def _await_rest(self) -> bool:
        """The same when part of a frame is here."""
        self._begin(0)
        if self.source.is_streamed():
            return True
        self.flush()
        self.is_busy = True
        until = time.monotonic() + LINGER_S
        while True:
            try:
                self._take_in(self.sock.recv_into(self.source.make_room()))
            except BlockingIOError:
                return False
            if self.source.holds_frame() or self.source.is_streamed():
                return True
            if time.monotonic() >= until and not self.has_pending():
                return False

    def read_ahead(self) -> bool:
        """Take in what is here, without waiting; whether a thread shall go on. EOFError and OSError: it is over."""
        source = self.source
        try:
            if source.pos == source.end:
                if self._receive_first():
                    return True
                self._begin(0)
            else:
                self._take_in(self.sock.recv_into(source.make_room(), 0, socket.MSG_DONTWAIT))
            while not (source.holds_frame() or source.is_streamed(_STREAM_FROM_BYTES)):
                if not self.has_pending():
                    return False
                self._take_in(self.sock.recv_into(source.make_room(), 0, socket.MSG_DONTWAIT))
        except BlockingIOError:
            return False
        return True

    def has_pending(self) -> bool:
        """Whether more was received than the source was given."""
        return False

    def _take_in(self, got: int) -> None:
        if got == 0:
            raise EOFError
        source = self.source
        source.end += got
        source.received += got
        if not source.holds_frame():
            self._begin(got)

    def _begin(self, got: int) -> None:
        """Set the deadline of the frame of which part is here, or move it on by the bytes that came."""
        source, patience = self.source, self.patience
        held = source.end - source.pos
        begun_at = source.received - held
        if begun_at != self._begun_at:
            self._begun_at, self._has_length = begun_at, False
            source.deadline_at, source.grace_s = time.monotonic() + patience.header_s, 0.0
        if self._has_length:
            source.deadline_at += got / patience.min_bytes_per_s
        elif held >= 4:
            self._has_length = True
            slow_after_s = min(_SLOW_AFTER_S, patience.stalled_s)
            source.deadline_at = time.monotonic() + slow_after_s
            source.grace_s = patience.stalled_s - slow_after_s

    @property
    def has_begun(self) -> bool:
        """Whether part of a next frame is here."""
        return self.source.pos < self.source.end

    @property
    def cut_at(self) -> float:
        """When a caller is over its time whose frame is unfinished."""
        return self.source.deadline_at + self.source.grace_s

    def is_slow(self, now: float) -> bool:
        """Whether nobody need wait for it: its frame is unfinished, and it takes its time."""
        return self.is_unfinished and now > self.source.deadline_at

    def is_gone(self) -> bool:
        """Whether the caller has closed its end, with calls perhaps unanswered; safe from any thread.

        Asks the socket, about a microsecond. Calls that wait in the stream behind the present one do not hide it.
        After this was true, none of them is read.
        """
        if not self.was_gone:
            self.was_gone = has_peer_closed(self.sock)
        return self.was_gone

    # -- answers

    def send_small(self, frame: bytes, may_wait: bool = False) -> None:
        """Send a frame, its length included, that is likely to fit into the socket's buffer.

        With may_wait it goes out together with the next answer, if the next call is here already: a caller who sends
        many calls in a row then costs one system call for many answers. None is held for longer than a moment, but
        for the time that the next call takes.
        """
        if may_wait and self.source.pos < self.source.end and len(self._held) < _HELD_FRAMES:
            now = time.monotonic()
            if not self._held:
                self._held_since = now
            if now - self._held_since < _HELD_S:
                self._held.append(frame)
                return
        if self._held:
            self._held.append(frame)
            frame = b"".join(self._held)
            self._held.clear()
        sent = self.sock.send(frame)
        if sent < len(frame):
            send_all(self.sock, memoryview(frame)[sent:], time.monotonic() + self.patience.stalled_s)
        self.bytes_sent += len(frame)

    def flush(self) -> None:
        """Send the answers that were held back."""
        if self._held:
            frame = self._held.pop()
            self.send_small(frame)

    def send(self, parts: Parts, size: int) -> None:
        """Send a frame; an OSError or TimeoutError means that the peer is gone or does not read."""
        self.flush()
        send_frame(self.sock, parts, size, time.monotonic() + self.patience.stalled_s)
        self.bytes_sent += size + 4

    def takes_bytes(self) -> bool:
        """Whether a short message can be sent without waiting for the peer to read."""
        poll = select.poll()
        try:
            poll.register(self.sock.fileno(), select.POLLOUT)
        except ValueError:
            return False  # Another thread has cut it.
        return bool(poll.poll(0))

    # -- the end

    def drain(self) -> None:
        """Before closing on a peer that is still sending: take some of it in.

        To close on unread bytes is to reset the connection, and the peer would lose the answer that says why.
        """
        discard(self.sock, self.sock, self.source.buf)

    def cut(self) -> None:
        """Break it off from another thread; the thread that is with it closes it then."""
        self.close()

    def close(self) -> None:
        """Close; a thread that reads here gets the end of the stream."""
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()


MakeChannel = Callable[[socket.socket, str], Channel]
"""Makes the channel of a connection, by its socket and the caller's address."""


def discard(said: StreamSocket, heard: StreamSocket, buffer: bytearray) -> None:
    """Say the last word and take in what still comes, within bounds."""
    with contextlib.suppress(OSError):
        said.shutdown(socket.SHUT_WR)
    until, left = time.monotonic() + _DRAIN_S, _DRAIN_BYTES
    while left > 0 and time.monotonic() < until:
        try:
            got = heard.recv_into(buffer)
        except BlockingIOError:
            continue
        except OSError:
            return
        if got == 0:
            return
        left -= got
