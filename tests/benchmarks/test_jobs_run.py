"""A quick run of the benchmarks of jobs and of the planner measures what it names; nothing is timed against a bound."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

TOP = Path(__file__).resolve().parents[2]
OURS = {
    "1 of 4 slow: pyrpc min_max",
    "1 of 4 slow: pyrpc min_max, new client",
    "1 of 4 slow: pyrpc pull",
    "2 of 4 slow: pyrpc min_max",
    "2 of 4 slow: pyrpc pull",
}

pytestmark = pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="pinning needs Linux")


def run_quick(tmp_path: Path, name: str) -> dict[str, Any]:
    path = tmp_path / "result.json"
    command = [sys.executable, "-m", "benchmarks", "--quick", "--json", str(path), "--only", name]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(command, cwd=TOP, env=env, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    outcome: dict[str, Any] = json.loads(path.read_text())["outcomes"][0]
    assert outcome["targets"]
    assert all(series["values"] and min(series["values"]) > 0 for series in outcome["series"])
    return outcome


def names_of(outcome: dict[str, Any]) -> set[str]:
    return {series["name"] for series in outcome["series"]}


def test_uneven_chunks_are_done_by_every_policy_and_by_stock_thrift(tmp_path: Path) -> None:
    outcome = run_quick(tmp_path, "uneven_chunks")
    assert names_of(outcome) >= OURS | {f"{slow} of 4 slow: stock Thrift, pull" for slow in (1, 2)}
    told = names_of(outcome) | {note.partition(" was not measured")[0] for note in outcome["notes"]}
    assert any("Dask" in name for name in told)
    assert any("Ray" in name for name in told)


def test_uneven_rows_are_done_by_every_policy(tmp_path: Path) -> None:
    outcome = run_quick(tmp_path, "uneven_rows")
    assert names_of(outcome) == OURS


def test_job_with_a_stopped_node_stands_beside_one_without(tmp_path: Path) -> None:
    outcome = run_quick(tmp_path, "stopped_node")
    assert names_of(outcome) == {
        f"{way}: {nodes}" for way in ("rows", "chunks") for nodes in ("7 nodes, no fault", "8 nodes, one stopped")
    }


def test_attempts_of_a_busy_stage_are_counted_for_jobs_and_calls(tmp_path: Path) -> None:
    outcome = run_quick(tmp_path, "busy_stage")
    assert names_of(outcome) == {"job: attempts / allowed", "single calls: attempts / allowed"}
    assert any("attempts in" in note for note in outcome["notes"])


def test_calls_beside_a_slow_node_stand_beside_healthy_ones(tmp_path: Path) -> None:
    outcome = run_quick(tmp_path, "slow_node_calls")
    assert names_of(outcome) == {
        f"{threads}: {what}, {state}"
        for threads in ("1 thread", "8 threads")
        for what in ("median", "p99")
        for state in ("healthy", "one slow")
    }


def test_batched_calls_stand_beside_plain_ones(tmp_path: Path) -> None:
    outcome = run_quick(tmp_path, "batched_calls")
    assert names_of(outcome) == {
        f"{who}: {stage}" for who in ("32 callers", "1 caller") for stage in ("plain", "batched")
    }
    assert len(outcome["targets"]) == 2


def test_planner_is_measured_for_few_and_many_nodes(tmp_path: Path) -> None:
    outcome = run_quick(tmp_path, "planner")
    assert names_of(outcome) >= {f"min_max, {nodes} nodes" for nodes in ("4", "100", "1,000")}


def test_simulator_predicts_the_jobs_that_are_measured(tmp_path: Path) -> None:
    outcome = run_quick(tmp_path, "simulated")
    jobs = [f"{slow} of 4 slow: {way}" for slow in (1, 2) for way in ("chunks", "rows")]
    jobs += [f"{way}: one of 8 stopped" for way in ("chunks", "rows")]
    assert names_of(outcome) == {f"{job}, {what}" for job in jobs for what in ("measured", "simulated")}
    assert len(outcome["targets"]) == len(jobs)


def test_overloaded_node_stands_beside_one_at_its_peak(tmp_path: Path) -> None:
    outcome = run_quick(tmp_path, "overload")
    assert names_of(outcome) == {"good, at peak", "good, overloaded", "refusal, median", "refusal, p99"}
