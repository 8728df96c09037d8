"""Nodes without memory, slow by halves, or turning half of their calls away: an equal result, or a named error."""

from __future__ import annotations

import os
import resource
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyrpc import Client
from pyrpc.errors import OverloadedError, StageFailedError

MB = 2**20
X = np.arange(120 * 50, dtype=np.float32).reshape(120, 50)
StartNodes = Callable[[int], list[Any]]


def client_of(nodes: list[Any]) -> Client:
    return Client([node.endpoint for node in nodes])


# -- out of memory: prlimit --as


def test_stage_that_runs_out_of_memory_fails_by_name_and_its_node_goes_on(start_nodes: StartNodes) -> None:
    with client_of(start_nodes(1)) as client:
        client.call("Work.confine", 300 * MB)
        with pytest.raises(StageFailedError) as caught:
            client.call("Work.zeros", 600 * MB // 8)
        assert "MemoryError" in str(caught.value.remote_type)
        np.testing.assert_array_equal(client.map("Work.double", X), 2 * X)


def test_call_that_the_node_has_no_memory_for_is_turned_away_by_name(start_nodes: StartNodes) -> None:
    with client_of(start_nodes(1)) as client:
        client.call("Work.confine", 100 * MB)
        with pytest.raises(OverloadedError, match="memory") as caught:
            client.call("Work.double", np.zeros(200 * MB, np.uint8))
        assert not caught.value.may_have_run
        np.testing.assert_array_equal(client.map("Work.double", X), 2 * X)


def test_job_goes_on_elsewhere_when_a_node_has_no_memory_for_its_chunks(start_nodes: StartNodes) -> None:
    nodes = start_nodes(2)
    x = np.ones((3, 80 * MB), np.uint8)
    with client_of(nodes[:1]) as client:
        client.call("Work.confine", 60 * MB)
    with client_of(nodes) as client:
        job = client.map_async("Work.row_sum", x, chunk_rows=1)
        np.testing.assert_array_equal(job.result(60), x.sum(axis=1, dtype=np.int64))
        assert job.receipt.rows_by_node()[nodes[0].endpoint] == 0


# -- connections


@pytest.fixture
def many_files() -> Iterator[int]:
    """As many open files as the system lets this process have; gives how many idle connections that is enough for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield 5000 if hard == resource.RLIM_INFINITY else min(5000, hard - 500)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_five_thousand_idle_connections_hold_no_thread_and_hold_up_nobody(
    start_nodes: StartNodes, many_files: int, own_time: Callable[[], float]
) -> None:
    (node,) = start_nodes(1)
    with client_of([node]) as client, ExitStack() as stack:
        for _ in range(many_files):
            stack.enter_context(socket.create_connection(("127.0.0.1", node.port), 30))
        until = time.monotonic() + 30
        while client.stats()[node.endpoint].connections < many_files:
            assert time.monotonic() < until
        began = own_time()
        np.testing.assert_array_equal(client.map("Work.double", X), 2 * X)
        assert own_time() - began < 5
        threads = Path(f"/proc/{node.pid}/status").read_text().partition("Threads:")[2].split()[0]
        assert int(threads) < 20
        spent_s = cpu_s(node.pid)
        time.sleep(0.5)
        assert cpu_s(node.pid) - spent_s < 0.25


def cpu_s(pid: int) -> float:
    """Seconds of CPU that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# -- slow nodes


def test_two_of_four_nodes_that_are_slow_get_few_rows(start_nodes: StartNodes, own_time: Callable[[], float]) -> None:
    nodes = start_nodes(4)
    with client_of(nodes) as client:
        began = own_time()
        job = client.map_async("Work.slow_on", X, [node.port for node in nodes[:2]], 0.5, chunk_rows=2)
        np.testing.assert_array_equal(job.result(30), 2 * X)
        assert own_time() - began < 1.5
        shares = job.receipt.rows_by_node()
        assert sum(shares[node.endpoint] for node in nodes[:2]) <= 24


# -- a storm of retries


def test_retries_of_nodes_that_turn_half_away_stay_within_the_budget(start_nodes: StartNodes) -> None:
    """20% of the calls and 10 a second; without a budget it would be up to 3 tries for each call, 1.75 on average."""
    calls, nodes = 1000, start_nodes(2)
    began = time.monotonic()
    outcomes = Counter()
    with client_of(nodes) as client:
        futures = [client.submit("Work.refuse_half", number) for number in range(calls)]
        for number, future in enumerate(futures):
            try:
                outcomes[future.result(60) == number + 1] += 1
            except OverloadedError:
                outcomes["turned away"] += 1
    took_s = time.monotonic() - began
    assert outcomes[True] > calls / 3
    assert outcomes[True] + outcomes["turned away"] == calls
    tried = 0
    for node in nodes:
        with client_of([node]) as client:
            tried += client.call("Work.tried")
    # The budget is for the last ten seconds, and may be full at the beginning.
    assert calls <= tried <= calls * 1.2 + 10 * (took_s + 10)
