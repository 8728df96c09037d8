"""Planners broken on purpose, one rule each: what the simulation must notice."""

from __future__ import annotations

import math
from typing import Any

from tests.simulation.seeds import Planner

from pyrpc.errors import FailureClass
from pyrpc.plan.actions import Action, CancelAttempt, Finish, Probe, WaitUntil
from pyrpc.plan.call_hedge import CallBudget
from pyrpc.plan.hedge import Stragglers
from pyrpc.plan.outlier import Outliers
from pyrpc.plan.retry import JobBudget, RetryBudget
from pyrpc.plan.scheduler import Scheduler


class DropsRetry(Scheduler):
    """A chunk that was lost with its node is forgotten."""

    def failed(self, *args: Any, **kwargs: Any) -> list[Action]:
        kept, self._retries = self._retries, type(self._retries)()
        out = super().failed(*args, **kwargs)
        self._retries = kept
        return out


class IgnoresWindow(Scheduler):
    """One more in flight on each node."""

    def __init__(self, *args: Any, window: int, **kwargs: Any) -> None:
        super().__init__(*args, window=window + 1, **kwargs)


class CountsDuplicates(Scheduler):
    """Wants every reply of an attempt that was in flight."""

    def is_wanted(self, attempt_id: int) -> bool:
        return attempt_id in self._live and not self._over


class CountsRowsTwice(Scheduler):
    """Goes on with the pieces of a straggler whose own reply has come."""

    def _complete(self, state: Any, *args: Any) -> None:
        heirs, state.heirs = state.heirs, []
        super()._complete(state, *args)
        state.heirs = heirs


class RetriesFinal(Scheduler):
    """Takes an error of the stage for one of the node."""

    def failed(self, attempt_id: int, failure: FailureClass, *args: Any, **kwargs: Any) -> list[Action]:
        if failure is FailureClass.FINAL:
            failure = FailureClass.UNKNOWN
        return super().failed(attempt_id, failure, *args, **kwargs)


class RetriesWhatMayHaveRun(Scheduler):
    """Takes every job for idempotent, though it does not hedge."""

    def __init__(self, *args: Any, idempotent: bool, hedge: bool, **kwargs: Any) -> None:
        super().__init__(*args, idempotent=True, hedge=hedge and idempotent, **kwargs)


class HedgesWhatMayNotRunTwice(Scheduler):
    """Hedges every job."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._hedging = True


class ForgetsToCancel(Scheduler):
    """Losers go on."""

    def done(self, *args: Any, **kwargs: Any) -> list[Action]:
        return [action for action in super().done(*args, **kwargs) if not isinstance(action, CancelAttempt)]


class TrustsNodesThatWereLost(Scheduler):
    """Does not believe that a node is down."""

    def node_down(self, node: str, now: float) -> list[Action]:
        return [] if self._nodes.named(node).up else super().node_down(node, now)


class NeverProbes(Scheduler):
    """A node that was down once gets nothing any more."""

    def timer(self, now: float) -> list[Action]:
        return [action for action in super().timer(now) if not isinstance(action, Probe)]


class WaitsForNodesForever(Scheduler):
    """Never gives up, though all nodes are down."""

    def __init__(self, *args: Any, give_up_s: float, **kwargs: Any) -> None:
        super().__init__(*args, give_up_s=1e12, **kwargs)


class GivesUpAtOnce(Scheduler):
    """Fails when all nodes are down for a moment."""

    def __init__(self, *args: Any, give_up_s: float, **kwargs: Any) -> None:
        super().__init__(*args, give_up_s=give_up_s / 2, **kwargs)


class _Rich(JobBudget):
    def try_spend(self, now: float) -> bool:
        return True


class _Impatient(Stragglers):
    def wait_s(self) -> float:
        return 0.0


class IgnoresBudget(Scheduler):
    """Sends chunks that were turned away again at once."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._budget = _Rich()


class HedgesAtOnce(Scheduler):
    """Takes everything for a straggler."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._stragglers = _Impatient()


class TriesOnceMore(Scheduler):
    """Counts attempts from one."""

    def __init__(self, *args: Any, retry: Any, **kwargs: Any) -> None:
        more = type(retry)(retry.max_attempts + 1, retry.backoff_s, retry.backoff_max_s)
        super().__init__(*args, retry=more, **kwargs)


class SetsNoTimer(Scheduler):
    """Forgets to ask for the timer where a node is to be probed or a chunk to be hedged."""

    def failed(self, *args: Any, **kwargs: Any) -> list[Action]:
        return [action for action in super().failed(*args, **kwargs) if not isinstance(action, WaitUntil)]


class SaysNothingAtTheEnd(Scheduler):
    """Swallows Finish."""

    def done(self, *args: Any, **kwargs: Any) -> list[Action]:
        return [action for action in super().done(*args, **kwargs) if not isinstance(action, Finish)]


class GoesOnAfterTheEnd(Scheduler):
    """Answers to events after it."""

    def timer(self, now: float) -> list[Action]:
        return super().timer(now) or [WaitUntil(now + 1.0)] * self._over


class EjectsTheLast(Outliers):
    """Knows no limit."""

    def _may_eject(self) -> bool:
        return True


class EjectsForTooLong(Outliers):
    """Twice as long as it should be at the most."""

    def _eject(self, record: Any, now: float) -> None:
        super()._eject(record, now)
        record.ejected_until = now + 30.0 * 2**record.ejections


class NeverPanics(Outliers):
    """Leaves all load to the last healthy node."""

    def usable(self, now: float, prng: Any) -> list[int]:
        usable = super().usable(now, prng)
        return [node for node in usable if not self.is_ejected(node)] or usable


class ProbesWithAll(Outliers):
    """When an ejection is over, all calls go there before the first has ended."""

    def on_call(self, node: int, now: float) -> None:
        super().on_call(node, now)
        self._records[node].probe_until = -math.inf


class Unlimited(CallBudget):
    """No budget."""

    def try_retry(self, now: float) -> bool:
        return True

    def try_hedge(self, now: float) -> bool:
        return True


class HedgesAQuarter(CallBudget):
    """Five times as many hedges as agreed."""

    def __init__(self) -> None:
        super().__init__()
        self._hedges = RetryBudget(0.25, 0.0)


SCHEDULERS: tuple[type[Scheduler], ...] = (
    DropsRetry, IgnoresWindow, CountsDuplicates, CountsRowsTwice, RetriesFinal, RetriesWhatMayHaveRun,
    HedgesWhatMayNotRunTwice, ForgetsToCancel, TrustsNodesThatWereLost, NeverProbes, WaitsForNodesForever,
    GivesUpAtOnce, IgnoresBudget, HedgesAtOnce, TriesOnceMore, SetsNoTimer, SaysNothingAtTheEnd, GoesOnAfterTheEnd,
)  # fmt: skip
MUTANTS = {
    **{mutant.__name__: Planner(scheduler=mutant) for mutant in SCHEDULERS},
    **{mutant.__name__: Planner(outliers=mutant) for mutant in (EjectsTheLast, EjectsForTooLong, NeverPanics)},
    **{mutant.__name__: Planner(outliers=mutant) for mutant in (ProbesWithAll,)},
    **{mutant.__name__: Planner(budget=mutant) for mutant in (Unlimited, HedgesAQuarter)},
}
