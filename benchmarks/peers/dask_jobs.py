"""Dask distributed: worker processes of one thread each, the first of which are slow."""

from __future__ import annotations

import time
from time import perf_counter

from distributed import Client, LocalCluster, get_worker


def _sleep(number: int, seconds: float, slow: list[str], times: float) -> int:
    time.sleep(seconds * (times if get_worker().address in slow else 1.0))
    return number


class DaskCaller:
    """A cluster on this machine, with Dask's own settings."""

    def __init__(self, nodes: int) -> None:
        self._cluster = LocalCluster(n_workers=nodes, threads_per_worker=1, processes=True, dashboard_address=None)
        self._client = Client(self._cluster)
        self._client.wait_for_workers(nodes)
        self._workers = sorted(self._client.scheduler_info(n_workers=-1)["workers"])

    def job(self, rows: int, row_s: float, slow: int, times: float) -> float:
        """Seconds until all rows are done, a task each."""
        start = perf_counter()
        futures = self._client.map(
            _sleep, range(rows), seconds=row_s, slow=self._workers[:slow], times=times, pure=False
        )
        came = self._client.gather(futures)
        took = perf_counter() - start
        if came != list(range(rows)):
            raise RuntimeError("the results are not those of the tasks")
        return took

    def close(self) -> None:
        """End the workers."""
        self._client.close()
        self._cluster.close()
