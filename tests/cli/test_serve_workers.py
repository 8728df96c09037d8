"""``pyrpc serve --workers``: several processes on one port."""

from __future__ import annotations

import concurrent.futures
import contextlib
import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyrpc import Client
from pyrpc.client.draining import drain
from pyrpc.errors import NodeError
from pyrpc.wire.messages import NodeState

Until = Callable[[Callable[[], object]], None]


@pytest.fixture(scope="module")
def front(start_node: Any) -> Any:
    """Two workers."""
    return start_node("lab:Lab", "--workers", 2)


def pid_of(endpoint: str) -> int:
    """The process that a connection of its own reaches."""
    with Client(endpoint) as client:
        return int(client.call("Lab.pid"))


def is_alive(pid: int) -> bool:
    """Zombies count as alive."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_connections_are_spread_evenly(front: Any) -> None:
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(Client(front.endpoint)) for _ in range(8)]
        counts = Counter(client.call("Lab.pid") for client in clients)
    assert sorted(counts.values()) == [4, 4]
    assert front.process.pid not in counts


def test_connections_keep_away_from_a_worker_that_runs_a_call(start_node: Any, until: Until, tmp_path: Path) -> None:
    front = start_node("lab:Lab", "--workers", 2)
    started, go = tmp_path / "started", tmp_path / "go"
    with Client(front.endpoint) as busy, contextlib.ExitStack() as stack:
        busy_pid = busy.call("Lab.pid")
        call = busy.submit("Lab.hold", str(started), str(go))
        until(started.exists)
        clients = [stack.enter_context(Client(front.endpoint)) for _ in range(4)]
        assert busy_pid not in {client.call("Lab.pid") for client in clients}
        go.touch()
        assert call.result(30) == "done"
        # Then it is due for those that it did not get.
        fresh = [stack.enter_context(Client(front.endpoint)) for _ in range(3)]
        assert {client.call("Lab.pid") for client in fresh} == {busy_pid}


def test_worker_that_dies_is_replaced_and_reaped(front: Any, until: Until) -> None:
    before = {pid_of(front.endpoint), pid_of(front.endpoint)}
    victim = min(before)
    os.kill(victim, signal.SIGKILL)
    seen: set[int] = set()

    def is_replaced() -> bool:
        with contextlib.suppress(NodeError):
            seen.add(pid_of(front.endpoint))
        return len(seen - {victim}) == 2

    until(is_replaced)
    assert not is_alive(victim)
    assert before - {victim} < seen


def test_short_connections_take_turns_and_wait_where_all_workers_died(start_node: Any, until: Until) -> None:
    front = start_node("lab:Lab", "--workers", 2)
    before = {pid_of(front.endpoint), pid_of(front.endpoint)}
    assert len(before) == 2
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    until(lambda: not any(map(is_alive, before)))
    assert pid_of(front.endpoint) not in before


def test_stage_in_a_worker_may_learn_that_its_caller_left(front: Any, until: Until, tmp_path: Path) -> None:
    started, stopped = tmp_path / "started", tmp_path / "stopped"
    with Client(front.endpoint) as client:
        job = client.map_async("Lab.watch", np.zeros(1), str(started), str(stopped))
        until(started.exists)
        assert not stopped.exists()
        began = time.monotonic()
        job.cancel()
        until(stopped.exists)
        # Of another process: how soon it knows is asked for in tests/server; here, that it does before it must give up.
        assert time.monotonic() - began < 5


def test_workers_end_when_the_front_is_killed(start_node: Any) -> None:
    front = start_node("lab:Lab", "--workers", 2)
    front.signal(signal.SIGKILL)
    # They hold its standard error open as long as they live.
    assert front.end()[0] == -signal.SIGKILL


@pytest.mark.parametrize(
    ("service", "error", "help"),
    [
        ("raising", "cannot import raising: ZeroDivisionError: division by zero (raising.py:2)", "--verbose"),
        ("lab:Lob", "lab has no 'Lob'", "did you mean lab:Lab?"),
        ("dying", "a worker ended with exit code 7 before it was ready", "--workers"),
    ],
)
def test_worker_that_cannot_start_is_told_once(pyrpc_command: Any, service: str, error: str, help: str) -> None:
    done = pyrpc_command("serve", service, "--workers", 3, "--port", 0)
    assert (done.code, done.out) == (2, "")
    # The three of them may say it at the same time.
    lines = [line for line in done.err.replace("said at the import", "").splitlines() if line]
    assert len(lines) == 2
    assert lines[0].startswith(f"pyrpc: error: {error}")
    assert lines[1].startswith("help: ") and help in lines[1]


def test_option_of_workers_is_not_for_people(pyrpc_command: Any) -> None:
    done = pyrpc_command("serve", "lab:Lab", "--worker-fd", 99)
    assert (done.code, len(done.lines)) == (2, 1)
    assert "--worker-fd" not in pyrpc_command("serve", "--help").out


@pytest.mark.parametrize("where", ["another worker", "the worker that is asked"])
def test_drain_waits_for_all_workers(start_node: Any, until: Until, tmp_path: Path, where: str) -> None:
    front = start_node("lab:Lab", "--workers", 2)
    started, go = tmp_path / "started", tmp_path / "go"
    with Client(front.endpoint) as busy, contextlib.ExitStack() as stack, ThreadPoolExecutor(1) as pool:
        call = busy.submit("Lab.hold", str(started), str(go))
        until(started.exists)
        if where == "the worker that is asked":
            # As many connections as the call that runs counts for, and that call's; then it is the first one's turn.
            others = [stack.enter_context(Client(front.endpoint)) for _ in range(5)]
            assert len({other.call("Lab.pid") for other in others}) == 1
        asked = pool.submit(drain, front.endpoint, wait_s=60)
        with pytest.raises(concurrent.futures.TimeoutError):
            # Far longer than a worker with nothing to do takes to end.
            asked.result(2)
        assert front.process.poll() is None
        go.touch()
        assert asked.result(30).state is NodeState.DRAINING
        assert call.result(30) == "done"
    assert front.end()[0] == 0


def test_worker_that_is_asked_ends_in_the_time_that_it_was_given(start_node: Any, until: Until, tmp_path: Path) -> None:
    front = start_node("lab:Lab", "--workers", 2)
    started, go = tmp_path / "started", tmp_path / "go"
    with Client(front.endpoint) as busy:
        call = busy.submit("Lab.hold", str(started), str(go))
        until(started.exists)
        drain(front.endpoint, grace_s=0.2, wait_s=60)
        assert isinstance(call.exception(30), NodeError)
    assert front.end()[0] == 0
