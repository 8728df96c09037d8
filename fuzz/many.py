"""Target ``many``: what a large message of small values takes, in either protocol.

An input is the bytes of one Value, after a byte whose lowest bit tells the protocol. It is repeated in a list of lists
until the message is large, and that is read as the argument of a call. Rule: reading takes at most what wire/limits.py
says of objects (so many times the frame, and so much on top), the bytes themselves once more, and what does not depend
on the message; one that would become more is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from fuzz.rules import Bounded, check_error
from fuzz.streams import frame
from pyrpc.errors import PyrpcError
from pyrpc.wire import limits
from pyrpc.wire.binary import LIST, STRUCT, BinaryWriter
from pyrpc.wire.codec import BINARY, COMPACT, Codec, wire_errors
from pyrpc.wire.compact import CompactWriter
from pyrpc.wire.messages import CallOptions
from pyrpc.wire.source import BytesSource
from pyrpc.wire.value import MEMBER_ID

with suppress(ImportError):
    # Imported when the first bfloat16 comes, which takes more than any message.
    import ml_dtypes  # noqa: F401

# Bits of the first byte.
COMPACTLY = 1

_MESSAGE_BYTES = 96 * 1024
# Less than it is, so that a decoder that takes too much shows in messages that are quickly read.
_OBJECT_BYTES = 64 * 1024
# The window, what a socket has read, and a dict that grows, which is there twice for a moment.
_OTHER_BYTES = 256 * 1024
_MARK = "what the values are put in place of"


def _list_of(value: bytes, count: int, writer: type[BinaryWriter]) -> bytes:
    w = writer()
    w.field(LIST, MEMBER_ID["list_value"])
    w.list_(STRUCT, count)
    return b"".join(w.parts) + value * count + b"\0"


def message_of(value: bytes, codec: Codec) -> bytes:
    """A call whose argument is a list of lists of these bytes."""
    writer = CompactWriter if codec is COMPACT else BinaryWriter
    row = _list_of(value, min(limits.CONTAINER_ITEMS, max(1, _MESSAGE_BYTES // len(value))), writer)
    rows = _list_of(row, max(1, _MESSAGE_BYTES // len(row)), writer)
    call = b"".join(codec.encode_call("f", [[]], {}, CallOptions(), 7))
    return call.replace(_list_of(b"", 0, writer), rows, 1)


@contextmanager
def _less_room() -> Iterator[None]:
    known, limits.OBJECT_BYTES = limits.OBJECT_BYTES, _OBJECT_BYTES
    try:
        yield
    finally:
        limits.OBJECT_BYTES = known


def most_bytes(frame_bytes: int) -> int:
    """What reading a frame may take, here."""
    return (limits.OBJECT_FACTOR + 1) * frame_bytes + _OBJECT_BYTES + _OTHER_BYTES


def check(data: bytes) -> None:
    """Run one input; raises Finding if a rule is broken."""
    flags, value = (data[0], data[1:]) if data else (0, b"")
    if not value:
        return
    codec = COMPACT if flags & COMPACTLY else BINARY
    message = message_of(value, codec)
    with _less_room(), Bounded(data, len(message), most_bytes(len(message))):
        read(message, codec)


def read(message: bytes, codec: Codec) -> object:
    """The arguments, or the name of the error."""
    source = BytesSource(frame(message))
    source.next_frame(limits.HARD_FRAME_BYTES)
    try:
        reader = codec.reader(source)
        reader.message()
        return codec.decode_arguments(reader, "call")
    except wire_errors() as error:
        return type(error).__name__ if isinstance(error, PyrpcError) else repr(error)
    except PyrpcError as error:
        return check_error(error)
