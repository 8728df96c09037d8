"""Which typed names a node answers, and with which methods.

A name is ``Service:method``, as Thrift's multiplexed protocol writes it, or the method alone. Alone it is looked for in
the one service that was hosted with an IDL, or else in the one service that there is. The names of service Node come
first: they mean that service, with ``Node:`` before them too.
"""

from __future__ import annotations

from typing import Protocol

from pyrpc.errors import ConfigError, StageFailedError, UnknownMethodError
from pyrpc.server.typed.codec import NamedCodec, TypedCodec
from pyrpc.stage.current import Peer
from pyrpc.transport.channel import Channel
from pyrpc.wire import limits
from pyrpc.wire.codec import METHODS, Codec, Parts, check_frame, frame_bytes
from pyrpc.wire.messages import CallOptions

TYPED_REPLY_HELP = (
    "return less, or let the caller take larger frames and say so first, on the same connection, "
    'with release(Ref(""), CallOptions(max_frame_bytes=...)) of service Node'
)
_NODE = "Node"
_MAX_LISTED = 10
# Names that were found, each in both protocols; there are no more than a service has methods.
Found = dict[tuple[str, Codec], NamedCodec]


class TypedService(Protocol):
    """A service that is called by typed names.

    Attributes
    ----------
    name : str
    has_idl : bool
        It was hosted with an IDL, and not made of code alone.
    is_default : bool
        Plain names are its own, whatever else is hosted.
    """

    name: str
    has_idl: bool
    is_default: bool

    def codec(self, method: str, base: Codec) -> NamedCodec | None:
        """What reads and writes a method in a protocol; None: it has no such method.

        Raises
        ------
        ConfigError
            The service cannot be called typed at all.
        """
        ...

    def methods(self) -> list[str]:
        """The names of all methods, in the IDL."""
        ...


class TypedCalls:
    """The typed services of a node; filled first, then read from any thread."""

    def __init__(self, services: list[TypedService] | None = None) -> None:
        self._services = {service.name: service for service in services or []}
        every = list(self._services.values())
        declared = [service for service in every if service.has_idl]
        candidates = [service for service in every if service.is_default] or declared or every
        self._only = candidates[0] if len(candidates) == 1 else None
        self._found: Found = {}

    def answering(self, codec: Codec, name: str) -> tuple[Codec, str]:
        """What reads and answers a message of that name, and the name that it goes on under.

        The codec that was given where nothing typed is called so.
        """
        found = self._found.get((name, codec))
        if found is not None or isinstance(codec, NamedCodec):
            return found or codec, name
        service, method = self._split(name)
        if service is None and name.startswith(f"{_NODE}:") and method in METHODS:
            return codec, method
        found = self._find(service, method, codec)
        if found is not None:
            self._found[name, codec] = found
            return found, name
        # What is not known is answered by its own name, too.
        return (NamedCodec(method, codec) if ":" in name else codec), name

    @staticmethod
    def _find(service: TypedService | None, method: str, codec: Codec) -> NamedCodec | None:
        try:
            return None if service is None else service.codec(method, codec)
        except ConfigError:
            # ``unknown`` tells why.
            return None

    def _split(self, name: str) -> tuple[TypedService | None, str]:
        service, colon, method = name.rpartition(":")
        return (self._services.get(service) if colon else self._only), method

    def unknown(self, name: str) -> UnknownMethodError:
        """The error for a name that nothing is called by."""
        service, method = self._split(name)
        if service is not None:
            try:
                known = service.methods()
            except ConfigError as error:
                return UnknownMethodError(f"service {service.name!r} cannot be called typed: {error}", help=error.help)
            listed = ", ".join(known[:_MAX_LISTED]) + (" ..." if len(known) > _MAX_LISTED else "")
            if ":" in name:
                return UnknownMethodError(f"service {service.name!r} has no method {method[:128]!r}", help=listed)
            return UnknownMethodError(
                f"neither service Node nor {service.name!r} has a method {name[:128]!r}",
                help=f"{service.name} has {listed}; to call a stage by its name use call",
            )
        if ":" in name:
            here = ", ".join([*self._services, _NODE])
            return UnknownMethodError(f"service {name.rpartition(':')[0][:128]!r} is not here", help=f"here are {here}")
        several = "; typed, several services are here: say which with Service:method" if self._services else ""
        return UnknownMethodError(
            f"service Node has no method {name!r}",
            help=f"it has {', '.join(METHODS)}; to call a stage use call{several}",
        )


def call_typed(
    call: object,
    codec: Codec,
    name: str,
    seqid: int,
    args: dict[str, object],
    arrived_at: float,
    peer: Peer | None,
) -> Parts:
    """Answer a typed call by way of Node.call; what the IDL declares as an exception is an answer like others.

    The reply may be as large as calls of service Node have said on the same connection.
    """
    most = (peer.max_frame_bytes if isinstance(peer, Channel) else 0) or limits.STOCK_FRAME_BYTES
    args["options"] = CallOptions(max_frame_bytes=most)
    try:
        parts: Parts = call(codec, name, seqid, args, arrived_at, peer)  # type: ignore[operator]
        return parts
    except StageFailedError as error:
        declared = codec.encode_declared(seqid, error.__cause__) if isinstance(codec, TypedCodec) else None
        if declared is None:
            raise
        most = min(most, limits.HARD_FRAME_BYTES)
        check_frame(frame_bytes(declared), most, f"what {name} raised", TYPED_REPLY_HELP)
        return declared
