"""A map of 100 MB by the Java client and by the Python client, in turns, over the same two nodes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from ..harness.contest import leave_out
from ..harness.java import open_java
from ..harness.outcome import Outcome
from ..harness.placement import Placement
from ..harness.processes import ChildFailedError, Driver, Node
from ..harness.rounds import interleave
from .java import OURS, command_or_note
from .sizes import Sizes

NAME = "java_map_large"
_PYTHON = "pyrpc, the Python client"


def run(sizes: Sizes, placement: Placement) -> Outcome:
    """Measure java_map_large."""
    setup = (
        f"Java: x * 2 over {sizes.java_map_bytes / 1e6:g} MB float32 mapped over 2 nodes, one on each core, "
        "the caller on both"
    )
    outcome = Outcome(NAME, setup, ours=OURS)
    command = command_or_note(outcome)
    if command is None:
        return outcome
    with ExitStack() as stack:
        drivers = _open(stack, outcome, command, placement)
        for driver in drivers.values():
            driver.ask("load", elements=sizes.java_map_bytes // 4)
        for name, driver in list(drivers.items()):
            if not driver.ask("check_map"):
                leave_out(outcome, name, "the map's result is not twice the input")
                del drivers[name]
        rounds = [(outcome.add(name, "ms"), _maps(driver)) for name, driver in drivers.items()]
        interleave(rounds, sizes.java_map_rounds, warm_up=sizes.java_map_warm_up)
    ours, python = outcome.get(OURS), outcome.get(_PYTHON)
    if ours is not None and python is not None:
        outcome.aim_ratio("time of the Java client / time of the Python client", ours, python, at_most=1.15)
    return outcome


def _open(stack: ExitStack, outcome: Outcome, command: list[str], placement: Placement) -> dict[str, Driver]:
    """Both clients, with the same nodes."""
    drivers: dict[str, Driver] = {}
    try:
        nodes = [stack.enter_context(Node("pyrpc", {core})) for core in (placement.near, placement.far)]
        endpoints = [node.endpoint for node in nodes]
        drivers[_PYTHON] = stack.enter_context(Driver("pyrpc", endpoints, placement.both))
    except ChildFailedError as error:
        leave_out(outcome, _PYTHON, error)
        return drivers
    ours = open_java(stack, outcome, OURS, command, "pyrpc", nodes, placement.both)
    return drivers if ours is None else {OURS: ours, **drivers}


def _maps(driver: Driver) -> Callable[[], list[float]]:
    return lambda: [driver.ask("map_array") * 1e3]
