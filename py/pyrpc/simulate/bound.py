"""How soon the job of a scenario could end, whoever plans it.

- Node i does ``v_i = threads_i / row_s_i`` rows a second, or as many as its link carries. No schedule ends before the
  first T with ``sum of v_i x up_i(T) >= rows``, where ``up_i(T)`` is the time until T in which it is there.
- Chunks of a fixed grid stay whole: a thread that needs ``t_i`` for one ends ``floor(up_i(T) / t_i)`` of them. With
  equal chunks, which go to whoever ends them first, that is the exact optimum of machines of different speed; of a
  grid whose chunks differ, the smallest size counts.
- No schedule ends before a whole chunk could run on the fastest node.

Latency, the client and refusals are left out: they cost nothing in the ideal. Luck counts with its mean, so that a
lucky run of a job with few chunks may end a little sooner.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from pyrpc.plan.partition import MAX_CHUNK_BYTES
from pyrpc.simulate.scenario import NodeModel, Scenario

_BISECTIONS = 80
_TINY = 1e-9


def lower_bound_s(scenario: Scenario) -> float:
    """The bound in seconds; inf if the nodes are gone before the work could be done."""
    job, nodes = scenario.job, scenario.nodes
    speeds = [_rows_per_s(scenario, node) for node in nodes]
    bound_s = _first(
        lambda until_s: (
            sum(speed * node.up_s(until_s) for speed, node in zip(speeds, nodes, strict=True)) >= job.rows * (1 - _TINY)
        ),
        job.rows / sum(speeds),
    )
    return bound_s if job.is_divisible else max(bound_s, _grid_s(scenario))


def _rows_per_s(scenario: Scenario, node: NodeModel) -> float:
    job = scenario.job
    speed = node.threads / (node.piece_runs_s(1) - node.piece_runs_s(0))
    for row_bytes in (job.row_bytes, job.result_row_bytes):
        if row_bytes:
            speed = min(speed, node.bytes_per_s / row_bytes)
    return speed


def _grid_s(scenario: Scenario) -> float:
    chunks, rows = _smallest(scenario)
    times_s = [node.piece_runs_s(rows) for node in scenario.nodes]

    def is_enough(until_s: float) -> bool:
        return chunks <= sum(
            node.threads * math.floor(node.up_s(until_s) / time_s + _TINY)
            for time_s, node in zip(times_s, scenario.nodes, strict=True)
        )

    return _first(is_enough, min(times_s))


def _smallest(scenario: Scenario) -> tuple[int, int]:
    """How many chunks of the grid have at least so many rows: all of them, or all but a shorter last one."""
    job = scenario.job
    largest = max(1, MAX_CHUNK_BYTES // job.row_bytes) if job.row_bytes else job.rows
    if job.chunk_rows is not None and job.chunk_rows <= largest:
        rows = min(job.chunk_rows, job.rows)
        return job.rows // rows, rows
    # What plan_chunks makes of a size that no frame holds: as few chunks as may be, of about the same size.
    chunks = max(min(job.chunks or 1, job.rows), -(-job.rows // largest))
    return chunks, job.rows // chunks


def _first(is_enough: Callable[[float], bool], at_least_s: float) -> float:
    """The first moment at which something that stays true is true."""
    high_s = at_least_s
    while not is_enough(high_s):
        high_s *= 2.0
        if high_s > 1e15:
            return math.inf
    low_s = 0.0
    for _ in range(_BISECTIONS):
        middle_s = (low_s + high_s) / 2
        if is_enough(middle_s):
            high_s = middle_s
        else:
            low_s = middle_s
    return high_s
