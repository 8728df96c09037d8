"""What a balancer sees, and what it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from pyrpc.plan.prng import SplitMix64


@dataclass(frozen=True, slots=True)
class NodeView:
    """One node at the moment of a pick.

    Attributes
    ----------
    endpoint : str
        ``host:port``.
    in_flight : int
        Calls of this client that have not ended.
    weight : float
        Share of the load it should get, relative to the others; above 0.
    ewma_s : float
        Moving average of its latency in seconds; 0 before the first call.
    """

    endpoint: str
    in_flight: int = 0
    weight: float = 1.0
    ewma_s: float = 0.0


@runtime_checkable
class Balancer(Protocol):
    """Chooses the node of a single call.

    The client calls ``pick`` under its lock: it must not block, and it need not be thread-safe. An instance serves
    one client and may keep state.
    """

    def pick(self, nodes: Sequence[NodeView], prng: SplitMix64) -> int:
        """Index of the node to take; `nodes` is never empty. Chance comes from `prng` alone."""
        ...
