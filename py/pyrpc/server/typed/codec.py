"""Messages of typed methods, in the shape in which a dispatcher knows those of service Node."""

from __future__ import annotations

from typing import Any

from pyrpc.errors import ProtocolError, PyrpcError, UnknownMethodError
from pyrpc.server.typed.method import TypedMethod
from pyrpc.wire.binary import REPLY, BinaryReader, BinaryWriter
from pyrpc.wire.codec import COMPACT, PROTOCOL_ERROR, UNKNOWN_METHOD, Codec, Parts
from pyrpc.wire.compact import CompactReader, CompactWriter
from pyrpc.wire.messages import LoadReport
from pyrpc.wire.value import BINARY_VALUES, COMPACT_VALUES

# Of TApplicationException.
_INTERNAL_ERROR = 6


class NamedCodec(Codec):
    """What a dispatcher takes for the codec of its own methods, for one method by its Thrift name.

    Parameters
    ----------
    method : str
        Its name, without that of its service, as every processor of Thrift answers.
    base : Codec
        BINARY or COMPACT: in which protocol.
    """

    def __init__(self, method: str, base: Codec) -> None:
        if base is COMPACT:
            super().__init__(CompactReader, CompactWriter, COMPACT_VALUES)
        else:
            super().__init__(BinaryReader, BinaryWriter, BINARY_VALUES)
        self.plain_name = method

    def encode_error(self, name: str, seqid: int, error: PyrpcError) -> Parts:
        """Thrift's own exception."""
        kind = _INTERNAL_ERROR
        if isinstance(error, UnknownMethodError | ProtocolError):
            kind = UNKNOWN_METHOD if isinstance(error, UnknownMethodError) else PROTOCOL_ERROR
        return self.encode_exception(self.plain_name, seqid, str(error), kind)


class TypedCodec(NamedCodec):
    """The codec of a method whose types are known here."""

    def __init__(self, method: TypedMethod, base: Codec) -> None:
        super().__init__(method.name, base)
        self.method = method

    def decode_arguments(self, r: BinaryReader, name: str) -> dict[str, Any] | None:
        """The arguments of Node.call that mean the same."""
        positional, named = self.method.read_arguments(r)
        return {"method": self.method.stage, "positional": positional, "named": named}

    def encode_value(self, name: str, seqid: int, value: object, load: LoadReport, adds_crc32c: bool = False) -> Parts:
        """The reply with a result; the load report has no place in it."""
        w = self._reply(seqid)
        self.method.write_success(w, value)
        return w.parts

    def encode_declared(self, seqid: int, error: BaseException | None) -> Parts | None:
        """An exception of the IDL that the stage raised; None: the function declares none like it."""
        w = self._reply(seqid)
        return w.parts if error is not None and self.method.write_declared(w, error) else None

    def encode_error(self, name: str, seqid: int, error: PyrpcError) -> Parts:
        """The RpcError where the function declares it, or else Thrift's own exception."""
        w = self._reply(seqid)
        if self.method.write_error(w, error):
            return w.parts
        return super().encode_error(name, seqid, error)

    def _reply(self, seqid: int) -> BinaryWriter:
        w = self._writer()
        w.message(self.plain_name, REPLY, seqid)
        return w
