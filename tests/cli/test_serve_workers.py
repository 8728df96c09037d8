"""``pyrpc serve --workers``: several processes on one port."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyrpc import Client
from pyrpc.errors import NodeError

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
