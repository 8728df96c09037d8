"""What a simulation compares: a policy, with hedges or without."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from pyrpc.errors import ConfigError
from pyrpc.plan.scheduler import POLICIES
from pyrpc.simulate.scenario import Scenario

NO_HEDGE = "/no_hedge"


class Variant(NamedTuple):
    """A policy; its name has ``/no_hedge`` at its end where stragglers are not sent a second time."""

    policy: str
    hedge: bool = True

    @property
    def name(self) -> str:
        """As it is written."""
        return self.policy if self.hedge else self.policy + NO_HEDGE

    def of(self, scenario: Scenario) -> Scenario:
        """The scenario under this policy; a job that has hedging off keeps that."""
        job = scenario.job if self.hedge else replace(scenario.job, hedge=False)
        return replace(scenario, job=job, policy=self.policy)


# Every policy, and what the default one loses without hedges.
ALL = (Variant("min_max"), Variant("min_max", False), *(Variant(name) for name in POLICIES if name != "min_max"))


def variants(names: Sequence[str]) -> tuple[Variant, ...]:
    """By their names; "all" is each policy, and the default one without hedges.

    Raises
    ------
    ConfigError
        No name, or one that is unknown or given twice; the message lists those there are.
    """
    found: list[Variant] = []
    for name in names:
        policy, is_cut, rest = name.partition(NO_HEDGE)
        if name == "all":
            found.extend(ALL)
        elif policy in POLICIES and not rest:
            found.append(Variant(policy, not is_cut))
        else:
            raise _wrong(repr(name))
    if not found:
        raise _wrong("none")
    if len(set(found)) != len(found):
        raise ConfigError("a policy is named twice", got=", ".join(names))
    return tuple(found)


def _wrong(got: str) -> ConfigError:
    return ConfigError(
        "no such policy for jobs",
        expected=f"all, or some of {', '.join(POLICIES)}; each may end with {NO_HEDGE}",
        got=got,
    )
