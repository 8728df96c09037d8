"""One seed is one job, one client's health records and one client's budget; a failure tells how to see it again."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tests.simulation.calls import Calls
from tests.simulation.health import Healths
from tests.simulation.rules import Broken
from tests.simulation.world import Trace, World

from pyrpc.plan.call_hedge import CallBudget
from pyrpc.plan.health import NodeHealth
from pyrpc.plan.outlier import Outliers
from pyrpc.plan.scheduler import Scheduler

# Every test environment runs so many; the environment `simulation` sets PYRPC_SEEDS to 20,000.
DEFAULT_SEEDS = 1000


@dataclass(frozen=True)
class Planner:
    """What is simulated: pyrpc's own, or with one part broken on purpose."""

    scheduler: Callable[..., Scheduler] = Scheduler
    outliers: Callable[[list[NodeHealth]], Outliers] = Outliers
    budget: Callable[[], CallBudget] = CallBudget


class SeedFailed(AssertionError):
    """A rule did not hold for a seed."""


def seed_count() -> int:
    """How many seeds a run of the tests takes."""
    return int(os.environ.get("PYRPC_SEEDS") or DEFAULT_SEEDS)


def run_seed(seed: int, planner: Planner = Planner(), trace: Trace | None = None) -> str:
    """Everything of one seed; how its job ended, or SeedFailed."""
    try:
        world = World(seed, planner.scheduler, trace).run()
        Healths(seed, planner.outliers).run()
        Calls(seed, planner.budget).run()
    except Broken as broken:
        raise SeedFailed(f"seed {seed}: {broken}\nreplay it: python -m tests.simulation {seed} --trace") from broken
    end = world.rules.end
    return end if isinstance(end, str) else getattr(end, "reason", "held by a hung node")


def run_seeds(seeds: Iterable[int], planner: Planner = Planner()) -> Counter[str]:
    """All of them; how many jobs ended how, or SeedFailed by the first that fails."""
    return Counter(run_seed(seed, planner) for seed in seeds)
