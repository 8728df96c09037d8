"""One of eight nodes is stopped (SIGSTOP) in the middle of a job: how much longer than on the seven others alone."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any

from ..harness.contest import OURS, leave_out, open_numbered
from ..harness.outcome import Outcome
from ..harness.placement import Placement
from ..harness.processes import ChildFailedError, Driver, Node
from ..harness.rounds import interleave
from .sizes import Sizes

NAME = "stopped_node"
NODES = 8
# Of the time that the job takes on all nodes.
_STOP_AT = 0.4
_WANTED = 1.3
_ROWS_A_CHUNK = 100


def ways(sizes: Sizes) -> dict[str, dict[str, Any]]:
    """The job in rows and in chunks."""
    healthy = {"slow": 0, "times": 1.0}
    rows = {"rows": sizes.stop_chunks * _ROWS_A_CHUNK, "row_s": sizes.job_chunk_s / _ROWS_A_CHUNK}
    chunks = {"rows": sizes.stop_chunks, "row_s": sizes.job_chunk_s, "chunk_rows": 1}
    return {"rows: ": rows | healthy, "chunks: ": chunks | healthy}


def stop_s(sizes: Sizes) -> float:
    """When the node is stopped, in seconds from the beginning of the job."""
    return _STOP_AT * sizes.stop_chunks * sizes.job_chunk_s / NODES


def run(sizes: Sizes, placement: Placement) -> Outcome:
    """Measure stopped_node."""
    setup = (
        f"{sizes.stop_chunks} chunks that sleep {sizes.job_chunk_s * 1e3:g} ms, or as many times {_ROWS_A_CHUNK} rows "
        f"cut on demand, on {NODES} nodes, one stopped after {stop_s(sizes):.2f} s"
    )
    outcome = Outcome(NAME, setup, ours="rows: 7 nodes, no fault")
    with ExitStack() as stack:
        fleet = open_numbered(stack, outcome, OURS, "sleeping", NODES, placement)
        if fleet.driver is None:
            return outcome
        fewer = stack.enter_context(Driver("sleeping", [node.endpoint for node in fleet.nodes[1:]], placement.both))
        contenders: list[tuple[Any, Callable[[], list[float]]]] = []
        for way, named in ways(sizes).items():
            healthy = outcome.add(f"{way}7 nodes, no fault", "s")
            contenders.append((healthy, partial(_undisturbed, fewer, named)))
            faulty = outcome.add(f"{way}8 nodes, one stopped", "s")
            contenders.append((faulty, partial(_stopped, fleet.driver, fleet.nodes[0], named, stop_s(sizes))))
        try:
            interleave(contenders, sizes.stop_rounds)
        except ChildFailedError as error:
            leave_out(outcome, OURS, error)
    for way in ways(sizes):
        base, got = outcome.get(f"{way}7 nodes, no fault"), outcome.get(f"{way}8 nodes, one stopped")
        if base is not None and got is not None:
            outcome.aim_ratio(f"{way}makespan with one of 8 stopped / with 7", got, base, at_most=_WANTED)
    return outcome


def _undisturbed(driver: Driver, named: dict[str, Any]) -> list[float]:
    return [driver.ask("of_caller", name="job", **named)]


def _stopped(driver: Driver, node: Node, named: dict[str, Any], after_s: float) -> list[float]:
    return [job_with_stop(driver, node, named, after_s)]


def job_with_stop(driver: Driver, node: Node, named: dict[str, Any], after_s: float) -> float:
    """Seconds of a job of which a node is stopped; it goes on after the job.

    The client is new each time, so that it does not know of the fault before.
    """
    driver.begin("of_caller", name="job", is_cold=True, settles=False, **named)
    time.sleep(after_s)
    os.kill(node.pid, signal.SIGSTOP)
    try:
        took = driver.answer("job")
    finally:
        os.kill(node.pid, signal.SIGCONT)
    driver.ask("of_caller", name="settle")
    return took
