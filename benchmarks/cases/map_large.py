"""A map of 256 MiB of float32 over two nodes of a stage that does next to nothing: what splitting, moving and
gathering cost together."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from ..harness.contest import OURS, leave_out, open_peer
from ..harness.outcome import Outcome
from ..harness.placement import Placement
from ..harness.processes import Driver
from ..harness.rounds import interleave
from .sizes import MIB, Sizes

NAME = "map_large"


def run(sizes: Sizes, placement: Placement) -> Outcome:
    """Measure map_large."""
    mib = sizes.map_bytes // MIB
    setup = f"x * 2 over {mib} MiB float32 mapped over 2 nodes, one on each core, the caller on both"
    outcome = Outcome(NAME, setup, ours="pyrpc map")
    with ExitStack() as stack:
        driver = open_peer(stack, outcome, OURS, [{placement.near}, {placement.far}], placement.both)
        if driver is None:
            return outcome
        driver.ask("load", elements=sizes.map_bytes // 4)
        if not driver.ask("check_map"):
            leave_out(outcome, OURS, "the map's result is not that of NumPy")
            return outcome
        contenders = [
            (outcome.add("pyrpc map", "MB/s", more_is_better=True), _rates(driver, "map_array", sizes.map_bytes)),
            (
                outcome.add("one NumPy call here", "MB/s", more_is_better=True),
                _rates(driver, "double_here", sizes.map_bytes),
            ),
        ]
        interleave(contenders, sizes.rounds)
    outcome.notes.append("MB/s of input; as many bytes come back. The NumPy call moves nothing: it is there for scale")
    return outcome


def _rates(driver: Driver, task: str, payload_bytes: int) -> Callable[[], list[float]]:
    return lambda: [payload_bytes / 1e6 / driver.ask(task)]
