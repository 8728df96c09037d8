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
import time
from collections.abc import Callable, Sequence
from typing import Any

from pyrpc.errors import CancelledError, ExpiredError, InternalError, OverloadedError, PyrpcError
from pyrpc.server.admission import Admission
from pyrpc.server.batch_rule import Reason
from pyrpc.server.batched_call import BatchedCall
from pyrpc.server.collector import Collector, OpenBatch
from pyrpc.server.counters import Counters
from pyrpc.server.merging import apart, kind_of, merged, rows_of
from pyrpc.stage.batch import Slot
from pyrpc.stage.current import RUNNING, Peer, current_call
from pyrpc.stage.registry import Stage
from pyrpc.wire.messages import BatchStats

# Who came as short a time ago is not asked again before the batch runs: each look lets go of the interpreter's lock.
_FRESH_S = 0.02

Observer = Callable[[str, int, int, str], None]
"""Told of each batch: stage, calls, rows, reason."""


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
        self._collectors: dict[str, Collector] = {}
        self.on_sent: Observer | None = None

    def share(
        self,
        stage: Stage,
        positional: list[Any],
        named: dict[str, Any],
        left_s: float | None,
        peer: Peer | None,
        attempt: int,
        rows: int | None = None,
    ) -> BatchedCall:
        """Run a call together with others; blocks. Check the call before and its result after it.

        Parameters
        ----------
        rows : int, optional
            Of a chunk, as its caller told: arrays with another number of rows go whole, and it runs alone. So does a
            reduction (below 0), which gives one result for all its rows.

        Raises
        ------
        StageFailedError, BadResultError
            Of the batch that it was in.
        ExpiredError, CancelledError, OverloadedError
            It did not run.
        """
        assert stage.batch is not None
        collector = self._collectors.get(stage.name) or self._collectors.setdefault(stage.name, Collector())
        call = BatchedCall(positional, named, left_s, peer, attempt)
        slots = stage.batch.slots(positional, named)
        call.rows = rows_of(positional, named, slots) or 0
        is_fitting = 0 < call.rows < stage.batch.max_rows and rows in (None, call.rows)
        kind = kind_of(positional, named, slots) if is_fitting else None
        if kind is None:
            # Nothing to merge, or no room beside it; no row at all: who knows what the stage makes of it.
            is_full = call.rows >= stage.batch.max_rows
            self._count(collector, stage.name, Reason.FULL if is_full else Reason.INCOMPATIBLE, 1, call.rows)
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

    def _count(self, collector: Collector, method: str, reason: Reason, calls: int, rows: int) -> None:
        collector.count(reason, calls, rows)
        if self.on_sent is not None:
            self.on_sent(method, calls, rows, reason.value)

    # -- the leader

    def _lead(self, collector: Collector, batch: OpenBatch, slots: tuple[Slot, ...]) -> None:
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

    def _enter(self, collector: Collector, batch: OpenBatch) -> bool:
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

    def _run(self, collector: Collector, batch: OpenBatch, slots: tuple[Slot, ...]) -> None:
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
        self._count(collector, batch.stage.name, batch.reason, len(alive), rows)
        self._run_merged(collector, batch, alive, rows, slots)

    def _run_merged(
        self, collector: Collector, batch: OpenBatch, alive: list[BatchedCall], rows: int, slots: tuple[Slot, ...]
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
            self._counters.ran(method, service_us * call.rows // rows, call.rows, is_failed, call.queued_us)
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
