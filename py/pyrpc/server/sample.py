"""What a process of a node has counted up to now, as one value that a worker can send to its front."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from pyrpc.errors import ProtocolError
from pyrpc.server.counters import BatchCounts, StageCounts


@dataclass(slots=True)
class Sample:
    """Counters since the start of one process, and what is so just now; times in seconds where the name says so.

    Attributes
    ----------
    is_serving : bool
        False while the node drains.
    stages : dict
        By name.
    errors : dict
        By code and stage, ``""`` where the call did not get as far as one.
    frames_refused : dict
        By code.
    batches : dict
        By stage.
    """

    pid: int = 0
    uptime_s: float = 0.0
    is_serving: bool = True
    threads: int = 0
    in_flight: int = 0
    queued: int = 0
    connections: int = 0
    bytes_received: int = 0
    bytes_sent: int = 0
    stages: dict[str, StageCounts] = field(default_factory=dict)
    errors: dict[tuple[str, str], int] = field(default_factory=dict)
    frames_refused: dict[str, int] = field(default_factory=dict)
    batches: dict[str, BatchCounts] = field(default_factory=dict)

    def to_json(self) -> bytes:
        """As bytes, for another process of the same version."""
        fields = asdict(self)
        fields["errors"] = [[code, stage, count] for (code, stage), count in self.errors.items()]
        return json.dumps(fields).encode()

    @classmethod
    def from_json(cls, text: bytes) -> Sample:
        """The sample that ``to_json`` wrote.

        Raises
        ------
        ProtocolError
        """
        try:
            fields: dict[str, Any] = json.loads(text)
            fields["stages"] = {name: StageCounts(**each) for name, each in fields["stages"].items()}
            fields["errors"] = {(code, stage): count for code, stage, count in fields["errors"]}
            fields["batches"] = {name: BatchCounts(**each) for name, each in fields["batches"].items()}
            return cls(**fields)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ProtocolError("a worker's counters cannot be read", got=repr(error)) from error

    def count(self, other: Sample) -> None:
        """Take in what another process counted since its start; what is so just now stays as it is."""
        self.bytes_received += other.bytes_received
        self.bytes_sent += other.bytes_sent
        for name, counts in other.stages.items():
            self.stages.setdefault(name, StageCounts()).add(counts)
        for key, count in other.errors.items():
            self.errors[key] = self.errors.get(key, 0) + count
        for code, count in other.frames_refused.items():
            self.frames_refused[code] = self.frames_refused.get(code, 0) + count
        for name, batches in other.batches.items():
            self.batches.setdefault(name, BatchCounts()).add(batches)


def counted(samples: Sequence[Sample]) -> Sample:
    """The counters of several processes added up."""
    total = Sample()
    for sample in samples:
        total.count(sample)
    return total


class WorkerTotals:
    """Adds up what workers count, through their deaths.

    A counter that goes back is taken for a restart by Prometheus, which then counts all that is left once more. So
    what a dead worker had told last stays in the sum; what it did after that is lost. A worker that does not answer
    in time counts with what it told last.
    """

    def __init__(self) -> None:
        self._past = Sample()
        self._last: dict[int, Sample] = {}

    def update(self, samples: Sequence[Sample | None], pids: Sequence[int]) -> tuple[Sample, list[Sample]]:
        """The sum of all that was ever counted, and the last sample of each worker that is there.

        Parameters
        ----------
        samples : sequence of Sample or None
            One for each of the pids; None: it did not answer.
        """
        for pid in self._last.keys() - set(pids):
            self._past.count(self._last.pop(pid))
        for pid, sample in zip(pids, samples, strict=True):
            if sample is not None:
                self._last[pid] = sample
        living = [self._last[pid] for pid in pids if pid in self._last]
        total = copy.deepcopy(self._past)
        total.count(counted(living))
        return total, living
