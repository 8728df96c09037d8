"""A node of worker processes with a stage that holds the GIL, and who calls it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import perf_counter

import numpy as np

import pyrpc
from pyrpc.server.workers import WorkerFront, worker_command
from pyrpc.transport.endpoint import Endpoint


class Holding:
    """What the node hosts."""

    def hold(self, seconds: float) -> int:
        """Pure Python that never waits."""
        until, rounds = perf_counter() + seconds, 0
        while perf_counter() < until:
            rounds += 1
        return rounds

    def echo(self, x: np.ndarray) -> np.ndarray:
        """Gives back what it gets."""
        return x


def serve(workers: int, announce: Callable[[str], None]) -> None:
    """Serve for ever; `announce` gets the endpoint."""
    command = worker_command(["serve", f"{__name__}:Holding"])
    front = WorkerFront(Endpoint("127.0.0.1", 0), command, workers)
    front.start()
    announce(str(front.endpoint))
    threading.Event().wait()


class HoldingCaller:
    """One who keeps a node busy, or one who wants an answer beside that."""

    def __init__(self, endpoints: list[str]) -> None:
        self._client = pyrpc.Client(endpoints)

    def hold(self, seconds: float, for_s: float) -> int:
        """Call the stage that holds the GIL again and again; how often."""
        start, calls = perf_counter(), 0
        while perf_counter() - start < for_s:
            self._client.call("Holding.hold", seconds)
            calls += 1
        return calls

    def echoes(self, for_s: float, elements: int) -> list[float]:
        """Seconds of each of the echoes that fit into so many seconds."""
        x = np.zeros(elements, np.float32)
        start, times = perf_counter(), []
        while (begun := perf_counter()) - start < for_s:
            self._client.call("Holding.echo", x)
            times.append(perf_counter() - begun)
        return times
