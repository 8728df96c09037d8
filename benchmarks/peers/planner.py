"""The planner alone: driven by events with a heap in place of nodes and network, and in the simulator."""

from __future__ import annotations

import heapq
from dataclasses import replace
from time import process_time
from typing import Any

from pyrpc.plan.actions import Finish, Send, WaitUntil
from pyrpc.plan.partition import Chunk
from pyrpc.plan.prng import SplitMix64
from pyrpc.plan.retry import RetryPolicy
from pyrpc.plan.scheduler import Scheduler
from pyrpc.simulate import calibrate, simulate

_CHUNK_S = 0.02
_TIMES = 5.0
# One node of so many is slow.
_SLOW_EACH = 4
_WINDOW = 2


class Planner:
    """Asked like a caller of nodes."""

    def plan(self, nodes: int, chunks: int, policy: str) -> float:
        """Microseconds of CPU for each chunk of a job on nodes of which every fourth is five times slower.

        A node does one chunk at a time. What the heap and this loop cost, about a microsecond, is in it.
        """
        names = [f"node{number}:9090" for number in range(nodes)]
        takes_s = {name: _CHUNK_S * (_TIMES if number % _SLOW_EACH == 0 else 1.0) for number, name in enumerate(names)}
        scheduler = Scheduler(
            [Chunk(index, index, index + 1) for index in range(chunks)],
            names,
            window=_WINDOW,
            retry=RetryPolicy(),
            idempotent=True,
            prng=SplitMix64(1),
            policy=policy,
        )
        start = process_time()
        done = _run(scheduler, takes_s)
        took = process_time() - start
        if done != chunks:
            raise RuntimeError(f"{done} of {chunks} chunks were done")
        return took / chunks * 1e6

    def predict(self, receipt: dict[str, Any], rows: int, hangs_at_s: float | None = None) -> float:
        """Makespan in seconds of a job of so many rows, by the simulator, from the receipt of a shorter one.

        hangs_at_s: when one of its nodes is stopped.
        """
        scenario = calibrate(receipt).scenario
        nodes = scenario.nodes
        if hangs_at_s is not None:
            nodes = (replace(nodes[0], hangs_at_s=hangs_at_s), *nodes[1:])
        outcome = simulate(replace(scenario, job=replace(scenario.job, rows=rows), nodes=nodes))
        if not outcome.is_done:
            raise RuntimeError(f"the simulated job was {outcome.state}")
        return outcome.makespan_s


def _run(scheduler: Scheduler, takes_s: dict[str, float]) -> int:
    """Drive the job to its end; how many attempts were done."""
    free_at = dict.fromkeys(takes_s, 0.0)
    ends: list[tuple[float, int]] = []
    wake_at, now, done = float("inf"), 0.0, 0
    actions = scheduler.start(now)
    while True:
        for action in actions:
            kind = type(action)
            if kind is Send:
                node = action.node
                free_at[node] = end = max(free_at[node], now) + takes_s[node]
                heapq.heappush(ends, (end, action.attempt_id))
            elif kind is WaitUntil:
                wake_at = action.at
            elif kind is Finish:
                return done
        if ends and ends[0][0] <= wake_at:
            now, attempt_id = heapq.heappop(ends)
            done += scheduler.is_wanted(attempt_id)
            actions = scheduler.done(attempt_id, now)
        else:
            now, wake_at = wake_at, float("inf")
            actions = scheduler.timer(now)
