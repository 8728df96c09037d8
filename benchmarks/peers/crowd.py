"""A node that more callers want something of than it can do, and those callers: open loop, none waits for another."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter

import numpy as np

import pyrpc
from pyrpc.client.node import NodeHandle
from pyrpc.deadline import Deadline
from pyrpc.errors import OverloadedError, PyrpcError
from pyrpc.transport.endpoint import Endpoint

THREADS = 8
# Of requests that wait or run, at the node.
MOST_BYTES = 64 * 2**20
# In flight at the same time; far more than the node lets wait.
_CALLERS = 400
_CALM_IN_A_ROW = 20


def work(seconds: float) -> int:
    """A call that takes its time without the GIL."""
    time.sleep(seconds)
    return 1


def hold(x: np.ndarray, seconds: float) -> int:
    """The same with an array, which the node keeps for so long."""
    time.sleep(seconds)
    return len(x)


def serve(announce: Callable[[str], None]) -> None:
    """Serve for ever; `announce` gets the endpoint."""
    server = pyrpc.Server(work, hold, port=0, threads=THREADS, max_bytes_in_flight=MOST_BYTES)
    server.start()
    announce(server.endpoint)
    threading.Event().wait()


class CrowdCaller:
    """Callers of one node that take the first answer: no retries, so that each call is one attempt."""

    def __init__(self, endpoints: list[str]) -> None:
        self._node = NodeHandle(Endpoint.parse(endpoints[0]), 5.0)
        self._client = pyrpc.Client(endpoints)
        self._endpoint = endpoints[0]

    def _call(self, seconds: float, timeout_s: float) -> tuple[str, float]:
        """How it ended, and after how many seconds."""
        start = perf_counter()
        try:
            self._node.invoke("work", [seconds], {}, Deadline(timeout_s))
            end = "good"
        except OverloadedError:
            end = "refused"
        except PyrpcError:
            end = "late"
        return end, perf_counter() - start

    def peak(self, seconds: float, timeout_s: float, for_s: float) -> float:
        """Calls a second that the node does when just so many come."""
        start = perf_counter()

        def repeat(_: int) -> int:
            done = 0
            while perf_counter() - start < for_s:
                done += self._call(seconds, timeout_s)[0] == "good"
            return done

        with ThreadPoolExecutor(2 * THREADS) as pool:
            return sum(pool.map(repeat, range(2 * THREADS))) / (perf_counter() - start)

    def overload(self, rate: float, seconds: float, timeout_s: float, for_s: float) -> dict[str, object]:
        """So many calls a second; how many ended how, how long refusals took, and until all is well again."""
        ends: list[tuple[str, float]] = []
        with ThreadPoolExecutor(_CALLERS) as pool:
            start = perf_counter()
            sent = 0
            while (now := perf_counter() - start) < for_s:
                while sent < now * rate:
                    sent += 1
                    pool.submit(lambda: ends.append(self._call(seconds, timeout_s)))
                time.sleep(0.002)
        took_s = perf_counter() - start
        return {
            "sent": sent,
            "good": sum(end == "good" for end, _ in ends),
            "late": sum(end == "late" for end, _ in ends),
            "refused_s": [s for end, s in ends if end == "refused"],
            "took_s": took_s,
            "recovery_s": self._recovery_s(seconds, timeout_s),
        }

    def flood(self, callers: int, payload_bytes: int, seconds: float, timeout_s: float, for_s: float) -> dict[str, int]:
        """So many callers with an array each, who ask again at once; how many calls ended how."""
        x = np.zeros(payload_bytes, np.uint8)
        start = perf_counter()
        ends: list[str] = []

        def repeat(_: int) -> None:
            while perf_counter() - start < for_s:
                try:
                    self._node.invoke("hold", [x, seconds], {}, Deadline(timeout_s))
                    ends.append("good")
                except OverloadedError:
                    ends.append("refused")
                except PyrpcError:
                    ends.append("late")

        with ThreadPoolExecutor(callers) as pool:
            list(pool.map(repeat, range(callers)))
        return {end: ends.count(end) for end in ("good", "refused", "late")}

    def _recovery_s(self, seconds: float, timeout_s: float) -> float:
        start = perf_counter()
        in_a_row, well_at = 0, start
        while in_a_row < _CALM_IN_A_ROW:
            begun = perf_counter()
            end, took_s = self._call(seconds, timeout_s)
            is_well = end == "good" and took_s < 3 * seconds + 0.01
            well_at = begun if is_well and not in_a_row else well_at
            in_a_row = in_a_row + 1 if is_well else 0
        return well_at - start
