"""Nodes without memory, slow by halves, or turning half of their calls away: an equal result, or a named error."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
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
        client.call("Work.confine", 300 * MB)
        with pytest.raises(OverloadedError, match="memory") as caught:
            client.call("Work.double", np.zeros(600 * MB, np.uint8))
        assert not caught.value.may_have_run
        np.testing.assert_array_equal(client.map("Work.double", X), 2 * X)


def test_job_goes_on_elsewhere_when_a_node_has_no_memory_for_its_chunks(start_nodes: StartNodes) -> None:
    nodes = start_nodes(2)
    x = np.ones((4, 80 * MB), np.uint8)
    with client_of(nodes[:1]) as client:
        client.call("Work.confine", 60 * MB)
    with client_of(nodes) as client:
        job = client.map_async("Work.row_sum", x, chunk_rows=1)
        np.testing.assert_array_equal(job.result(60), x.sum(axis=1, dtype=np.int64))
        assert job.receipt.rows_by_node()[nodes[0].endpoint] == 0


# -- slow nodes


def test_two_of_four_nodes_that_are_slow_get_few_rows(start_nodes: StartNodes) -> None:
    nodes = start_nodes(4)
    with client_of(nodes) as client:
        job = client.map_async("Work.slow_on", X, [node.port for node in nodes[:2]], 0.5, chunk_rows=2)
        np.testing.assert_array_equal(job.result(30), 2 * X)
        shares = job.receipt.rows_by_node()
        assert sum(shares[node.endpoint] for node in nodes[:2]) <= 24
        assert job.receipt.makespan_s < 1.5


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
