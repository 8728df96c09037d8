"""The bits of a reduction are those of the left fold over its leaves: for any nodes, faults, hedges and retries."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from pyrpc import Client, Server
from pyrpc.client.job import Job
from pyrpc.errors import OverloadedError
from pyrpc.plan.partition import leaf_grid
from pyrpc.testing import FaultProxy, Faults

X = (
    np.random.default_rng(7).normal(size=(2000, 5)).astype(np.float32)
    * np.logspace(-6, 6, 2000, dtype=np.float32)[:, None]
)


class Asked:
    """How often each leaf was asked for, on all nodes together."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._counts: Counter[bytes] = Counter()

    def add(self, leaf: bytes) -> None:
        with self._changed:
            self._counts[leaf] += 1
            self._changed.notify_all()

    def wait_for_another(self, leaf: bytes) -> None:
        """Until a second node was asked, which is what a slow one brings about."""
        with self._changed:
            self._changed.wait_for(lambda: self._counts[leaf] > 1, 20)


class Node:
    """Adds rows up; its first calls may be slow, or refused."""

    def __init__(self, slow: int = 0, refuses: int = 0, asked: Asked | None = None) -> None:
        self._asked = asked or Asked()
        self._slow = slow
        self._refuses = refuses
        self._lock = threading.Lock()

    def total(self, x: np.ndarray) -> np.ndarray:
        with self._lock:
            self._slow -= 1
            self._refuses -= 1
            is_slow, is_refused = self._slow >= 0, self._refuses >= 0
        if is_refused:
            raise OverloadedError("busy", retry_after_ms=5)
        self._asked.add(x.tobytes())
        if is_slow:
            self._asked.wait_for_another(x.tobytes())
        time.sleep(0.002)
        return x.sum(0)


OPS: dict[str, Any] = {"sum": "sum", "mean": "mean", "custom": lambda a, b: a * np.float32(0.75) + b}


def folded(op: str) -> bytes:
    """The same without pyrpc: a loop over the leaves."""
    value: Any = None
    for leaf in leaf_grid(len(X), X.itemsize * 5):
        part = X[leaf.start : leaf.stop].sum(0)
        if op == "mean":
            part = part * leaf.rows
        if value is None:
            value = part
        else:
            value = OPS["custom"](value, part) if op == "custom" else value + part
    return (value / len(X) if op == "mean" else value).tobytes()


@contextlib.contextmanager
def nodes(*made: Node) -> Iterator[list[Server]]:
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(Server({"Node": node}, port=0)) for node in made]


def run(client: Client, op: str, during: Callable[[], object] | None = None) -> tuple[bytes, Job]:
    job = client.reduce_async("Node.total", X, op=OPS[op])
    if during is not None:
        during()
    return np.asarray(job.result(30)).tobytes(), job


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("count", [1, 3, 8])
def test_for_any_number_of_nodes(count: int, op: str) -> None:
    with nodes(*(Node() for _ in range(count))) as servers, Client([s.endpoint for s in servers]) as client:
        assert run(client, op)[0] == folded(op)


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("count", [3, 8])
def test_with_hedges(count: int, op: str) -> None:
    asked = Asked()
    with (
        nodes(Node(slow=2, asked=asked), *(Node(asked=asked) for _ in range(count - 1))) as servers,
        Client([s.endpoint for s in servers]) as client,
    ):
        result, job = run(client, op)
        assert result == folded(op)
        assert len(job.receipt.entries) > 64  # some leaf was sent twice


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("count", [1, 3, 8])
def test_with_refusals(count: int, op: str) -> None:
    with (
        nodes(Node(refuses=4), *(Node() for _ in range(count - 1))) as servers,
        Client([s.endpoint for s in servers]) as client,
    ):
        result, job = run(client, op)
        assert result == folded(op)
        assert any(entry.outcome == "failed" for entry in job.receipt.entries)


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("count", [3, 8])
def test_with_a_node_that_goes_away(count: int, op: str) -> None:
    with nodes(*(Node() for _ in range(count))) as servers, Client([s.endpoint for s in servers]) as client:
        result, _ = run(client, op, lambda: (time.sleep(0.01), servers[0].stop(grace_s=0.0)))
        assert result == folded(op)


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("count", [1, 3, 8])
def test_with_lost_replies(count: int, op: str) -> None:
    with (
        nodes(*(Node() for _ in range(count))) as servers,
        FaultProxy(servers[0].endpoint) as proxy,
        Client([proxy.endpoint, *(server.endpoint for server in servers[1:])]) as client,
    ):
        client.stages()
        proxy.afflict(to_client=Faults(after_bytes=700, then="reset"), connections=2)
        proxy.cut()
        result, job = run(client, op)
        assert result == folded(op)
        if count == 1:
            assert any(entry.outcome == "failed" for entry in job.receipt.entries)
