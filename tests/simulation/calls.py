"""Single calls under one budget: how often one is sent, and how much retries and hedges may add to the load."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from tests.simulation.chance import Chance
from tests.simulation.rules import must

from pyrpc.errors import FailureClass
from pyrpc.plan.call_hedge import CallBudget, Latencies
from pyrpc.plan.retry import RetryPolicy

FINAL, UNKNOWN, NOT_EXECUTED = FailureClass.FINAL, FailureClass.UNKNOWN, FailureClass.NOT_EXECUTED
MAX_ATTEMPTS = 3
WINDOW_S, SHARE, PER_S, HEDGE_SHARE = 10.0, 0.2, 10.0, 0.05
# The budget forgets in slots of a tenth of its window, as a whole.
SLOT_S = 1.0


class Calls:
    """Calls of one method of one client, from a seed.

    Parameters
    ----------
    seed : int
    make : callable
        The budget, or a broken one.
    """

    def __init__(self, seed: int, make: Callable[[], CallBudget] = CallBudget) -> None:
        self.chance = chance = Chance(seed ^ 0xCA115)
        self.budget = make()
        self.retry = RetryPolicy()
        self.latencies = Latencies()
        self.is_idempotent = chance.happens(0.7)
        self.latencies.allow(self.is_idempotent)
        self.count = chance.choice((*(10,) * 9, 300))
        self.fails = chance.choice((0.0, 0.1, 0.5, 1.0))
        self.slow = chance.choice((0.0, 0.03, 0.3))
        self.per_call_s = chance.choice((0.0, 0.01, 0.2, 3.0))
        self.now = 100.0 * chance.uniform()
        self.made: deque[float] = deque()
        self.spent: deque[float] = deque()
        self.hedged: deque[float] = deque()

    def run(self) -> Calls:
        """All calls; Broken if a rule does not hold."""
        for _ in range(self.count):
            self.now += self.per_call_s * self.chance.uniform()
            if self.chance.happens(0.01):
                self.now += 15.0
            self.made.append(self.now)
            self.budget.on_calls(1, self.now)
            self._call()
        return self

    def _call(self) -> None:
        attempts = 1
        while True:
            took_s = 0.001 * self.chance.uniform() * (100.0 if self.chance.happens(self.slow) else 1.0)
            if attempts == 1 and took_s > self.latencies.hedge_after_s:
                attempts += self._hedge()
            failure = self._failure()
            if failure is None:
                self.latencies.add(took_s)
                return
            asked_ms = self.chance.choice((None, 0, 40))
            may_repeat = self.is_idempotent
            decision = self.retry.decide(
                failure, attempts - 1, idempotent=may_repeat, prng=self.chance, retry_after_ms=asked_ms
            )
            if failure is FINAL or (failure is UNKNOWN and not may_repeat):
                must(not decision.retry, "what may not be repeated is not", failure)
            if not decision.retry:
                return
            must(decision.delay_s >= (asked_ms or 0) / 1000, "a node is left alone as long as it asks", decision)
            must(decision.delay_s <= (asked_ms or 0) / 1000 + 1.0, "no backoff is longer than a second", decision)
            if not self.budget.try_retry(self.now):
                return
            self._spend()
            attempts += 1
            must(attempts <= MAX_ATTEMPTS, "a call has three attempts", attempts)
            self.now += decision.delay_s * self.chance.uniform() * 0.1

    def _failure(self) -> FailureClass | None:
        if self.chance.uniform() >= self.fails:
            return None
        return self.chance.choice((UNKNOWN, NOT_EXECUTED, NOT_EXECUTED, FINAL))

    def _hedge(self) -> bool:
        must(self.is_idempotent, "only what may run twice is hedged")
        must(self.latencies.hedge_after_s >= 0.001, "no hedge comes within a millisecond")
        if not self.budget.try_hedge(self.now):
            return False
        self.hedged.append(self.now)
        hedges = _since(self.hedged, self.now - WINDOW_S)
        calls = _since(self.made, self.now - WINDOW_S - SLOT_S)
        must(hedges <= HEDGE_SHARE * calls, "hedges are at most 5% of the calls", hedges, calls)
        self._spend()
        return True

    def _spend(self) -> None:
        self.spent.append(self.now)
        spent = _since(self.spent, self.now - WINDOW_S)
        calls = _since(self.made, self.now - WINDOW_S - SLOT_S)
        must(
            spent <= SHARE * calls + PER_S * WINDOW_S,
            "retries and hedges are at most 20% of the calls and 10 a second", spent, calls,
        )  # fmt: skip


def _since(times: deque[float], since: float) -> int:
    """How many are younger; forgets the others."""
    while times and times[0] < since:
        times.popleft()
    return len(times)
