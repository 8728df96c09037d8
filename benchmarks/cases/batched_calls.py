"""32 callers of a stage that costs 5 ms a call, however many rows it gets: with batching and without.

The stage has a device (a lock), as a model on a GPU has, so that without batching its calls run one after the other.
The bound is 32 calls in each 5 ms, 6,400 a second. One caller alone must not be slower for batching.
"""

from __future__ import annotations

from contextlib import ExitStack

from ..harness.contest import OURS, leave_out, open_peer
from ..harness.outcome import Outcome
from ..harness.placement import Placement
from ..harness.processes import ChildFailedError, Driver
from .sizes import Sizes

NAME = "batched_calls"
CALLERS = 32
_STAGE_S = 0.005
_WANTED = 8.0
_WANTED_ALONE = 1.1


def run(sizes: Sizes, placement: Placement) -> Outcome:
    """Measure batched_calls."""
    setup = f"{CALLERS} callers, and one; a stage of {_STAGE_S * 1000:g} ms a call of one row, on a device"
    outcome = Outcome(NAME, setup, ours=f"{CALLERS} callers: batched")
    with ExitStack() as stack:
        driver = open_peer(stack, outcome, "device", [{placement.far}], {placement.near})
        if driver is None:
            outcome.is_complete = False
            return outcome
        try:
            _measure(outcome, driver, sizes)
        except ChildFailedError as error:
            leave_out(outcome, OURS, error)
    return outcome


def _measure(outcome: Outcome, driver: Driver, sizes: Sizes) -> None:
    many = {
        stage: outcome.add(f"{CALLERS} callers: {stage}", "calls/s", more_is_better=True)
        for stage in ("plain", "batched")
    }
    alone = {stage: outcome.add(f"1 caller: {stage}", "s") for stage in ("plain", "batched")}
    for _ in range(sizes.batched_rounds):
        for stage, series in many.items():
            # The plain one takes 32 times as long for each.
            calls = sizes.batched_calls if stage == "batched" else max(1, sizes.batched_calls // 16)
            task = {"stage": stage, "callers": CALLERS, "calls": calls, "seconds": _STAGE_S}
            series.values.append(driver.ask("of_caller", name="calls", **task)["calls_per_s"])
        for stage, series in alone.items():
            task = {"stage": stage, "callers": 1, "calls": sizes.batched_calls, "seconds": _STAGE_S}
            series.values.append(driver.ask("of_caller", name="calls", **task)["median_s"])
    text = f"{CALLERS} callers: calls/s batched / not"
    outcome.aim_ratio(text, many["plain"], many["batched"], at_least=_WANTED)
    text = "1 caller: median batched / not"
    outcome.aim_ratio(text, alone["batched"], alone["plain"], at_most=_WANTED_ALONE)
