"""Answers frames at a node that asks for tokens.

Typed calls have no place for one. They have the rights of the token that their connection has shown last.

A connection is that of one caller, who sends the same token with each call. So a token is looked up once for a
connection; after that, what ends with the same bytes is known by them, and small calls go the quick way of
wire/small.py, which knows nothing of tokens: these bytes are cut out first.
"""

from __future__ import annotations

import threading
from typing import Any

from pyrpc.errors import AuthError
from pyrpc.server.dispatch import Dispatcher
from pyrpc.server.events import FailedCall
from pyrpc.server.request_bytes import RequestBytes
from pyrpc.server.tokens import Grant, TokenFile, denied
from pyrpc.stage.current import Peer
from pyrpc.transport.channel import Channel
from pyrpc.wire import limits, small
from pyrpc.wire.codec import BINARY, METHODS, frame_bytes
from pyrpc.wire.messages import CallOptions
from pyrpc.wire.token_tail import cut_tail, token_tail

# Whoever looks whether a node is there need not be known.
_FREE = frozenset(("ping",))
_METHOD_ARGUMENT = {"call": "method", "run": "stage"}
_TYPED_HELP = (
    "typed calls have no place for a token: first send one on the same connection, "
    "with stages(CallOptions(token=...)) of service Node"
)
# Frames of all connections together that have not shown a token yet, beside those within the window.
_STRANGERS_BYTES = 64 * 2**20
_FOR_ALL = frozenset(("stages", "stats", "put", "release"))


class _Serving(threading.local):
    """Whose frame this thread answers; also of a oneway call, whose peer nobody asks for."""

    channel: Channel | None = None


class _Known:
    """What a connection has shown: its grant, and the end of its small calls."""

    __slots__ = ("grant", "is_at_hand", "tail")

    def __init__(self, grant: Grant, tail: bytes) -> None:
        self.grant = grant
        self.tail = tail
        # The frame that is read now had its token cut out.
        self.is_at_hand = False


def _stranger(size: int) -> AuthError:
    return AuthError(
        "the connection has not shown a token yet, and the node takes no large message before",
        expected=f"at most {limits.STRANGER_FRAME_BYTES} bytes",
        got=f"{size} bytes",
        help="send a small call with the token first, such as release of an empty Ref; as clients of pyrpc do",
    )


class GuardedDispatcher(Dispatcher):
    """Answers those who show a token, and what it gives the right to; see Dispatcher.

    Parameters
    ----------
    tokens : TokenFile
    """

    def __init__(self, *args: Any, tokens: TokenFile, **options: Any) -> None:
        super().__init__(*args, **options)
        self._tokens = tokens
        self._serving = _Serving()
        self._stranger_bytes = RequestBytes(min(_STRANGERS_BYTES, self.request_bytes.most))

    def serve(self, channel: Channel) -> bool:
        """Read one frame and answer it; see Dispatcher."""
        known = channel.caller
        if isinstance(known, _Known) and self._recognize(channel, known):
            call = small.decode_call(channel.source) if self._takes_small else None
            if call is not None:
                self._serve_known(channel, known.grant, call)
                return True
            known.is_at_hand = True
            try:
                return self._serve_any(channel)
            finally:
                known.is_at_hand = False
        return self._serve_any(channel)

    def _serve_frame(self, channel: Channel) -> bool:
        self._serving.channel = channel
        try:
            return super()._serve_frame(channel)
        finally:
            self._serving.channel = None

    def _recognize(self, channel: Channel, known: _Known) -> bool:
        """Whether the frame that comes next ends with the known token; it is cut out then."""
        if not self._tokens.is_current(known.grant):
            # The file was read again; the token may still be in it, with other rights.
            grant = self._tokens.renewed(known.grant)
            if grant is None:
                channel.caller = None
                return False
            known.grant = grant
        return cut_tail(channel.source, known.tail)

    def _serve_large(self, channel: Channel, size: int) -> bool:
        """As for any node; whoever has not shown a token yet gets no more than a little room, beside that of others."""
        if isinstance(channel.caller, _Known):
            return super()._serve_large(channel, size)
        if size > limits.STRANGER_FRAME_BYTES:
            return self._close_on(channel, _stranger(size))
        return self._serve_within(self._stranger_bytes, channel, size)

    def _serve_known(self, channel: Channel, grant: Grant, call: small.SmallCall) -> None:
        try:
            grant.require(call[0])
        except AuthError as error:
            # As _admit does it.
            channel.max_frame_bytes = call[4]
            parts = self._error(BINARY, "call", call[1], error, FailedCall(channel.peer, call[0], call[1]))
            channel.send(parts, frame_bytes(parts))
        else:
            self._serve_small(channel, call)

    def _admit(self, name: str, args: dict[str, Any], peer: Peer | None) -> None:
        """Refuse whoever may not call this; what a call says of its caller counts if its token is known."""
        if name in _FREE:
            return
        if name not in METHODS:
            self._admit_typed(str(args.get("method") or ""))
            return
        channel = peer if isinstance(peer, Channel) else None
        known = channel.caller if channel is not None else None
        if isinstance(known, _Known) and known.is_at_hand:
            grant = known.grant
        else:
            options = args.get("options")
            token = options.token if isinstance(options, CallOptions) else None
            grant = self._tokens.grant(token)
            if channel is not None and token is not None:
                channel.caller = _Known(grant, token_tail(token))
        super()._admit(name, args, peer)
        argument = _METHOD_ARGUMENT.get(name)
        if argument is not None:
            grant.require(str(args.get(argument) or ""))
        elif name not in _FOR_ALL and not grant.is_unlimited:
            # What concerns the node as a whole, such as to drain it.
            raise denied(f"the token of {grant.name} does not give the right to all stages, which {name} needs")

    def _admit_typed(self, stage: str) -> None:
        """Refuse a typed call, which has no place for a token, on a connection that has shown none."""
        channel = self._serving.channel
        known = channel.caller if channel is not None else None
        if not isinstance(known, _Known):
            raise AuthError("the node asks for a token, and this connection has not shown one", help=_TYPED_HELP)
        # The stage behind a processor has a name of its own.
        known.grant.require(stage.replace(":", "."))
