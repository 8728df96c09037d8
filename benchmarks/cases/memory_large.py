"""How far memory rises on each side for one 64 MiB echo, in processes that did nothing else."""

from __future__ import annotations

from ..harness.contest import OURS, leave_out
from ..harness.memory import PeakMemory
from ..harness.outcome import Outcome, Series
from ..harness.placement import Placement
from ..harness.processes import ChildFailedError, Driver, Node
from ..peers import VARIANTS
from .sizes import MIB, Sizes

NAME = "memory_large"
_TINY_ELEMENTS = 16


def run(sizes: Sizes, placement: Placement) -> Outcome:
    """Measure memory_large."""
    setup = (
        f"peak resident memory above rest for one echo of {sizes.memory_bytes // MIB} MiB, as a multiple of it; "
        "the result counts, the input does not"
    )
    outcome = Outcome(NAME, setup, ours="pyrpc caller")
    rows = {OURS: OURS} | {f"stock:{variant}": f"stock {variant}" for variant in VARIANTS}
    for peer, name in rows.items():
        sides = outcome.add(f"{name} caller", "x"), outcome.add(f"{name} server", "x")
        try:
            for _ in range(sizes.memory_rounds):
                _measure(peer, sizes.memory_bytes, placement, outcome, sides)
        except ChildFailedError as error:
            leave_out(outcome, peer, error)
    for side in ("caller", "server"):
        series = outcome.get(f"pyrpc {side}")
        if series is not None:
            outcome.aim(f"multiple of the payload on the {side}'s side", series.median, at_most=1.1)
    return outcome


def _measure(
    peer: str, payload_bytes: int, placement: Placement, outcome: Outcome, sides: tuple[Series, Series]
) -> None:
    """One echo between two fresh processes, after a tiny one that loads what is loaded late."""
    with Node(peer, {placement.far}) as node, Driver(peer, [node.endpoint], {placement.near}) as driver:
        driver.ask("load", elements=_TINY_ELEMENTS)
        driver.ask("echo_once")
        driver.ask("load", elements=payload_bytes // 4)
        peaks = [PeakMemory(driver.pid), PeakMemory(node.pid)]
        driver.ask("echo_once")
        for series, peak in zip(sides, peaks, strict=True):
            series.values.append(peak.rise_bytes() / payload_bytes)
        if not all(peak.is_exact for peak in peaks):
            note = "peak counters could not be reset here: figures are upper bounds"
            if note not in outcome.notes:
                outcome.notes.append(note)
