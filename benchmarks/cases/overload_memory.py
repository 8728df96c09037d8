"""More arrays than a node may hold, from hundreds of callers at the same time: whether its memory keeps its cap."""

from __future__ import annotations

from contextlib import ExitStack

from ..harness.contest import OURS, leave_out
from ..harness.memory import PeakMemory
from ..harness.outcome import Outcome
from ..harness.placement import Placement
from ..harness.processes import ANSWER_S, ChildFailedError, Driver, Node
from ..peers.crowd import MOST_BYTES, THREADS
from .sizes import MIB, Sizes

NAME = "overload_memory"
_CALLERS = 256
_PAYLOAD_BYTES = 1 * MIB
_STAGE_S, _TIMEOUT_S = 0.05, 5.0
# Beside the requests: buffers for reading ahead and what the threads themselves take.
_BESIDE_BYTES = 32 * MIB


def run(sizes: Sizes, placement: Placement) -> Outcome:
    """Measure overload_memory."""
    setup = (
        f"{_CALLERS} callers for {sizes.flood_s:g} s, each with {_PAYLOAD_BYTES // MIB} MiB that the node keeps for "
        f"{_STAGE_S * 1e3:g} ms, on {THREADS} threads; it may hold {MOST_BYTES // MIB} MiB of requests"
    )
    outcome = Outcome(NAME, setup, ours="rise of the node's memory")
    with ExitStack() as stack:
        try:
            node = stack.enter_context(Node("crowd", placement.both))
            driver = stack.enter_context(Driver("crowd", [node.endpoint], placement.both))
            named = {"payload_bytes": _PAYLOAD_BYTES, "seconds": _STAGE_S, "timeout_s": _TIMEOUT_S}
            driver.ask("of_caller", name="flood", callers=2, for_s=0.2, **named)
            peak = PeakMemory(node.pid)
            driver.begin("of_caller", name="flood", callers=_CALLERS, for_s=sizes.flood_s, **named)
            ends = driver.answer("flood", within_s=sizes.flood_s + ANSWER_S)
        except ChildFailedError as error:
            leave_out(outcome, OURS, error)
            return outcome
        rise_bytes = peak.rise_bytes()
    outcome.add("rise of the node's memory", "MiB").values.append(rise_bytes / MIB)
    outcome.notes.append(f"{ends['good']} good, {ends['refused']} refused, {ends['late']} too late")
    outcome.aim("peak memory above rest / cap", rise_bytes / (MOST_BYTES + _BESIDE_BYTES), at_most=1.0)
    return outcome
