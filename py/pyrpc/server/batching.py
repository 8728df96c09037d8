"""Dynamic batching: concurrent calls of a stage run as one call, and each gets its rows of the result.

There is no thread for it. The thread of the first call of a batch leads: it waits for others as long as
``server/batch_rule.py`` says, then for a turn (one for the whole batch, which takes further calls meanwhile), merges,
runs the stage and takes the result apart. The threads of the others sleep, each on a lock of its own, so that nobody
wakes who has nothing to do.

A batch that fails has not told whose row is bad. So its calls run again one by one, each with a turn of its own, and
only the culprit's fails; not so where the stage is declared ``idempotent=False``: then all of them fail.
"""

from __future__ import annotations

import copy
import math
import threading
import time
from collections.abc import Callable, Hashable, Sequence
from typing import Any

from pyrpc.errors import CancelledError, ExpiredError, InternalError, OverloadedError, PyrpcError
from pyrpc.server.admission import Admission
from pyrpc.server.batch_rule import Lane, Reason
from pyrpc.server.counters import Counters
from pyrpc.server.merging import apart, kind_of, merged, rows_of
from pyrpc.stage.batch import Slot
from pyrpc.stage.current import RUNNING, Peer, current_call
from pyrpc.stage.registry import Stage
from pyrpc.wire.messages import BatchStats

# As in Admission: how often a call that waits looks whether its caller still does, and how often all together.
_LOOK_S = 0.1
_LOOKS_PER_S = 2000
# Who came as short a time ago is not asked again before the batch runs: each look lets go of the interpreter's lock.
_FRESH_S = 0.02
# A batch that waits for others hears so late at most that the node drains.
_DRAIN_POLL_S = 0.05
# What is remembered of kinds of calls of a stage, of which there may be any number.
_MAX_LANES = 64

Observer = Callable[[str, int, int, str], None]
"""Told of each batch: stage, calls, rows, reason."""


class BatchedCall:
    """One call: what came, and after :meth:`Batching.share` what became of it.

    Attributes
    ----------
    is_alone : bool
        It was not merged and did not run: run it by itself.
    value, queued_us, service_us
        Else the result; microseconds waited, and those that the whole batch ran.
    """

    __slots__ = (
        *("_deadline_at", "_peer", "arrived_at", "attempt", "error", "is_alone", "is_done", "named", "positional"),
        *("queued_us", "rows", "service_us", "signal", "value"),
    )

    def __init__(
        self, positional: list[Any], named: dict[str, Any], left_s: float | None, peer: Peer | None, attempt: int
    ) -> None:
        self.positional = positional
        self.named = named
        self.attempt = attempt
        self.arrived_at = time.monotonic()
        self._deadline_at = math.inf if left_s is None else self.arrived_at + left_s
        self._peer = peer
        self.rows = 0
        self.signal = threading.Lock()
        self.signal.acquire()
        self.is_alone = self.is_done = False
        self.value: Any = None
        self.error: PyrpcError | None = None
        self.queued_us = self.service_us = 0

    def left_s(self) -> float | None:
        """Seconds that are left to it, at least 0; None without a limit."""
        return None if self._deadline_at == math.inf else max(0.0, self._deadline_at - time.monotonic())

    def death(self, now: float, *, asks_peer: bool = True) -> PyrpcError | None:
        """Why it need not run any more; None: it does."""
        if now >= self._deadline_at:
            waited = f"{now - self.arrived_at:.3f} s in a batch that had not started"
            return ExpiredError(
                "the time was over before the call could start",
                got=waited,
                help="give more time with timeout_s, or add nodes",
            )
        if asks_peer and self._peer is not None and self._peer.is_gone():
            return CancelledError("the caller closed its connection while the call waited; it was not started")
        return None

    @property
    def has_peer(self) -> bool:
        """Whether somebody can leave."""
        return self._peer is not None


class _Open:
    """The calls of a batch; the fields belong to the collector's lock until it ``is_closed``."""

    __slots__ = ("calls", "is_closed", "lane", "reason", "stage")

    def __init__(self, stage: Stage, lane: Lane, leader: BatchedCall) -> None:
        self.stage = stage
        self.lane = lane
        self.calls = [leader]
        self.reason: Reason | None = None
        self.is_closed = False

    def is_gone(self) -> bool:
        """Whether nobody waits for any of its calls: all callers as one Peer."""
        now = time.monotonic()
        return all(call.death(now) is not None for call in tuple(self.calls))

    def left_s(self) -> float | None:
        """Seconds until the last of its calls is over; None: never."""
        most_s = 0.0
        for call in tuple(self.calls):
            left_s = call.left_s()
            if left_s is None:
                return None
            most_s = max(most_s, left_s)
        return most_s


class Batching:
    """The batches of all stages of a node; thread-safe.

    Parameters
    ----------
    is_draining : callable
        Whether to wait for nobody any more.
    stage_failed : callable
        The error for what a stage raised.

    Attributes
    ----------
    on_sent : callable or None
        Told of each batch before it runs, in the thread that leads it; for metrics.
    """

    def __init__(
        self,
        admission: Admission,
        counters: Counters,
        *,
        is_draining: Callable[[], bool],
        stage_failed: Callable[[str, BaseException], PyrpcError],
    ) -> None:
        self._admission = admission
        self._counters = counters
        self._is_draining = is_draining
        self._stage_failed = stage_failed
        self._collectors: dict[str, _Collector] = {}
        self.on_sent: Observer | None = None

    def share(
        self,
        stage: Stage,
        positional: list[Any],
        named: dict[str, Any],
        left_s: float | None,
        peer: Peer | None,
        attempt: int,
    ) -> BatchedCall:
        """Run a call together with others; blocks. Check the call before and its result after it.

        Raises
        ------
        StageFailedError, BadResultError
            Of the batch that it was in.
        ExpiredError, CancelledError, OverloadedError
            It did not run.
        """
        assert stage.batch is not None
        collector = self._collectors.get(stage.name) or self._collectors.setdefault(stage.name, _Collector(self))
        call = BatchedCall(positional, named, left_s, peer, attempt)
        slots = stage.batch.slots(positional, named)
        call.rows = rows_of(positional, named, slots) or 0
        kind = kind_of(positional, named, slots) if 0 < call.rows < stage.batch.max_rows else None
        if kind is None:
            # Nothing to merge, or no room beside it; no row at all: who knows what the stage makes of it.
            is_full = call.rows >= stage.batch.max_rows
            collector.count(stage.name, Reason.FULL if is_full else Reason.INCOMPATIBLE, 1, call.rows)
            call.is_alone = True
            return call
        batch = collector.join(stage, (slots, kind), call, self._is_draining())
        if batch.calls[0] is call:
            self._lead(collector, batch, slots)
        else:
            collector.follow(batch, call)
        if call.error is not None:
            raise call.error
        if not (call.is_done or call.is_alone):
            raise InternalError("a batch ended without an answer for this call")
        return call

    def stats(self) -> dict[str, BatchStats]:
        """What was sent so far, by stage."""
        return {name: collector.snapshot() for name, collector in list(self._collectors.items())}

    # -- the leader

    def _lead(self, collector: _Collector, batch: _Open, slots: tuple[Slot, ...]) -> None:
        try:
            collector.await_reason(batch, self._is_draining)
            if self._enter(collector, batch):
                try:
                    self._run(collector, batch, slots)
                finally:
                    self._admission.leave()
        except PyrpcError as error:
            collector.close(batch)
            _fail(batch.calls, error)
        except BaseException as error:
            collector.close(batch)
            _fail(batch.calls, InternalError("a fault of the node itself in a batch", got=repr(error)))
            raise
        finally:
            collector.leave(batch, self._is_draining())
            # All but the leader sleep on theirs, or will find it open.
            for call in batch.calls[1:]:
                call.signal.release()

    def _enter(self, collector: _Collector, batch: _Open) -> bool:
        """Wait for a turn; False: nobody waits for the batch any more, and it is closed."""
        while True:
            try:
                self._admission.enter(batch.left_s(), batch)
            except (CancelledError, ExpiredError):
                # Another call may have come to it since.
                if collector.close_if_dead(batch):
                    return False
            else:
                return True

    def _run(self, collector: _Collector, batch: _Open, slots: tuple[Slot, ...]) -> None:
        collector.close(batch)
        now = time.monotonic()
        alive = []
        for call in batch.calls:
            call.error = call.death(now, asks_peer=now - call.arrived_at > _FRESH_S)
            if call.error is None:
                call.queued_us = int((now - call.arrived_at) * 1e6)
                alive.append(call)
        if not alive:
            return
        assert batch.reason is not None
        rows = sum(call.rows for call in alive)
        collector.count(batch.stage.name, batch.reason, len(alive), rows)
        self._run_merged(collector, batch, alive, rows, slots)

    def _run_merged(
        self, collector: _Collector, batch: _Open, alive: list[BatchedCall], rows: int, slots: tuple[Slot, ...]
    ) -> None:
        method = batch.stage.name
        failure: PyrpcError | None = None
        began = time.perf_counter_ns()
        RUNNING.call = method, max(call.attempt for call in alive), batch, began, batch.left_s(), 0
        try:
            positional, named = merged([(call.positional, call.named) for call in alive], slots)
            value = batch.stage.function(*positional, **named)
        except OverloadedError as error:
            # A stage may say so before it begins; the callers then go elsewhere.
            failure = error
        except BaseException as error:
            is_cancelled = isinstance(error, CancelledError) and current_call().cancelled
            if len(alive) > 1 and batch.stage.idempotent is not False and not is_cancelled:
                collector.count_singly(len(alive))
                for call in alive:
                    call.is_alone = True
                return
            failure = error if isinstance(error, CancelledError) and is_cancelled else self._failure(method, error)
        finally:
            service_us = (time.perf_counter_ns() - began) // 1000
            RUNNING.call = None
        for call in alive:
            call.service_us = service_us
            is_failed = failure is not None and not isinstance(failure, CancelledError)
            # Each has its share of the time, so that the sums stay true.
            self._counters.ran(method, service_us * call.rows // rows, call.rows, is_failed)
        if failure is not None:
            _fail(alive, failure)
            return
        for call, part in zip(alive, apart(method, value, [call.rows for call in alive]), strict=True):
            call.value, call.is_done = part, True

    def _failure(self, method: str, error: BaseException) -> PyrpcError:
        failure = self._stage_failed(method, error)
        failure.__cause__ = error
        return failure


def _fail(calls: Sequence[BatchedCall], error: PyrpcError) -> None:
    """The same error for all that have none, each a copy: raising one changes it."""
    for call in calls:
        if call.error is None:
            call.error = copy.copy(error).with_traceback(error.__traceback__)
            call.error.__cause__ = error.__cause__


class _Collector:
    """The batches of one stage."""

    def __init__(self, batching: Batching) -> None:
        self._batching = batching
        self._lock = threading.Lock()
        self._lanes: dict[Hashable, Lane] = {}
        # The open batch of each lane.
        self._open: dict[Lane, _Open] = {}
        # Calls of all lanes that wait or run, and those that sleep.
        self._inside = 0
        self._sleeping = 0
        self._stats = BatchStats()

    def join(self, stage: Stage, kind: Hashable, call: BatchedCall, is_draining: bool) -> _Open:
        """Take a call in; it leads the batch that comes back if it is the first in it."""
        assert stage.batch is not None
        now = call.arrived_at
        with self._lock:
            lane = self._lanes.get(kind)
            if lane is None:
                lane = self._lanes[kind] = Lane(stage.batch.max_rows, stage.batch.max_delay_s)
            batch = self._open.get(lane)
            if batch is not None and not lane.fits(call.rows):
                self._decide(batch, Reason.FULL)
                self._detach(batch)
                batch = None
            lane.add(call.rows, now)
            self._inside += 1
            if batch is None:
                batch = self._open[lane] = _Open(stage, lane, call)
            else:
                batch.calls.append(call)
            self._judge(lane, now, is_draining)
        return batch

    def _judge(self, lane: Lane, now: float, is_draining: bool) -> None:
        """Wake the leader of a lane's open batch if that is to be sent."""
        batch = self._open.get(lane)
        if batch is not None and batch.reason is None:
            reason = lane.verdict(now, is_draining=is_draining, has_others=self._inside > lane.inside)
            if reason is not None:
                self._decide(batch, reason)

    def _decide(self, batch: _Open, reason: Reason) -> None:
        if batch.reason is None:
            batch.reason = reason
            batch.calls[0].signal.release()

    def _detach(self, batch: _Open) -> None:
        """No more calls come to it."""
        if self._open.get(batch.lane) is batch:
            del self._open[batch.lane]
            batch.lane.send()

    def await_reason(self, batch: _Open, is_draining: Callable[[], bool]) -> None:
        """In the leader's thread: wait until the batch is to be sent."""
        signal = batch.calls[0].signal
        while batch.reason is None:
            left_s = batch.lane.until - time.monotonic()
            if signal.acquire(timeout=min(max(left_s, 0.0), _DRAIN_POLL_S)):
                return
            is_ending = is_draining()
            with self._lock:
                self._judge(batch.lane, time.monotonic(), is_ending)

    def follow(self, batch: _Open, call: BatchedCall) -> None:
        """In the thread of any other call: sleep until the batch is done, or nobody waits for this call."""
        with self._lock:
            self._sleeping += 1
        try:
            while not call.signal.acquire(timeout=self._patience_s(call)):
                death = call.death(time.monotonic())
                if death is not None:
                    if self._withdraw(batch, call):
                        raise death
                    # It runs already, or is about to.
                    call.signal.acquire()
                    return
        finally:
            with self._lock:
                self._sleeping -= 1

    def _patience_s(self, call: BatchedCall) -> float:
        left_s = call.left_s()
        look_s = max(_LOOK_S, self._sleeping / _LOOKS_PER_S) if call.has_peer else threading.TIMEOUT_MAX
        return look_s if left_s is None else min(left_s, look_s)

    def _withdraw(self, batch: _Open, call: BatchedCall) -> bool:
        """Take a call out of a batch that is not closed."""
        with self._lock:
            if batch.is_closed:
                return False
            batch.calls.remove(call)
            self._inside -= 1
            if self._open.get(batch.lane) is batch:
                batch.lane.withdraw(call.rows)
            else:
                batch.lane.leave(1, time.monotonic())
        return True

    def close(self, batch: _Open) -> None:
        """Nothing comes to the batch and nothing leaves it any more."""
        with self._lock:
            self._close(batch)

    def _close(self, batch: _Open) -> None:
        self._detach(batch)
        batch.is_closed = True

    def close_if_dead(self, batch: _Open) -> bool:
        """Close a batch for none of whose calls anybody waits, each with its own error."""
        with self._lock:
            calls = list(batch.calls)
        now = time.monotonic()
        deaths = [call.death(now) for call in calls]
        if None in deaths:
            return False
        with self._lock:
            if len(batch.calls) > len(calls):
                return False
            self._close(batch)
        for call, death in zip(calls, deaths, strict=True):
            call.error = death
        return True

    def leave(self, batch: _Open, is_draining: bool) -> None:
        """A closed batch is done: its lane may have become quiet."""
        now = time.monotonic()
        with self._lock:
            lane = batch.lane
            lane.leave(len(batch.calls), now)
            self._inside -= len(batch.calls)
            self._judge(lane, now, is_draining)
            if len(self._lanes) > _MAX_LANES:
                self._lanes = {kind: each for kind, each in self._lanes.items() if each.inside}

    # -- counting

    def count(self, method: str, reason: Reason, calls: int, rows: int) -> None:
        """A batch is sent."""
        stats = self._stats
        with self._lock:
            stats.batches += 1
            stats.calls += calls
            stats.rows += rows
            setattr(stats, reason.value, getattr(stats, reason.value) + 1)
        if self._batching.on_sent is not None:
            self._batching.on_sent(method, calls, rows, reason.value)

    def count_singly(self, calls: int) -> None:
        """So many calls run again, each by itself, since their batch failed."""
        with self._lock:
            self._stats.ran_singly += calls

    def snapshot(self) -> BatchStats:
        """A copy of the counters."""
        with self._lock:
            return copy.copy(self._stats)
