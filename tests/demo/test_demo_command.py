"""``pyrpc demo`` as a person runs it."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")

from pyrpc.cli import main as command
from pyrpc.demo import show

# A shell may have told its background jobs, such as these tests, to ignore SIGINT.
PROGRAM = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from pyrpc.cli.main import main
sys.exit(main(sys.argv[1:]))
"""
ALL_EQUAL = "checked   images, features, weights, predictions: equal bit for bit"


Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts the demo in a folder of its own."""
    processes: list[subprocess.Popen[str]] = []

    def begin(*options: str) -> subprocess.Popen[str]:
        command_line = [sys.executable, "-c", PROGRAM, "demo", *options]
        pipe = subprocess.PIPE
        processes.append(subprocess.Popen(command_line, cwd=tmp_path, stdout=pipe, stderr=pipe, text=True))
        return processes[-1]

    yield begin
    for process in processes:
        # By a signal that it can act upon: killed, it would leave its nodes behind.
        process.terminate()
        process.communicate(timeout=30)


def test_quick_run_checks_both_jobs_and_saves_a_picture(
    tmp_path: Path, start: Start, is_alive: Callable[[int], bool]
) -> None:
    out, err = (process := start("--quick", "--nodes", "3")).communicate(timeout=100)
    assert process.returncode == 0, out + err
    assert err == ""
    assert len(re.findall(r"^ +node \d: 127\.0\.0\.1:\d+, pid \d+$", out, re.M)) == 3
    for stage in ("preprocess", "features", "train", "predict", "all"):
        assert re.search(rf"^{stage} +[\d,]+ +\d+ +[\d.]+ s +[\d,]+ +[\d.,]+ +[\d.]+ s +[\d.]+ x$", out, re.M), stage
    shares = re.findall(r"^node \d(?: +[\d,]+){5} +([\d.]+)% +[\d.]+ s$", out, re.M)
    assert sum(map(float, shares)) == pytest.approx(100, abs=0.2)
    on_nodes, alone = re.findall(r"([\d.]+)% (?:of the held-out scans on nodes|in one process)", out)
    assert on_nodes == alone
    assert float(on_nodes) > 50
    assert out.count(ALL_EQUAL) == 2
    resent = re.search(r"^resent +(\d+) chunks", out, re.M)
    assert resent is not None
    assert int(resent[1]) >= 1
    assert "pyrpc serve" in out
    assert (tmp_path / "pyrpc-demo.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "pyrpc-demo.png").stat().st_size > 20_000
    assert not any(is_alive(int(pid)) for pid in re.findall(r"pid (\d+)", out))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_signal_in_the_middle_leaves_no_node_behind(
    start: Start, is_alive: Callable[[int], bool], number: signal.Signals, code: int
) -> None:
    process = start("--nodes", "2")
    assert process.stdout is not None
    pids: list[int] = []
    for line in process.stdout:
        if found := re.search(r"pid (\d+)", line):
            pids.append(int(found[1]))
        if line.startswith("Job 1"):
            break
    assert len(pids) == 2
    assert all(map(is_alive, pids))
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert "Traceback" not in err
    assert not any(map(is_alive, pids))


def test_different_results_end_with_exit_code_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(show, "comparison", lambda one, other: {"weights": False})
    path = tmp_path / "picture.png"
    assert command.main(["demo", "--quick", "--nodes", "2", "--picture", str(path)]) == 1
    printed = capsys.readouterr()
    assert "weights: DIFFERENT" in printed.out
    assert "results differ that must be equal" in printed.err
    assert path.exists()


def test_missing_packages_are_told_in_one_line_with_what_helps(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("pyrpc.demo.data._NEEDED", {"no_such_module_at_all": "scikit-learn"})
    assert command.main(["demo"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == (
        "pyrpc: error: the demo needs scikit-learn\nhelp: install them: pip install 'pyrpc-thrift[examples]'\n"
    )


@pytest.mark.parametrize(
    "options", [["--nodes", "1"], ["--nodes", "many"], ["--picture", "no_such_folder/x.png"], ["--picture", "."]]
)
def test_what_cannot_work_is_refused_before_any_work(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["demo", *options]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "help: " in printed.err
