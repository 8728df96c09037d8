"""Target ``reply``: what a client makes of the bytes that should be its reply.

The first byte of an input tells which method was called and how the other bytes arrive. A real Connection reads them
(TBinaryProtocol, which is what our clients speak), and the codec of either protocol. Rules, beside those of rules.py:

- nothing but PyrpcError comes out of a connection, and one that is not in order is closed;
- the quick way of small replies reads what the general way reads, or leaves it alone;
- a reply that comes byte by byte, or whose arrays have a place to go to, is the same reply.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fuzz.rules import Bounded, Finding, KnownLayouts, is_same
from fuzz.streams import MemorySocket, announced, frame
from pyrpc.errors import PyrpcError
from pyrpc.transport.connection import Connection
from pyrpc.transport.endpoint import Endpoint
from pyrpc.wire import limits, small
from pyrpc.wire.codec import METHODS, Codec, codec_of
from pyrpc.wire.messages import CallReply
from pyrpc.wire.source import BytesSource, Source

# Bits of the first byte; the upper ones choose the method.
RAW, TORN = 1, 2
METHOD_SHIFT = 2

SEQID = 7
_ENDPOINT = Endpoint("127.0.0.1", 1)
_NEVER = float("inf")


class _MemoryConnection(Connection):
    """A Connection to nobody, which has its replies already."""

    def __init__(self, incoming: bytes, piece_bytes: int | None) -> None:
        self._incoming = MemorySocket(incoming, piece_bytes)
        super().__init__(_ENDPOINT)

    def _open(self, endpoint: Endpoint, timeout_s: float) -> MemorySocket:
        return self._incoming


class _Outcome:
    """A value, or the name of an error."""

    def __init__(self, read: Callable[[], Any], *, may_end: bool = False) -> None:
        self.error: str | None = None
        self.value: Any = None
        try:
            self.value = read()
        except EOFError as error:
            if not may_end:
                raise Finding("the end of the stream is no PyrpcError") from error
            self.error = "EOFError"
        except PyrpcError as error:
            self.error = type(error).__name__

    def check_same(self, other: _Outcome, how: str) -> None:
        if self.error != other.error or not is_same(_plain(self.value), _plain(other.value)):
            raise Finding(f"{how}: {other.error or other.value!r} instead of {self.error or self.value!r}")


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, CallReply) else repr(value)


def _prime() -> KnownLayouts:
    """Let the quick way know some layouts, as in a client that runs."""
    for value in (None, True, np.arange(4, dtype="f4"), np.arange(6.0).reshape(2, 3), b"12345678"):
        reply = small.encode_value(SEQID, value, 0, 1, 2, 3)
        if reply is None or small.decode_reply(_window(reply), SEQID) is None:
            raise AssertionError("the quick way does not take its own replies")
    return KnownLayouts()


def _window(data: bytes) -> BytesSource:
    source = BytesSource(b"")
    source.buf[: len(data)] = data
    source.end = len(data)
    return source


_known = _prime()


def check(data: bytes) -> None:
    """Run one input; raises Finding (or whatever came out that should not) if a rule is broken."""
    _known.restore()
    flags, message = (data[0], data[1:]) if data else (0, b"")
    name = METHODS[(flags >> METHOD_SHIFT) % len(METHODS)]
    if flags & RAW:
        with Bounded(data, announced(message)):
            _read(message, name, 1 if flags & TORN else None)
    elif message:
        _check_framed(message, name, bool(flags & TORN))


def _check_framed(message: bytes, name: str, is_torn: bool) -> None:
    stream = frame(message)
    with Bounded(message, len(message)):
        first = _read(stream, name)
    # A second time: the first one may have taught the quick way a layout.
    first.check_same(_read(stream, name), "read again")
    if is_torn:
        first.check_same(_read(stream, name, 1), "byte by byte")
    general = _Outcome(lambda: _decode(stream, name))
    general.check_same(_Outcome(lambda: _decode(stream, name, _place)), "with a place for arrays")
    if name == "call":
        _check_small(stream, general)


def _read(stream: bytes, name: str, piece_bytes: int | None = None) -> _Outcome:
    """What a caller gets."""
    connection = _MemoryConnection(stream, piece_bytes)

    def read() -> Any:
        if name == "call":
            return connection.receive_small(SEQID, _NEVER)[0]
        return connection._receive(name, SEQID, _NEVER, None)

    outcome = _Outcome(read)
    if connection.is_open and connection._source.unread():
        raise Finding("a connection in the middle of a frame that is used again")
    return outcome


def _decode(stream: bytes, name: str, place: Any = None) -> Any:
    """The same by the codec of the protocol that the message is in."""
    source: Source = BytesSource(stream)
    source.next_frame(limits.HARD_FRAME_BYTES)
    codec: Codec = codec_of(source)
    return codec.decode_reply(source, name, SEQID, "node:1", place)


def _place(dtype: np.dtype[Any], shape: tuple[int, ...]) -> np.ndarray[Any, Any] | None:
    return np.empty(shape, dtype) if 0 < np.prod(shape, dtype=object) * dtype.itemsize <= 4096 else None


def _check_small(stream: bytes, general: _Outcome) -> None:
    if len(stream) > limits.READ_AHEAD_BYTES:
        return
    source = _window(stream)
    quick = small.decode_reply(source, SEQID)
    if quick is None:
        if source.pos != 0:
            raise Finding("the quick way gave up and moved the source")
        return
    reply = general.value
    if not isinstance(reply, CallReply) or reply.load is None:
        raise Finding(f"the quick way reads {quick[0]!r}, the general way {general.error or reply!r}")
    if not is_same((reply.value, reply.load.service_us), quick):
        raise Finding(f"the quick way reads {quick}, the general way {reply.value!r}, {reply.load}")
