"""Opens contenders for a case; one that cannot start is noted and left out."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack

from .outcome import Outcome
from .processes import ChildFailedError, Driver, Node

OURS = "pyrpc"


def open_peer(
    stack: ExitStack, outcome: Outcome, peer: str, node_cores: list[Iterable[int]], driver_cores: Iterable[int]
) -> Driver | None:
    """Start a node for each entry of node_cores and a driver connected to all of them; None: it is noted why not."""
    try:
        nodes = [stack.enter_context(Node(peer, cores)) for cores in node_cores]
        return stack.enter_context(Driver(peer, [node.endpoint for node in nodes], driver_cores))
    except ChildFailedError as error:
        leave_out(outcome, peer, error)
        return None


def leave_out(outcome: Outcome, peer: str, reason: object) -> None:
    """Note that a contender was not measured; without pyrpc itself the benchmark has failed."""
    outcome.notes.append(f"{peer} was not measured: {reason}")
    if peer == OURS:
        outcome.is_complete = False
