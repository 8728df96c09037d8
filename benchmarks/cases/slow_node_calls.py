"""Single calls on eight nodes of which one is a hundred times slower: the 99th percentile beside that of healthy nodes.

The stage is declared idempotent, so calls are hedged. The client of each round is new and has to find out by itself.
"""

from __future__ import annotations

from contextlib import ExitStack

from ..harness.contest import OURS, leave_out, open_numbered
from ..harness.outcome import Outcome
from ..harness.placement import Placement
from ..harness.processes import ChildFailedError, Driver
from .sizes import Sizes

NAME = "slow_node_calls"
NODES = 8
TIMES = 100.0
THREADS = (1, 8)
_WANTED = 1.5
_STATES = {"healthy": 0, "one slow": 1}


def run(sizes: Sizes, placement: Placement) -> Outcome:
    """Measure slow_node_calls."""
    setup = (
        f"{sizes.calls} calls of a stage that sleeps {sizes.call_s * 1e3:g} ms, one after the other by each of 1 or 8 "
        f"threads, on {NODES} nodes, all healthy or one {TIMES:g} times slower; all calls of {sizes.call_rounds} rounds"
    )
    outcome = Outcome(NAME, setup, ours="1 thread: p99, healthy")
    with ExitStack() as stack:
        driver = open_numbered(stack, outcome, OURS, "sleeping", NODES, placement).driver
        if driver is None:
            return outcome
        try:
            times = _measure(driver, sizes)
        except ChildFailedError as error:
            leave_out(outcome, OURS, error)
            return outcome
    for threads in THREADS:
        _report(outcome, threads, times)
    return outcome


def _measure(driver: Driver, sizes: Sizes) -> dict[tuple[int, str], list[list[float]]]:
    """The seconds of all calls, by threads and state, a list for each round; the states take turns."""
    times: dict[tuple[int, str], list[list[float]]] = {(count, state): [] for count in THREADS for state in _STATES}
    for _ in range(sizes.call_rounds):
        for (threads, state), rounds in times.items():
            named = {"calls": sizes.calls, "threads": threads, "seconds": sizes.call_s}
            got = driver.ask("of_caller", name="calls", slow=_STATES[state], times=TIMES, **named)
            rounds.append(got)
    return times


def _report(outcome: Outcome, threads: int, times: dict[tuple[int, str], list[list[float]]]) -> None:
    prefix = "1 thread: " if threads == 1 else f"{threads} threads: "
    whole: dict[str, float] = {}
    for state in _STATES:
        rounds = times[threads, state]
        for name, share in (("median", 0.5), ("p99", 0.99)):
            outcome.add(f"{prefix}{name}, {state}", "ms").values.extend(
                1e3 * quantile(calls, share) for calls in rounds
            )
        whole[state] = quantile([seconds for calls in rounds for seconds in calls], 0.99)
    outcome.aim(
        f"{prefix}p99 with one slow / healthy, over all rounds", whole["one slow"] / whole["healthy"], at_most=_WANTED
    )


def quantile(values: list[float], share: float) -> float:
    """The value that so large a share of all lies at or below."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -int(-share * len(ordered) // 1) - 1))]
