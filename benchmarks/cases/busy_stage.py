"""Half of a stage's attempts are turned away as OVERLOADED: how many attempts that makes.

Wanted are at most 1.2 for each chunk or call, and 10 a second: without a budget, retries are what keeps a busy node
busy. What the budget does not pay for waits in a job, and is the caller's error in a single call. A client counts
over 10 s, and may spend all of that at once; so its calls are counted for as long.
"""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial

from ..harness.contest import OURS, leave_out, open_numbered
from ..harness.outcome import Outcome
from ..harness.placement import Placement
from ..harness.processes import ChildFailedError
from .sizes import Sizes

NAME = "busy_stage"
NODES = 4
_THREADS = 4
_STAGE_S = 0.001
_SHARE = 1.2
_A_SECOND = 10.0


def run(sizes: Sizes, placement: Placement) -> Outcome:
    """Measure busy_stage."""
    setup = (
        f"{sizes.busy_chunks} chunks, and calls by {_THREADS} threads for {sizes.busy_calls_s:g} s, on {NODES} nodes "
        f"that turn away half of the attempts; attempts that came / ({_SHARE:g} a chunk or call + {_A_SECOND:g}/s)"
    )
    outcome = Outcome(NAME, setup)
    with ExitStack() as stack:
        driver = open_numbered(stack, outcome, OURS, "sleeping", NODES, placement).driver
        if driver is None:
            return outcome
        job = {"name": "busy_job", "chunks": sizes.busy_chunks, "seconds": _STAGE_S}
        calls = {"name": "busy_calls", "for_s": sizes.busy_calls_s, "threads": _THREADS, "seconds": _STAGE_S}
        try:
            _measure(outcome, "job", partial(driver.ask, "of_caller", **job), sizes.busy_rounds)
            _measure(outcome, "single calls", partial(driver.ask, "of_caller", **calls), 1)
        except ChildFailedError as error:
            leave_out(outcome, OURS, error)
    return outcome


def _measure(outcome: Outcome, what: str, ask: partial[dict[str, float]], rounds: int) -> None:
    ratios = outcome.add(f"{what}: attempts / allowed", "x")
    for _ in range(rounds):
        got = ask()
        allowed = _SHARE * got["asked"] + _A_SECOND * got["seconds"]
        ratios.values.append(got["attempts"] / allowed)
        outcome.notes.append(
            f"{what}: {got['asked']:.0f} asked, {got['attempts']:.0f} attempts in {got['seconds']:.2f} s, "
            f"{got['failed']:.0f} given up as OVERLOADED"
        )
    worst = f", the worst of {rounds}" if rounds > 1 else ""
    outcome.aim(f"{what}: attempts / allowed{worst}", max(ratios.values), at_most=1.0)
