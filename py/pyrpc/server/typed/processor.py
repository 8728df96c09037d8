"""Processors that Apache's compiler wrote, hosted unchanged beside the stages.

The bytes of a call are handed to the processor as they are, and so are those of its answer; turns, counters, drain and
rights are those of stages. The methods of its handler are stages too, for the generic API.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from thrift.protocol.TBinaryProtocol import TBinaryProtocolAccelerated
from thrift.protocol.TCompactProtocol import TCompactProtocolAccelerated
from thrift.Thrift import TProcessor
from thrift.TMultiplexedProcessor import TMultiplexedProcessor
from thrift.transport.TTransport import TMemoryBuffer

from pyrpc.errors import ConfigError, PyrpcError, UnknownMethodError
from pyrpc.server.typed.codec import NamedCodec
from pyrpc.stage.registry import Registry
from pyrpc.wire import limits
from pyrpc.wire.binary import CALL, EXCEPTION, BinaryReader
from pyrpc.wire.codec import UNKNOWN_METHOD, Codec, Parts
from pyrpc.wire.messages import LoadReport


class Message:
    """A call for a processor: the bytes of its message, under the sequence number 0."""

    __slots__ = ("is_compact", "raw")

    def __init__(self, is_compact: bool, raw: bytearray) -> None:
        self.is_compact = is_compact
        self.raw = raw


class HandlerFailed(Exception):
    """The handler raised what its IDL does not declare; the processor has written the answer that says so."""

    def __init__(self, answer: bytes) -> None:
        super().__init__("the handler raised what its IDL does not declare; the log of its own code has the traceback")
        self.answer = answer


class ProcessorCodec(NamedCodec):
    """Hands the bytes of a call through to a processor, and those of the answer back."""

    def __init__(self, stage: str, method: str, base: Codec) -> None:
        super().__init__(method, base)
        self._stage = stage

    def decode_arguments(self, r: BinaryReader, name: str) -> dict[str, Any] | None:
        """The arguments of Node.call that run the processor."""
        head = self._writer()
        head.message(self.plain_name, CALL, 0)
        begin = b"".join(head.parts)
        raw = bytearray(len(begin) + r.source.unread())
        raw[: len(begin)] = begin
        r.source.read_into(memoryview(raw)[len(begin) :])
        return {"method": self._stage, "positional": [Message(r.is_compact, raw)]}

    def encode_value(self, name: str, seqid: int, value: object, load: LoadReport, adds_crc32c: bool = False) -> Parts:
        """The answer of the processor."""
        assert isinstance(value, bytes)
        if not value:
            return self.encode_exception(self.plain_name, seqid, "a oneway function has no answer", UNKNOWN_METHOD)
        return self._numbered(value, seqid)

    def encode_error(self, name: str, seqid: int, error: PyrpcError) -> Parts:
        """Thrift's own exception: the processor's, if it wrote one."""
        if isinstance(error.__cause__, HandlerFailed):
            return self._numbered(error.__cause__.answer, seqid)
        return super().encode_error(name, seqid, error)

    def _numbered(self, answer: bytes, seqid: int) -> Parts:
        """The answer with the sequence number of the call in its place."""
        zero, own = self._writer(), self._writer()
        kind = _message_kind(answer)
        zero.message(self.plain_name, kind, 0)
        own.message(self.plain_name, kind, seqid)
        begin = b"".join(zero.parts)
        if not answer.startswith(begin):
            # Of a processor that answers in a way of its own.
            return [answer]
        return [*own.parts, memoryview(answer)[len(begin) :]]


def _message_kind(answer: bytes) -> int:
    return answer[1] >> 5 & 7 if answer[:1] == b"\x82" else answer[3] if len(answer) > 3 else 0


class ProcessorService:
    """A generated processor with its handler, as a service of a node.

    Parameters
    ----------
    processor : TProcessor
        Made with its handler.
    name : str, optional
        Of the service; by default that of the module in which the compiler wrote it.
    is_default : bool
        Plain names are its own, whatever else is hosted.
    """

    has_idl = True

    def __init__(self, processor: Any, name: str | None = None, is_default: bool = False) -> None:
        self.name = name or _service_name(processor)
        self.is_default = is_default
        self._processor = processor
        self._functions: list[str] = list(processor._processMap)
        self._handler = getattr(processor, "_handler", None)

    def host(self, registry: Registry, name: str | None = None) -> None:
        """Make stages of the handler's methods, and one for the bytes of each function."""
        self.name = name or self.name
        for function in self._functions:
            method = getattr(self._handler, function, None)
            if callable(method):
                registry.add({f"{self.name}.{function}": method})
            registry.add_hidden(f"{self.name}:{function}", self._run)
        if self._handler is not None:
            registry.add_hooks(self.name, self._handler)

    def _run(self, message: Any) -> bytes:
        """Let the processor answer a message."""
        if not isinstance(message, Message):
            raise UnknownMethodError("only generated code calls this", help="call the stage, with a dot in its name")
        calls, answers = TMemoryBuffer(bytes(message.raw)), TMemoryBuffer()
        make: Callable[..., Any] = TCompactProtocolAccelerated if message.is_compact else TBinaryProtocolAccelerated
        # What generated code makes of its bytes is bounded as everywhere: see limits.OBJECT_FACTOR.
        room = limits.OBJECT_FACTOR * len(message.raw) + limits.OBJECT_BYTES
        most = min(limits.MESSAGE_ITEMS, max(limits.CONTAINER_ITEMS, room // limits.STRUCT_BYTES))
        bounds = {"string_length_limit": None, "container_length_limit": most}
        self._processor.process(make(calls, **bounds), make(answers, **bounds))
        answer: bytes = answers.getvalue()
        if answer and _message_kind(answer) == EXCEPTION:
            raise HandlerFailed(answer)
        return answer

    def codec(self, method: str, base: Codec) -> NamedCodec | None:
        """See TypedService."""
        return ProcessorCodec(f"{self.name}:{method}", method, base) if method in self._functions else None

    def methods(self) -> list[str]:
        """See TypedService."""
        return self._functions


def processors_in(service: object) -> Iterator[ProcessorService]:
    """The services of a generated processor, or of a multiplexed one; none of anything else.

    Raises
    ------
    ConfigError
        It is the class of a processor, without a handler.
    """
    if isinstance(service, type) and issubclass(service, TProcessor):
        raise ConfigError(
            "a processor is hosted with its handler", got=f"the class {service.__qualname__}", help="Processor(handler)"
        )
    if isinstance(service, TMultiplexedProcessor):
        default = service.defaultProcessor
        for name, processor in service.services.items():
            yield ProcessorService(processor, name, is_default=processor is default)
        if default is not None and default not in service.services.values():
            yield ProcessorService(default, is_default=True)
    elif isinstance(service, TProcessor) or _looks_generated(service):
        yield ProcessorService(service)


def _looks_generated(service: object) -> bool:
    return hasattr(type(service), "process") and isinstance(getattr(service, "_processMap", None), dict)


def _service_name(processor: object) -> str:
    """The compiler writes a module for each service, with a class Processor in it."""
    for cls in type(processor).__mro__:
        if cls.__name__ == "Processor":
            return cls.__module__.rpartition(".")[2]
    return type(processor).__name__
