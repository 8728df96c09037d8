"""What a run of the job did when: its stages, and the receipts of what was sent to nodes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from pyrpc.client.receipt import ChunkRecord, Receipt


@dataclass(slots=True)
class StageRun:
    """One stage of the job; times are seconds since the job began."""

    label: str
    rows: int
    began_s: float
    ended_s: float = 0.0
    receipts: list[tuple[float, Receipt]] = field(default_factory=list)

    @property
    def took_s(self) -> float:
        """From its beginning to its end, in seconds."""
        return self.ended_s - self.began_s

    def attempts(self) -> Iterator[tuple[float, ChunkRecord]]:
        """Each attempt at a chunk, with the time at which its receipt's seconds begin."""
        for began_s, receipt in self.receipts:
            for record in receipt.entries:
                yield began_s, record


class Timeline:
    """Begins with its first stage."""

    def __init__(self) -> None:
        self.stages: list[StageRun] = []
        self._zero = 0.0

    @contextmanager
    def stage(self, label: str, rows: int) -> Iterator[None]:
        """Measure what is run inside."""
        if not self.stages:
            self._zero = time.monotonic()
        run = StageRun(label, rows, self.now_s())
        self.stages.append(run)
        yield
        run.ended_s = self.now_s()

    def now_s(self) -> float:
        """Seconds since the first stage began."""
        return time.monotonic() - self._zero

    def add(self, began_s: float, receipt: Receipt) -> None:
        """A map or reduce of the current stage is done; it began at `began_s`."""
        self.stages[-1].receipts.append((began_s, receipt))

    @property
    def took_s(self) -> float:
        """From the first stage's beginning to the last one's end, in seconds."""
        return self.stages[-1].ended_s - self.stages[0].began_s if self.stages else 0.0
