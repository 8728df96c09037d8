"""A stage on a device that does one thing at a time and takes as long for 64 rows as for one, batched and not."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from time import perf_counter

import numpy as np

import pyrpc

_WIDTH = 64
_PATIENCE_S = 60.0


class Device:
    """The same stage twice."""

    def __init__(self) -> None:
        self._device = threading.Lock()

    def plain(self, x: np.ndarray, seconds: float) -> np.ndarray:
        """One call at a time."""
        with self._device:
            time.sleep(seconds)
        return 2 * x

    @pyrpc.stage(idempotent=True, batch=pyrpc.Batch(max_rows=64, max_delay_ms=5))
    def batched(self, x: np.ndarray, seconds: float) -> np.ndarray:
        """Calls that come at the same time are one."""
        return self.plain(x, seconds)


def serve(announce: Callable[[str], None]) -> None:
    """Serve for ever; `announce` gets the endpoint."""
    server = pyrpc.Server(Device, port=0, threads=8)
    server.start()
    announce(server.endpoint)
    threading.Event().wait()


class DeviceCaller:
    """Callers that each have a connection of their own and send a call when they have the answer to the last."""

    def __init__(self, endpoints: list[str]) -> None:
        self._endpoints = endpoints

    def calls(self, stage: str, callers: int, calls: int, seconds: float) -> dict[str, float]:
        """Calls a second of them all, and the median time of a call in seconds."""
        barrier = threading.Barrier(callers + 1)
        times: list[float] = []
        wrong: list[int] = []
        threads = [
            threading.Thread(target=self._call, args=(f"Device.{stage}", number, calls, seconds, barrier, times, wrong))
            for number in range(callers)
        ]
        for thread in threads:
            thread.start()
        barrier.wait(_PATIENCE_S)
        began = perf_counter()
        for thread in threads:
            thread.join()
        took_s = perf_counter() - began
        if wrong or len(times) != callers * calls:
            raise RuntimeError(f"{len(wrong)} wrong results, {len(times)} calls")
        return {"calls_per_s": len(times) / took_s, "median_s": float(np.median(times))}

    def _call(
        self,
        stage: str,
        number: int,
        calls: int,
        seconds: float,
        barrier: threading.Barrier,
        times: list[float],
        wrong: list[int],
    ) -> None:
        x = np.full((1, _WIDTH), float(number))
        with pyrpc.Client(self._endpoints, timeout_s=_PATIENCE_S) as client:
            client.call(stage, x, seconds)
            barrier.wait(_PATIENCE_S)
            for _ in range(calls):
                began = perf_counter()
                result = client.call(stage, x, seconds)
                times.append(perf_counter() - began)
                if not np.array_equal(result, 2 * x):
                    wrong.append(number)
