"""A quick run measures every contender and says so completely; speeds are not asserted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

TOP = Path(__file__).resolve().parents[2]
STOCK = ("stock framed-accelerated", "stock framed-plain", "stock buffered-accelerated", "stock buffered-plain")

pytestmark = pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="pinning needs Linux")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", *arguments]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    return subprocess.run(command, cwd=TOP, env=env, capture_output=True, text=True, timeout=100)


def run_quick(tmp_path: Path, *names: str) -> tuple[dict[str, Any], str]:
    path = tmp_path / "result.json"
    chosen = [part for name in names for part in ("--only", name)]
    done = run("--quick", "--strict", "--json", str(path), *chosen)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(path.read_text()), done.stdout


def names_of(outcome: dict[str, Any]) -> set[str]:
    return {series["name"] for series in outcome["series"]}


def test_quick_run_measures_every_contender_of_small_calls(tmp_path: Path) -> None:
    result, printed = run_quick(tmp_path, "echo_small", "many_calls")
    small, many = result["outcomes"]
    assert names_of(small) == {"pyrpc", "raw Python sockets", *STOCK}
    assert names_of(many) >= {f"1 thread: {name}" for name in ("pyrpc", *STOCK)}
    assert names_of(many) >= {"4 threads: pyrpc", "4 threads: stock framed-plain"}
    assert names_of(many) >= {"all at once: pyrpc submit", "all at once: stock framed-plain sent ahead"}
    assert [len(target["text"]) > 0 for outcome in (small, many) for target in outcome["targets"]] == [True] * 5
    for series in small["series"] + many["series"]:
        assert len(series["values"]) == 2
        assert min(series["values"]) > 0
        assert series["name"] in printed


def test_quick_run_measures_large_echo_and_map(tmp_path: Path) -> None:
    result, _ = run_quick(tmp_path, "echo_large", "map_large")
    large, mapped = result["outcomes"]
    assert names_of(large) >= {"pyrpc", "pyrpc, results kept", "raw Python sockets", *STOCK}
    assert names_of(mapped) == {"pyrpc map", "one NumPy call here"}


def test_quick_run_measures_every_contender_of_connections(tmp_path: Path) -> None:
    result, _ = run_quick(tmp_path, "connections")
    (outcome,) = result["outcomes"]
    pools = {f"16: {name.replace('stock', 'stock pool')}, calls" for name in STOCK}
    both = {f"{count}: {name}, calls" for count in (1, 16, 50) for name in ("pyrpc", "a thread each")}
    assert {name for name in names_of(outcome) if name.endswith("calls")} == pools | both
    assert {series["name"] for series in outcome["series"] if series["median"] > 0} >= pools | both


def test_quick_run_measures_drips_and_a_stage_that_holds_the_gil(tmp_path: Path) -> None:
    result, _ = run_quick(tmp_path, "drips", "gil_stage")
    drips, beside = result["outcomes"]
    assert names_of(drips) >= {"p99, alone", "p99, crowded", "threads that the crowd adds"}
    assert names_of(beside) >= {"p99, 1 worker", "p99, 2 workers", "p99, 2 workers, nothing beside"}
    assert [len(outcome["targets"]) for outcome in (drips, beside)] == [2, 1]


def test_run_names_machine_versions_and_commit(tmp_path: Path) -> None:
    result, printed = run_quick(tmp_path, "map_large")
    assert set(result["machine"]) >= {"cpu", "cores", "python", "numpy", "thrift", "commit"}
    assert printed.startswith("machine: cpu ")


def test_quick_run_judges_nothing(tmp_path: Path) -> None:
    _, printed = run_quick(tmp_path, "echo_small")
    assert "not judged" in printed
    assert "MISSED" not in printed


def test_unknown_benchmark_is_refused_with_the_known_names() -> None:
    done = run("--only", "echo_medium")
    assert done.returncode == 2
    assert "echo_small" in done.stderr
