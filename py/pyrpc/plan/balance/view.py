"""What a balancer sees, and what it is."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from pyrpc.errors import ConfigError
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
        Share of the load it should get, relative to the others; a node of weight 0 is for when there is no other.
    ewma_s : float
        Moving average of its latency in seconds; 0 before the first call.
    peak_s : float
        Its latency in seconds as Finagle's peak EWMA keeps it, at ``seen_at``; 0 before the first call.
    slowness : float
        What calls take there as a multiple of what the same methods take on the client's nodes together; 0: not known.
    seen_at : float
        When peak_s and slowness were updated last, in seconds on the clock of the picks.
    """

    endpoint: str
    in_flight: int = 0
    weight: float = 1.0
    ewma_s: float = 0.0
    peak_s: float = 0.0
    slowness: float = 0.0
    seen_at: float = 0.0


@runtime_checkable
class Balancer(Protocol):
    """Chooses the node of a single call.

    The client calls ``pick`` under its lock: it must not block, and it need not be thread-safe. An instance serves
    one client and may keep state. A ``pick`` that takes a third argument gets the time: monotonic seconds.
    """

    def pick(self, nodes: Sequence[NodeView], prng: SplitMix64) -> int:
        """Index of the node to take; `nodes` is never empty. Chance comes from `prng` alone."""
        ...


Pick = Callable[[Sequence[NodeView], SplitMix64, float], int]


def timed_pick(policy: Balancer) -> Pick:
    """The policy's ``pick`` as a function of (nodes, prng, now), whether or not it cares for the time."""
    pick: Callable[..., int] = policy.pick
    if _takes_time(pick):
        return pick
    return lambda nodes, prng, now: pick(nodes, prng)


def checked_pick(policy: Balancer) -> Pick:
    """The same, with an answer that names no node refused: for policies that are not pyrpc's own."""
    pick = timed_pick(policy)

    def checked(nodes: Sequence[NodeView], prng: SplitMix64, now: float) -> int:
        index = pick(nodes, prng, now)
        try:
            is_node = 0 <= index < len(nodes) and nodes[index] is not None
        except TypeError:
            is_node = False
        if is_node:
            return index
        raise ConfigError(
            f"the policy {type(policy).__name__} picked a node that there is not",
            expected=f"an index from 0 to {len(nodes) - 1}",
            got=repr(index),
        )

    return checked


def _takes_time(pick: Callable[..., int]) -> bool:
    try:
        parameters = inspect.signature(pick).parameters.values()
    except (TypeError, ValueError):
        return False
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return len(positional) >= 3 or any(p.kind is p.VAR_POSITIONAL for p in parameters)
