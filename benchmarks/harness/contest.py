"""Opens contenders for a case; one that cannot start is noted and left out."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field

from .outcome import Outcome
from .placement import Placement
from .processes import ChildFailedError, Driver, Node

OURS = "pyrpc"
_CLUSTER_END_S = 15.0


@dataclass
class Fleet:
    """Numbered nodes, and a driver connected to them all."""

    nodes: list[Node] = field(default_factory=list)
    driver: Driver | None = None


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


def open_numbered(stack: ExitStack, outcome: Outcome, peer: str, kind: str, nodes: int, placement: Placement) -> Fleet:
    """Numbered nodes of a kind, on either core, and a driver connected to them; without a driver: it is noted why."""
    fleet = Fleet()
    try:
        for number in range(nodes):
            fleet.nodes.append(stack.enter_context(Node(f"{kind}:{number}", placement.both)))
        fleet.driver = stack.enter_context(Driver(kind, [node.endpoint for node in fleet.nodes], placement.both))
    except ChildFailedError as error:
        leave_out(outcome, peer, error)
    return fleet


def open_cluster(
    stack: ExitStack, outcome: Outcome, peer: str, kind: str, module: str, nodes: int, placement: Placement
) -> Driver | None:
    """A driver that starts its nodes itself; None: it is noted why not. Such peers need not be installed."""
    if importlib.util.find_spec(module) is None:
        leave_out(outcome, peer, f"{module} is not installed (pip install '.[bench]')")
        return None
    try:
        return stack.enter_context(Driver(kind, [str(nodes)], placement.both, end_s=_CLUSTER_END_S))
    except ChildFailedError as error:
        leave_out(outcome, peer, error)
        return None


def leave_out(outcome: Outcome, peer: str, reason: object) -> None:
    """Note that a contender was not measured; without pyrpc itself the benchmark has failed."""
    outcome.notes.append(f"{peer} was not measured: {reason}")
    if peer == OURS:
        outcome.is_complete = False
