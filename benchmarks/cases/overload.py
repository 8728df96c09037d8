"""Four times as many calls as a node can do: what it still does, and how soon the others know.

Without refusals a node in this state does nothing of use: every call waits until its caller is gone. The callers send
at their rate whatever comes back, and take the first answer.
"""

from __future__ import annotations

from contextlib import ExitStack

from ..harness.contest import OURS, leave_out, open_peer
from ..harness.outcome import Outcome
from ..harness.placement import Placement
from ..harness.processes import ANSWER_S, ChildFailedError
from .sizes import Sizes
from .slow_node_calls import quantile

NAME = "overload"
_STAGE_S = 0.02
_TIMEOUT_S = 1.0
_TIMES = 4.0
_WANTED_GOODPUT, _WANTED_REFUSAL_S, _WANTED_RECOVERY_S = 0.9, 0.010, 5.0


def run(sizes: Sizes, placement: Placement) -> Outcome:
    """Measure overload."""
    setup = (
        f"calls of {_STAGE_S * 1e3:g} ms with {_TIMEOUT_S:g} s of time to a node with 8 threads, {_TIMES:g} times as "
        f"many as it can do for {sizes.overload_s:g} s"
    )
    outcome = Outcome(NAME, setup, ours="good, overloaded")
    with ExitStack() as stack:
        driver = open_peer(stack, outcome, "crowd", [placement.both], placement.both)
        if driver is None:
            return outcome
        named = {"seconds": _STAGE_S, "timeout_s": _TIMEOUT_S}
        try:
            peak = driver.ask("of_caller", name="peak", for_s=sizes.peak_s, **named)
            driver.begin("of_caller", name="overload", rate=_TIMES * peak, for_s=sizes.overload_s, **named)
            got = driver.answer("overload", within_s=sizes.overload_s + ANSWER_S)
        except ChildFailedError as error:
            leave_out(outcome, OURS, error)
            return outcome
    _report(outcome, peak, got)
    return outcome


def _report(outcome: Outcome, peak: float, got: dict[str, float | list[float]]) -> None:
    refused_s = got["refused_s"]
    assert isinstance(refused_s, list)
    goodput = got["good"] / got["took_s"]
    refusal_s = quantile(refused_s, 0.99) if refused_s else 0.0
    outcome.add("good, at peak", "calls/s", more_is_better=True).values.append(peak)
    outcome.add("good, overloaded", "calls/s", more_is_better=True).values.append(goodput)
    outcome.add("refusal, median", "ms").values.append(1e3 * quantile(refused_s, 0.5) if refused_s else 0.0)
    outcome.add("refusal, p99", "ms").values.append(1e3 * refusal_s)
    outcome.notes.append(
        f"{got['sent']:.0f} sent, {got['good']:.0f} good, {len(refused_s)} refused, {got['late']:.0f} too late; "
        f"all well {got['recovery_s']:.2f} s after the last one"
    )
    outcome.aim("calls done in time / at peak", goodput / peak, at_least=_WANTED_GOODPUT)
    outcome.aim("refusal, p99 (s)", refusal_s, at_most=_WANTED_REFUSAL_S)
    outcome.aim("until all is well again (s)", float(got["recovery_s"]), at_most=_WANTED_RECOVERY_S)
