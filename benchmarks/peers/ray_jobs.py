"""Ray: an actor for each node, the first of which are slow, and its ActorPool."""

from __future__ import annotations

import logging
import time
from time import perf_counter

import ray
from ray.util import ActorPool


@ray.remote(num_cpus=1)
class _Node:
    def __init__(self, number: int) -> None:
        self._number = number

    def sleep(self, row: int, seconds: float, slow: int, times: float) -> int:
        time.sleep(seconds * (times if self._number < slow else 1.0))
        return row


class RayCaller:
    """Ray's own cluster on this machine."""

    def __init__(self, nodes: int) -> None:
        ray.init(num_cpus=nodes, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
        self._actors = [_Node.remote(number) for number in range(nodes)]
        ray.get([actor.sleep.remote(0, 0.0, 0, 1.0) for actor in self._actors])

    def job(self, rows: int, row_s: float, slow: int, times: float) -> float:
        """Seconds until all rows are done, a call of an actor each."""
        pool = ActorPool(self._actors)
        start = perf_counter()
        came = list(pool.map_unordered(lambda actor, row: actor.sleep.remote(row, row_s, slow, times), range(rows)))
        took = perf_counter() - start
        if sorted(came) != list(range(rows)):
            raise RuntimeError("the results are not those of the calls")
        return took

    def close(self) -> None:
        """End all of Ray's processes."""
        ray.shutdown()
