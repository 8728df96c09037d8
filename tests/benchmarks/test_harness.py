"""The parts that benchmarks are made of: rounds, ratios, verdicts, children."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="pinning needs Linux")


@pytest.fixture
def outcome() -> Any:
    from benchmarks.harness.outcome import Outcome

    outcome = Outcome("echo", "there and back", ours="pyrpc")
    for name, values in {"pyrpc": [2.0, 1.0, 30.0], "stock a": [9.0, 8.0, 7.0], "stock b": [6.0, 6.0, 60.0]}.items():
        outcome.add(name, "ms").values.extend(values)
    return outcome


def cores() -> set[int]:
    return set(os.sched_getaffinity(0))


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_rounds_are_interleaved_and_warm_up_is_dropped() -> None:
    from benchmarks.harness.outcome import Series
    from benchmarks.harness.rounds import interleave

    order: list[str] = []
    a, b = Series("a", "ms"), Series("b", "ms")
    interleave([(a, lambda: order.append("a") or [1.0]), (b, lambda: order.append("b") or [2.0, 3.0])], 2, warm_up=1)
    assert order == ["a", "b"] * 3
    assert (a.values, b.values) == ([1.0, 1.0], [2.0, 3.0, 2.0, 3.0])


def test_ratio_is_that_of_medians_whatever_is_better() -> None:
    from benchmarks.harness.outcome import Series

    assert Series("slow", "ms", [6.0, 5.0, 90.0]).times_worse_than(Series("fast", "ms", [2.0])) == 3.0
    few, many = Series("few", "calls/s", [50.0], True), Series("many", "calls/s", [100.0], True)
    assert few.times_worse_than(many) == 2.0


def test_peer_is_the_fastest_by_median(outcome: Any) -> None:
    assert outcome.fastest("stock ").name == "stock b"
    assert outcome.fastest("C ") is None


def test_fastest_by_throughput_is_the_highest() -> None:
    from benchmarks.harness.outcome import Outcome

    outcome = Outcome("calls", "")
    for name, rate in {"stock a": 10.0, "stock b": 30.0, "stock c": 20.0}.items():
        outcome.add(name, "calls/s", more_is_better=True).values.append(rate)
    assert outcome.fastest("stock ").name == "stock b"


@pytest.mark.parametrize(("got", "verdict"), [(11.9, "MISSED"), (12.0, "reached")])
def test_target_from_below_is_told_plainly(outcome: Any, got: float, verdict: str) -> None:
    from benchmarks.harness import report

    outcome.aim("times as fast", got, at_least=12)
    assert verdict in report.table(outcome, is_judged=True)
    assert verdict in report.summary([outcome], is_judged=True)
    assert "not judged" in report.table(outcome, is_judged=False)


@pytest.mark.parametrize(("got", "reached"), [(1.1, True), (1.11, False)])
def test_target_from_above(outcome: Any, got: float, reached: bool) -> None:
    outcome.aim("multiple of the payload", got, at_most=1.1)
    assert outcome.targets[0].is_reached is reached


def test_table_shows_median_best_and_ratio(outcome: Any) -> None:
    from benchmarks.harness import report

    row = next(line for line in report.table(outcome, is_judged=True).splitlines() if line.startswith("  stock b"))
    assert row.split() == ["stock", "b", "6.00", "ms", "6.00", "ms", "3.00x"]


def test_child_runs_on_its_cores_only() -> None:
    from benchmarks.harness.processes import Child

    before, chosen = cores(), {min(cores())}
    code = "import os; print(sorted(os.sched_getaffinity(0)), flush=True); input()"
    with Child([sys.executable, "-c", code], chosen) as child:
        assert child.hear(20.0) == str(sorted(chosen))
    assert cores() == before


def test_sleeps_of_all_children_are_equally_sharp() -> None:
    from benchmarks.harness.processes import Child

    slack = Path("/proc/self/timerslack_ns")
    before = slack.read_text()
    code = f"import time; print(open('{slack}').read().strip(), flush=True); input()"
    with Child([sys.executable, "-c", code], cores()) as child:
        assert child.hear(20.0) == "1000"
    assert slack.read_text() == before


def test_child_that_ignores_the_end_of_stdin_is_killed() -> None:
    from benchmarks.harness.processes import Child

    code = "import time; print('up', flush=True); time.sleep(99)"
    with Child([sys.executable, "-c", code], cores()) as child:
        assert child.hear(20.0) == "up"
    assert is_gone(child.pid)


def test_child_that_dies_or_is_silent_is_an_error_not_a_hang() -> None:
    from benchmarks.harness.processes import Child, ChildFailedError

    with (
        Child([sys.executable, "-c", "raise SystemExit(7)"], cores()) as child,
        pytest.raises(ChildFailedError, match="status 7"),
    ):
        child.hear(20.0)
    with Child([sys.executable, "-c", "input()"], cores()) as child, pytest.raises(ChildFailedError, match="no answer"):
        child.hear(0.05)


def test_peer_that_cannot_start_is_noted_and_only_ours_makes_the_run_incomplete(outcome: Any) -> None:
    from benchmarks.harness.contest import leave_out

    leave_out(outcome, "stock:x", "no reason")
    assert outcome.is_complete
    leave_out(outcome, "pyrpc", "no reason")
    assert not outcome.is_complete
    assert outcome.notes == ["stock:x was not measured: no reason", "pyrpc was not measured: no reason"]


def test_openblas_settings_of_the_machine_do_not_reach_children(monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks.harness.processes import environment

    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    monkeypatch.setenv("OPENBLAS_L2_SIZE", "512")
    assert not {"OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"} & set(environment())


def test_peak_memory_sees_what_a_process_takes_and_gives_back() -> None:
    from benchmarks.harness.memory import PeakMemory
    from benchmarks.harness.processes import Child

    size = 32 * 2**20
    touch = f"x = bytearray({size}); x[::4096] = bytes({size // 4096}).replace(b'\\0', b'1'); del x"
    with Child(
        [sys.executable, "-c", f"print(flush=True); input(); {touch}; print(flush=True); input()"], cores()
    ) as child:
        child.hear(20.0)
        peak = PeakMemory(child.pid)
        child.say("go")
        child.hear(20.0)
        assert 0.9 * size < peak.rise_bytes() < 1.5 * size
        child.say("end")


def test_committed_stock_code_is_what_the_compiler_writes(tmp_path: Path) -> None:
    import shutil
    import subprocess

    import benchmarks.peers

    peers = Path(benchmarks.peers.__file__).parent
    if shutil.which("thrift") is None or "0.17" not in subprocess.check_output(["thrift", "--version"], text=True):
        pytest.skip("the Thrift compiler 0.17 is missing")
    subprocess.run(["thrift", "--gen", "py", "-out", str(tmp_path), str(peers / "echo.thrift")], check=True)
    for path in sorted((peers / "gen_echo").glob("*.py")):
        assert path.read_text() == (tmp_path / "gen_echo" / path.name).read_text()


def test_ratio_target_shows_medians_and_best_values(outcome: Any) -> None:
    from benchmarks.harness import report

    outcome.aim_ratio("times as fast", outcome.get("stock b"), outcome.get("pyrpc"), at_least=4)
    target = outcome.targets[0]
    assert (target.got, target.by_best, target.is_reached) == (3.0, 6.0, False)
    assert "3.00 (wanted >= 4; by best values 6.00)  MISSED" in report.table(outcome, is_judged=True)


@pytest.mark.parametrize(
    ("arguments", "is_complete", "code"),
    [([], True, 0), (["--strict"], True, 1), (["--strict", "--quick"], True, 0), ([], False, 3)],
    ids=["missed", "missed and strict", "quick judges nothing", "pyrpc not measured"],
)
def test_exit_code_tells_missed_targets_only_when_strict(
    outcome: Any, monkeypatch: pytest.MonkeyPatch, arguments: list[str], is_complete: bool, code: int
) -> None:
    import benchmarks.__main__ as command

    outcome.aim("times as fast", 1.0, at_least=12)
    outcome.is_complete = is_complete
    monkeypatch.setattr(command, "CASES", {"echo": lambda sizes, placement: outcome})
    assert command.main(arguments) == code
