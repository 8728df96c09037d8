"""What a node counts: calls, errors, rows and time per stage. Read by ``stats`` and, on each scrape, for Prometheus."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field

from pyrpc.server.histogram import BOUNDS_US, ROW_BOUNDS, added, bucket_of, empty_buckets, quantile_us
from pyrpc.wire.messages import Percentiles, StageStats

# A new chunk's share in the moving average: the last ten or so count.
_NEW_WEIGHT = 0.2
_SHARES = (0.5, 0.95, 0.99)


@dataclass(slots=True)
class BatchCounts:
    """What was merged for one stage: why each batch was sent, how many calls and rows were in it."""

    reasons: dict[str, int] = field(default_factory=dict)
    calls: int = 0
    rows: int = 0
    row_buckets: list[int] = field(default_factory=lambda: empty_buckets(ROW_BOUNDS))

    def add(self, other: BatchCounts) -> None:
        """Take in what another process counted."""
        for reason, count in other.reasons.items():
            self.reasons[reason] = self.reasons.get(reason, 0) + count
        self.calls += other.calls
        self.rows += other.rows
        self.row_buckets = added(self.row_buckets, other.row_buckets)


@dataclass(slots=True)
class StageCounts:
    """Counters of one stage since the start; times in microseconds, buckets of ``histogram.BOUNDS_US``."""

    calls: int = 0
    errors: int = 0
    rows: int = 0
    total_us: int = 0
    max_us: int = 0
    # Moving average over the chunks; None: none ran.
    ms_per_row: float | None = None
    run_buckets: list[int] = field(default_factory=empty_buckets)
    # Only calls that waited: all others belong to the first bucket, and pay nothing for that.
    queued_us: int = 0
    max_queued_us: int = 0
    queue_buckets: list[int] = field(default_factory=empty_buckets)

    @property
    def all_queue_buckets(self) -> list[int]:
        """The same with the calls that did not wait."""
        waited = self.queue_buckets
        return [waited[0] + self.calls - sum(waited), *waited[1:]]

    def copy(self) -> StageCounts:
        """One that stays as it is."""
        fresh = StageCounts()
        fresh.add(self)
        return fresh

    def add(self, other: StageCounts) -> None:
        """Take in what another process counted."""
        self.calls += other.calls
        self.errors += other.errors
        self.rows += other.rows
        self.total_us += other.total_us
        self.max_us = max(self.max_us, other.max_us)
        if self.ms_per_row is None:
            self.ms_per_row = other.ms_per_row
        self.run_buckets = added(self.run_buckets, other.run_buckets)
        self.queued_us += other.queued_us
        self.max_queued_us = max(self.max_queued_us, other.max_queued_us)
        self.queue_buckets = added(self.queue_buckets, other.queue_buckets)

    def stats(self) -> StageStats:
        """As ``stats`` tells it."""
        stats = StageStats(self.calls, self.errors, self.rows, self.total_us, self.max_us, ms_per_row=self.ms_per_row)
        if self.calls:
            stats.run = _percentiles(self.run_buckets, self.max_us)
            stats.queue = _percentiles(self.all_queue_buckets, self.max_queued_us)
        return stats


def _percentiles(buckets: Sequence[int], max_us: int) -> Percentiles:
    return Percentiles(*(round(quantile_us(buckets, share, max_us)) for share in _SHARES))


class Counters:
    """Counters since the start; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stages: dict[str, StageCounts] = {}
        self._errors: dict[tuple[str, str], int] = {}
        self._refused: dict[str, int] = {}
        self._batches: dict[str, BatchCounts] = {}
        self._started_at = time.monotonic()

    def ran(self, stage: str, service_us: int, rows: int, failed: bool, queued_us: int = 0) -> None:
        """A stage ran, well or not, after the call had waited."""
        with self._lock:
            counts = self._stages.get(stage)
            if counts is None:
                counts = self._stages[stage] = StageCounts()
            counts.calls += 1
            counts.rows += rows
            counts.errors += failed
            counts.total_us += service_us
            counts.run_buckets[bisect_left(BOUNDS_US, service_us)] += 1
            if service_us > counts.max_us:
                counts.max_us = service_us
            if rows and not failed:
                ms = service_us / 1000 / rows
                known = counts.ms_per_row
                counts.ms_per_row = ms if known is None else known + _NEW_WEIGHT * (ms - known)
            if queued_us:
                counts.queued_us += queued_us
                counts.max_queued_us = max(counts.max_queued_us, queued_us)
                counts.queue_buckets[bisect_left(BOUNDS_US, queued_us)] += 1

    def ms_per_row(self, stage: str) -> float | None:
        """Milliseconds that a row takes, as a moving average over the chunks of a stage; None: none ran."""
        counts = self._stages.get(stage)
        return None if counts is None else counts.ms_per_row

    def failed(self, code: str, stage: str = "") -> None:
        """An error was answered; stage: of a call to one that is hosted here."""
        with self._lock:
            key = code, stage
            self._errors[key] = self._errors.get(key, 0) + 1

    def refused(self, code: str) -> None:
        """A frame could not be read, or was too large."""
        with self._lock:
            self._refused[code] = self._refused.get(code, 0) + 1

    def batched(self, stage: str, calls: int, rows: int, reason: str) -> None:
        """Several calls, or one, went to a stage as one batch.

        Parameters
        ----------
        reason : str
            Why it was sent just then, as one of a few fixed words ("full", "delay", "idle" ...): each is a label.
        """
        with self._lock:
            batches = self._batches.get(stage)
            if batches is None:
                batches = self._batches[stage] = BatchCounts()
            batches.reasons[reason] = batches.reasons.get(reason, 0) + 1
            batches.calls += calls
            batches.rows += rows
            batches.row_buckets[bucket_of(rows, ROW_BOUNDS)] += 1

    @property
    def uptime_s(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started_at

    def snapshot(self) -> tuple[dict[str, StageStats], dict[str, int]]:
        """Copies of the counters per stage and of the errors by code."""
        with self._lock:
            stages = {name: counts.stats() for name, counts in self._stages.items()}
            errors: dict[str, int] = {}
            for (code, _), count in self._errors.items():
                errors[code] = errors.get(code, 0) + count
            return stages, errors

    def stages(self) -> dict[str, StageCounts]:
        """A copy, with the histograms."""
        with self._lock:
            return {name: counts.copy() for name, counts in self._stages.items()}

    def errors(self) -> dict[tuple[str, str], int]:
        """Errors by code and stage ("": the call did not get as far as one)."""
        with self._lock:
            return dict(self._errors)

    def frames_refused(self) -> dict[str, int]:
        """Frames that were not taken, by the code that was answered."""
        with self._lock:
            return dict(self._refused)

    def batches(self) -> dict[str, BatchCounts]:
        """A copy, by stage."""
        copies: dict[str, BatchCounts] = {}
        with self._lock:
            for name, counts in self._batches.items():
                copies[name] = BatchCounts()
                copies[name].add(counts)
        return copies
