"""Balancers: which node gets a single call. One policy a file; chosen by name, or any object with ``pick``.

==================  =====================================================================
``round_robin``     each in turn; for calls and nodes that are all alike
``random_priority`` at random, in proportion to weight; needs no knowledge of the load
``least_loaded``    the fewest calls in flight; best for few nodes
``power_of_two``    the better of two drawn; for many nodes or many clients
==================  =====================================================================
"""

from __future__ import annotations

from collections.abc import Callable

from pyrpc.errors import ConfigError
from pyrpc.plan.balance.least_loaded import LeastLoaded
from pyrpc.plan.balance.power_of_two import PowerOfTwo
from pyrpc.plan.balance.random_priority import RandomPriority
from pyrpc.plan.balance.round_robin import RoundRobin
from pyrpc.plan.balance.view import Balancer, NodeView

__all__ = [
    "BALANCERS",
    "Balancer",
    "LeastLoaded",
    "NodeView",
    "PowerOfTwo",
    "RandomPriority",
    "RoundRobin",
    "balancer",
]

BALANCERS: dict[str, Callable[[], Balancer]] = {
    "round_robin": RoundRobin,
    "random_priority": RandomPriority,
    "least_loaded": LeastLoaded,
    "power_of_two": PowerOfTwo,
}


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
