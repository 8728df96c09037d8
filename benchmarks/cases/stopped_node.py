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


def run(sizes: Sizes, placement: Placement) -> Outcome:
    """Measure stopped_node."""
    seconds = sizes.stop_chunks * sizes.job_chunk_s
    setup = (
        f"{sizes.stop_chunks} chunks that sleep {sizes.job_chunk_s * 1e3:g} ms, or as many times {_ROWS_A_CHUNK} rows "
        f"cut on demand, on {NODES} nodes, one stopped after {_STOP_AT * seconds / NODES:.2f} s"
    )
    outcome = Outcome(NAME, setup, ours="rows: 7 nodes, no fault")
    rows = sizes.stop_chunks * _ROWS_A_CHUNK
    ways: dict[str, dict[str, Any]] = {
        "rows: ": {"rows": rows, "row_s": sizes.job_chunk_s / _ROWS_A_CHUNK},
        "chunks: ": {"rows": sizes.stop_chunks, "row_s": sizes.job_chunk_s, "chunk_rows": 1},
    }
    with ExitStack() as stack:
        fleet = open_numbered(stack, outcome, OURS, "sleeping", NODES, placement)
        if fleet.driver is None:
            return outcome
        fewer = stack.enter_context(Driver("sleeping", [node.endpoint for node in fleet.nodes[1:]], placement.both))
        contenders: list[tuple[Any, Callable[[], list[float]]]] = []
        for way, named in ways.items():
            named |= {"slow": 0, "times": 1.0}
            healthy = outcome.add(f"{way}7 nodes, no fault", "s")
            contenders.append((healthy, partial(_undisturbed, fewer, named)))
            faulty = outcome.add(f"{way}8 nodes, one stopped", "s")
            stop_s = _STOP_AT * seconds / NODES
            contenders.append((faulty, partial(_stopped, fleet.driver, fleet.nodes[0], named, stop_s)))
        try:
            interleave(contenders, sizes.stop_rounds)
        except ChildFailedError as error:
            leave_out(outcome, OURS, error)
    for way in ways:
        base, got = outcome.get(f"{way}7 nodes, no fault"), outcome.get(f"{way}8 nodes, one stopped")
        if base is not None and got is not None:
            outcome.aim_ratio(f"{way}makespan with one of 8 stopped / with 7", got, base, at_most=_WANTED)
    return outcome


def _undisturbed(driver: Driver, named: dict[str, Any]) -> list[float]:
    return [driver.ask("of_caller", name="job", **named)]


def _stopped(driver: Driver, node: Node, named: dict[str, Any], stop_s: float) -> list[float]:
    """The node goes on after the job; the client is new each time, so that it does not know of the fault before."""
    driver.begin("of_caller", name="job", is_cold=True, settles=False, **named)
    time.sleep(stop_s)
    os.kill(node.pid, signal.SIGSTOP)
    try:
        took = driver.answer("job")
    finally:
        os.kill(node.pid, signal.SIGCONT)
    driver.ask("of_caller", name="settle")
    return [took]
