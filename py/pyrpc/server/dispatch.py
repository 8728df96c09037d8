"""From a frame to its answer: read, look up, check, run, reply.

Whatever goes wrong costs one typed error; the connection goes on wherever its next frame can still be found.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from typing import Any

import numpy as np

from pyrpc.errors import (
    BadResultError,
    CallerError,
    CancelledError,
    DrainingError,
    ExpiredError,
    InternalError,
    OverloadedError,
    ProtocolError,
    PyrpcError,
    StageFailedError,
    TooLargeError,
)
from pyrpc.server.admission import Admission
from pyrpc.server.batching import Batching
from pyrpc.server.counters import Counters
from pyrpc.server.events import FailedCall, NodeLog, trace_id_of
from pyrpc.server.quick_calls import QuickCalls
from pyrpc.server.request_bytes import RequestBytes, default_bytes_in_flight
from pyrpc.server.store import Store
from pyrpc.server.typed.calls import TYPED_REPLY_HELP, TypedCalls, call_typed
from pyrpc.stage.current import RUNNING, Peer, current_call
from pyrpc.stage.registry import Registry, Stage
from pyrpc.transport.channel import Channel
from pyrpc.wire import limits, small
from pyrpc.wire.binary import CALL, ONEWAY
from pyrpc.wire.codec import (
    BINARY,
    GOING_AWAY,
    METHODS,
    Codec,
    Parts,
    check_frame,
    codec_of,
    frame_bytes,
    wire_errors,
)
from pyrpc.wire.messages import CallOptions, LoadReport, NodeInfo, NodeState, NodeStats, StageStats
from pyrpc.wire.source import Source
from pyrpc.wire.status import code_of

_NO_OPTIONS = CallOptions()
# An answer may wait for the next one of its connection if that will not be long.
_QUICK_US = 500
_NOTHING: dict[str, Any] = {}
_MALFORMED = tuple(error for error in wire_errors() if error is not EOFError)
_UNREADABLE: tuple[type[Exception], ...] = (PyrpcError, *_MALFORMED)
_REPLY_HELP = (
    "return less, let map split the work, or let the caller take larger frames (max_frame_bytes in CallOptions)"
)

Method = Callable[[Codec, str, int, dict[str, Any], float, Peer | None], Parts]
"""Answers one method of service Node: protocol, name, number, arguments, when it came, who waits."""


class Dispatcher:
    """Answers the frames of all connections; thread-safe.

    Parameters
    ----------
    registry : Registry
        What the node hosts.
    node : NodeInfo
        What the node says of itself; its max_frame_bytes is enforced here.
    tracebacks : bool
        Whether callers get the tracebacks of stages that raise.
    """

    def __init__(
        self,
        registry: Registry,
        admission: Admission,
        node: Callable[[], NodeInfo],
        *,
        max_frame_bytes: int,
        tracebacks: bool,
        traffic: Callable[[], tuple[int, int, int]],
        max_bytes_in_flight: int | None = None,
    ) -> None:
        self._registry = registry
        self._admission = admission
        self._node = node
        self._max_frame_bytes = max_frame_bytes
        # The window may hold a frame that is over a limit as low as that; the general way looks.
        self._takes_small = max_frame_bytes >= limits.READ_AHEAD_BYTES
        self._tracebacks = tracebacks
        self._traffic = traffic
        self._store = Store()
        self._quick_calls = QuickCalls()
        self.counters = Counters()
        self.log = NodeLog()
        # Told, with the seconds that running calls get (None: as always), when a caller asks the node to go away.
        self.on_drain: Callable[[float | None], object] = lambda grace_s: None
        self.request_bytes = RequestBytes(
            default_bytes_in_flight() if max_bytes_in_flight is None else max_bytes_in_flight
        )
        self.state = NodeState.NOT_SERVING
        # Replaced before the first call.
        self.typed = TypedCalls()
        self.batching = Batching(
            admission,
            self.counters,
            is_draining=lambda: self.state is not NodeState.SERVING,
            stage_failed=self._stage_failed,
        )
        self.batching.on_sent = self.counters.batched
        self._methods: dict[str, Method] = {
            "call": self._call,
            "run": self._run,
            "ping": lambda codec, name, seqid, *_: codec.encode_result(name, seqid, self._node()),
            "stages": lambda codec, name, seqid, *_: codec.encode_result(name, seqid, self._registry.infos()),
            "stats": lambda codec, name, seqid, *_: codec.encode_result(name, seqid, self._stats()),
            "put": self._put,
            "release": self._release,
            "drain": self._drain,
        }
        if set(self._methods) != set(METHODS):
            raise AssertionError("the methods of service Node and those answered here differ")

    def wrap_runs(self, wrap: Callable[[Method], Method]) -> None:
        """Put something around each call and run; small calls go the general way from now on. Before the first call."""
        self._takes_small = False
        for name in ("call", "run"):
            self._methods[name] = wrap(self._methods[name])

    def has_stage(self, name: str) -> bool:
        """Whether a stage of that name is hosted here."""
        return name in self._registry

    # -- frames

    def serve(self, channel: Channel) -> bool:
        """Read one frame and answer it; False: the connection cannot go on.

        Raises
        ------
        OSError, EOFError
            The peer is gone.
        """
        source = channel.source
        call = small.decode_call(source) if self._takes_small else None
        if call is not None:
            self._serve_small(channel, call)
            return True
        return self._serve_any(channel)

    def serve_quick(self, channel: Channel) -> bool:
        """Answer the call that the window holds, if it is one that takes next to no time; False: nothing was done."""
        if not self._takes_small:
            return False
        source = channel.source
        at = source.pos
        call = small.decode_call(source)
        if call is None:
            return False
        if not (self._quick_calls.is_quick(call[0]) and self._admission.has_turn):
            source.pos = source.stop = at
            return False
        self._serve_small(channel, call)
        return True

    def _serve_any(self, channel: Channel) -> bool:
        """Read a frame of any kind and answer it."""
        source = channel.source
        channel.flush()
        try:
            size = source.next_frame(self._max_frame_bytes)
        except TooLargeError as error:
            return self._close_on(channel, error)
        except ProtocolError as error:
            # Where the next frame begins cannot be known: say so and close.
            self._complain(channel, BINARY, "", 0, error)
            channel.drain()
            return False
        return self._serve_frame(channel) if size <= limits.READ_AHEAD_BYTES else self._serve_large(channel, size)

    def _serve_large(self, channel: Channel, size: int) -> bool:
        """Answer the frame that is open, once there is room for its bytes."""
        return self._serve_within(self.request_bytes, channel, size)

    def _serve_within(self, room: RequestBytes, channel: Channel, size: int) -> bool:
        try:
            room.enter(size)
        except OverloadedError as error:
            return self._turn_away(channel, error)
        try:
            return self._serve_frame(channel)
        finally:
            room.leave(size)

    def _close_on(self, channel: Channel, error: PyrpcError) -> bool:
        """Refuse the frame that is open by its length: to read it to its end would cost more than the limit."""
        codec, name, _, seqid = _sender(channel.source)
        self._complain(channel, codec, name, seqid, error)
        channel.drain()
        return False

    def _turn_away(self, channel: Channel, error: OverloadedError) -> bool:
        """Refuse the frame that is open without keeping any of it; the connection goes on behind it."""
        codec, name, kind, seqid = _sender(channel.source)
        error.retry_after_ms = max(error.retry_after_ms or 0, self._admission.retry_after_ms())
        if kind == ONEWAY:
            self._note(channel, error)
        else:
            self._complain(channel, codec, name, seqid, error)
        channel.source.skip_rest()
        return name != ""

    def _serve_frame(self, channel: Channel) -> bool:
        """Answer the frame that is open."""
        source = channel.source
        arrived_at = time.monotonic()
        codec, name, kind, seqid = BINARY, "", 0, 0
        args: dict[str, Any] | None = None
        failure: PyrpcError | None = None
        try:
            codec = channel.codec = codec_of(source)
            reader = codec.reader(source)
            name, kind, seqid = reader.message()
            if kind not in (CALL, ONEWAY):
                raise ProtocolError("a message that is no call", got=f"message type {kind}")
            if name not in METHODS:
                codec, name = self.typed.answering(codec, name)
            args = codec.decode_arguments(reader, name)
        except PyrpcError as error:
            failure = error
        except MemoryError:
            # What was taken of it is free again: what is small can be answered, here and on all other connections.
            failure = OverloadedError("the node has no memory for this call", help="send less at once, or use map")
        except (OSError, EOFError):
            raise
        except _MALFORMED as error:
            failure = ProtocolError("a call that cannot be read", got=repr(error))
        if failure is not None:
            source.skip_rest()
            if kind == ONEWAY:
                # Its caller waits for no answer, and would take this one for that to its next call.
                self._note(channel, failure)
            else:
                self._complain(channel, codec, name, seqid, failure)
            return name != ""
        # Who sends a oneway call may well close at once: that takes nothing back.
        peer = channel if kind != ONEWAY else None
        parts = self._answer(codec, name, seqid, args, arrived_at, peer)
        if kind != ONEWAY:
            channel.send(parts, frame_bytes(parts))
        return True

    def say_goodbye(self, channel: Channel) -> None:
        """Tell a caller whose connection is about to be closed that nothing of what it sends from now on will run.

        A caller that sends a call just then reads this in the place of its answer, and knows that it may go elsewhere.
        """
        parts = (channel.codec or BINARY).encode_exception("", 0, "the node goes away", GOING_AWAY)
        channel.send(parts, frame_bytes(parts))

    def _serve_small(self, channel: Channel, call: small.SmallCall) -> None:
        """Answer a call that wire/small.py could read; what it cannot write goes the general way."""
        method, seqid, args, remaining_ms, max_frame_bytes = call
        # As _admit does it.
        channel.max_frame_bytes = max_frame_bytes
        admission = self._admission
        began = time.monotonic()
        if self._quick_calls.last_us.get(method, _QUICK_US) >= _QUICK_US:
            # Answers that are held back must not wait for a stage that may take its time.
            channel.flush()
        try:
            value, queued_us, service_us = self._compute(method, args, _NOTHING, None, remaining_ms / 1000, channel)
            channel.was_quick = self._quick_calls.took(method, queued_us + service_us)
            frame = small.encode_value(seqid, value, admission.queued, admission.in_flight + 1, queued_us, service_us)
            if frame is not None and len(frame) <= max_frame_bytes:
                channel.send_small(frame, service_us < _QUICK_US)
                return
            parts = self._reply(BINARY, "call", seqid, method, value, queued_us, service_us, max_frame_bytes)
        except Exception as error:
            if isinstance(error, OSError) and not isinstance(error, PyrpcError):
                raise
            took_ms = (time.monotonic() - began) * 1000
            parts = self._error(
                BINARY, "call", seqid, error, FailedCall(channel.peer, method, seqid, duration_ms=took_ms)
            )
        channel.send(parts, frame_bytes(parts))

    def _note(self, channel: Channel, error: PyrpcError) -> None:
        code = code_of(error).name
        self.counters.failed(code)
        self.counters.refused(code)
        self.log.frame_refused(code, channel.peer)

    def _complain(self, channel: Channel, codec: Codec, name: str, seqid: int, error: PyrpcError) -> None:
        self._note(channel, error)
        if name not in METHODS:
            codec, name = self.typed.answering(codec, name)
        parts = codec.encode_error(name, seqid, error)
        channel.send(parts, frame_bytes(parts))

    # -- methods

    def _answer(
        self,
        codec: Codec,
        name: str,
        seqid: int,
        args: dict[str, Any] | None,
        arrived_at: float,
        peer: Peer | None,
    ) -> Parts:
        try:
            self._admit(name, args or {}, peer)
            if args is None:
                raise self.typed.unknown(name)
            if name not in METHODS:
                return call_typed(self._methods["call"], codec, name, seqid, args, arrived_at, peer)
            return self._methods[name](codec, name, seqid, args, arrived_at, peer)
        except Exception as error:
            return self._error(codec, name, seqid, error, failed_call(args or {}, arrived_at, peer))

    def _admit(self, name: str, args: dict[str, Any], peer: Peer | None) -> None:
        """Take note of what a call says of its caller, whatever becomes of it: typed calls cannot say it."""
        options = args.get("options")
        if isinstance(options, CallOptions) and options.max_frame_bytes is not None and isinstance(peer, Channel):
            peer.max_frame_bytes = options.max_frame_bytes

    def _error(self, codec: Codec, name: str, seqid: int, error: Exception, call: FailedCall | None = None) -> Parts:
        cause: BaseException | None = None
        if not isinstance(error, PyrpcError):
            cause = error
            error = InternalError("a fault of the node itself; its log has the traceback", got=repr(error))
        elif isinstance(error, StageFailedError) and error.remote_traceback is None:
            cause = error.__cause__
        code = code_of(error).name
        call = call or FailedCall()
        if call.stage is not None and call.stage not in self._registry:
            # A name that a caller made up is neither counted nor logged.
            call.stage = None
        self.counters.failed(code, call.stage or "")
        self.log.call_failed(code, call, cause)
        return codec.encode_error(name, seqid, error)

    def _call(
        self, codec: Codec, name: str, seqid: int, args: dict[str, Any], arrived_at: float, peer: Peer | None
    ) -> Parts:
        method, positional = _required(args, "method"), args.get("positional") or []
        return self._invoke(codec, name, seqid, method, positional, args, None, arrived_at, peer)

    def _run(
        self, codec: Codec, name: str, seqid: int, args: dict[str, Any], arrived_at: float, peer: Peer | None
    ) -> Parts:
        method, positional = _required(args, "stage"), args.get("inputs") or []
        rows: int = _required(args, "rows")
        return self._invoke(codec, name, seqid, method, positional, args, rows, arrived_at, peer)

    def _put(
        self, codec: Codec, name: str, seqid: int, args: dict[str, Any], arrived_at: float, peer: Peer | None
    ) -> Parts:
        return codec.encode_result(name, seqid, self._store.put(args.get("value")))

    def _release(
        self, codec: Codec, name: str, seqid: int, args: dict[str, Any], arrived_at: float, peer: Peer | None
    ) -> Parts:
        self._store.release(_required(args, "ref"))
        return codec.encode_result(name, seqid, None)

    def _drain(
        self, codec: Codec, name: str, seqid: int, args: dict[str, Any], arrived_at: float, peer: Peer | None
    ) -> Parts:
        grace_ms = args.get("grace_ms")
        # At once, so that the answer says so; who runs the process then stops it.
        self.state = NodeState.DRAINING
        self.on_drain(None if grace_ms is None else max(0, grace_ms) / 1000)
        return codec.encode_result(name, seqid, self._node())

    def _stats(self) -> NodeStats:
        stages, failures = self.counters.snapshot()
        connections, received, sent = self._traffic()
        for stage, batches in self.batching.stats().items():
            # A batch that waits is counted before its stage ran for the first time.
            stages.setdefault(stage, StageStats()).batches = batches
        load = LoadReport(self._admission.queued, self._admission.in_flight, slots=self._admission.threads)
        return NodeStats(self._node(), self.counters.uptime_s, connections, received, sent, load, stages, failures)

    # -- stages

    def _invoke(
        self,
        codec: Codec,
        name: str,
        seqid: int,
        method: str,
        positional: list[Any],
        args: dict[str, Any],
        rows: int | None,
        arrived_at: float,
        peer: Peer | None,
    ) -> Parts:
        options: CallOptions = args.get("options") or _NO_OPTIONS
        named: dict[str, Any] = args.get("named") or {}
        positional = [self._store.resolve(value) for value in positional]
        named = {key: self._store.resolve(value) for key, value in named.items()}
        time_left_s = _time_left(options, arrived_at)
        value, queued_us, service_us = self._compute(
            method, positional, named, rows, time_left_s, peer, options.attempt or 0
        )
        max_frame_bytes = options.max_frame_bytes or limits.STOCK_FRAME_BYTES
        return self._reply(
            codec, name, seqid, method, value, queued_us, service_us, max_frame_bytes, options.want_crc32c is True
        )

    def _compute(
        self,
        method: str,
        positional: list[Any],
        named: dict[str, Any],
        rows: int | None,
        time_left_s: float | None,
        peer: Peer | None,
        attempt: int = 0,
    ) -> tuple[Any, int, int]:
        """Check a call, wait for a turn, run the stage, check what it gave; microseconds waited and run beside it."""
        stage = self._registry.lookup(method)
        if self.state is not NodeState.SERVING:
            raise _not_serving(self.state)
        bindings = stage.signature.bind(positional, named)
        if time_left_s is not None and time_left_s <= 0:
            raise ExpiredError("the time was over when the call arrived", help="give more time with timeout_s")
        waited_us = 0
        if stage.batch is not None:
            shared = self.batching.share(stage, positional, named, time_left_s, peer, attempt, rows)
            if not shared.is_alone:
                self._check_result(stage, shared.value, bindings, rows)
                return shared.value, shared.queued_us, shared.service_us
            waited_us, time_left_s = shared.waited_us(), shared.left_s()
            if rows is None and shared.rows:
                # A stage that is batched owes one row for each also to a call by itself.
                rows = shared.rows
        entered_us = self._admission.enter(time_left_s, peer)
        queued_us = waited_us + entered_us
        is_failed = True
        began = time.perf_counter_ns()
        RUNNING.call = method, attempt, peer, began, time_left_s, entered_us
        try:
            value = stage.function(*positional, **named)
            is_failed = False
        except OverloadedError:
            # A stage may say so before it begins; the caller then goes elsewhere.
            raise
        except BaseException as error:
            # BaseException: sys.exit() in a stage must cost an error, not the thread.
            if isinstance(error, CancelledError) and current_call().cancelled:
                is_failed = False
                raise
            raise self._stage_failed(method, error) from error
        finally:
            service_us = (time.perf_counter_ns() - began) // 1000
            RUNNING.call = None
            self._admission.leave()
            self.counters.ran(method, service_us, abs(rows or 0), is_failed, queued_us)
        if stage.info.gives is not None:
            stage.signature.check_result(value, bindings)
        if rows is not None and rows >= 0:
            check_rows(method, value, rows)
        return value, queued_us, service_us

    @staticmethod
    def _check_result(stage: Stage, value: Any, bindings: dict[str, int], rows: int | None) -> None:
        """Of a batched call, by what its own caller sent."""
        if stage.info.gives is not None:
            stage.signature.check_result(value, bindings)
        if rows is not None and rows >= 0:
            check_rows(stage.name, value, rows)

    def _reply(
        self,
        codec: Codec,
        name: str,
        seqid: int,
        method: str,
        value: Any,
        queued_us: int,
        service_us: int,
        max_frame_bytes: int,
        adds_crc32c: bool = False,
    ) -> Parts:
        load = LoadReport(self._admission.queued, self._admission.in_flight + 1, queued_us, service_us)
        if name == "run":
            # Small calls do without: two fields more would cost them more than they tell (ping has the slots).
            load.slots, load.ms_per_row = self._admission.threads, self.counters.ms_per_row(method)
        try:
            parts = codec.encode_value(name, seqid, value, load, adds_crc32c)
        except CallerError as error:
            raise _cannot_travel(method, error) from error
        max_bytes = min(max_frame_bytes, limits.HARD_FRAME_BYTES)
        todo = _REPLY_HELP if name in METHODS else TYPED_REPLY_HELP
        check_frame(frame_bytes(parts), max_bytes, f"the result of {method}", todo)
        return parts

    def _stage_failed(self, name: str, error: BaseException) -> StageFailedError:
        kind = type(error).__qualname__
        # Without the frame of this module: what counts is the stage.
        inner = error.__traceback__.tb_next if error.__traceback__ else None
        text: str | None = "".join(traceback.format_exception(type(error), error, inner))[-16_000:]
        if not self._tracebacks:
            text = None
        what = "".join(traceback.format_exception_only(error)).strip()
        if isinstance(error, SystemExit):
            what = f"the stage called sys.exit({error.code!r})"
        return StageFailedError(
            f"{name} failed: {what}"[:4000],
            remote_type=kind,
            remote_traceback=text,
            help=None if text else "the node's log has the traceback, or start it with tracebacks=True",
        )


def _sender(source: Source) -> tuple[Codec, str, int, int]:
    """Protocol, method, kind and number of a message that will not be read, so that its answer finds who asked."""
    try:
        codec = codec_of(source)
        name, kind, seqid = codec.reader(source).message()
    except _UNREADABLE:
        return BINARY, "", 0, 0
    return codec, name, kind, seqid


def check_rows(method: str, value: Any, rows: int) -> None:
    """Whether a stage that ran on a chunk gave one row for each row, in an array or a tuple of arrays.

    Raises
    ------
    BadResultError
    """
    outputs = value if isinstance(value, list | tuple) else (value,)
    for output in outputs:
        got = output.shape[0] if isinstance(output, np.ndarray) and output.ndim else None
        if got != rows:
            shown = f"{got} rows" if got is not None else f"{type(output).__name__} {np.shape(output) or ''}".strip()
            raise BadResultError(
                f"{method} gave the wrong number of rows",
                expected=f"an array of {rows} rows, one for each row of the chunk",
                got=shown,
                help="a stage for map gives one row for each; to add up or average use reduce, for anything else call",
            )


def _required(args: dict[str, Any], name: str) -> Any:
    value = args.get(name)
    if value is None:
        raise ProtocolError(f"the call lacks its argument {name!r}")
    return value


def failed_call(args: dict[str, Any], arrived_at: float, peer: Peer | None) -> FailedCall:
    """What the log may tell of a call that came the general way."""
    options = args.get("options")
    known = options if isinstance(options, CallOptions) else _NO_OPTIONS
    return FailedCall(
        peer.peer if isinstance(peer, Channel) else None,
        args.get("method") or args.get("stage"),
        known.request_id,
        known.attempt,
        trace_id_of(known.context),
        (time.monotonic() - arrived_at) * 1000,
    )


def _not_serving(state: NodeState) -> DrainingError:
    if state is NodeState.DRAINING:
        return DrainingError("the node is going away and takes no new work", help="call another node")
    return DrainingError("the node takes no work: it is not ready yet, or stopped", help="call another node")


def _time_left(options: CallOptions, arrived_at: float) -> float | None:
    """Seconds that the call may still wait; None for as long as it takes."""
    if options.remaining_ms is None:
        return None
    return arrived_at + options.remaining_ms / 1000 - time.monotonic()


def _cannot_travel(method: str, error: PyrpcError) -> BadResultError:
    return BadResultError(
        f"the result of {method} cannot travel: {error.message}",
        expected=error.expected,
        got=error.got,
        help=error.help,
    )
