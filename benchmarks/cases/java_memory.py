"""How far the memory of a JVM rises for one 64 MiB echo, in a process that did nothing else."""

from __future__ import annotations

from contextlib import ExitStack

from ..harness.contest import leave_out
from ..harness.java import open_java
from ..harness.memory import PeakMemory
from ..harness.outcome import Outcome, Series
from ..harness.placement import Placement
from ..harness.processes import ChildFailedError, Node
from .java import CONTENDERS, OURS, Contender, command_or_note, installed
from .sizes import MIB, Sizes

NAME = "java_memory"
_TINY_ELEMENTS = 16


def run(sizes: Sizes, placement: Placement) -> Outcome:
    """Measure java_memory."""
    setup = (
        f"peak resident memory of the JVM above rest for one echo of {sizes.memory_bytes // MIB} MiB, as a multiple of "
        "it; the result counts, and so does the pool that it lies in; the input does not"
    )
    outcome = Outcome(NAME, setup, ours=OURS)
    command = command_or_note(outcome)
    for contender in installed(outcome, CONTENDERS) if command else ():
        assert command is not None
        series = outcome.add(contender.name, "x")
        try:
            for _ in range(sizes.memory_rounds):
                _measure(contender, command, sizes.memory_bytes, placement, outcome, series)
        except ChildFailedError as error:
            leave_out(outcome, contender.name, error)
    ours = outcome.get(OURS)
    if ours is not None:
        outcome.aim("multiple of the payload", ours.median, at_most=1.2)
    return outcome


def _measure(
    contender: Contender,
    command: list[str],
    payload_bytes: int,
    placement: Placement,
    outcome: Outcome,
    series: Series,
) -> None:
    """One echo of a fresh JVM, after tiny ones that load what is loaded late."""
    with ExitStack() as stack:
        node = stack.enter_context(Node(contender.server, {placement.far}))
        driver = open_java(stack, outcome, contender.name, command, contender.caller, [node], {placement.near})
        if driver is None:
            return
        driver.ask("load", elements=_TINY_ELEMENTS)
        driver.ask("echo_small", calls=1000)
        driver.ask("load", elements=payload_bytes // 4)
        peak = PeakMemory(driver.pid)
        driver.ask("echo_once")
        series.values.append(peak.rise_bytes() / payload_bytes)
        if not peak.is_exact:
            outcome.notes.append("the peak counter could not be reset here: figures are upper bounds")
