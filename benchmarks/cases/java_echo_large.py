"""The Java client's 64 MiB float32 echo with a Python node, beside stock libthrift with the same node and grpc-java."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from ..harness.outcome import Outcome
from ..harness.placement import Placement
from ..harness.processes import Driver
from ..harness.rounds import interleave
from .java import CONTENDERS, DROPPED, OURS, open_contenders
from .sizes import MIB, Sizes

NAME = "java_echo_large"


def run(sizes: Sizes, placement: Placement) -> Outcome:
    """Measure java_echo_large."""
    setup = f"Java: {sizes.large_bytes // MIB} MiB float32 there and back over loopback TCP, {placement.apart}"
    outcome = Outcome(NAME, setup, ours=OURS)
    with ExitStack() as stack:
        contenders = (*CONTENDERS, DROPPED)
        elements = sizes.large_bytes // 4
        opened = open_contenders(stack, outcome, contenders, {placement.far}, {placement.near}, elements)
        rounds = [
            (outcome.add(contender.name, "ms"), _echoes(driver, sizes.large_calls)) for contender, driver in opened
        ]
        interleave(rounds, sizes.java_rounds, warm_up=sizes.java_large_warm_up)
    _judge(outcome)
    return outcome


def _echoes(driver: Driver, calls: int) -> Callable[[], list[float]]:
    """The first call of a turn finds caches and TCP's window cold, which is not the question here."""
    return lambda: [seconds * 1e3 for seconds in driver.ask("echo_array", calls=calls, untimed=1)]


def _judge(outcome: Outcome) -> None:
    ours, stock, grpc = outcome.get(OURS), outcome.fastest("stock "), outcome.fastest("grpc")
    if ours is not None and stock is not None:
        outcome.aim_ratio(f"times as fast as {stock.name}, the fastest stock", stock, ours, at_least=1.8)
    if ours is not None and grpc is not None:
        outcome.aim_ratio(f"times as fast as {grpc.name}", grpc, ours, at_least=5)
