"""The driver of a job, and the client's only threads: carries out what plan/scheduler.py decides.

Each attempt runs in a thread of its own, which goes on with the next chunk for the same node by itself, so that no
hand-off lies between two chunks. One thread, the caller's for ``map``, keeps the time: timers, deadline, progress.

Under the job's lock only the scheduler decides and fields are written; sending, receiving, copying and callbacks
happen outside of it.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pyrpc.client.arguments import SplitArguments
from pyrpc.client.feed import Feed
from pyrpc.client.gather import Gather
from pyrpc.client.node import NodeHandle, is_node_loss
from pyrpc.client.progress import Progress
from pyrpc.client.receipt import ChunkRecord, ProbeRecord, Receipt, assign_slots
from pyrpc.client.shared import SharedArrays, replaced
from pyrpc.client.source import StreamArguments
from pyrpc.deadline import Deadline
from pyrpc.errors import (
    CancelledError,
    DeadlineExceeded,
    DrainingError,
    FailureClass,
    InternalError,
    PyrpcError,
    UnknownRefError,
    UnreachableError,
)
from pyrpc.plan.actions import Action, CancelAttempt, Fail, Finish, Probe, Send, WaitUntil
from pyrpc.plan.scheduler import Scheduler
from pyrpc.plan.window import NodeWindow
from pyrpc.plan.work import Stream
from pyrpc.transport.connection import Connection
from pyrpc.transport.threads import ThreadCache
from pyrpc.wire.memory import Array
from pyrpc.wire.messages import CallReply, NodeInfo, NodeState, Ref
from pyrpc.wire.tensor import Placer

_PROBE_S = 2.0
_LOST_S = 1.0

# start row, stop row and value of a chunk; None ends the job's stream of them.
Completed = tuple[int, int, Any]


@dataclass(slots=True)
class _Running:
    """An attempt in flight; belongs to the job's lock."""

    record: ChunkRecord
    connection: Connection | None = None
    sent_before: int = 0
    received_before: int = 0
    is_cancelled: bool = False
    # Putting arrays on the node that all its chunks share: moves bytes, and is no preparing.
    shared_s: float = 0.0


class Scatter:
    """One job in progress.

    Parameters
    ----------
    stream : Stream, optional
        The scheduler's work, where the arguments are to be read while the job runs.
    on_windows : callable
        Told in the end of the windows that nodes were found to need.
    sign : int
        1 where each chunk's result must have its rows, -1 where it need not (a reduction); what goes on the wire
        is the number of rows with that sign.
    """

    def __init__(
        self,
        stage: str,
        arguments: SplitArguments | StreamArguments,
        nodes: Sequence[NodeHandle],
        scheduler: Scheduler,
        gather: Gather,
        deadline: Deadline,
        threads: ThreadCache,
        *,
        stream: Stream | None = None,
        sign: int = 1,
        progress: Progress | None = None,
        on_windows: Callable[[dict[str, NodeWindow]], object] = lambda windows: None,
    ) -> None:
        self._stage = stage
        self._arguments = arguments
        self._shared = SharedArrays(arguments.whole())
        self._nodes = {node.endpoint: node for node in nodes}
        self._scheduler = scheduler
        self._gather = gather
        self._deadline = deadline
        self._threads = threads
        self._sign = sign
        self._progress = progress
        self._on_windows = on_windows
        lock = threading.RLock()
        self._changed = threading.Condition(lock)
        self._feed: Feed | None = None
        if stream is not None and isinstance(arguments, StreamArguments):
            self._feed = Feed(arguments, stream, lock)
        self._running: dict[int, _Running] = {}
        self._wake_at = float("inf")
        self._done_rows = 0
        self._putting = 0
        self._is_finished = False
        # Whether the receipt is complete: attempts and probes that end later write nothing into it.
        self._is_closed = False
        self._error: BaseException | None = None
        self._last_failure: PyrpcError | None = None
        self._began = time.monotonic()
        self.completed: queue.SimpleQueue[Completed | None] = queue.SimpleQueue()
        # Whether anybody may ask for what single chunks gave.
        self.keeps_completed = True
        self.receipt = Receipt(stage, arguments.rows, tuple(self._nodes))
        self.receipt.row_bytes = arguments.row_bytes
        self.receipt.terms = scheduler.terms

    # -- the thread that keeps the time

    def drive(self) -> None:
        """Run the job to its end; its outcome is then in ``outcome``. Ctrl-C here cancels the job."""
        try:
            lost = self._lately_lost()
            self._handle(lambda now: self._scheduler.start(now, lost), is_worker=False)
            if self._feed is not None:
                self._threads.run(self._feed.run, self._scheduler, self._handle_feed, self._source_ended, self.stop)
            self._keep_time()
        except BaseException as error:
            self.stop(error)
            with self._changed:
                # Also when all chunks were done: what progress raises in its last call must not get lost.
                self._error = self._error or error
            if not isinstance(error, Exception):
                raise
        finally:
            self._close_books()

    def _lately_lost(self) -> list[str]:
        """Nodes not worth trying first: each job would send them chunks again only to learn that they are gone."""
        since = time.monotonic() - _LOST_S
        return [name for name, node in self._nodes.items() if node.lost_at > since or not node.health.is_up]

    def _keep_time(self) -> None:
        shown = -1
        while True:
            with self._changed:
                if not self._is_over() and self._done_rows == shown:
                    self._changed.wait(self._time_to_wait())
                is_over = self._is_over()
                done, shown = self._done_rows, self._done_rows
                is_timer_due = time.monotonic() >= self._wake_at
                if is_timer_due:
                    self._wake_at = float("inf")
            if self._progress is not None:
                self._progress(done, self._arguments.rows if self._feed is None or self._feed.is_read else None)
            if is_over:
                return
            if self._deadline.is_over:
                self.stop(self._too_late())
            elif is_timer_due:
                self._handle(self._scheduler.timer, is_worker=False)

    def _is_over(self) -> bool:
        if self._error is not None:
            return True
        # Not before the last value lies in its place, and no loser may still write to rows of the result.
        return self._is_finished and self._putting == 0 and self._gather.is_settled

    def _time_to_wait(self) -> float | None:
        until = min(self._wake_at, self._deadline.at)
        return None if until == float("inf") else max(0.0, until - time.monotonic())

    def _too_late(self) -> DeadlineExceeded:
        left = self._arguments.rows - self._done_rows
        so_far = "" if self._feed is None or self._feed.is_read else " read so far"
        return DeadlineExceeded(
            f"{self._stage} was not done in time",
            got=f"{self._done_rows} of {self._arguments.rows} rows{so_far}, {left} left",
            help="give more time with timeout_s, or add nodes; job.receipt tells what went where",
        )

    def stop(self, error: BaseException) -> bool:
        """End the job with an error; what is in flight is broken off. False: it had ended before."""
        with self._changed:
            if self._is_over():
                return False
            self._error = error
            actions = self._scheduler.cancel(time.monotonic())
            self._changed.notify_all()
        self._abort_attempts(actions)
        return True

    def outcome(self) -> BaseException | None:
        """The error the job ended with; None: ``gather`` has the result."""
        return self._error

    def _close_books(self) -> None:
        with self._changed:
            self._is_closed = True
            # Here, not before: what was written down until now was not after the end.
            self.receipt.makespan_s = time.monotonic() - self._began
            if self._feed is not None:
                self._feed.end()
                self.receipt.rows, self.receipt.row_bytes = self._arguments.rows, self._arguments.row_bytes
            for running in self._running.values():
                self._count_bytes(running)
                # A copy: the attempt may not have ended yet, and goes on to write into its own.
                end = replace(running.record, outcome="cancelled", done_s=self.receipt.makespan_s)
                self.receipt.entries.append(end)
            self._running.clear()
            self.receipt.fits = self._scheduler.fits()
            self._write_state(self._error)
            windows = self._scheduler.windows()
        assign_slots(self.receipt.entries)
        self._on_windows(windows)
        self.completed.put(None)

    def _write_state(self, error: BaseException | None) -> None:
        if error is None:
            self.receipt.state = "done"
            return
        is_cancelled = isinstance(error, CancelledError) or not isinstance(error, Exception)
        self.receipt.state = "cancelled" if is_cancelled else "failed"
        self.receipt.error = error.summary() if isinstance(error, PyrpcError) else repr(error)

    # -- rows of a stream

    def taken(self, rows: int) -> None:
        """The user took the results of so many rows, or (0) is going to take them one by one."""
        if self._feed is not None:
            with self._changed:
                self._feed.taken(rows)

    def _handle_feed(self, event: Callable[[float], list[Action]]) -> None:
        self._handle(event, is_worker=False)

    def _source_ended(self, rows: int) -> None:
        self._gather.end(rows)

    # -- events and actions

    def _handle(self, event: Callable[[float], list[Action]], *, is_worker: bool) -> Send | None:
        """Tell the scheduler of an event and do what it says; a worker gets one Send back to do itself."""
        with self._changed:
            actions = self._decide(event)
        return self._carry_out(actions, is_worker)

    def _decide(self, event: Callable[[float], list[Action]]) -> list[Action]:
        """Under the lock: the event, and what its actions change here."""
        actions = event(time.monotonic())
        for action in actions:
            if isinstance(action, Send):
                self._book(action)
            elif isinstance(action, WaitUntil):
                self._wake_at = action.at
                self._changed.notify_all()
            elif isinstance(action, Finish):
                self._is_finished = True
                self._changed.notify_all()
            elif isinstance(action, Fail):
                self._fail(action)
        if self._feed is not None:
            self._feed.sent()
        return actions

    def _carry_out(self, actions: list[Action], is_worker: bool) -> Send | None:
        """Outside of the lock: begin what is to be sent, break off what nobody waits for."""
        mine: Send | None = None
        for action in actions:
            if isinstance(action, Send):
                if is_worker and mine is None:
                    mine = action
                else:
                    self._threads.run(self._work, action)
            elif isinstance(action, Probe):
                self._threads.run(self._probe, action.node)
        self._abort_attempts(actions)
        return mine

    def _book(self, send: Send) -> None:
        chunk = send.chunk
        record = ChunkRecord(chunk.index, chunk.start, chunk.stop, send.node, send.attempt_no)
        record.sent_s = time.monotonic() - self._began
        self._running[send.attempt_id] = _Running(record)

    def _fail(self, action: Fail) -> None:
        if self._error is not None:
            return
        failure = self._last_failure
        if action.error is not None:
            self._error = action.error
        elif action.reason == "no_nodes" or (isinstance(failure, UnreachableError) and action.reason == "exhausted"):
            self._error = UnreachableError(
                "no node can be reached",
                expected="at least one of " + ", ".join(self._nodes),
                got=failure.summary() if failure is not None else None,
                help="are they running? pyrpc serve module:Object --port PORT starts one",
            )
        else:
            self._error = failure or InternalError(f"{self._stage} failed: {action.reason}")
        self._changed.notify_all()

    def _abort_attempts(self, actions: list[Action]) -> None:
        """Break off what nobody waits for.

        The one system call under this lock: it does not block, and outside of the lock the attempt might end just
        then and the connection be in use for another call, which would be broken off instead.
        """
        with self._changed:
            # The last ones first: on a node those wait behind the first, and would begin when its turn is free.
            for action in reversed(actions):
                if isinstance(action, CancelAttempt) and (running := self._running.get(action.attempt_id)):
                    running.is_cancelled = True
                    if running.connection is not None:
                        running.connection.abort()

    # -- attempts

    def _work(self, first: Send) -> None:
        """Run one attempt, and those that follow from it."""
        send: Send | None = first
        try:
            while send is not None:
                send = self._attempt(send)
        except BaseException as error:
            self.stop(InternalError("a fault of pyrpc itself", got=repr(error)))
            raise

    def _attempt(self, send: Send) -> Send | None:
        chunk = send.chunk
        with self._changed:
            running = self._running.get(send.attempt_id)
        if running is None:  # The job ended before this attempt could begin.
            return None
        place = _Clocked(self._gather.lease(chunk, send.attempt_id))
        try:
            try:
                reply = self._invoke(send, running, place)
            except PyrpcError as error:
                return self._failed(send, running, error)
            return self._succeeded(send, running, reply, place.at)
        finally:
            self._gather.release(chunk, send.attempt_id)
            with self._changed:
                if self._is_finished:
                    self._changed.notify_all()

    def _invoke(self, send: Send, running: _Running, place: Placer | None) -> CallReply:
        node = self._nodes[send.node]
        refs = self._shared_on(node, running)
        try:
            return self._invoke_with(refs, node, send, running, place)
        except UnknownRefError:
            self._shared.forget(node)
            return self._invoke_with({}, node, send, running, place)

    def _shared_on(self, node: NodeHandle, running: _Running) -> dict[int, Ref]:
        began = time.monotonic()
        try:
            return self._shared.on(node, self._deadline)
        finally:
            running.shared_s = time.monotonic() - began

    def _invoke_with(
        self, refs: dict[int, Ref], node: NodeHandle, send: Send, running: _Running, place: Placer | None
    ) -> CallReply:
        named = self._arguments.named
        return node.invoke(
            self._stage,
            replaced(self._arguments.of(send.chunk), refs),
            dict(zip(named, replaced(list(named.values()), refs), strict=True)) if named else named,
            self._deadline,
            rows=self._sign * send.chunk.rows,
            attempt=send.attempt_no,
            place=place,
            on_connection=lambda connection: self._connected(running, connection),
        )

    def _connected(self, running: _Running, connection: Connection | None) -> None:
        """Told of the connection of an attempt before it is used, and of None before somebody else may get it."""
        now = time.monotonic()
        with self._changed:
            if connection is None:
                self._count_bytes(running)
                running.connection = None
                return
            # Once: where the node did not know a reference, bytes have moved before the second time.
            record = running.record
            record.prepare_s = record.prepare_s or now - self._began - record.sent_s - running.shared_s
            running.connection = connection
            running.sent_before, running.received_before = connection.bytes_sent, connection.bytes_received
            is_cancelled = running.is_cancelled or self._error is not None
        if is_cancelled:
            raise CancelledError("the chunk was done elsewhere")

    @staticmethod
    def _count_bytes(running: _Running) -> None:
        if running.connection is not None:
            running.record.bytes_out += running.connection.bytes_sent - running.sent_before
            running.record.bytes_in += running.connection.bytes_received - running.received_before

    def _succeeded(self, send: Send, running: _Running, reply: CallReply, replied_at: float) -> Send | None:
        record = running.record
        with self._changed:
            if replied_at:
                record.replied_s = replied_at - self._began
            if reply.load is not None:
                record.service_s = reply.load.service_us / 1e6
                record.queued_s = reply.load.queued_us / 1e6
            is_first = self._scheduler.is_wanted(send.attempt_id)
            self._putting += is_first
            # Written down before the next one is booked, so that the two do not seem to overlap.
            self._record(send, running, "ok" if is_first else "late")
            self._nodes[send.node].lost_at = float("-inf")
            actions = self._decide(
                lambda now: self._scheduler.done(
                    send.attempt_id, now, service_s=record.service_s, queued_s=record.queued_s
                )
            )
        # Others begin before this thread copies; its own next chunk comes after.
        following = self._carry_out(actions, is_worker=True)
        if is_first:
            self._put(send, reply.value)
        return following

    def _put(self, send: Send, value: Any) -> None:
        chunk = send.chunk
        try:
            shown = self._gather.put(chunk, send.attempt_id, value)
        except Exception as error:
            # A result that does not fit, or what the caller's own reduction raised.
            if isinstance(error, PyrpcError):
                error.endpoint = send.node
            self.stop(error)
        else:
            if self.keeps_completed:
                self.completed.put((chunk.start, chunk.stop, shown))
        if self._feed is not None:
            self._feed.release(chunk)
        with self._changed:
            self._putting -= 1
            self._done_rows += chunk.rows
            if self._feed is not None:
                self._feed.done(chunk.rows)
            if self._progress is not None or self._is_finished:
                self._changed.notify_all()

    def _failed(self, send: Send, running: _Running, error: PyrpcError) -> Send | None:
        node = self._nodes[send.node]
        if is_node_loss(error):
            node.lost_at = time.monotonic()
        if is_node_loss(error) or isinstance(error, DrainingError):
            node.pool.drop_idle()
        with self._changed:
            if not isinstance(error, CancelledError):
                self._last_failure = _of_chunk(error, send)
            self._record(send, running, "cancelled" if running.is_cancelled else "failed", error)
            actions = self._decide(
                lambda now: self._scheduler.failed(
                    send.attempt_id,
                    FailureClass.UNKNOWN if running.is_cancelled else error.failure_class,
                    now,
                    node_lost=is_node_loss(error),
                    retry_after_ms=error.retry_after_ms,
                )
            )
        return self._carry_out(actions, is_worker=True)

    def _record(self, send: Send, running: _Running, outcome: str, error: PyrpcError | None = None) -> None:
        """Under the lock: write down how an attempt ended."""
        if self._running.pop(send.attempt_id, None) is None:
            return  # The books of the job are closed.
        record = running.record
        record.done_s = time.monotonic() - self._began
        record.outcome = outcome
        if error is not None:
            record.error, record.error_type = error.summary(), error.class_name
        self.receipt.entries.append(record)

    def _probe(self, endpoint: str) -> None:
        """Ask a node that went down whether it is back."""
        event, is_up = self._scheduler.node_down, False
        try:
            info: NodeInfo = self._nodes[endpoint].request("ping", Deadline(_PROBE_S))
            if info.state == NodeState.SERVING:
                self._nodes[endpoint].lost_at = float("-inf")
                event, is_up = self._scheduler.node_up, True
        except Exception as error:
            # Whatever it was: a probe that is not answered would never be repeated.
            with self._changed:
                if isinstance(error, PyrpcError):
                    self._last_failure = self._last_failure or error
        with self._changed:
            if not self._is_closed:
                self.receipt.probes.append(ProbeRecord(endpoint, time.monotonic() - self._began, is_up))
        self._handle(lambda now: event(endpoint, now), is_worker=False)


class _Clocked:
    """Hands out a gather's places, and keeps the time of the first: that is when a reply begins to arrive."""

    __slots__ = ("_place", "at")

    def __init__(self, place: Placer | None) -> None:
        self._place = place
        self.at = 0.0

    def __call__(self, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Array | None:
        self.at = self.at or time.monotonic()
        return None if self._place is None else self._place(dtype, shape)


def _of_chunk(error: PyrpcError, send: Send) -> PyrpcError:
    error.message = f"{error.message} (rows {send.chunk.start} to {send.chunk.stop})"
    if send.attempt_no:
        error.attempt = send.attempt_no + 1
    return error
