"""Target ``serve``: what a node makes of the bytes of a connection.

The first byte of an input tells how its other bytes arrive; see ``How``. A node is asked by the real Dispatcher over
the real Channel. Rules, beside those of rules.py:

- ``serve`` raises nothing but OSError and EOFError, and no answer tells of a fault of the node itself;
- a connection that goes on is in order: a ping behind the frame is answered;
- the quick way of small calls reads what the general way reads, or leaves it alone;
- a frame that comes byte by byte is answered as one that comes at once;
- at a node that asks for tokens nothing runs for a frame without one, whatever the frame before it had; but a typed
  call runs by the rights of the token that its connection has shown.
"""

from __future__ import annotations

import dataclasses
import enum
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from fuzz.rules import Bounded, Finding, KnownLayouts, check_error, is_same
from fuzz.streams import MemorySocket, announced, frame
from pyrpc import Server
from pyrpc.errors import ProtocolError, PyrpcError
from pyrpc.server.dispatch import Dispatcher
from pyrpc.server.store import Store
from pyrpc.transport.channel import Channel
from pyrpc.wire import limits, small
from pyrpc.wire.binary import CALL, EXCEPTION, ONEWAY, STRUCT, BinaryReader
from pyrpc.wire.codec import BINARY, METHODS, Codec, codec_of, wire_errors
from pyrpc.wire.messages import CallOptions, NodeState
from pyrpc.wire.source import BytesSource

# Bits of the first byte.
RAW, TORN, GUARDED = 1, 2, 4

_PING_SEQID = 0x50494E47
_PING = frame(b"".join(BINARY.encode_request("ping", _PING_SEQID, {})))
_STORE_BYTES = 2**20
# What InternalError says, in whichever message.
_FAULT = b"a fault of the node itself"


class Echo:
    """Stages that do nothing wrong."""

    def __init__(self) -> None:
        self.ran: list[str] = []

    def same(self, *values: Any, **named: Any) -> list[Any]:
        self.ran = [*self.ran[-3:], "same"]
        return [list(values), named]

    def rows(self, x: np.ndarray) -> np.ndarray:
        self.ran = [*self.ran[-3:], "rows"]
        return x


class Mood(enum.Enum):
    """What a typed call may hold."""

    CALM = "calm"
    LOUD = "loud"


@dataclasses.dataclass
class Region:
    """The same."""

    x: int
    y: float = 0.5
    label: str | None = None
    parts: list[Region] = dataclasses.field(default_factory=list)
    mood: Mood = Mood.CALM


class Typed:
    """Is called by typed names; says nothing of what ran."""

    def echo(
        self, regions: list[Region], by_name: dict[str, set[int]], data: bytes = b"", is_so: bool = True
    ) -> Region:
        return regions[0] if regions else Region(1, label=str(by_name) + str(len(data)))

    def arrays(self, x: np.ndarray, value: Any, *more: int, limit: int | None = None) -> list[Any]:
        return [x, value, list(more), limit]


TOKEN = b"s3same"


def _guarded_server() -> Server:
    """Of a caller who may call one stage."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "tokens")
        path.touch(0o600)
        path.write_text(f"alice {TOKEN.decode()} Echo.same\n")
        return Server(_echo, Typed(), port=0, tracebacks=False, tokens=path)


_echo = Echo()
_dispatcher = Server(_echo, Typed(), port=0, tracebacks=False)._dispatcher
_guarded = _guarded_server()._dispatcher
for _each in (_dispatcher, _guarded):
    _each._store = Store(_STORE_BYTES)
    # A caller may ask a node to go away; this one stays.
    _each.on_drain = lambda *_: None

_WITH_TOKEN = CallOptions(request_id=7, remaining_ms=1000, max_frame_bytes=10**6, token=TOKEN.decode())
_KNOWN = frame(b"".join(BINARY.encode_call("Echo.same", [1], {}, _WITH_TOKEN, 7)))


def _prime() -> KnownLayouts:
    """Let the quick way know some layouts, as on a node that runs."""
    for args in ((), (np.arange(4, dtype="f4"),), (np.arange(6.0).reshape(2, 3),), (b"12345678",)):
        call = small.encode_call("Echo.same", args, 7, 1000)
        if call is None or small.decode_call(_window(call)) is None:
            raise AssertionError("the quick way does not take its own calls")
    for dispatcher in (_dispatcher, _guarded):
        for name in ("Echo:same", "Typed:echo"):
            # Makes the readers and writers of a whole service.
            if dispatcher.typed.answering(BINARY, name)[0] is BINARY:
                raise AssertionError(f"{name} is no typed name")
    return KnownLayouts()


def _window(data: bytes) -> BytesSource:
    """A source that has these bytes read ahead already."""
    source = BytesSource(b"")
    source.buf[: len(data)] = data
    source.end = len(data)
    return source


def answers(stream: bytes, piece_bytes: int | None = None, dispatcher: Dispatcher = _dispatcher) -> tuple[bytes, int]:
    """What a node sends to a peer that sends a stream and closes, and after how many frames it went on."""
    dispatcher.state = NodeState.SERVING
    sock = MemorySocket(stream, piece_bytes)
    channel = Channel(sock, "peer:1")
    served = 0
    try:
        # As Listener._attend does it, and the selector, which gives back a connection that a thread let go of in the
        # middle of a frame: that happens here too, where the machine gives no turn for a moment.
        goes_on = True
        while goes_on:
            if channel.has_frame():
                goes_on = dispatcher.serve(channel)
                served += goes_on
    except (OSError, EOFError) as error:
        if isinstance(error, PyrpcError):
            raise
    channel.flush()
    return bytes(sock.sent), served


def _check_small(message: bytes) -> None:
    """The quick way and the general way read the same call; twice, since the first time may teach a layout."""
    call = frame(message)
    if len(call) > limits.READ_AHEAD_BYTES:
        return
    for _ in range(2):
        source = _window(call)
        quick = small.decode_call(source)
        if quick is None:
            if source.pos != 0:
                raise Finding("the quick way gave up and moved the source")
            return
        method, seqid, values, remaining_ms, max_frame_bytes = quick
        kind, got_seqid, args = _read_call(call)
        options: CallOptions = args["options"]
        known = (args["method"], got_seqid, args["positional"], options.remaining_ms, options.max_frame_bytes)
        if kind != CALL or not is_same(known, (method, seqid, values, remaining_ms, max_frame_bytes)):
            raise Finding(f"the quick way reads {quick}, the general way {known}")


def _read_call(call: bytes) -> tuple[int, int, dict[str, Any]]:
    source = BytesSource(call)
    try:
        source.next_frame(limits.HARD_FRAME_BYTES)
        reader = BINARY.reader(source)
        _, kind, seqid = reader.message()
        args = BINARY.decode_arguments(reader, "call")
    except (PyrpcError, *wire_errors()) as error:
        raise Finding("the quick way reads a call that the general way refuses") from error
    if args is None:
        raise Finding("call is no method")
    return kind, seqid, args


def _outcomes(sent: bytes) -> list[tuple[str, int, object]]:
    """The answers: name, seqid, and what their caller makes of them; raises Finding for one that he cannot read."""
    found = []
    while sent:
        stop = 4 + int.from_bytes(sent[:4], "big")
        found.append(_outcome(sent[:stop]))
        sent = sent[stop:]
    return found


def _outcome(answer: bytes) -> tuple[str, int, object]:
    name, kind, seqid = _opened(answer)[0].message()
    if _FAULT in answer:
        raise Finding(f"a fault of the node itself: {answer!r}")
    if kind == EXCEPTION:
        return name, seqid, kind
    reader, codec = _opened(answer)
    if name not in METHODS:
        # Of a typed call: a struct, and nothing behind it.
        reader.message()
        reader.skip(STRUCT)
        if reader.source.unread():
            raise Finding("bytes behind the answer of a typed call")
        return name, seqid, "typed"
    try:
        value = codec.decode_reply(reader.source, name, seqid)
    except PyrpcError as error:
        if isinstance(error, ProtocolError) and error.help:
            raise Finding("an answer that no caller can read") from error
        return name, seqid, check_error(error)
    return name, seqid, type(value).__name__


def _opened(answer: bytes) -> tuple[BinaryReader, Codec]:
    source = BytesSource(answer)
    source.next_frame(limits.HARD_FRAME_BYTES)
    codec = codec_of(source)
    return codec.reader(source), codec


_known = _prime()


def check(data: bytes) -> None:
    """Run one input; raises Finding (or whatever came out that should not) if a rule is broken."""
    _known.restore()
    how, message = data[:1], data[1:]
    flags = how[0] if how else 0
    if flags & RAW:
        with Bounded(data, announced(message)):
            sent, _ = answers(message, 1 if flags & TORN else None)
        _outcomes(sent)
    elif message and flags & GUARDED:
        _check_guarded(message)
    elif message:
        _check_framed(message, bool(flags & TORN))


def _is_oneway(call: bytes) -> bool:
    """Whether nobody waits for an answer, as far as a reader comes."""
    try:
        return _opened(call)[0].message()[1] == ONEWAY
    except (PyrpcError, *wire_errors()):
        return False


def _is_typed(call: bytes) -> bool:
    try:
        return _opened(call)[0].message()[0].rpartition(":")[2] not in METHODS
    except (PyrpcError, *wire_errors()):
        return False


def _check_framed(message: bytes, is_torn: bool) -> None:
    stream = frame(message) + _PING
    with Bounded(message, len(message)):
        sent, served = answers(stream)
    whole = _outcomes(sent)
    if served == 1 or (served == 2 and whole[-1] != ("ping", _PING_SEQID, "NodeInfo")):
        raise Finding("the frame behind this one was not answered")
    if len(whole) != (not _is_oneway(stream)) + (served == 2):
        raise Finding("no answer to one who waits, or an answer to one who does not")
    if is_torn and _outcomes(answers(stream, 1)[0]) != whole:
        raise Finding("a frame that comes byte by byte is answered in another way")
    _check_small(message)


def _check_guarded(message: bytes) -> None:
    """The frame comes from a connection that has shown its token before."""
    _echo.ran.clear()
    with Bounded(message, len(message)):
        sent, served = answers(_KNOWN + frame(message) + _PING, dispatcher=_guarded)
    if _echo.ran[:1] != ["same"]:
        raise Finding("a caller with a token was turned away")
    ran = _echo.ran[1:]
    # A typed call has no place for a token: that of the connection counts.
    if ran and (ran != ["same"] or (TOKEN not in message and not _is_typed(frame(message)))):
        raise Finding(f"{ran} ran for a frame without the right to it")
    if served == 2 or (served == 3 and _outcomes(sent)[-1] != ("ping", _PING_SEQID, "NodeInfo")):
        raise Finding("the frame behind this one was not answered")
