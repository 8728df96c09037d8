"""What a node counts: calls, errors, rows and time per stage."""

from __future__ import annotations

import threading
import time

from pyrpc.wire.messages import StageStats


class Counters:
    """Counters since the start; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stages: dict[str, StageStats] = {}
        self._errors: dict[str, int] = {}
        self._started_at = time.monotonic()

    def ran(self, stage: str, service_us: int, rows: int, failed: bool) -> None:
        """A stage ran, well or not."""
        with self._lock:
            stats = self._stages.get(stage)
            if stats is None:
                stats = self._stages[stage] = StageStats()
            stats.calls += 1
            stats.rows += rows
            stats.errors += failed
            stats.total_us += service_us
            if service_us > stats.max_us:
                stats.max_us = service_us

    def failed(self, code: str) -> None:
        """An error was answered."""
        with self._lock:
            self._errors[code] = self._errors.get(code, 0) + 1

    @property
    def uptime_s(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started_at

    def snapshot(self) -> tuple[dict[str, StageStats], dict[str, int]]:
        """Copies of the counters per stage and of the errors by code."""
        with self._lock:
            stages = {
                name: StageStats(s.calls, s.errors, s.rows, s.total_us, s.max_us) for name, s in self._stages.items()
            }
            return stages, dict(self._errors)
