"""Plain pull over stock Apache Thrift, as a user would write it: a thread for each node takes from one queue."""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter

from thrift.server.TServer import TThreadedServer

from .gen_echo import Echo
from .stock import AnnouncingSocket, factories, open_client

# For messages this small the variants differ by microseconds, in pieces of milliseconds.
_VARIANT = "framed-accelerated"


class _SleepHandler:
    """Sleeps as it is told, one call at a time."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._turn = threading.Lock()

    def echo(self, data: bytes) -> bytes:
        seconds, slow, times = json.loads(data)
        with self._turn:
            time.sleep(seconds * (times if self._number < slow else 1.0))
        return data

    def noop(self) -> None:
        return None


def serve(number: int, announce: Callable[[str], None]) -> None:
    """Serve node `number` for ever; `announce` gets the endpoint."""
    transport, protocol = factories(_VARIANT)
    processor = Echo.Processor(_SleepHandler(number))
    TThreadedServer(processor, AnnouncingSocket(announce), transport, protocol, daemon=True).serve()


class PullCaller:
    """One generated client, and one thread, for each node."""

    def __init__(self, endpoints: list[str]) -> None:
        self._clients = [open_client(endpoint, _VARIANT) for endpoint in endpoints]
        self._pool = ThreadPoolExecutor(len(endpoints))

    def job(self, rows: int, row_s: float, slow: int, times: float) -> float:
        """Seconds until all rows are done, one call each."""
        data = json.dumps([row_s, slow, times]).encode()
        left: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        for _ in range(rows):
            left.put(data)

        def work(client: Echo.Client) -> int:
            done = 0
            while True:
                try:
                    client.echo(left.get_nowait())
                except queue.Empty:
                    return done
                done += 1

        start = perf_counter()
        done = sum(self._pool.map(work, self._clients))
        took = perf_counter() - start
        if done != rows:
            raise RuntimeError(f"{done} of {rows} calls were made")
        return took
