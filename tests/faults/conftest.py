"""Nodes as processes that a test may kill, stop and restart, and nodes behind proxies that misbehave."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from pyrpc import Server
from pyrpc.testing import FaultProxy


class Node:
    """One process."""

    def __init__(self, nursery: Nursery, port: int = 0) -> None:
        self._nursery = nursery
        self.pid, self.endpoint = nursery.start(port)
        self.port = int(self.endpoint.rpartition(":")[2])

    def signal(self, number: int) -> None:
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            pass

    def kill(self) -> None:
        self.signal(signal.SIGKILL)

    def stop(self) -> None:
        self.signal(signal.SIGSTOP)
        # The signal is on its way only: on a busy machine threads go on for a moment.
        tasks = Path(f"/proc/{self.pid}/task")
        until = time.monotonic() + 60
        while any(_state(task) != "T" for task in tasks.iterdir()) and time.monotonic() < until:
            time.sleep(0.001)

    def go_on(self) -> None:
        self.signal(signal.SIGCONT)

    def restart(self) -> Node:
        """Another process at the same port, as a supervisor would start it."""
        self.kill()
        while is_alive(self.pid):
            time.sleep(0.001)
        return Node(self._nursery, self.port)


def _state(task: Path) -> str:
    """One letter for what a thread is doing; T: stopped. The name before it is in brackets, and may hold anything."""
    return (task / "stat").read_text().rpartition(")")[2].split()[0]


class Nursery:
    """The process that forks nodes."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("nodes.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, port: int) -> tuple[int, str]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{port}\n")
        self._process.stdin.flush()
        pid, endpoint = self._process.stdout.readline().split()
        return int(pid), endpoint

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    nursery = Nursery()
    yield nursery
    nursery.close()


@pytest.fixture
def start_nodes(nursery: Nursery) -> Iterator[Callable[[int], list[Node]]]:
    """``start_nodes(n)`` gives n fresh nodes; they are killed in the end."""
    started: list[Node] = []

    def start(count: int) -> list[Node]:
        nodes = [Node(nursery) for _ in range(count)]
        started.extend(nodes)
        return nodes

    yield start
    for node in started:
        node.kill()


@pytest.fixture
def proxies(work: object) -> Iterator[list[FaultProxy]]:
    """Two nodes, each behind a proxy."""
    with ExitStack() as stack:
        servers = [stack.enter_context(Server(work, port=0)) for _ in range(2)]
        yield [stack.enter_context(FaultProxy(server.endpoint)) for server in servers]
