"""Stages that sleep, on numbered nodes of which the first are slow: uneven machines on any number of cores.

Every peer of the benchmarks of jobs does the same: a piece of work takes its seconds, on a slow node several times
as long, and a node does one piece at a time.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Any

import numpy as np

import pyrpc
from pyrpc.errors import OverloadedError

_TIMEOUT_S = 60.0


class Sleep:
    """What a node hosts."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._chance = random.Random(number)
        self._attempts = 0
        self._lock = threading.Lock()

    @pyrpc.stage(idempotent=True)
    def rows(self, x: np.ndarray, row_s: float, slow: int, times: float) -> np.ndarray:
        """Sleeps for each row; the nodes numbered below `slow` so many times as long."""
        time.sleep(len(x) * row_s * self._times(slow, times))
        return x

    @pyrpc.stage(idempotent=True)
    def once(self, seconds: float, slow: int, times: float) -> None:
        """The same as a single call."""
        time.sleep(seconds * self._times(slow, times))

    @pyrpc.stage(idempotent=True)
    def busy(self, x: np.ndarray, seconds: float) -> np.ndarray:
        """Turns every second call away, at random; the others sleep."""
        with self._lock:
            self._attempts += 1
            is_refused = self._chance.random() < 0.5
        if is_refused:
            raise OverloadedError("busy, as the benchmark wants it")
        time.sleep(seconds)
        return x

    def attempts(self) -> int:
        """How many calls of `busy` have come since this was asked last, those turned away included."""
        with self._lock:
            came, self._attempts = self._attempts, 0
        return came

    def _times(self, slow: int, times: float) -> float:
        return times if self._number < slow else 1.0


def serve(number: int, announce: Callable[[str], None]) -> None:
    """Serve node `number` for ever, one piece at a time; `announce` gets the endpoint."""
    server = pyrpc.Server({"Sleep": Sleep(number)}, port=0, threads=1)
    server.start()
    announce(server.endpoint)
    threading.Event().wait()


class SleepingCaller:
    """A client of all nodes, and jobs and calls on it."""

    def __init__(self, endpoints: list[str]) -> None:
        self._endpoints = endpoints
        self._client = pyrpc.Client(endpoints)
        self._each = [pyrpc.Client(endpoint) for endpoint in endpoints]

    def job(
        self,
        rows: int,
        row_s: float,
        slow: int,
        times: float,
        policy: str = "min_max",
        chunk_rows: int | None = None,
        is_cold: bool = False,
        settles: bool = True,
    ) -> float:
        """Seconds of one map.

        is_cold: by a client that is new, so that its connections count. settles: wait for idle nodes afterwards.
        """
        client = pyrpc.Client(self._endpoints) if is_cold else self._client
        x = np.arange(rows, dtype=np.float32)
        named = {"row_s": row_s, "slow": slow, "times": times}
        start = perf_counter()
        came = client.map("Sleep.rows", x, chunk_rows=chunk_rows, policy=policy, timeout_s=_TIMEOUT_S, **named)
        took = perf_counter() - start
        if is_cold:
            client.close()
        if settles:
            self.settle()
        if not np.array_equal(came, x):
            raise RuntimeError("the map's result is not its input")
        return took

    def receipt(
        self, rows: int, row_s: float, slow: int, times: float, chunk_rows: int | None = None
    ) -> dict[str, Any]:
        """The receipt of one map, untimed."""
        x = np.arange(rows, dtype=np.float32)
        job = self._client.map_async("Sleep.rows", x, chunk_rows=chunk_rows, row_s=row_s, slow=slow, times=times)
        job.result()
        self.settle()
        return job.receipt.to_dict()

    def settle(self) -> None:
        """Wait until all nodes are idle: what was given up still sleeps there."""
        self._attempts()

    def busy_job(self, chunks: int, seconds: float) -> dict[str, float]:
        """A map over chunks of which every second attempt is turned away: attempts and seconds."""
        x = np.arange(chunks, dtype=np.float32)
        start = perf_counter()
        self._client.map("Sleep.busy", x, chunk_rows=1, seconds=seconds, timeout_s=_TIMEOUT_S)
        took = perf_counter() - start
        return {"asked": chunks, "seconds": took, "attempts": self._attempts(), "failed": 0}

    def busy_calls(self, for_s: float, threads: int, seconds: float) -> dict[str, float]:
        """Single calls by several threads for so many seconds; every second attempt is turned away."""
        x = np.zeros(1, np.float32)
        start = perf_counter()

        def work(_: int) -> tuple[int, int]:
            asked = failed = 0
            while perf_counter() - start < for_s:
                asked += 1
                try:
                    self._client.call("Sleep.busy", x, seconds=seconds)
                except OverloadedError:
                    failed += 1
            return asked, failed

        with ThreadPoolExecutor(threads) as pool:
            counts = list(pool.map(work, range(threads)))
        took = perf_counter() - start
        asked, failed = (sum(column) for column in zip(*counts, strict=True))
        return {"asked": asked, "seconds": took, "attempts": self._attempts(), "failed": failed}

    def _attempts(self) -> int:
        """Of all nodes since the last time; this waits for its turn on each."""
        return sum(client.call("Sleep.attempts") for client in self._each)

    def calls(self, calls: int, threads: int, seconds: float, slow: int, times: float) -> list[float]:
        """Seconds of each of so many single calls by so many threads, of a client that is new."""

        def call(_: int) -> float:
            start = perf_counter()
            client.call("Sleep.once", seconds, slow=slow, times=times)
            return perf_counter() - start

        with pyrpc.Client(self._endpoints) as client, ThreadPoolExecutor(threads) as pool:
            times_s = list(pool.map(call, range(calls)))
        self.settle()
        return times_s
