"""Nodes that die, hang, crawl or come back in the middle of a job: an equal result, or a named error."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from pyrpc import Client, broadcast
from pyrpc.client.job import Job
from pyrpc.errors import (
    BadResultError,
    CancelledError,
    ConnectionLostError,
    DeadlineExceeded,
    NodeError,
    UnreachableError,
)

X = np.arange(120 * 50, dtype=np.float32).reshape(120, 50)
StartNodes = Callable[[int], list[Any]]


def client_of(nodes: list[Any]) -> Client:
    return Client([node.endpoint for node in nodes])


def after_chunks(job: Job, count: int) -> Iterator[Any]:
    """The chunks of a job that runs, after so many were done."""
    completed = job.as_completed()
    for _ in range(count):
        next(completed)
    return completed


def check_covers_each_row_once(job: Job) -> None:
    done = sorted((entry.start_row, entry.stop_row) for entry in job.receipt.entries if entry.outcome == "ok")
    assert done[0][0] == 0
    assert done[-1][1] == job.receipt.rows
    assert all(before[1] == after[0] for before, after in itertools.pairwise(done))
    assert sum(job.receipt.rows_by_node().values()) == job.receipt.rows


# -- SIGKILL


@pytest.mark.parametrize("killed", [1, 2])
def test_result_is_the_same_when_nodes_are_killed_in_the_middle(start_nodes: StartNodes, killed: int) -> None:
    nodes = start_nodes(3)
    with client_of(nodes) as client:
        job = client.map_async("Work.slow", X, 0.02, chunk_rows=2)
        after_chunks(job, 6)
        for node in nodes[:killed]:
            node.kill()
        np.testing.assert_array_equal(job.result(30), 2 * X)
        check_covers_each_row_once(job)
        lost = {entry.node for entry in job.receipt.entries if entry.outcome == "failed"}
        assert lost == {node.endpoint for node in nodes[:killed]}
        assert job.receipt.retries >= killed


def test_sum_has_the_same_bits_when_a_node_is_killed(start_nodes: StartNodes) -> None:
    x = (X * np.float32(0.1)) ** 3
    nodes = start_nodes(3)
    with client_of(nodes) as client:
        whole = client.reduce("Work.total", x, 0.0)
        job = client.reduce_async("Work.total", x, 0.02)
        after_chunks(job, 6)
        nodes[1].kill()
        assert job.result(30).tobytes() == whole.tobytes()
    with client_of(nodes[:1]) as client:
        assert client.reduce("Work.total", x, 0.0).tobytes() == whole.tobytes()


def test_node_that_is_restarted_gets_work_again(start_nodes: StartNodes) -> None:
    first, second = start_nodes(2)
    with client_of([first, second]) as client:
        job = client.map_async("Work.slow", X, 0.03, chunk_rows=1)
        completed = after_chunks(job, 10)
        restarted = first.restart()
        came_back_s = time.monotonic() - job._scatter._began
        list(completed)
        np.testing.assert_array_equal(job.result(), 2 * X)
        check_covers_each_row_once(job)
        after = [e for e in job.receipt.entries if e.node == first.endpoint and e.sent_s > came_back_s]
        assert any(entry.outcome == "ok" for entry in after)
        restarted.kill()


def test_rolling_restart_during_a_job_costs_no_error(start_nodes: StartNodes) -> None:
    nodes = start_nodes(3)
    with client_of(nodes) as client:
        job = client.map_async("Work.slow", X, 0.03, chunk_rows=1)
        completed = after_chunks(job, 6)
        fresh = []
        for node in nodes:
            fresh.append(node.restart())
            # It is up again when others report it: some chunks later.
            for _ in range(15):
                next(completed)
        np.testing.assert_array_equal(job.result(30), 2 * X)
        check_covers_each_row_once(job)
        for node in fresh:
            node.kill()


def test_graceful_restart_during_a_job_costs_no_error(start_nodes: StartNodes) -> None:
    """SIGTERM: what runs is finished, what comes is refused and done elsewhere."""
    nodes = start_nodes(2)
    with client_of(nodes) as client:
        job = client.map_async("Work.once", X, 0.02, chunk_rows=1)
        after_chunks(job, 6)
        nodes[0].signal(15)
        # Not idempotent: any chunk that might have run would fail the job.
        np.testing.assert_array_equal(job.result(30), 2 * X)
        check_covers_each_row_once(job)


def test_second_job_leaves_a_dead_node_alone(start_nodes: StartNodes) -> None:
    nodes = start_nodes(3)
    with client_of(nodes) as client:
        client.map("Work.double", X)
        nodes[2].kill()
        for _ in range(3):
            np.testing.assert_array_equal(client.map("Work.double", X), 2 * X)


def test_when_all_nodes_die_the_job_fails_after_five_seconds(
    start_nodes: StartNodes, own_time: Callable[[], float]
) -> None:
    nodes = start_nodes(2)
    with client_of(nodes) as client:
        job = client.map_async("Work.slow", X, 0.02, chunk_rows=1)
        after_chunks(job, 4)
        began, began_at = own_time(), time.monotonic()
        for node in nodes:
            node.kill()
        with pytest.raises(UnreachableError, match="no node can be reached") as caught:
            job.result(30)
        assert time.monotonic() - began_at > 4.5
        assert own_time() - began < 8
        assert all(node.endpoint in str(caught.value) for node in nodes)
        assert caught.value.help


# -- SIGSTOP: the process is there, takes connections, and does nothing


def test_stopped_node_costs_little_time_and_no_row(start_nodes: StartNodes, own_time: Callable[[], float]) -> None:
    nodes = start_nodes(3)
    with client_of(nodes) as client:
        job = client.map_async("Work.slow", X, 0.02, chunk_rows=2)
        after_chunks(job, 6)
        nodes[0].stop()
        began = own_time()
        np.testing.assert_array_equal(job.result(30), 2 * X)
        assert own_time() - began < 5
        check_covers_each_row_once(job)
        # What it sends when it goes on is for nobody.
        nodes[0].go_on()
        for factor in (3, 5):
            np.testing.assert_array_equal(client.map("Work.double", X * factor), 2 * X * factor)
        assert client.call("Work.double", 21) == 42


def test_node_stopped_before_the_job_costs_little_time(start_nodes: StartNodes, own_time: Callable[[], float]) -> None:
    nodes = start_nodes(3)
    with client_of(nodes) as client:
        client.map("Work.double", X)
        nodes[1].stop()
        began = own_time()
        np.testing.assert_array_equal(client.map("Work.double", X), 2 * X)
        assert own_time() - began < 10


def test_stopped_node_that_should_take_a_shared_array_holds_up_nothing(start_nodes: StartNodes) -> None:
    weights = np.ones((50, 4000), np.float64)
    nodes = start_nodes(2)
    with client_of(nodes) as client:
        client.stages()
        nodes[0].stop()
        job = client.map_async("Work.weigh", X, broadcast(weights), 0.0, chunk_rows=10)
        np.testing.assert_allclose(job.result(20), X @ weights)
        check_covers_each_row_once(job)
        nodes[0].go_on()


def test_node_a_hundred_times_slower_gets_few_rows(start_nodes: StartNodes, own_time: Callable[[], float]) -> None:
    nodes = start_nodes(3)
    with client_of(nodes) as client:
        began = own_time()
        job = client.map_async("Work.lagging", X, nodes[0].port, 0.5, chunk_rows=2)
        np.testing.assert_array_equal(job.result(30), 2 * X)
        assert own_time() - began < 1.5
        check_covers_each_row_once(job)
        assert job.receipt.rows_by_node()[nodes[0].endpoint] <= 12


def test_late_replies_never_change_a_result(start_nodes: StartNodes) -> None:
    """Chunks that are sent twice, whose replies come in any order, are put in place once."""
    x = np.arange(4000.0)
    nodes = start_nodes(3)
    with client_of(nodes) as client:
        hedges = 0
        for _ in range(4):
            job = client.map_async("Work.jitter", x, 0.4, chunk_rows=100)
            np.testing.assert_array_equal(job.result(30), np.stack([x, 3 * x], axis=1))
            check_covers_each_row_once(job)
            hedges += job.receipt.retries
            x = -x + 1
        assert hedges > 0


def test_cancel_ends_a_job_whose_nodes_hang(start_nodes: StartNodes, own_time: Callable[[], float]) -> None:
    nodes = start_nodes(2)
    with client_of(nodes) as client:
        client.map("Work.double", X)
        for node in nodes:
            node.stop()
        job = client.map_async("Work.double", X)
        with pytest.raises(DeadlineExceeded):
            job.result(0.1)
        began = own_time()
        job.cancel()
        with pytest.raises(CancelledError):
            job.result(10)
        assert own_time() - began < 2
        for node in nodes:
            node.go_on()
        np.testing.assert_array_equal(client.map("Work.double", X), 2 * X)


# -- stages that take their node with them, or lie


@pytest.mark.parametrize("stage", ["Work.poison", "Work.segfault"])
def test_chunk_that_kills_its_nodes_fails_the_job(
    start_nodes: StartNodes, stage: str, own_time: Callable[[], float]
) -> None:
    nodes = start_nodes(6)
    with client_of(nodes) as client:
        began = own_time()
        job = client.map_async(stage, X[:, 0], float(X[57, 0]), chunk_rows=4)
        with pytest.raises(ConnectionLostError, match=r"rows 56 to 60") as caught:
            job.result(30)
        assert own_time() - began < 5
        assert isinstance(caught.value, NodeError)
        # Three nodes are lost to one chunk: after that nobody is sent it. Where they take their time to die, hedges of
        # it may be on their way to more by then.
        tried = [entry for entry in job.receipt.entries if entry.start_row == 56]
        lost = [entry.done_s for entry in tried if entry.error_type == "ConnectionLostError"]
        assert len(lost) >= 3
        assert max(sum(done_s <= entry.sent_s for done_s in lost) for entry in tried) < 3
        np.testing.assert_array_equal(client.map("Work.double", X), 2 * X)


def test_call_that_kills_its_node_is_not_repeated(start_nodes: StartNodes) -> None:
    nodes = start_nodes(2)
    with client_of(nodes) as client:
        with pytest.raises(ConnectionLostError):
            client.call("Work.poison", X[0], 0.0)
        assert client.call("Work.double", 2) == 4
        assert len(client.ping()) == 1


def test_not_idempotent_chunk_that_may_have_run_fails_the_job(start_nodes: StartNodes) -> None:
    nodes = start_nodes(2)
    with client_of(nodes) as client:
        job = client.map_async("Work.once", X, 0.05, chunk_rows=1)
        after_chunks(job, 4)
        nodes[0].kill()
        with pytest.raises(ConnectionLostError, match="rows") as caught:
            job.result(30)
        assert caught.value.endpoint == nodes[0].endpoint
        assert caught.value.may_have_run


def test_wrong_number_of_rows_from_a_node_fails_the_job(start_nodes: StartNodes) -> None:
    # One node: of two, the other one may do all of the chunks before the answers of this one come.
    nodes = start_nodes(1)
    with client_of(nodes) as client:
        with pytest.raises(BadResultError, match="wrong number of rows") as caught:
            client.map("Work.short_on", X, nodes[0].port, chunk_rows=3)
        assert caught.value.endpoint == nodes[0].endpoint
        assert "3 rows" in str(caught.value.expected)
        assert caught.value.got == "2 rows"


def test_stage_that_holds_the_interpreter_does_not_count_as_lost(start_nodes: StartNodes) -> None:
    nodes = start_nodes(2)
    with client_of(nodes) as client:
        job = client.map_async("Work.hog", X, 0.02, chunk_rows=10)
        np.testing.assert_array_equal(job.result(30), 2 * X)
        assert not [entry for entry in job.receipt.entries if entry.outcome == "failed"]
