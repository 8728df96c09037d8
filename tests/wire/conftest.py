"""A protocol with all that tests of it need: our codec, frames, and Apache Thrift's own writer for odd messages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.protocol.TCompactProtocol import TCompactProtocol
from thrift.protocol.TProtocol import TProtocolBase
from thrift.transport.TTransport import TMemoryBuffer

from pyrpc.errors import ProtocolError, PyrpcError
from pyrpc.wire.codec import BINARY, COMPACT, Codec, Parts, codec_of, wire_errors
from pyrpc.wire.limits import HARD_FRAME_BYTES
from pyrpc.wire.messages import CallOptions, CallReply, LoadReport
from pyrpc.wire.source import BytesSource, Source
from pyrpc.wire.tensor import Placer

CALL, REPLY = 1, 2
STOP, BOOL, BYTE, DOUBLE, I16, I32, I64, STRING, STRUCT, MAP, SET, LIST = 0, 2, 3, 4, 6, 8, 10, 11, 12, 13, 14, 15


def frame_of(message: Parts | bytes) -> bytes:
    raw = message if isinstance(message, bytes) else b"".join(message)
    return len(raw).to_bytes(4, "big") + raw


@dataclass(frozen=True)
class Wire:
    """One of the two protocols."""

    name: str
    codec: Codec
    stock: Callable[[TMemoryBuffer], TProtocolBase]

    # -- by our codec

    def call_frame(self, *positional: object, method: str = "X.y", seqid: int = 7, **named: object) -> bytes:
        return frame_of(self.codec.encode_call(method, positional, named, CallOptions(1, 2, 3), seqid))

    def reply_frame(self, value: object, seqid: int = 7) -> bytes:
        return frame_of(self.codec.encode_value("call", seqid, value, LoadReport(1, 2, 3, 4)))

    def read_call(self, source: Source) -> dict[str, Any]:
        """Read a frame as a node does: whatever is wrong with its bytes is a ProtocolError or another PyrpcError."""
        source.next_frame(HARD_FRAME_BYTES)
        try:
            codec = codec_of(source)
            reader = codec.reader(source)
            name, _, _ = reader.message()
            return codec.decode_arguments(reader, name)
        except (PyrpcError, EOFError):
            raise
        except wire_errors() as error:
            raise ProtocolError("a call that cannot be read", got=repr(error)) from error

    def read_reply(self, source: Source, seqid: int = 7, place: Placer | None = None) -> CallReply:
        source.next_frame(HARD_FRAME_BYTES)
        return self.codec.decode_reply(source, "call", seqid, "node:1", place)

    def round_trip(self, value: object) -> object:
        """A value as a node gets it."""
        return self.read_call(BytesSource(self.call_frame(value)))["positional"][0]

    # -- by Apache Thrift's writer: any fields in any order

    def write(self, body: Callable[[TProtocolBase], object]) -> bytes:
        """What a function writes to a stock protocol."""
        buffer = TMemoryBuffer()
        body(self.stock(buffer))
        return buffer.getvalue()

    def message(
        self, body: Callable[[TProtocolBase], object], name: str = "call", kind: int = CALL, seqid: int = 7
    ) -> bytes:
        """A frame with a message whose struct a function writes."""

        def whole(p: TProtocolBase) -> None:
            p.writeMessageBegin(name, kind, seqid)
            body(p)
            p.writeMessageEnd()

        return frame_of(self.write(whole))

    def struct(self, p: TProtocolBase, *fields: tuple[int, int, object]) -> None:
        """A struct of (number, wire type, value); a value may be a function that writes it."""
        p.writeStructBegin("")
        for number, kind, value in fields:
            p.writeFieldBegin("", kind, number)
            self.value(p, kind, value)
            p.writeFieldEnd()
        p.writeFieldStop()
        p.writeStructEnd()

    def value(self, p: TProtocolBase, kind: int, value: object) -> None:
        if callable(value):
            value(p)
        elif kind == STRING:
            p.writeBinary(value if isinstance(value, bytes) else str(value).encode())
        elif kind == LIST:
            p.writeListBegin(I64, len(value))
            for item in value:
                p.writeI64(item)
            p.writeListEnd()
        else:
            {BOOL: p.writeBool, BYTE: p.writeByte, I16: p.writeI16, I32: p.writeI32, I64: p.writeI64}[kind](value)

    def tensor_frame(self, *fields: tuple[int, int, object]) -> bytes:
        """A call with one positional argument: a Tensor of just these fields."""
        return self.value_frame((7, STRUCT, lambda p: self.struct(p, *fields)))

    def value_frame(self, *members: tuple[int, int, object]) -> bytes:
        """A call with one positional argument: a Value with just these members."""

        def positional(p: TProtocolBase) -> None:
            p.writeListBegin(STRUCT, 1)
            self.struct(p, *members)
            p.writeListEnd()

        return self.message(lambda p: self.struct(p, (1, STRING, "X.y"), (2, LIST, positional)))

    def read_tensor(self, *fields: tuple[int, int, object]) -> Any:
        return self.read_call(BytesSource(self.tensor_frame(*fields)))["positional"][0]


WIRES = (Wire("binary", BINARY, TBinaryProtocol), Wire("compact", COMPACT, TCompactProtocol))


@pytest.fixture(params=WIRES, ids=lambda wire: wire.name)
def wire(request: pytest.FixtureRequest) -> Wire:
    """Both protocols, one after the other."""
    return request.param


@pytest.fixture(scope="session")
def wire_by_name() -> dict[str, Wire]:
    """Both protocols at once, for Hypothesis, which wants fixtures that it need not make anew."""
    return {wire.name: wire for wire in WIRES}
