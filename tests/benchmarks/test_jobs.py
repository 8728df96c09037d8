"""What the benchmarks of jobs are judged by: ideals, percentiles, optional peers."""

from __future__ import annotations

import importlib.util
from contextlib import ExitStack
from typing import Any

import pytest


def test_ideal_is_the_work_over_the_sum_of_all_speeds() -> None:
    from benchmarks.cases.uneven import Work

    work = Work(100, 0.02)
    assert work.ideal_s(1) == pytest.approx(0.625)
    assert work.ideal_s(2) == pytest.approx(2 / 2.4)


@pytest.mark.parametrize(("slow", "best_s"), [(1, 0.64), (2, 0.84)])
def test_whole_chunks_cannot_reach_the_ideal(slow: int, best_s: float) -> None:
    from benchmarks.cases.uneven import Work

    # One slow: 32 + 31 + 31 on the fast nodes, 6 on the slow one. Two: 42 and 42, 8 and 8.
    assert Work(100, 0.02).best_pieces_s(slow) == pytest.approx(best_s)


def test_best_of_whole_chunks_is_that_of_trying_every_way() -> None:
    from benchmarks.cases.uneven import Work

    rows = 17
    ways = (
        (a, b, c, rows - a - b - c)
        for a in range(rows + 1)
        for b in range(rows + 1 - a)
        for c in range(rows + 1 - a - b)
    )
    best_s = min(max(5 * a, b, c, d) for a, b, c, d in ways)
    assert Work(rows, 1.0).best_pieces_s(1) == pytest.approx(best_s)


@pytest.mark.parametrize(("share", "value"), [(0.5, 50), (0.99, 99), (1.0, 100), (0.001, 1)])
def test_percentile_is_a_value_that_was_measured(share: float, value: int) -> None:
    from benchmarks.cases.slow_node_calls import quantile

    assert quantile([float(number) for number in range(100, 0, -1)], share) == value


def test_peer_that_is_not_installed_is_noted_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks.harness.contest import open_cluster
    from benchmarks.harness.outcome import Outcome
    from benchmarks.harness.placement import Placement

    def find_nothing(name: str) -> Any:
        return None

    monkeypatch.setattr(importlib.util, "find_spec", find_nothing)
    outcome = Outcome("uneven", "")
    with ExitStack() as stack:
        assert open_cluster(stack, outcome, "Ray", "ray", "ray", 4, Placement(0, 0)) is None
    assert outcome.notes == ["Ray was not measured: ray is not installed (pip install '.[bench]')"]
    assert outcome.is_complete


@pytest.mark.parametrize(("value", "text"), [(1.0541, "1.054"), (2.5, "2.50"), (12.34, "12.3"), (12345.6, "12,346")])
def test_values_near_one_are_told_to_a_thousandth(value: float, text: str) -> None:
    from benchmarks.harness import report
    from benchmarks.harness.outcome import Outcome

    outcome = Outcome("jobs", "", ours=None)
    outcome.add("pyrpc", "x").values.append(value)
    assert f"  pyrpc      {text} x" in report.table(outcome, is_judged=True)


@pytest.mark.parametrize("policy", ["min_max", "pull"])
def test_planner_alone_plans_every_chunk_once(policy: str) -> None:
    from benchmarks.peers.planner import Planner

    assert Planner().plan(nodes=4, chunks=50, policy=policy) > 0


def test_simulator_foretells_a_job_from_the_receipt_of_a_shorter_one() -> None:
    from benchmarks.peers.planner import Planner

    entries = [
        {"chunk": row, "start_row": row, "stop_row": row + 1, "node": node, "attempt": 0, "outcome": "ok"}
        | {"sent_s": row // 2 * 0.02, "done_s": row // 2 * 0.02 + 0.02, "service_s": 0.02}
        for row, node in enumerate(["a:1", "b:1"] * 5)
    ]
    receipt = {"stage": "s", "rows": 10, "makespan_s": 0.1, "nodes": ["a:1", "b:1"], "entries": entries}
    receipt |= {"row_bytes": 4, "policy": "min_max", "window": 1, "idempotent": True, "is_divisible": False}
    assert Planner().predict(receipt, rows=20) == pytest.approx(0.2, rel=0.05)
    assert Planner().predict(receipt, rows=20, hangs_at_s=0.05) > 0.3
