"""5,000 connections that rest and 1,000 that drip a byte a second: what a healthy client and the node's threads notice.

Half of those that drip do so in the length of a message or just behind it, of small messages and of large ones. The
same client calls a node beside that has no other connections, in turns; then nobody drips.
"""

from __future__ import annotations

from contextlib import ExitStack
from time import perf_counter

from ..harness.contest import OURS, leave_out
from ..harness.files import open_files
from ..harness.outcome import Outcome
from ..harness.placement import Placement
from ..harness.processes import ChildFailedError, Driver, Node
from ..harness.status import threads_of
from .sizes import Sizes
from .slow_node_calls import quantile

NAME = "drips"
_PROCESSES = 2
_CALLS_AT_ONCE = 100
_OVERLAP_S = 0.3
_WANTED = 1.5
# What a node of these has: calls that run at the same time.
_THREADS = 8


def run(sizes: Sizes, placement: Placement) -> Outcome:
    """Measure drips."""
    idle, dripping = sizes.idle_connections, sizes.dripping_connections
    setup = (
        f"{sizes.small_bytes} bytes there and back, {placement.apart}; the node has {idle:,} connections that rest and "
        f"{dripping:,} that send a byte a second"
    )
    outcome = Outcome(NAME, setup, ours="p99, crowded")
    with ExitStack() as stack:
        stack.enter_context(open_files(idle + dripping + 1000))
        try:
            _measure(outcome, sizes, placement, stack)
        except ChildFailedError as error:
            leave_out(outcome, OURS, error)
    return outcome


def _measure(outcome: Outcome, sizes: Sizes, placement: Placement, stack: ExitStack) -> None:
    nodes = [stack.enter_context(Node(OURS, {placement.far})) for _ in range(2)]
    callers = [stack.enter_context(Driver(OURS, [node.endpoint], {placement.near})) for node in nodes]
    for caller in callers:
        caller.ask("load", elements=sizes.small_bytes // 4)
        caller.ask("echo_array", calls=_CALLS_AT_ONCE, untimed=0)
    before = threads_of(nodes[1].pid)
    crowds = [stack.enter_context(Driver("drips", [nodes[1].endpoint], {placement.near})) for _ in range(_PROCESSES)]
    for crowd in crowds:
        crowd.ask(
            "of_caller",
            name="connect",
            idle=sizes.idle_connections // _PROCESSES,
            dripping=sizes.dripping_connections // _PROCESSES,
        )
    _take_turns(outcome, sizes, nodes[1], callers, crowds, before)


def _take_turns(
    outcome: Outcome, sizes: Sizes, node: Node, callers: list[Driver], crowds: list[Driver], before: int
) -> None:
    p99 = [outcome.add(f"p99, {name}", "us") for name in ("alone", "crowded")]
    medians = [outcome.add(f"median, {name}", "us") for name in ("alone", "crowded")]
    threads, cut = outcome.add("threads that the crowd adds", ""), 0
    for _ in range(sizes.drip_rounds):
        for number, caller in enumerate(callers):
            for crowd in crowds if number else ():
                crowd.begin("of_caller", name="drip", for_s=sizes.drip_s + _OVERLAP_S)
            times, most = _call(caller, sizes.drip_s, node)
            p99[number].values.append(1e6 * quantile(times, 0.99))
            medians[number].values.append(1e6 * quantile(times, 0.5))
            if number:
                threads.values.append(most - before)
                cut += sum(crowd.answer("drip")["cut"] for crowd in crowds)
    outcome.notes.append(f"{cut} connections that dripped were cut off by their limit, and made again")
    outcome.aim_ratio("a healthy client's p99, crowded / alone", p99[1], p99[0], at_most=_WANTED)
    outcome.aim("threads that the crowd adds, the most seen", max(threads.values), at_most=_THREADS)


def _call(caller: Driver, for_s: float, node: Node) -> tuple[list[float], int]:
    """Seconds of each call, and the most threads that the node had meanwhile."""
    times: list[float] = []
    most, until = 0, perf_counter() + for_s
    while perf_counter() < until:
        times += caller.ask("echo_array", calls=_CALLS_AT_ONCE, untimed=0)
        most = max(most, threads_of(node.pid))
    return times, most
