"""What the simulator predicts for the jobs of the other benchmarks, beside what they take.

It knows a receipt of a job half as long on the same nodes, and when a node is stopped. All jobs run anew here, since
a machine is never the same for minutes.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from ..harness.contest import OURS, leave_out, open_numbered
from ..harness.outcome import Outcome
from ..harness.placement import Placement
from ..harness.processes import ChildFailedError, Driver, Node
from . import stopped_node, uneven
from .sizes import Sizes
from .uneven_rows import ROWS_A_CHUNK

NAME = "simulated"
_WANTED = 0.1


@dataclass(frozen=True)
class _Job:
    """Which job, on the first so many nodes; stop_s: when the first of them is stopped."""

    name: str
    nodes: int
    named: dict[str, Any]
    stop_s: float | None = None


def run(sizes: Sizes, placement: Placement) -> Outcome:
    """Measure simulated."""
    setup = "makespans of the jobs of uneven_chunks, uneven_rows and stopped_node, and those predicted by the simulator"
    outcome = Outcome(NAME, setup)
    with ExitStack() as stack:
        fleet = open_numbered(stack, outcome, OURS, "sleeping", stopped_node.NODES, placement)
        if fleet.driver is None:
            return outcome
        try:
            few = stack.enter_context(
                Driver("sleeping", [node.endpoint for node in fleet.nodes[: uneven.NODES]], placement.both)
            )
            planner = stack.enter_context(Driver("planner", [], {placement.near}))
            drivers = {uneven.NODES: few, stopped_node.NODES: fleet.driver}
            for _ in range(sizes.simulated_rounds):
                for job in _jobs(sizes):
                    _measure(outcome, job, drivers[job.nodes], fleet.nodes[0], planner)
        except ChildFailedError as error:
            leave_out(outcome, OURS, error)
    for job in _jobs(sizes):
        measured, simulated = outcome.get(f"{job.name}, measured"), outcome.get(f"{job.name}, simulated")
        if measured is not None and simulated is not None:
            apart = abs(simulated.median / measured.median - 1)
            outcome.aim(f"{job.name}: |simulated / measured - 1|", apart, at_most=_WANTED)
    return outcome


def _jobs(sizes: Sizes) -> list[_Job]:
    chunks = {"rows": sizes.job_chunks, "row_s": sizes.job_chunk_s, "chunk_rows": 1}
    rows = {"rows": sizes.job_chunks * ROWS_A_CHUNK, "row_s": sizes.job_chunk_s / ROWS_A_CHUNK}
    ways = {"chunks": chunks, "rows": rows}
    jobs = [
        _Job(f"{uneven.prefix(slow)}{way}", uneven.NODES, {**named, "slow": slow, "times": uneven.TIMES})
        for slow in uneven.SLOW
        for way, named in ways.items()
    ]
    stop_s = stopped_node.stop_s(sizes)
    for way, named in stopped_node.ways(sizes).items():
        jobs.append(_Job(f"{way}one of {stopped_node.NODES} stopped", stopped_node.NODES, named, stop_s))
    return jobs


def _measure(outcome: Outcome, job: _Job, driver: Driver, first: Node, planner: Driver) -> None:
    """One job as measured and as predicted from a receipt of just before."""
    shorter = {**job.named, "rows": job.named["rows"] // 2}
    receipt = driver.ask("of_caller", name="receipt", **shorter)
    predicted = planner.ask("of_caller", name="predict", receipt=receipt, rows=job.named["rows"], hangs_at_s=job.stop_s)
    if job.stop_s is None:
        took = driver.ask("of_caller", name="job", **job.named)
    else:
        took = stopped_node.job_with_stop(driver, first, job.named, job.stop_s)
    for what, seconds in (("measured", took), ("simulated", predicted)):
        name = f"{job.name}, {what}"
        (outcome.get(name) or outcome.add(name, "s")).values.append(seconds)
