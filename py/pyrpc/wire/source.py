"""A window onto a stream of frames: parse while the bytes arrive, never past the end of a frame.

The decoders read from a Source; where the bytes come from is in a subclass (a socket in transport/, a bytes object
here). The window holds what was read ahead; large data goes past it, straight into the memory it is meant for.

Invariants: ``pos <= stop <= end``; ``[pos, stop)`` are bytes of the current frame; ``left`` bytes of the current
frame have not been received; ``stop < end`` only when ``left == 0`` (the window then holds part of the next frame).
"""

from __future__ import annotations

import struct

from pyrpc.errors import ProtocolError, TooLargeError
from pyrpc.wire import limits

_HEX_SHOWN = 16
# As the length of a frame, a TLS record that is an alert or a hello is at least this.
_TLS_SIZES = 0x15030000
_TLS_ALERT_BYTES = 7
# What tells who calls which method, but for the longest names: the version, the name, a number.
_SENDER_BYTES = 64
_i32 = struct.Struct(">i")


class Source:
    """Base of all sources; a subclass says how bytes are received.

    Parameters
    ----------
    window_bytes : int
        How much is read ahead; at least SMALL_BYTES, since ``take`` gives that much in one piece.
    """

    __slots__ = ("buf", "end", "left", "most_bytes", "pos", "received", "stop", "view")

    def __init__(self, window_bytes: int = limits.READ_AHEAD_BYTES) -> None:
        if window_bytes < limits.SMALL_BYTES:
            raise ValueError(f"the window must hold at least {limits.SMALL_BYTES} bytes, not {window_bytes}")
        self.buf = bytearray(window_bytes)
        self.view = memoryview(self.buf)
        self.pos = self.stop = self.end = self.left = 0
        self.received = 0
        # Frames that are larger are going to be refused.
        self.most_bytes = limits.HARD_FRAME_BYTES

    def receive(self, target: memoryview) -> int:
        """Put at least one byte into target and tell how many; raise at the end of the stream."""
        raise NotImplementedError

    # -- frames

    def fill(self) -> None:
        """Have some bytes of the next frame in the window, however few; the window must be empty."""
        self.pos = self.stop = self.end = 0
        self.end = got = self.receive(self.view)
        self.received += got

    def next_frame(self, max_bytes: int) -> int:
        """Read the length of the next frame and open it; at most max_bytes.

        Raises
        ------
        ProtocolError
            The four bytes are no length.
        TooLargeError
            The frame is larger than max_bytes. It is open all the same, so that its first bytes can tell what it is.
        """
        if self.left or self.pos != self.stop:
            raise ProtocolError("the frame before this one was not read to its end")
        if self.end - self.pos < 4:
            self._read_ahead(4)
        pos = self.pos
        size = int.from_bytes(self.buf[pos : pos + 4], "big", signed=True)
        if size <= 0:
            raise self._not_thrift(pos)
        if size >= _TLS_SIZES and (size > limits.HARD_FRAME_BYTES or self._is_tls(pos)):
            raise self._not_thrift(pos)
        pos += 4
        self.pos = pos
        available = self.end - pos
        if available >= size:
            self.stop = pos + size
        else:
            self.stop = self.end
            self.left = size - available
        if size > max_bytes:
            raise TooLargeError(
                "the frame is too large",
                expected=f"at most {max_bytes} bytes",
                got=f"{size} bytes",
                help="send the array in chunks with map, or raise max_frame_bytes on the receiving side",
            )
        return size

    def holds_frame(self) -> bool:
        """Between frames: whether the window holds the next one whole, or begins with what is no length."""
        held = self.end - self.pos
        return held >= 4 and _i32.unpack_from(self.buf, self.pos)[0] <= held - 4

    def is_streamed(self, from_bytes: int = 4) -> bool:
        """Between frames: whether the next is larger than the window, and from_bytes of it are here."""
        held = self.end - self.pos
        if held < 4:
            return False
        size = _i32.unpack_from(self.buf, self.pos)[0]
        if size >= _TLS_SIZES:
            # Perhaps no frame at all, and then no more comes: who sends that shall be told.
            from_bytes = 4 if size > limits.HARD_FRAME_BYTES else min(from_bytes, _TLS_ALERT_BYTES)
        elif size > self.most_bytes:
            # It will be refused by its length, and perhaps no more of it comes.
            from_bytes = min(from_bytes, _SENDER_BYTES)
        return bool(held >= from_bytes and size > len(self.buf) - 4)

    def make_room(self) -> memoryview:
        """Between frames: the window behind what was read ahead, as large as it can be."""
        if self.pos:
            self._compact()
        return self.view[self.end :]

    def _is_tls(self, pos: int) -> bool:
        """Whether a TLS hello or alert stands where a frame of 337 MiB or more could: told by the bytes behind it."""
        first = bytes(self.buf[pos : min(self.end, pos + 10)])
        is_hello = first[:2] == b"\x16\x03" and first[5:6] == b"\x01" and first[9:10] == b"\x03"
        return is_hello or (first[:2] == b"\x15\x03" and first[3:5] == b"\x00\x02")

    def _not_thrift(self, pos: int) -> ProtocolError:
        shown = bytes(self.buf[pos : min(self.end, pos + _HEX_SHOWN)])
        return ProtocolError(
            "what arrived is not a Thrift frame",
            expected="a frame: four bytes of length (big endian), then a message",
            got=f"{shown!r}{_guess(shown)}",
            help="check that both ends speak framed Thrift and that the port is that of a pyrpc node",
        )

    def unread(self) -> int:
        """Bytes of the current frame that are still to be read."""
        return self.stop - self.pos + self.left

    def skip_rest(self) -> int:
        """Throw away what is left of the current frame, so that the next one starts where it should."""
        skipped = self.unread()
        self.pos = self.stop
        while self.left:
            self.pos = self.stop = self.end = 0
            got = self.receive(self.view[: min(self.left, len(self.buf))])
            self.received += got
            self.left -= got
        return skipped

    # -- bytes inside a frame

    def take(self, size: int) -> int:
        """Offset in ``buf`` of the next size bytes, which are there when this returns (size <= the window)."""
        pos = self.pos
        if pos + size > self.stop:
            pos = self.more(size)
        self.pos = pos + size
        return pos

    def more(self, size: int) -> int:
        """Make size bytes of this frame available at ``pos``; does not consume them."""
        if size > self.unread():
            raise self.past_end(size)
        if size > len(self.buf):
            raise ProtocolError(f"a field of {size} bytes where a short one belongs")
        if len(self.buf) - self.pos < size:
            self._compact()
        view, received = self.view, 0
        while self.stop - self.pos < size:
            got = self.receive(view[self.end :])
            received += got
            inside = min(got, self.left)
            self.end += got
            self.stop += inside
            self.left -= inside
        self.received += received
        return self.pos

    def past_end(self, size: int) -> ProtocolError:
        """The error for a length that points past the end of its frame."""
        return ProtocolError(
            "a field runs past the end of its frame",
            expected=f"at most {self.unread()} bytes",
            got=f"{size} bytes",
        )

    def read_into(self, target: memoryview) -> None:
        """Fill target (format B) with the next bytes of the frame: the window's first, then straight from below."""
        size = len(target)
        pos = self.pos
        inside = self.stop - pos
        if size <= inside:
            target[:] = self.view[pos : pos + size]
            self.pos = pos + size
            return
        if size > inside + self.left:
            raise self.past_end(size)
        target[:inside] = self.view[pos : self.stop]
        self.pos = self.stop = self.end = 0
        done = inside
        while done < size:
            got = self.receive(target[done : done + limits.RECEIVE_BYTES])
            done += got
            self.left -= got
        self.received += size - inside

    def _read_ahead(self, size: int) -> None:
        """Have size bytes from ``pos`` on in the window, between frames."""
        if self.pos == self.end:
            self.pos = self.stop = self.end = 0
        elif len(self.buf) - self.pos < size:
            self._compact()
        while self.end - self.pos < size:
            got = self.receive(self.view[self.end :])
            self.received += got
            self.end += got
        self.stop = self.pos

    def _compact(self) -> None:
        held = self.end - self.pos
        self.buf[:held] = self.buf[self.pos : self.end]
        self.stop -= self.pos
        self.pos, self.end = 0, held


class BytesSource(Source):
    """Frames that are already in memory; the end of the bytes is an EOFError."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes | bytearray | memoryview, window_bytes: int = limits.READ_AHEAD_BYTES) -> None:
        super().__init__(window_bytes)
        self._data = memoryview(data).cast("B")
        self._at = 0

    def receive(self, target: memoryview) -> int:
        size = min(len(target), len(self._data) - self._at)
        if size == 0:
            raise EOFError("the stream ended inside a frame")
        target[:size] = self._data[self._at : self._at + size]
        self._at += size
        return size


def _guess(shown: bytes) -> str:
    """What the first bytes look like, for the error message."""
    if shown[:4] in (b"GET ", b"POST", b"HTTP", b"PUT ", b"HEAD"):
        return " (looks like HTTP)"
    if shown[:2] == b"\x16\x03":
        return " (looks like a TLS hello)"
    if shown[:2] == b"\x15\x03":
        return " (looks like a TLS alert)"
    if shown[:1] in (b"\x80", b"\x82"):
        return " (looks like Thrift without frames)"
    return ""
