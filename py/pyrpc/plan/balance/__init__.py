"""Balancers: which node gets a single call. One policy a file; chosen by name, or any object with ``pick``.

==================  =====================================================================
``round_robin``     each in turn; for calls and nodes that are all alike
``random``          any, by chance; the yardstick
``weighted``        each in turn in proportion to weight, evenly spread
``random_priority`` at random, in proportion to weight; needs no knowledge of the load
``least_loaded``    the fewest calls in flight; for nodes that are equally fast
``min_max``         the earliest predicted finish; best for few nodes
``peak_ewma``       the lowest latency times queue; quick to leave a node that turns slow
``power_of_two``    the better of two drawn, by the same measure; for many nodes or clients
==================  =====================================================================
"""

from __future__ import annotations

from collections.abc import Callable

from pyrpc.errors import ConfigError
from pyrpc.plan.balance.least_loaded import LeastLoaded
from pyrpc.plan.balance.min_max import MinMax
from pyrpc.plan.balance.peak_ewma import PeakEwma
from pyrpc.plan.balance.power_of_two import PowerOfTwo
from pyrpc.plan.balance.random_choice import Random
from pyrpc.plan.balance.random_priority import RandomPriority
from pyrpc.plan.balance.round_robin import RoundRobin
from pyrpc.plan.balance.view import Balancer, NodeView, Pick, checked_pick, timed_pick
from pyrpc.plan.balance.weighted import Weighted

__all__ = [
    "BALANCERS",
    "Balancer",
    "LeastLoaded",
    "MinMax",
    "NodeView",
    "PeakEwma",
    "Pick",
    "PowerOfTwo",
    "Random",
    "RandomPriority",
    "RoundRobin",
    "Weighted",
    "balancer",
    "default_policy",
    "pick_of",
    "timed_pick",
]

BALANCERS: dict[str, Callable[[], Balancer]] = {
    "round_robin": RoundRobin,
    "random": Random,
    "weighted": Weighted,
    "random_priority": RandomPriority,
    "least_loaded": LeastLoaded,
    "min_max": MinMax,
    "peak_ewma": PeakEwma,
    "power_of_two": PowerOfTwo,
}
# Above this an exact scan costs more than the choice of two gets wrong: about 3 us a pick for 16 nodes.
_SCANNED_NODES = 16


def default_policy(nodes: int) -> str:
    """Name of the policy for single calls on so many nodes: an exact scan for few, two choices for many."""
    return "min_max" if nodes <= _SCANNED_NODES else "power_of_two"


def balancer(policy: str | Balancer) -> Balancer:
    """A balancer by its name, each time a new one; an object with ``pick`` is given back as it is.

    Raises
    ------
    ConfigError
        No policy of that name (the message lists them), or an object without ``pick``.
    """
    if isinstance(policy, str):
        make = BALANCERS.get(policy)
        if make is not None:
            return make()
    elif isinstance(policy, Balancer) and not isinstance(policy, type):
        return policy
    raise ConfigError(
        "no such balancing policy",
        expected=" or ".join((", ".join(BALANCERS), "an object with pick(nodes, prng)")),
        got=repr(policy),
    )


def pick_of(policy: Balancer) -> Pick:
    """The function that picks, of (nodes, prng, now); of a policy that is not in the table, checked."""
    return timed_pick(policy) if type(policy) in BALANCERS.values() else checked_pick(policy)
