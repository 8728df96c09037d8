"""Messages of service Node <-> buffers: what a client sends and reads, what a node reads and sends.

One Codec per protocol. A message is encoded into a list of parts, of which large ones are views of the arrays'
own memory; transport/ sends them. It is decoded from a Source while its bytes arrive.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

from pyrpc.errors import (
    CallChecksumError,
    ChecksumError,
    DrainingError,
    ProtocolError,
    PyrpcError,
    ReplyChecksumError,
    TlsError,
    TooLargeError,
    UnknownMethodError,
    UnsupportedTypeError,
)
from pyrpc.wire import binary, status
from pyrpc.wire.binary import CALL, EXCEPTION, I32, LIST, MAP, ONEWAY, REPLY, STRING, STRUCT, BinaryReader, BinaryWriter
from pyrpc.wire.compact import CompactReader, CompactWriter
from pyrpc.wire.gen import Node, ttypes
from pyrpc.wire.messages import CallOptions, CallReply, LoadReport
from pyrpc.wire.plans import StructPlan, plan_of
from pyrpc.wire.source import Source
from pyrpc.wire.tensor import Placer
from pyrpc.wire.value import BINARY_VALUES, COMPACT_VALUES, ValueWriter

Parts = list[bytes | memoryview]

METHODS = ("call", "run", "ping", "stages", "stats", "put", "release", "drain")
_WIRE_ERRORS = (EOFError, KeyError, TypeError, ValueError, OverflowError, struct.error)
_NO_NODE_HELP = "check that a pyrpc node of a version that fits listens there, and that nothing between changes bytes"
_CHANGED_HELP = "something between the two ends changes bytes, or the sender's array changed while it was sent"
NEEDS_TLS_HELP = "pass tls=pyrpc.Tls(ca=...), the CA of the node's certificate (--tls-ca FILE, or PYRPC_TLS_CA)"
# TApplicationException's type numbers, of which a node sends these.
UNKNOWN_METHOD, PROTOCOL_ERROR, NEEDS_TLS, GOING_AWAY = 1, 7, 10, 11


@dataclass(frozen=True, slots=True)
class _MethodPlan:
    args: StructPlan
    result: StructPlan
    # Wire type of the result; None: the method returns nothing.
    success_kind: int | None
    has_error: bool


def _method_plan(name: str) -> _MethodPlan:
    args = getattr(Node, f"{name}_args")
    result = getattr(Node, f"{name}_result")
    fields = {entry[2]: entry for entry in result.thrift_spec if entry}
    success = fields.get("success")
    return _MethodPlan(
        StructPlan(args.thrift_spec, dict, f"{name}_args"),
        StructPlan(result.thrift_spec, dict, f"{name}_result"),
        success[1] if success else None,
        "error" in fields,
    )


_PLANS = {name: _method_plan(name) for name in METHODS}
_CALL_ID = {entry[2]: entry[0] for entry in Node.call_args.thrift_spec if entry}
_RUN_ID = {entry[2]: entry[0] for entry in Node.run_args.thrift_spec if entry}
_OPTION_ID = {entry[2]: entry[0] for entry in ttypes.CallOptions.thrift_spec if entry}
_REPLY_ID = {entry[2]: entry[0] for entry in ttypes.CallReply.thrift_spec if entry}
_LOAD_PLAN = plan_of(ttypes.LoadReport)
_OPTIONS_PLAN = plan_of(ttypes.CallOptions)

# The options that every call carries, in one pack: only their values change, so that no cache is defeated.
_COMMON_OPTIONS = struct.Struct(">BhqBhqBhqB")
_I64 = binary.I64


class Codec:
    """Encodes and decodes messages in one protocol. Has no state of a call: shared by all threads."""

    def __init__(self, reader: type[BinaryReader], writer: type[BinaryWriter], values: ValueWriter) -> None:
        self.reader = reader
        self._writer = writer
        self._values = values
        self._is_compact = writer.is_compact
        self._prefixes: dict[tuple[str, str], bytes] = {}

    # -- what a client sends

    def encode_request(self, name: str, seqid: int, args: dict[str, Any], adds_crc32c: bool = False) -> Parts:
        """Any method of service Node, by the names of its arguments."""
        w = self._writer(adds_crc32c)
        w.message(name, CALL, seqid)
        _PLANS[name].args.write(w, args)
        return w.parts

    def encode_call(
        self,
        method: str,
        positional: tuple[object, ...] | list[object],
        named: dict[str, object],
        options: CallOptions,
        seqid: int,
        rows: int | None = None,
        adds_crc32c: bool = False,
    ) -> Parts:
        """``Node.call``, or ``Node.run`` where rows is given; the path that is made to be quick.

        Raises
        ------
        UnsupportedTypeError, TooLargeError
            An argument cannot travel; nothing was sent.
        """
        w = self._writer(adds_crc32c)
        w.message("call" if rows is None else "run", CALL, seqid)
        ids = _CALL_ID if rows is None else _RUN_ID
        w.push()
        self._target(w, "call" if rows is None else "run", method, ids)
        w.list_(STRUCT, len(positional))
        write = self._values.write
        for index, value in enumerate(positional):
            try:
                write(w, value)
            except PyrpcError as error:
                raise _in_argument(error, method, f"argument {index + 1}") from None
        w.field(MAP, ids["named"])
        try:
            self._values.write_map(w, named)
        except PyrpcError as error:
            raise _in_argument(error, method, "the named arguments") from None
        if rows is not None:
            w.field(_I64, ids["rows"])
            w.i64(rows)
        w.field(STRUCT, ids["options"])
        self._options(w, options)
        w.stop()
        w.pop()
        return w.parts

    def _target(self, w: BinaryWriter, rpc: str, method: str, ids: dict[str, int]) -> None:
        """The bytes that are the same for each call of a method: its name, and the header of its arguments."""
        prefix = None if self._is_compact else self._prefixes.get((rpc, method))
        if prefix is None:
            first = len(w.parts)
            w.field(STRING, ids["method" if rpc == "call" else "stage"])
            try:
                w.string(method)
            except UnicodeEncodeError as error:
                raise UnsupportedTypeError("the name of a method is not valid Unicode", got=str(error)) from None
            w.field(LIST, ids["positional" if rpc == "call" else "inputs"])
            if not self._is_compact:
                if len(self._prefixes) >= 1024:
                    self._prefixes.clear()
                self._prefixes[rpc, method] = b"".join(w.parts[first:])
        else:
            w.parts.append(prefix)

    def _options(self, w: BinaryWriter, o: CallOptions) -> None:
        if (
            self._is_compact
            or o.request_id is None
            or o.remaining_ms is None
            or o.max_frame_bytes is None
            or o.attempt is not None
            or o.token is not None
            or o.want_crc32c is not None
            or o.context is not None
        ):
            _OPTIONS_PLAN.write(w, o)
            return
        w.parts.append(
            _COMMON_OPTIONS.pack(
                _I64,
                _OPTION_ID["request_id"],
                o.request_id,
                _I64,
                _OPTION_ID["remaining_ms"],
                o.remaining_ms,
                _I64,
                _OPTION_ID["max_frame_bytes"],
                o.max_frame_bytes,
                0,
            )
        )

    # -- what a client reads

    def decode_reply(
        self,
        source: Source,
        name: str,
        seqid: int,
        endpoint: str | None = None,
        place: Placer | None = None,
        needs_crc32c: bool = False,
    ) -> Any:
        """Read the reply in the frame that is open; returns what the method gives.

        Raises
        ------
        ReplyChecksumError
            The data of an array changed on its way, or
        PyrpcError
            What the node answered instead (the connection stays usable), or
        ProtocolError
            the bytes are no answer to this call: the connection must be closed.
        """
        r = self.reader(source)
        r.place = place
        r.needs_crc32c = needs_crc32c
        try:
            got_name, kind, got_seqid = r.message()
            if kind == EXCEPTION and got_name == "" and got_seqid == 0:
                # The node could not tell whom it answers, and closes the connection.
                refusal = _read_application_exception(r, name)
                if isinstance(refusal, TlsError | GoodbyeError):
                    raise refusal
                raise ProtocolError("the node could not read the call", got=str(refusal))
            if got_name != name or got_seqid != seqid:
                raise ProtocolError(
                    "a reply to another call", expected=f"{name} #{seqid}", got=f"{got_name} #{got_seqid}"
                )
            if kind == EXCEPTION:
                answer: Any = _read_application_exception(r, name)
            elif kind == REPLY:
                answer = _PLANS[name].result.read(r)
            else:
                raise ProtocolError("a message that is no reply", got=f"message type {kind}")
            check_consumed(source)
        except ProtocolError as error:
            error.endpoint = endpoint
            error.help = error.help or _NO_NODE_HELP
            raise
        except ChecksumError as error:
            raise ReplyChecksumError(
                error.message, expected=error.expected, got=error.got, endpoint=endpoint, help=_CHANGED_HELP
            ) from None
        except PyrpcError:
            # A TypeError or ValueError of ours says more than that something cannot be read.
            raise
        except EOFError:
            # The stream ended inside the reply: that is the connection's fault, not that of what it said. (A length
            # that points past the end of its frame is a ProtocolError.)
            raise
        except _WIRE_ERRORS as error:
            raise ProtocolError(
                "a reply that cannot be read", got=repr(error), endpoint=endpoint, help=_NO_NODE_HELP
            ) from error
        return _outcome(answer, name, endpoint)

    # -- what a node reads

    def decode_arguments(self, r: BinaryReader, name: str) -> dict[str, Any] | None:
        """Read the arguments of a method of service Node; None (and all skipped) for one that it does not have."""
        plan = _PLANS.get(name)
        if plan is None:
            r.skip(STRUCT)
            args = None
        else:
            try:
                args = plan.args.read(r)
            except ChecksumError as error:
                raise CallChecksumError(
                    error.message, expected=error.expected, got=error.got, help=_CHANGED_HELP
                ) from None
        check_consumed(r.source)
        return args

    # -- what a node sends

    def encode_value(self, name: str, seqid: int, value: object, load: LoadReport, adds_crc32c: bool = False) -> Parts:
        """The reply of call or run: a value and the load report."""
        w = self._writer(adds_crc32c)
        w.message(name, REPLY, seqid)
        w.push()
        w.field(STRUCT, 0)
        w.push()
        w.field(STRUCT, _REPLY_ID["value"])
        self._values.write(w, value)
        w.field(STRUCT, _REPLY_ID["load"])
        _LOAD_PLAN.write(w, load)
        w.stop()
        w.pop()
        w.stop()
        w.pop()
        return w.parts

    def encode_result(self, name: str, seqid: int, success: object) -> Parts:
        """The reply of any other method."""
        w = self._writer()
        w.message(name, REPLY, seqid)
        _PLANS[name].result.write(w, {"success": success})
        return w.parts

    def encode_error(self, name: str, seqid: int, error: PyrpcError) -> Parts:
        """An error as the declared exception, or as Thrift's own where the method declares none."""
        plan = _PLANS.get(name)
        if plan is None or not plan.has_error:
            kind = UNKNOWN_METHOD if isinstance(error, UnknownMethodError) else PROTOCOL_ERROR
            return self.encode_exception(name, seqid, str(error), kind)
        w = self._writer()
        w.message(name, REPLY, seqid)
        plan.result.write(w, {"error": status.to_wire(error)})
        return w.parts

    def encode_exception(self, name: str, seqid: int, message: str, kind: int) -> Parts:
        """Thrift's TApplicationException."""
        w = self._writer()
        w.message(name, EXCEPTION, seqid)
        w.push()
        w.field(STRING, 1)
        w.string(message)
        w.field(I32, 2)
        w.i32(kind)
        w.stop()
        w.pop()
        return w.parts


BINARY = Codec(BinaryReader, BinaryWriter, BINARY_VALUES)
COMPACT = Codec(CompactReader, CompactWriter, COMPACT_VALUES)


def frame_bytes(parts: Parts) -> int:
    """Length of a message, without the four bytes that tell it."""
    return sum([len(part) for part in parts])


def check_frame(size: int, max_bytes: int, what: str, todo: str, endpoint: str | None = None) -> None:
    """Refuse a message that its receiver would refuse; nothing was sent.

    Raises
    ------
    TooLargeError
    """
    if size > max_bytes:
        raise TooLargeError(
            f"{what} is too large for one frame",
            expected=f"at most {max_bytes} bytes",
            got=f"{size} bytes",
            endpoint=endpoint,
            help=todo,
        )


def codec_of(source: Source) -> Codec:
    """Which protocol the open frame speaks: its first byte tells."""
    first = source.buf[source.more(1)]
    if first == 0x80:
        return BINARY
    if first == 0x82:
        return COMPACT
    raise ProtocolError(
        "a frame that is not Thrift",
        expected="a first byte of 0x80 (TBinaryProtocol) or 0x82 (TCompactProtocol)",
        got=f"0x{first:02x}",
        help="a client of an old TBinaryProtocol must set strictWrite",
    )


def wire_errors() -> tuple[type[Exception], ...]:
    """What reading bad bytes may raise beside PyrpcError; all of it means: malformed."""
    return _WIRE_ERRORS


def _in_argument(error: PyrpcError, method: str, where: str) -> PyrpcError:
    error.message = f"{error.message} ({where} of {method})"
    return error


def check_consumed(source: Source) -> None:
    """Refuse what stands behind the end of a message."""
    left = source.unread()
    if left:
        raise ProtocolError("bytes after the end of the message", got=f"{left} bytes")


def _outcome(answer: Any, name: str, endpoint: str | None) -> Any:
    if isinstance(answer, PyrpcError):
        answer.endpoint = endpoint
        raise answer
    failure = answer.get("error")
    if failure is not None:
        error = status.from_wire(failure, endpoint)
        raise _in_order(error) if isinstance(error, ProtocolError) else error
    if "success" in answer:
        return answer["success"]
    if _PLANS[name].success_kind is None:
        return None
    raise ProtocolError(f"a reply to {name} that holds neither a result nor an error", endpoint=endpoint)


def _read_application_exception(r: BinaryReader, name: str) -> PyrpcError:
    message, kind = "", 0
    r.push()
    while (field := r.field())[0] != 0:
        if field == (STRING, 1):
            message = r.string()
        elif field == (I32, 2):
            kind = r.i32()
        else:
            r.skip(field[0])
    r.pop()
    if kind == UNKNOWN_METHOD:
        return UnknownMethodError(
            f"the node does not have the method {name}",
            got=message or None,
            help="is the port that of a pyrpc node, and of the same version?",
        )
    if kind == GOING_AWAY:
        return GoodbyeError("the node went away, and had not begun the call", help="call another node")
    if kind == NEEDS_TLS:
        return TlsError("this node speaks TLS", help=NEEDS_TLS_HELP)
    return RemoteProtocolError("the node could not read the call", got=message or f"TApplicationException {kind}")


class GoodbyeError(DrainingError):
    """The node closes the connection, and has run nothing of what it has not answered."""


def _in_order(error: ProtocolError) -> RemoteProtocolError:
    """A node that could not read a call skips it and goes on: the connection is in order."""
    told = RemoteProtocolError(error.message)
    told.__dict__.update(error.__dict__)
    return told


class RemoteProtocolError(ProtocolError):
    """The node answered that it could not read the call; the connection itself is in order."""


__all__ = [
    "BINARY",
    "COMPACT",
    "METHODS",
    "ONEWAY",
    "CallReply",
    "Codec",
    "GoodbyeError",
    "Parts",
    "RemoteProtocolError",
    "check_consumed",
    "check_frame",
    "codec_of",
    "frame_bytes",
    "wire_errors",
]
