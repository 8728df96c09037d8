"""Retries and budgets, from "Retry" and "Budgets" of thrift/PLANNER.md; everything that ever happened is kept."""

from __future__ import annotations

from math import floor

from .prng import Prng


def fill_retry(case: dict) -> dict:
    """[failure, attempt, idempotent, retry_after_ms] gets retry, delay_s, reason."""
    prng = Prng(int(case["prng"]))
    for step in case["steps"]:
        failure, attempt, idempotent, asked_ms = step
        if failure == "FINAL":
            step += [False, 0.0, "final"]
        elif failure == "UNKNOWN" and not idempotent:
            step += [False, 0.0, "unknown"]
        elif attempt + 1 >= case["max_attempts"]:
            step += [False, 0.0, "exhausted"]
        else:
            bound = min(case["backoff_max_s"], case["backoff_s"] * float(2 ** min(attempt, 62)))
            asked_s = (asked_ms if asked_ms is not None and asked_ms > 0 else 0) / 1000
            step += [True, asked_s + prng.uniform() * bound, None]
    return case


class Budget:
    """A retry budget that remembers each call and each retry with its slot."""

    def __init__(self, ratio: float, per_second: float, window_s: float) -> None:
        self.ratio, self.per_second, self.window_s = ratio, per_second, window_s
        self.calls: list[int] = []
        self.spent: list[int] = []
        self.highest: int | None = None

    def slot(self, now: float) -> int:
        slot = floor(now / (self.window_s / 10))
        self.highest = slot if self.highest is None else max(self.highest, slot)
        return self.highest

    def on_calls(self, count: int, now: float) -> None:
        self.calls += [self.slot(now)] * count

    def can_spend(self, now: float) -> bool:
        oldest = self.slot(now) - 10
        calls = sum(slot >= oldest for slot in self.calls)
        spent = sum(slot >= oldest for slot in self.spent)
        return spent + 1 <= self.ratio * calls + self.per_second * self.window_s

    def try_spend(self, now: float) -> bool:
        can = self.can_spend(now)
        if can:
            self.spent.append(self.slot(now))
        return can


def fill_retry_budget(case: dict) -> dict:
    """["calls", count, now], and ["spend", now], which gets the answer."""
    budget = Budget(case["ratio"], case["per_second"], case["window_s"])
    for step in case["steps"]:
        if step[0] == "calls":
            budget.on_calls(step[1], step[2])
        else:
            step.append(budget.try_spend(step[1]))
    return case


def fill_call_budget(case: dict) -> dict:
    """["calls", count, now]; ["retry" | "hedge", times asked, now] gets how many were allowed."""
    both, hedges = Budget(0.2, 10.0, 10.0), Budget(0.05, 0.0, 10.0)
    for step in case["steps"]:
        what, count, now = step
        needed = {"calls": [], "retry": [both], "hedge": [both, hedges]}[what]
        if what == "calls":
            both.on_calls(count, now)
            hedges.on_calls(count, now)
            continue
        allowed = 0
        for _ in range(count):
            if all(budget.can_spend(now) for budget in needed):
                allowed += 1
                for budget in needed:
                    budget.try_spend(now)
        step.append(allowed)
    return case


def fill_job_budget(case: dict) -> dict:
    """["start", now], ["chunk"]; ["next_at", now] gets a time, ["spend", now] the answer."""
    began, chunks, spent = 0.0, 0, 0
    for step in case["steps"]:
        if step[0] == "start":
            began = step[1]
        elif step[0] == "chunk":
            chunks += 1
        else:
            now = step[1]
            wanted = spent + 1 - case["ratio"] * chunks
            at = now if wanted <= case["per_second"] / 2 else began + wanted / case["per_second"] + 1e-6
            step.append(at if step[0] == "next_at" else at <= now)
            spent += step[0] == "spend" and at <= now
    return case
