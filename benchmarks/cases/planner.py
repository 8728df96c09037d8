"""What the planner itself costs: microseconds a chunk, without any I/O, on 4, 100 and 1,000 nodes."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial

from ..harness.contest import OURS, leave_out
from ..harness.outcome import Outcome
from ..harness.placement import Placement
from ..harness.processes import ChildFailedError, Driver
from ..harness.rounds import interleave
from .sizes import Sizes

NAME = "planner"
NODES = (4, 100, 1000)
POLICIES = ("min_max", "pull")
_ROUNDS = 2
_WANTED_US = 20.0


def run(sizes: Sizes, placement: Placement) -> Outcome:
    """Measure planner."""
    setup = (
        f"the planner alone on core {placement.near}: a job of {sizes.planned_chunks:,} chunks, every fourth node "
        "5 times slower, driven by events from a heap; CPU time"
    )
    outcome = Outcome(NAME, setup)
    with ExitStack() as stack:
        try:
            driver = stack.enter_context(Driver("planner", [], {placement.near}))
            contenders = []
            for policy in POLICIES:
                for nodes in NODES:
                    series = outcome.add(_name(policy, nodes), "us a chunk")
                    named = {"nodes": nodes, "chunks": sizes.planned_chunks, "policy": policy}
                    contenders.append((series, partial(_measure, driver, named)))
            interleave(contenders, _ROUNDS, warm_up=0)
        except ChildFailedError as error:
            leave_out(outcome, OURS, error)
    for nodes in NODES:
        ours = outcome.get(_name(POLICIES[0], nodes))
        if ours is not None:
            outcome.aim(f"{ours.name}: us a chunk", ours.median, at_most=_WANTED_US)
            outcome.targets[-1].by_best = ours.best
    return outcome


def _name(policy: str, nodes: int) -> str:
    return f"{policy}, {nodes:,} nodes"


def _measure(driver: Driver, named: dict[str, object]) -> list[float]:
    return [driver.ask("of_caller", name="plan", **named)]
