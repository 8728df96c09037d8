"""A peer's caller as a process: ``python -m benchmarks.peers.drive PEER ENDPOINT...``, asked in lines of JSON.

Times are taken here, next to the calls; checks of what comes back are outside of them.
"""

from __future__ import annotations

import itertools
import json
import sys
import threading
from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np


def connect(peer: str, endpoints: list[str]) -> Any:
    """The caller of a peer; imports only what that peer needs."""
    kind, _, variant = peer.partition(":")
    if kind == "pyrpc":
        from .ours import OurCaller

        return OurCaller(endpoints)
    if kind == "sockets":
        from .sockets import SocketsCaller

        return SocketsCaller(endpoints)
    if kind == "sleeping":
        from .sleeping import SleepingCaller

        return SleepingCaller(endpoints)
    if kind == "device":
        from .device import DeviceCaller

        return DeviceCaller(endpoints)
    if kind == "crowd":
        from .crowd import CrowdCaller

        return CrowdCaller(endpoints)
    if kind == "load":
        from .load import LoadCaller

        return LoadCaller(variant, endpoints)
    if kind == "drips":
        from .drips import DripCaller

        return DripCaller(endpoints)
    if kind == "holding":
        from .holding import HoldingCaller

        return HoldingCaller(endpoints)
    if kind == "pulling":
        from .pulling import PullCaller

        return PullCaller(endpoints)
    if kind in ("dask", "ray"):
        return _cluster(kind, int(endpoints[0]))
    if kind == "planner":
        from .planner import Planner

        return Planner()
    from .stock import StockCaller

    return StockCaller(variant, endpoints)


def _cluster(kind: str, nodes: int) -> Any:
    """Those that start their nodes themselves."""
    if kind == "dask":
        from .dask_jobs import DaskCaller

        return DaskCaller(nodes)
    from .ray_jobs import RayCaller

    return RayCaller(nodes)


class Tasks:
    """What a driver can be asked; each method is one task, its result goes back as JSON."""

    def __init__(self, caller: Any) -> None:
        self._caller = caller
        self._array = np.zeros(0, np.float32)
        self._small_call: Callable[[], object] | None = None

    def of_caller(self, name: str, **named: Any) -> Any:
        """A task that only this caller has, and times by itself."""
        return getattr(self._caller, name)(**named)

    def close(self) -> None:
        """End what the caller started."""
        if hasattr(self._caller, "close"):
            self._caller.close()

    def load(self, elements: int) -> None:
        """Make the float32 input; every page of it is touched."""
        self._array = np.random.default_rng(20261124).random(elements, dtype=np.float32)
        self._small_call = None

    def check(self) -> bool:
        """Whether what comes back is what was sent, bit for bit."""
        came = self._caller.echo_array(self._array)
        return bool(
            came.dtype == self._array.dtype and np.array_equal(came.view(np.uint32), self._array.view(np.uint32))
        )

    def echo_array(self, calls: int, untimed: int) -> list[float]:
        """Seconds of each of so many echoes after some untimed; a result is dropped before the next call."""
        times = []
        for _ in range(untimed):
            self._caller.echo_array(self._array)
        for _ in range(calls):
            start = perf_counter()
            came = self._caller.echo_array(self._array)
            times.append(perf_counter() - start)
            del came
        return times

    def echo_kept(self, calls: int, untimed: int) -> list[float]:
        """The same with all results kept until the end, so that each takes memory of its own."""
        times, kept = [], []
        for _ in range(untimed + calls):
            start = perf_counter()
            kept.append(self._caller.echo_array(self._array))
            times.append(perf_counter() - start)
        return times[untimed:]

    def echo_once(self) -> int:
        """One echo and nothing else, for the memory it takes; the bytes that came back."""
        return int(self._caller.echo_array(self._array).nbytes)

    def echo_small(self, calls: int) -> float:
        """Seconds a call, over so many."""
        if self._small_call is None:
            self._small_call = self._caller.echo_small(self._array)
        call = self._small_call
        start = perf_counter()
        for _ in itertools.repeat(None, calls):
            call()
        return (perf_counter() - start) / calls

    def noops(self, calls: int, threads: int) -> float:
        """Calls a second of so many no-op calls, shared by so many threads."""
        shares = [self._caller.noops(thread, threads) for thread in range(threads)]
        return _calls_per_s(shares, calls)

    def many_noops(self, calls: int) -> float:
        """Calls a second when they are begun without waiting for those before."""
        start = perf_counter()
        self._caller.many_noops(calls)
        return calls / (perf_counter() - start)

    def map_array(self) -> float:
        """Seconds of one map of x * 2."""
        start = perf_counter()
        came = self._caller.map_doubled(self._array)
        took = perf_counter() - start
        del came
        return took

    def check_map(self) -> bool:
        """Whether the map gives what NumPy gives."""
        return bool(np.array_equal(self._caller.map_doubled(self._array), self._array * 2))

    def double_here(self) -> float:
        """Seconds of the same in this process, by one NumPy call."""
        start = perf_counter()
        came = self._array * 2
        took = perf_counter() - start
        del came
        return took


def _calls_per_s(shares: list[list[Callable[[], object]]], calls: int) -> float:
    if len(shares) == 1:
        # Here, as a program without threads would.
        start = perf_counter()
        _run_share(shares[0], calls)
        return calls / (perf_counter() - start)
    gate = threading.Barrier(len(shares) + 1)
    failures: list[BaseException] = []

    def run(share: list[Callable[[], object]]) -> None:
        gate.wait()
        try:
            _run_share(share, calls // len(shares))
        except BaseException as error:
            failures.append(error)

    workers = [threading.Thread(target=run, args=(share,), daemon=True) for share in shares]
    for worker in workers:
        worker.start()
    gate.wait()
    start = perf_counter()
    for worker in workers:
        worker.join()
    took = perf_counter() - start
    if failures:
        raise failures[0]
    return calls / took


def _run_share(share: list[Callable[[], object]], calls: int) -> None:
    for _ in itertools.repeat(None, calls // len(share)):
        for call in share:
            call()


def main() -> None:
    """Answer until stdin ends."""
    tasks = Tasks(connect(sys.argv[1], sys.argv[2:]))
    print("ready", flush=True)
    for row in sys.stdin:
        request = json.loads(row)
        try:
            answer = {"value": getattr(tasks, request.pop("do"))(**request)}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)
    tasks.close()


if __name__ == "__main__":
    main()
