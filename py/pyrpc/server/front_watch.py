"""The metrics port of a node of several workers: the front asks them all, and adds up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from pyrpc.errors import ProtocolError
from pyrpc.server.metrics import metrics_port
from pyrpc.server.sample import Sample, WorkerTotals
from pyrpc.server.workers import WorkerFront
from pyrpc.transport.endpoint import Endpoint
from pyrpc.transport.handover import read_counters
from pyrpc.transport.scrape import ScrapePort

# For all workers together; Prometheus waits 10 s for a scrape.
_ANSWER_S = 2.0


def front_metrics(endpoint: Endpoint, front: WorkerFront) -> ScrapePort:
    """A port, not yet open, that tells Prometheus what all workers of a front have counted.

    Raises
    ------
    ConfigError
        prometheus_client is not installed.
    """
    return metrics_port(endpoint, _Gather(front).samples, lambda: front.deaths)


class _Gather:
    """Asks the workers; one scrape at a time, so that what is added up never goes back."""

    def __init__(self, front: WorkerFront, clock: Callable[[], float] = time.monotonic) -> None:
        self._front = front
        self._clock = clock
        self._asking = threading.Lock()
        self._totals = WorkerTotals()

    def samples(self) -> tuple[Sample, list[Sample]]:
        """The sum over all workers that ever were, and a sample of each that is there."""
        with self._asking:
            # All are asked before the first answer is waited for.
            asked = self._front.ask_counters()
            until = self._clock() + _ANSWER_S
            samples = [_sample(None if answer is None else read_counters(answer, until)) for _, answer in asked]
            return self._totals.update(samples, [pid for pid, _ in asked])


def _sample(text: bytes | None) -> Sample | None:
    try:
        return None if text is None else Sample.from_json(text)
    except ProtocolError:
        return None
