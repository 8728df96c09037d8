"""10,000 no-op calls over two nodes, by one thread, by several, and all at once: calls a second.

By one thread everything runs on one core, since waking a second one costs more than the call; by several threads the
caller has one core and the two nodes share the other. Compared is the best way of each with the same concurrency;
of stock Thrift's variants the accelerated ones were never the fastest by several threads, so they are left out there.
All at once: pyrpc by ``submit``, against the best of stock Thrift's numbers of threads. Calls that are sent ahead by
hand are shown beside it.
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
_ALL = "all at once: "

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
        for name, driver in apart.items():
            if driver is not None:
                contenders.append(_all_at_once(outcome, name, driver, sizes.noop_calls))
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


def _all_at_once(outcome: Outcome, name: str, driver: Driver, calls: int) -> Contender:
    way = "submit" if name == OURS else "sent ahead"
    series = outcome.add(f"{_ALL}{name} {way}", "calls/s", more_is_better=True)
    return series, lambda: [driver.ask("many_noops", calls=calls)]


def _judge(outcome: Outcome) -> None:
    called = {threads: outcome.fastest(_prefix(threads) + "stock ") for threads in THREADS}
    for threads, stock in called.items():
        _compare(outcome, _prefix(threads), stock)
    # Stock clients have no call that does not wait: threads are their way to have many under way.
    ways = [stock for stock in called.values() if stock is not None]
    _compare(outcome, _ALL, max(ways, key=lambda way: way.median, default=None))
    ours, ahead = outcome.fastest(_ALL + OURS), outcome.fastest(_ALL + "stock ")
    if ours is not None and ahead is not None:
        ratio = ahead.times_worse_than(ours)
        outcome.notes.append(f"submit against {ahead.name.removeprefix(_ALL)} by hand: {ratio:.2f}")


def _compare(outcome: Outcome, prefix: str, stock: Series | None) -> None:
    ours = outcome.fastest(prefix + OURS)
    if ours is not None and stock is not None:
        text = f"{prefix}pyrpc's calls/s / those of {stock.name.removeprefix(prefix)}, the fastest stock"
        outcome.aim_ratio(text, stock, ours, at_least=_WANTED)
