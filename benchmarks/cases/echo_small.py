"""A 1 KiB echo with both ends on one core: what a call costs in work, without the waking of a second core."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from ..harness.contest import OURS, open_peer
from ..harness.outcome import Outcome, Series
from ..harness.placement import Placement
from ..harness.processes import Driver
from ..harness.rounds import interleave
from ..peers import VARIANTS
from .sizes import Sizes

NAME = "echo_small"


def run(sizes: Sizes, placement: Placement) -> Outcome:
    """Measure echo_small."""
    setup = f"{sizes.small_bytes} bytes there and back over loopback TCP, {placement.together}, time of a call"
    outcome = Outcome(NAME, setup, ours=OURS)
    rows = {OURS: OURS, "sockets": "raw Python sockets"} | {
        f"stock:{variant}": f"stock {variant}" for variant in VARIANTS
    }
    with ExitStack() as stack:
        contenders: list[tuple[Series, Callable[[], list[float]]]] = []
        for peer, name in rows.items():
            driver = open_peer(stack, outcome, peer, [{placement.near}], {placement.near})
            if driver is not None:
                driver.ask("load", elements=sizes.small_bytes // 4)
                contenders.append((outcome.add(name, "us"), _echoes(driver, sizes.small_calls)))
        interleave(contenders, sizes.small_rounds)
    _judge(outcome)
    return outcome


def _echoes(driver: Driver, calls: int) -> Callable[[], list[float]]:
    return lambda: [driver.ask("echo_small", calls=calls) * 1e6]


def _judge(outcome: Outcome) -> None:
    ours, stock, framed = outcome.get(OURS), outcome.fastest("stock "), outcome.fastest("stock framed")
    if ours is None or stock is None or framed is None:
        return
    text = f"time of pyrpc / time of {stock.name}, the fastest stock"
    outcome.aim_ratio(text, ours, stock, at_most=0.8)
    ratio = ours.times_worse_than(framed)
    outcome.notes.append(f"against {framed.name}, the fastest that speaks pyrpc's own wire: {ratio:.2f}")
