"""10,000 no-op calls over two nodes, by one thread and by several: calls a second.

By one thread everything runs on one core, since waking a second one costs more than the call; by several threads the
caller has one core and the two nodes share the other. Compared is the best way of each with the same concurrency;
of stock Thrift's variants the accelerated ones were never the fastest by several threads, so they are left out there.
"""

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

NAME = "many_calls"
THREADS = (1, 2, 4)
_WANTED = 1.5

Contender = tuple[Series, Callable[[], list[float]]]


def run(sizes: Sizes, placement: Placement) -> Outcome:
    """Measure many_calls."""
    setup = f"{sizes.noop_calls:,} no-op calls over 2 nodes; 1 thread: {placement.together}; more: {placement.apart}"
    outcome = Outcome(NAME, setup, ours="1 thread: pyrpc")
    rows = {OURS: OURS} | {f"stock:{variant}": f"stock {variant}" for variant in VARIANTS}
    with ExitStack() as stack:
        together = {name: _open(stack, outcome, peer, placement.near, placement) for peer, name in rows.items()}
        apart = {
            name: _open(stack, outcome, peer, placement.far, placement)
            for peer, name in rows.items()
            if "accelerated" not in peer
        }
        contenders: list[Contender] = []
        for threads in THREADS:
            for name, driver in (together if threads == 1 else apart).items():
                if driver is not None:
                    contenders.append(_calls(outcome, name, driver, sizes.noop_calls, threads))
        ours = apart[OURS]
        if ours is not None:
            contenders.append(_submits(outcome, ours, sizes.noop_calls))
        interleave(contenders, sizes.noop_rounds)
    _judge(outcome)
    return outcome


def _open(stack: ExitStack, outcome: Outcome, peer: str, node_core: int, placement: Placement) -> Driver | None:
    return open_peer(stack, outcome, peer, [{node_core}, {node_core}], {placement.near})


def _prefix(threads: int) -> str:
    return "1 thread: " if threads == 1 else f"{threads} threads: "


def _calls(outcome: Outcome, name: str, driver: Driver, calls: int, threads: int) -> Contender:
    series = outcome.add(_prefix(threads) + name, "calls/s", more_is_better=True)
    return series, lambda: [driver.ask("noops", calls=calls, threads=threads)]


def _submits(outcome: Outcome, driver: Driver, calls: int) -> Contender:
    series = outcome.add("all at once: pyrpc submit", "calls/s", more_is_better=True)
    return series, lambda: [driver.ask("submit_noops", calls=calls)]


def _judge(outcome: Outcome) -> None:
    for threads in THREADS:
        prefix = _prefix(threads)
        ours, stock = outcome.get(prefix + OURS), outcome.fastest(prefix + "stock ")
        if ours is not None and stock is not None:
            text = f"{prefix}pyrpc's calls/s / those of {stock.name.removeprefix(prefix)}, the fastest stock"
            outcome.aim_ratio(text, stock, ours, at_least=_WANTED)
