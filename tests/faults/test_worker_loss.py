"""A worker that dies fails the calls that it ran, in class B, and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pyrpc import Client
from pyrpc.errors import ConnectionLostError, FailureClass

STAGES = Path(__file__).with_name("worker_stages.py")
PATIENCE_S = 30.0


class Front:
    """``pyrpc serve --workers 2``."""

    def __init__(self, notes: Path) -> None:
        self.notes = notes
        command = [sys.executable, "-m", "pyrpc", "serve", f"{STAGES}:Work", "--port", "0", "--workers", "2"]
        environment = {**os.environ, "PYRPC_TEST_NOTES": str(notes)}
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
        )
        assert self.process.stdout is not None
        self.endpoint = self.process.stdout.readline().split()[-1]

    def noted(self, what: str) -> list[int]:
        return [int(line.split()[1]) for line in self.notes.read_text().splitlines() if line.startswith(what)]

    def end(self) -> int:
        self.process.terminate()
        code = self.process.wait(PATIENCE_S)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    front = Front(tmp_path / "notes")
    yield front
    if front.process.poll() is None:
        front.end()


def until(holds: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("stage", "args"),
    [("leave", ()), ("segfault", ()), ("kill", ()), ("starve", (4 << 30,))],
    ids=["leave", "segfault", "kill", "starve"],
)
def test_worker_that_dies_fails_the_calls_that_it_ran_and_no_other(
    front: Front, tmp_path: Path, stage: str, args: tuple[object, ...]
) -> None:
    with Client(front.endpoint) as first, Client(front.endpoint) as second, ThreadPoolExecutor() as pool:
        workers = {first.call("Work.pid"), second.call("Work.pid")}
        assert len(workers) == 2
        victim = first.call("Work.pid")
        go = tmp_path / "go"
        started = [tmp_path / f"started{number}" for number in range(2)]
        beside = pool.submit(second.call, "Work.hold", str(started[1]), str(go))
        until(started[1].exists)
        with pytest.raises(ConnectionLostError) as caught:
            first.call(f"Work.{stage}", *args)
        assert caught.value.failure_class is FailureClass.UNKNOWN
        assert caught.value.may_have_run
        go.touch()
        assert beside.result(PATIENCE_S) == next(iter(workers - {victim}))
        until(lambda: len(front.noted("setup")) == 3)
        # The caller goes on with the worker that took its place, or the other one.
        assert first.call("Work.pid") != victim


def test_all_calls_that_the_worker_ran_fail(front: Front, tmp_path: Path) -> None:
    with ThreadPoolExecutor() as pool:
        clients = [Client(front.endpoint) for _ in range(6)]
        workers = [client.call("Work.pid") for client in clients]
        victim = workers[0]
        go = tmp_path / "go"
        calls = []
        for number, client in enumerate(clients):
            started = tmp_path / f"started{number}"
            calls.append(pool.submit(client.call, "Work.hold", str(started), str(go)))
            until(started.exists)
        os.kill(victim, signal.SIGKILL)
        lost = [call for call, worker in zip(calls, workers, strict=True) if worker == victim]
        assert len(lost) == 3
        for call in lost:
            with pytest.raises(ConnectionLostError):
                call.result(PATIENCE_S)
        go.touch()
        for call, worker in zip(calls, workers, strict=True):
            if worker != victim:
                assert call.result(PATIENCE_S) == worker
        for client in clients:
            client.close()


def test_each_worker_sets_up_for_itself_and_the_one_that_takes_its_place_again(front: Front) -> None:
    before = front.noted("setup")
    assert len(set(before)) == 2
    os.kill(before[0], signal.SIGKILL)
    until(lambda: len(front.noted("setup")) == 3)
    # Once both are ready: a signal ends one that starts at once.
    answered: set[int] = set()

    def both_answered() -> bool:
        with Client(front.endpoint) as client:
            answered.add(client.call("Work.pid"))
        return len(answered - {before[0]}) == 2

    until(both_answered)
    assert front.end() == 0
    # A worker that was killed closes nothing.
    assert sorted(front.noted("close")) == sorted(front.noted("setup")[1:])
