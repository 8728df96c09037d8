"""A span for each run of a stage at a node, below the span of its caller wherever that is."""

from __future__ import annotations

from typing import Any

from pyrpc.server.dispatch import Dispatcher, Method
from pyrpc.stage.current import Peer
from pyrpc.tracing import Tracing, rpc_attributes, span_name
from pyrpc.transport.channel import Channel
from pyrpc.wire.codec import Codec, Parts
from pyrpc.wire.messages import CallOptions


def trace_runs(dispatcher: Dispatcher, tracing: Tracing) -> None:
    """Make a span around each call and run, from the moment it is read until its answer is written down.

    The span is the current one while the stage runs. Small calls go the general way then.
    """
    dispatcher.wrap_runs(lambda method: _Traced(dispatcher, method, tracing))


class _Traced:
    """A method of service Node with a span around it."""

    def __init__(self, dispatcher: Dispatcher, method: Method, tracing: Tracing) -> None:
        self._dispatcher = dispatcher
        self._method = method
        self._tracing = tracing

    def __call__(
        self, codec: Codec, name: str, seqid: int, args: dict[str, Any], arrived_at: float, peer: Peer | None
    ) -> Parts:
        stage = args.get("method") or args.get("stage") or ""
        if not self._dispatcher.has_stage(stage):
            # A name that a caller made up makes no span.
            return self._method(codec, name, seqid, args, arrived_at, peer)
        options = args.get("options")
        known = options if isinstance(options, CallOptions) else CallOptions()
        rows = args.get("rows")
        attributes = rpc_attributes(
            stage,
            client__address=peer.peer if isinstance(peer, Channel) else None,
            pyrpc__request_id=known.request_id,
            pyrpc__attempt=known.attempt or 0,
            pyrpc__rows=None if rows is None else abs(rows),
        )
        # Without a context of the caller's the span has no parent, whatever this thread did before.
        with self._tracing.span(span_name(stage), "server", attributes, known.context or {}):
            return self._method(codec, name, seqid, args, arrived_at, peer)
