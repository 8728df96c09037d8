"""The batches of one stage: which call comes to which, who leads, who sleeps, and when a batch is sent.

Each call has a lock of its own to sleep on, so that nobody wakes who has nothing to do; when a batch is sent,
``server/batch_rule.py`` says.
"""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable, Hashable

from pyrpc.server.batch_rule import Lane, Reason
from pyrpc.server.batched_call import BatchedCall
from pyrpc.stage.registry import Stage
from pyrpc.wire.messages import BatchStats

# As in Admission: how often a call that waits looks whether its caller still does, and how often all together.
_LOOK_S = 0.1
_LOOKS_PER_S = 2000
# A batch that waits for others hears so late at most that the node drains.
_DRAIN_POLL_S = 0.05
# What is remembered of kinds of calls of a stage, of which there may be any number.
_MAX_LANES = 64


class OpenBatch:
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


class Collector:
    """The batches of one stage."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lanes: dict[Hashable, Lane] = {}
        # The open batch of each lane.
        self._open: dict[Lane, OpenBatch] = {}
        # Calls of all lanes that wait or run, and those that sleep.
        self._inside = 0
        self._sleeping = 0
        self._stats = BatchStats()

    def join(self, stage: Stage, kind: Hashable, call: BatchedCall, is_draining: bool) -> OpenBatch:
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
                batch = self._open[lane] = OpenBatch(stage, lane, call)
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

    def _decide(self, batch: OpenBatch, reason: Reason) -> None:
        if batch.reason is None:
            batch.reason = reason
            batch.calls[0].signal.release()

    def _detach(self, batch: OpenBatch) -> None:
        """No more calls come to it."""
        if self._open.get(batch.lane) is batch:
            del self._open[batch.lane]
            batch.lane.send()

    def await_reason(self, batch: OpenBatch, is_draining: Callable[[], bool]) -> None:
        """In the leader's thread: wait until the batch is to be sent."""
        signal = batch.calls[0].signal
        while batch.reason is None:
            left_s = batch.lane.until - time.monotonic()
            if signal.acquire(timeout=min(max(left_s, 0.0), _DRAIN_POLL_S)):
                return
            is_ending = is_draining()
            with self._lock:
                self._judge(batch.lane, time.monotonic(), is_ending)

    def follow(self, batch: OpenBatch, call: BatchedCall) -> None:
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

    def _withdraw(self, batch: OpenBatch, call: BatchedCall) -> bool:
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

    def close(self, batch: OpenBatch) -> None:
        """Nothing comes to the batch and nothing leaves it any more."""
        with self._lock:
            self._close(batch)

    def _close(self, batch: OpenBatch) -> None:
        self._detach(batch)
        batch.is_closed = True

    def close_if_dead(self, batch: OpenBatch) -> bool:
        """Close a batch for none of whose calls anybody waits, each with its own error."""
        with self._lock:
            calls = list(batch.calls)
        now = time.monotonic()
        deaths = [call.death(now) for call in calls]
        if None in deaths:
            return False
        with self._lock:
            if any(call not in calls for call in batch.calls):
                # Somebody came meanwhile.
                return False
            self._close(batch)
        for call, death in zip(calls, deaths, strict=True):
            call.error = death
        return True

    def leave(self, batch: OpenBatch, is_draining: bool) -> None:
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

    def count(self, reason: Reason, calls: int, rows: int) -> None:
        """A batch is sent."""
        stats = self._stats
        with self._lock:
            stats.batches += 1
            stats.calls += calls
            stats.rows += rows
            setattr(stats, reason.value, getattr(stats, reason.value) + 1)

    def count_singly(self, calls: int) -> None:
        """So many calls run again, each by itself, since their batch failed."""
        with self._lock:
            self._stats.ran_singly += calls

    def snapshot(self) -> BatchStats:
        """A copy of the counters."""
        with self._lock:
            return copy.copy(self._stats)
