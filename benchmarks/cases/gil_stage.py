"""A stage in pure Python that holds the GIL, called without a pause, and an echo beside it, by another client.

In one process the two take turns at the interpreter, 5 ms each. With worker processes the echo's connection is given to
the worker that has the least to do. What the machine itself adds is shown by the same echoes with nothing beside them.
"""

from __future__ import annotations

from contextlib import ExitStack

from ..harness.contest import OURS, leave_out
from ..harness.outcome import Outcome, Series
from ..harness.placement import Placement
from ..harness.processes import ChildFailedError, Driver, Node
from .sizes import Sizes
from .slow_node_calls import quantile

NAME = "gil_stage"
_STAGE_S = 0.1
_WANTED_S = 0.002


def run(sizes: Sizes, placement: Placement) -> Outcome:
    """Measure gil_stage."""
    setup = (
        f"echoes of {sizes.small_bytes} bytes beside a stage that holds the GIL for {_STAGE_S * 1e3:g} ms; "
        f"callers and workers on cores {placement.near} and {placement.far}"
    )
    outcome = Outcome(NAME, setup, ours="p99, 2 workers")
    with ExitStack() as stack:
        contenders = []
        for workers in (1, 2):
            try:
                node = stack.enter_context(Node(f"holding:{workers}", placement.both))
                holder, caller = (
                    stack.enter_context(Driver("holding", [node.endpoint], placement.both)) for _ in range(2)
                )
            except ChildFailedError as error:
                leave_out(outcome, OURS, error)
                return outcome
            name = f"{workers} worker{'s' if workers > 1 else ''}"
            contenders.append((holder, caller, _add(outcome, name)))
        alone = _add(outcome, "2 workers, nothing beside")
        for _ in range(sizes.beside_rounds):
            for holder, caller, series in contenders:
                holder.begin("of_caller", name="hold", seconds=_STAGE_S, for_s=sizes.beside_s)
                _measure(sizes, caller, series)
                holder.answer("hold")
            _measure(sizes, contenders[-1][1], alone)
    ours, least = outcome.get("p99, 2 workers"), outcome.get("p99, 2 workers, nothing beside")
    if ours is not None and least is not None:
        outcome.aim("an echo's p99 beside the stage, with 2 workers (s)", ours.median / 1e3, at_most=_WANTED_S)
        outcome.notes.append(
            f"p99 with 2 workers, beside the stage / with nothing beside: {ours.times_worse_than(least):.2f}"
        )
    return outcome


def _add(outcome: Outcome, name: str) -> list[Series]:
    return [outcome.add(f"{what}, {name}", "ms") for what in ("median", "p99")]


def _measure(sizes: Sizes, caller: Driver, series: list[Series]) -> None:
    times = caller.ask("of_caller", name="echoes", for_s=0.9 * sizes.beside_s, elements=sizes.small_bytes // 4)
    for one, part in zip(series, (0.5, 0.99), strict=True):
        one.values.append(1e3 * quantile(times, part))
