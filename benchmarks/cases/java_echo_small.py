"""The Java client's 1 KiB echo with both ends on one core: what a call costs in work, beside stock libthrift."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from ..harness.outcome import Outcome
from ..harness.placement import Placement
from ..harness.processes import Driver
from ..harness.rounds import interleave
from .java import CONTENDERS, OURS, open_contenders
from .sizes import Sizes

NAME = "java_echo_small"


def run(sizes: Sizes, placement: Placement) -> Outcome:
    """Measure java_echo_small."""
    setup = f"Java: {sizes.small_bytes} bytes there and back over loopback TCP, {placement.together}, time of a call"
    outcome = Outcome(NAME, setup, ours=OURS)
    with ExitStack() as stack:
        elements = sizes.small_bytes // 4
        opened = open_contenders(stack, outcome, CONTENDERS, {placement.near}, {placement.near}, elements)
        rounds = [
            (outcome.add(contender.name, "us"), _echoes(driver, sizes.small_calls)) for contender, driver in opened
        ]
        interleave(rounds, sizes.small_rounds, warm_up=sizes.java_small_warm_up)
    ours, stock = outcome.get(OURS), outcome.fastest("stock ")
    if ours is not None and stock is not None:
        outcome.aim_ratio(f"time of pyrpc / time of {stock.name}, the fastest stock", ours, stock, at_most=1.0)
    return outcome


def _echoes(driver: Driver, calls: int) -> Callable[[], list[float]]:
    return lambda: [driver.ask("echo_small", calls=calls) * 1e6]
