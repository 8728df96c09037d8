"""One node as the client sees it: its connections, what it is doing for this client, and whether it is up."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from math import inf
from typing import Any

from pyrpc.deadline import Deadline
from pyrpc.errors import ConnectionLostError, DrainingError, PyrpcError
from pyrpc.plan.health import NodeHealth
from pyrpc.transport.connection import Connection
from pyrpc.transport.endpoint import Endpoint
from pyrpc.transport.pool import ConnectionPool
from pyrpc.wire import limits, small
from pyrpc.wire.codec import BINARY
from pyrpc.wire.messages import CallOptions, CallReply, Ref
from pyrpc.wire.tensor import Placer
from pyrpc.wire.token_tail import token_tail, with_tail

# Numbers for calls, unique in this process; itertools.count is atomic.
_CALL_IDS = itertools.count(1)
# Frame, call id, deadline.
SmallTask = tuple[bytes, int, float]
# Told of a call's index, value, time run on the node (us) and error.
Deliver = Callable[[int, Any, int, PyrpcError | None], None]
EWMA_WEIGHT = 0.2


class Late:
    """A call that was sent: the connection that its reply will come on, and its id."""

    __slots__ = ("call_id", "connection")

    def __init__(self, connection: Connection, call_id: int) -> None:
        self.connection = connection
        self.call_id = call_id


class NodeHandle:
    """A node; has the attributes of a ``NodeView``, so that balancers look at it directly.

    ``health`` and what balancers look at belong to the client's lock; ``invoke`` and ``request`` may run in any
    number of threads.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        connect_timeout_s: float,
        token: str | None = None,
        connect: Callable[[Endpoint, float], Connection] = Connection,
        checksums: bool = False,
    ) -> None:
        self.endpoint = str(endpoint)
        if checksums or token is not None:
            connect = _with(connect, checksums, token)
        self.pool = ConnectionPool(endpoint, connect_timeout_s, connect=connect)
        self.health = NodeHealth()
        self.in_flight = 0
        self.weight = 1.0
        self.ewma_s = 0.0
        self.peak_s = 0.0
        self.slowness = 0.0
        self.seen_at = 0.0
        # When another node replied before it to the same call; not below seen_at: it has not replied since.
        self.outrun_at = float("-inf")
        # Until when it asked to be left alone (OVERLOADED, retry_after_ms), on the system's clock.
        self.overloaded_until = float("-inf")
        # When a job lost the node last, on the system's clock; -inf once it has answered again.
        self.lost_at = float("-inf")
        self._token = token
        self._tail = None if token is None else token_tail(token)
        self._want_crc32c = True if checksums else None
        # Whether calls may go the way of wire/small.py, which knows no checksums.
        self.takes_small = not checksums

    def invoke(
        self,
        method: str,
        positional: tuple[Any, ...] | list[Any],
        named: dict[str, Any],
        deadline: Deadline,
        *,
        rows: int | None = None,
        attempt: int = 0,
        place: Placer | None = None,
        on_connection: Callable[[Connection | None], None] | None = None,
        context: dict[str, str] | None = None,
    ) -> CallReply:
        """One attempt at one call: ``Node.call``, or ``Node.run`` where rows is given.

        Parameters
        ----------
        on_connection : callable, optional
            Told of the connection before anything is sent, so that another thread can break the call off, and of
            None when it is over, before the connection may serve another call.
        context : dict, optional
            W3C trace context.

        Raises
        ------
        PyrpcError
            Its failure_class tells whether to try elsewhere.
        """
        call_id = next_call_id()
        options = self._options(call_id, deadline, attempt, context)
        parts = BINARY.encode_call(method, positional, named, options, call_id, rows, not self.takes_small)
        connection = self.pool.take(deadline.remaining_s(), time.monotonic())
        try:
            if on_connection is not None:
                on_connection(connection)
            reply: CallReply = connection.exchange("call" if rows is None else "run", call_id, parts, deadline, place)
        finally:
            if on_connection is not None:
                on_connection(None)
            self.pool.give_back(connection)
        return reply

    def call(
        self, method: str, args: tuple[Any, ...], kwargs: dict[str, Any], began: float, timeout_s: float | None
    ) -> Any:
        """The first attempt at a single call that began at a moment of the system's clock; the value alone."""
        if self.takes_small and timeout_s is not None and not kwargs:
            call_id = next(_CALL_IDS) & 0x7FFFFFFF
            frame = small.encode_call(method, args, call_id, int(timeout_s * 1000))
            if frame is not None:
                if self._tail is not None:
                    frame = with_tail(frame, self._tail)
                pool = self.pool
                connection = pool.take(timeout_s, began)
                try:
                    connection.send_small(frame, began + timeout_s)
                    return connection.receive_small(call_id, began + timeout_s)[0]
                finally:
                    pool.give_back(connection)
        return self.invoke(method, args, kwargs, Deadline.after(began, timeout_s)).value

    def call_within(
        self,
        method: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        began: float,
        timeout_s: float | None,
        within_s: float,
    ) -> Any:
        """As ``call``, but where no reply has come after within_s seconds, or was not waited for: a ``Late``."""
        if self.takes_small and timeout_s is not None and not kwargs:
            call_id = next(_CALL_IDS) & 0x7FFFFFFF
            frame = small.encode_call(method, args, call_id, int(timeout_s * 1000))
            if frame is not None:
                if self._tail is not None:
                    frame = with_tail(frame, self._tail)
                pool = self.pool
                connection = pool.take(timeout_s, began)
                is_late = False
                try:
                    connection.send_small(frame, began + timeout_s)
                    is_late = not connection.wait(min(within_s, timeout_s))
                    if not is_late:
                        return connection.receive_small(call_id, began + timeout_s)[0]
                finally:
                    if not is_late:
                        pool.give_back(connection)
                return Late(connection, call_id)
        return self.send_call(method, args, kwargs, Deadline.after(began, timeout_s))

    def send_call(
        self,
        method: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        deadline: Deadline,
        *,
        attempt: int = 0,
        connect_s: float = inf,
        context: dict[str, str] | None = None,
    ) -> Late:
        """Send a single call and do not wait.

        The connection must be given back to the pool. ``connect_s`` bounds the making of a connection further;
        ``context`` is the W3C trace context.
        """
        call_id = next_call_id()
        remaining_s = deadline.remaining_s()
        frame = None
        if self.takes_small and remaining_s != inf and not kwargs and not attempt and context is None:
            frame = small.encode_call(method, args, call_id, int(remaining_s * 1000))
            if frame is not None and self._tail is not None:
                frame = with_tail(frame, self._tail)
        if frame is None:
            options = self._options(call_id, deadline, attempt, context)
            parts = BINARY.encode_call(method, args, kwargs, options, call_id, None, not self.takes_small)
        connection = self.pool.take(min(remaining_s, connect_s), time.monotonic())
        try:
            if frame is not None:
                connection.send_small(frame, deadline.at)
            else:
                connection.send_parts(parts, deadline)
        except BaseException:
            self.pool.give_back(connection)
            raise
        return Late(connection, call_id)

    def _options(self, call_id: int, deadline: Deadline, attempt: int, context: dict[str, str] | None) -> CallOptions:
        return CallOptions(
            call_id,
            deadline.remaining_ms(),
            limits.HARD_FRAME_BYTES,
            attempt or None,
            self._token,
            self._want_crc32c,
            context,
        )

    def call_many(
        self, calls: Sequence[SmallTask], deliver: Callable[[int, Any, int, PyrpcError | None], None]
    ) -> None:
        """Several small calls on one connection: sent at once, answered one after the other.

        Parameters
        ----------
        calls : sequence of (frame, call id, deadline on the system's clock)
        deliver : callable
            Told of each call in turn. After a failure of the connection all the rest get that error.
        """
        failure: PyrpcError | None = None
        try:
            now = time.monotonic()
            connection = self.pool.take(max(0.001, calls[0][2] - now), now)
        except PyrpcError as error:
            for index in range(len(calls)):
                deliver(index, None, 0, error)
            return
        try:
            try:
                last = max(call[2] for call in calls)
                frames = [call[0] for call in calls]
                if self._tail is not None:
                    frames = [with_tail(frame, self._tail) for frame in frames]
                connection.send_small(b"".join(frames), last)
            except PyrpcError as error:
                failure = error
            for index, (_, call_id, deadline_at) in enumerate(calls):
                value: Any = None
                service_us = 0
                error_here = failure
                if failure is None:
                    try:
                        value, service_us = connection.receive_small(call_id, deadline_at)
                    except PyrpcError as error:
                        error_here = error
                        if not connection.is_open:
                            failure = _same_fate(error)
                deliver(index, value, service_us, error_here)
        finally:
            self.pool.give_back(connection)

    def put(self, value: Any, deadline: Deadline) -> Ref:
        """Leave a value on the node."""
        options = CallOptions(remaining_ms=deadline.remaining_ms(), token=self._token)
        ref: Ref = self.request("put", deadline, {"value": value, "options": options})
        return ref

    def request(self, name: str, deadline: Deadline, args: dict[str, Any] | None = None) -> Any:
        """A method of service Node other than call and run: ping, stages, stats, put."""
        call_id = next_call_id()
        if self._token is not None and args is None and name != "ping":
            args = {"options": CallOptions(remaining_ms=deadline.remaining_ms(), token=self._token)}
        parts = BINARY.encode_request(name, call_id, args or {}, not self.takes_small)
        connection = self.pool.take(deadline.remaining_s(), time.monotonic())
        try:
            return connection.exchange(name, call_id, parts, deadline)
        finally:
            self.pool.give_back(connection)


def is_node_loss(error: BaseException) -> bool:
    """Whether an error tells that the node is gone, rather than something about the call."""
    return isinstance(error, ConnectionError)


def next_call_id() -> int:
    """A number for a call, unique in this process for the next two thousand million calls."""
    return next(_CALL_IDS) & 0x7FFFFFFF


def _with(
    connect: Callable[[Endpoint, float], Connection], checksums: bool, token: str | None
) -> Callable[[Endpoint, float], Connection]:
    def connect_with(endpoint: Endpoint, timeout_s: float) -> Connection:
        connection = connect(endpoint, timeout_s)
        connection.needs_crc32c, connection.token = checksums, token
        return connection

    return connect_with


def _same_fate(error: PyrpcError) -> PyrpcError:
    """What happened to the calls behind one whose failure closed the connection they shared."""
    if isinstance(error, DrainingError):
        return error
    return ConnectionLostError(
        "the connection was closed by the failure of another call on it", got=error.summary(), endpoint=error.endpoint
    )
