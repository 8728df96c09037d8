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


Run = tuple[dict[str, Any], str]


def run_quick(folder: Path, *names: str) -> Run:
    """What one quick run wrote as JSON, and what it printed."""
    path = folder / "result.json"
    chosen = [part for name in names for part in ("--only", name)]
    done = run("--quick", "--strict", "--json", str(path), *chosen)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(path.read_text()), done.stdout


@pytest.fixture(scope="module")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_quick(tmp_path_factory.mktemp("small"), "echo_small", "many_calls")


@pytest.fixture(scope="module")
def large_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_quick(tmp_path_factory.mktemp("large"), "echo_large", "map_large")


def names_of(outcome: dict[str, Any]) -> set[str]:
    return {series["name"] for series in outcome["series"]}


def test_quick_run_measures_every_contender_of_small_calls(small_run: Run) -> None:
    result, printed = small_run
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


def test_quick_run_measures_large_echo_and_map(large_run: Run) -> None:
    large, mapped = large_run[0]["outcomes"]
    assert names_of(large) >= {"pyrpc", "pyrpc, results kept", "raw Python sockets", *STOCK}
    assert names_of(mapped) == {"pyrpc map", "one NumPy call here"}


def test_run_names_machine_versions_and_commit(large_run: Run) -> None:
    result, printed = large_run
    assert set(result["machine"]) >= {"cpu", "cores", "python", "numpy", "thrift", "commit"}
    assert printed.startswith("machine: cpu ")


def test_quick_run_judges_nothing(small_run: Run) -> None:
    _, printed = small_run
    assert "not judged" in printed
    assert "MISSED" not in printed


def test_unknown_benchmark_is_refused_with_the_known_names() -> None:
    done = run("--only", "echo_medium")
    assert done.returncode == 2
    assert "echo_small" in done.stderr
