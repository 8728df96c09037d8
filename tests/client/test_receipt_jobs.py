"""Receipts of real jobs: what is known of the nodes is found again in bound and causes.

The stages sleep: that is the work, and its time is known.
"""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import numpy as np
import pytest

from pyrpc import Client, Server
from pyrpc.client.receipt import Receipt
from pyrpc.errors import CancelledError, PyrpcError, UnknownRefError
from pyrpc.transport.connection import Connection
from pyrpc.wire.codec import GoodbyeError

Start = Callable[..., tuple[Client, list[Server]]]


class Work:
    """Takes so many seconds a row."""

    def __init__(self, row_s: float = 0.0) -> None:
        self.row_s = row_s
        self.rows, self.slept_s = 0, 0.0
        self.is_called = threading.Event()
        self.let = threading.Event()

    def double(self, x: np.ndarray) -> np.ndarray:
        began = time.monotonic()
        time.sleep(self.row_s * len(x))
        self.rows += len(x)
        self.slept_s += time.monotonic() - began
        self.is_called.set()
        return 2 * x

    def wait(self, x: np.ndarray) -> np.ndarray:
        self.is_called.set()
        self.let.wait(30)
        return x

    def fail(self, x: np.ndarray) -> np.ndarray:
        if 5 in x:
            raise ValueError("five")
        return x

    def add(self, x: np.ndarray, whole: np.ndarray) -> np.ndarray:
        return x + whole[0]

    def total(self, x: np.ndarray) -> float:
        return float(x.sum())


@pytest.fixture
def start() -> Iterator[Start]:
    """``start(*works, **options)``: a node for each, which runs one call at a time, and a client of them."""
    with ExitStack() as stack:

        def begin(*works: Work, **options: object) -> tuple[Client, list[Server]]:
            servers = [stack.enter_context(Server(work, port=0, threads=1)) for work in works]
            endpoints = [server.endpoint for server in servers]
            return stack.enter_context(Client(endpoints, **options)), servers  # type: ignore[arg-type]

        yield begin


def checked(receipt: Receipt) -> Receipt:
    """The receipt, after what holds for each."""
    assert 0.0 <= receipt.lower_bound_s <= receipt.makespan_s
    assert math.fsum(receipt.causes.values()) == pytest.approx(receipt.gap_s, abs=1e-9)
    assert min(receipt.causes.values()) >= 0.0
    assert sum(node.share for node in receipt.work) == pytest.approx(1.0 if receipt.rows_done else 0.0)
    assert Receipt.from_dict(json.loads(json.dumps(receipt.to_dict()))) == receipt
    for entry in receipt.entries:
        assert 0.0 <= entry.prepare_s <= entry.done_s - entry.sent_s
        assert entry.replied_s == 0.0 or entry.sent_s <= entry.replied_s <= entry.done_s
    return receipt


def test_slow_node_has_the_speed_that_it_has_and_the_bound_follows(start: Start) -> None:
    works = [Work(0.001), Work(0.004)]
    client, servers = start(*works, window=1)
    job = client.map_async("Work.double", np.zeros((200, 4)), chunk_rows=10)
    job.result()
    receipt = checked(job.receipt)
    speeds = {node.node: node.rows_per_s for node in receipt.work}
    # A sleep may take longer than it was told, never less: on a busy machine that is the speed that nodes have.
    for work, server in zip(works, servers, strict=True):
        assert 0.25 * work.rows / work.slept_s < speeds[server.endpoint] <= 1 / work.row_s
    # 160 rows at 1 ms, 40 at 4 ms: nobody can be done before.
    assert receipt.lower_bound_s >= 0.16
    assert (receipt.state, receipt.error, receipt.rows_done) == ("done", None, 200)


def test_terms_of_the_job_are_written_down(start: Start) -> None:
    client, _ = start(Work(), window=3)
    rows = np.zeros((100, 4), np.float32)
    fixed = client.map_async("Work.double", rows, chunk_rows=10, policy="pull")
    divisible = client.map_async("Work.double", rows)
    fixed.result(), divisible.result()
    assert (fixed.receipt.row_bytes, fixed.receipt.terms.policy, fixed.receipt.terms.window) == (16, "pull", 3)
    assert (fixed.receipt.terms.is_divisible, divisible.receipt.terms.is_divisible) == (False, True)
    assert divisible.receipt.to_dict()["policy"] == "min_max"


def test_job_over_an_iterator_has_the_rows_that_it_read(start: Start) -> None:
    client, _ = start(Work(), Work())
    job = client.map_async("Work.double", (np.zeros((10, 4)) for _ in range(5)))
    job.result()
    receipt = checked(job.receipt)
    assert (receipt.rows, receipt.rows_done, receipt.row_bytes) == (50, 50, 32)
    assert (receipt.terms.is_divisible, receipt.terms.max_rows) == (True, None)
    reduction = client.reduce_async("Work.total", (np.zeros((10, 4)) for _ in range(5)), chunk_rows=5)
    reduction.result()
    receipt = checked(reduction.receipt)
    assert (receipt.rows, receipt.terms.is_divisible) == (50, False)


def test_reply_of_arrays_tells_when_it_began_to_arrive(start: Start) -> None:
    client, _ = start(Work(0.001))
    job = client.map_async("Work.double", np.zeros((20, 4)), chunk_rows=10)
    job.result()
    for entry in checked(job.receipt).entries:
        assert entry.sent_s + entry.prepare_s + entry.service_s <= entry.replied_s <= entry.done_s
    reduction = client.reduce_async("Work.total", np.zeros((20, 4)), chunk_rows=10)
    reduction.result()
    assert [entry.replied_s for entry in checked(reduction.receipt).entries] == [0.0, 0.0]


def test_asking_a_node_for_a_reference_it_does_not_know_is_no_preparing(start: Start) -> None:
    client, servers = start(Work(), window=1)

    def get(ref: object) -> object:
        time.sleep(0.1)
        raise UnknownRefError("it was dropped")

    servers[0]._dispatcher._store.get = get  # type: ignore[method-assign, assignment]
    job = client.map_async("Work.add", np.zeros((2, 4)), whole=np.ones(2**18), chunk_rows=2)
    job.result()
    (entry,) = checked(job.receipt).entries
    assert entry.prepare_s < 0.1 <= entry.done_s - entry.sent_s
    assert job.receipt.causes["transfer"] >= 0.1
    # The reference, and after that the array itself.
    assert entry.bytes_out > 2**21 + 400


def test_chunks_that_wait_behind_others_on_the_node_are_queue(start: Start) -> None:
    client, servers = start(Work(0.02))
    with Client(servers[0].endpoint) as other:
        waiting = other.map_async("Work.double", np.zeros((10, 4)), chunk_rows=5)
        job = client.map_async("Work.double", np.zeros((2, 4)), chunk_rows=1)
        job.result()
        waiting.result()
    receipt = checked(job.receipt)
    assert receipt.causes["queue"] > 0.5 * receipt.gap_s


def test_node_that_stops_in_the_middle_is_down(start: Start) -> None:
    client, servers = start(Work(0.004), Work(0.004))
    job = client.map_async("Work.double", np.zeros((200, 4)), chunk_rows=5)
    has_left = False
    for _ in job.as_completed():
        # A node that answered nothing has no speed, and so costs nothing.
        if not has_left and job.receipt.rows_by_node()[servers[0].endpoint]:
            has_left = True
            servers[0].stop(0)
    result = job.result()
    receipt = checked(job.receipt)
    assert len(result) == receipt.rows_done == 200
    lost = next(node for node in receipt.work if node.node == servers[0].endpoint)
    assert lost.outcomes["failed"] > 0
    # From its last answer to that of the others it did nothing, by its share of the speed. What else the gap has,
    # as waits for a turn on a busy machine, is no part of that.
    answered = [entry for entry in receipt.entries if entry.is_answered]
    left_s = max(entry.done_s for entry in answered if entry.node == lost.node)
    away_s = max(entry.done_s for entry in answered) - left_s
    share = lost.rows_per_s / math.fsum(node.rows_per_s for node in receipt.work)
    assert away_s > 0.5 * receipt.makespan_s
    assert receipt.causes["down"] + receipt.causes["retries"] > 0.9 * share * away_s
    assert {entry.error_type for entry in receipt.entries if entry.outcome == "failed"} <= {
        "ConnectionLostError",
        "UnreachableError",
        "DrainingError",
        "CancelledError",
    }


def test_receipt_of_a_cancelled_job_says_so(start: Start) -> None:
    work = Work()
    client, _ = start(work)
    job = client.map_async("Work.wait", np.zeros((10, 4)), chunk_rows=5)
    work.is_called.wait(10)
    assert job.receipt.state == "running"
    assert "still running" in str(job.receipt)
    job.cancel()
    with pytest.raises(CancelledError):
        job.result()
    work.let.set()
    receipt = checked(job.receipt)
    assert (receipt.state, receipt.error) == ("cancelled", "the job was cancelled")
    assert {entry.outcome for entry in receipt.entries} == {"cancelled"}
    assert receipt.causes["retries"] > 0.0
    assert str(receipt).splitlines()[1] == "  cancelled: the job was cancelled"


def test_receipt_of_a_failed_job_says_why(start: Start) -> None:
    client, _ = start(Work())
    job = client.map_async("Work.fail", np.arange(10), chunk_rows=1)
    with pytest.raises(PyrpcError):
        job.result()
    receipt = checked(job.receipt)
    assert receipt.state == "failed"
    assert receipt.error is not None and "five" in receipt.error
    assert "StageFailedError" in {entry.error_type for entry in receipt.entries}


def test_what_comes_after_the_end_of_a_job_changes_nothing_in_its_receipt(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The reply was already here, so to speak, when its attempt was to be broken off.
    monkeypatch.setattr(Connection, "abort", lambda connection: None)
    work, has_ended = Work(), threading.Event()
    client, servers = start(work)
    job = client.map_async("Work.wait", np.zeros((10, 4)), chunk_rows=10)
    scatter = job._scatter
    monkeypatch.setattr(scatter._gather, "release", lambda chunk, attempt_id: has_ended.set())
    assert work.is_called.wait(10)
    (running,) = scatter._running.values()
    while running.connection.bytes_sent == running.sent_before:
        time.sleep(0.001)  # The node may be quicker than the thread that sent to it.
    job.cancel()
    with pytest.raises(CancelledError):
        job.result()
    before = checked(job.receipt).to_dict()
    (entry,) = job.receipt.entries
    assert entry.bytes_out > 10 * 4 * 8
    assert (entry.replied_s, entry.bytes_in) == (0.0, 0)
    work.let.set()
    assert has_ended.wait(10)
    scatter._probe(servers[0].endpoint)
    assert checked(job.receipt).to_dict() == before


def test_error_of_an_attempt_is_named_by_the_class_that_users_know(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, _ = start(Work())
    (node,) = client._nodes
    invoke, farewells = node.invoke, [GoodbyeError("the node went away")]

    def invoke_later(*args: object, **kwargs: object) -> object:
        if farewells:
            raise farewells.pop()
        return invoke(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(node, "invoke", invoke_later)
    job = client.map_async("Work.double", np.zeros((2, 4)), chunk_rows=2)
    job.result(30)
    assert [entry.error_type for entry in checked(job.receipt).entries] == ["DrainingError", None]
    # Not "straggler": it is known that the node refused.
    assert job.receipt.causes["queue"] > 0.0


def test_empty_job_has_a_receipt(start: Start) -> None:
    client, _ = start(Work())
    job = client.map_async("Work.double", np.zeros((0, 4)))
    job.result()
    receipt = checked(job.receipt)
    assert (receipt.state, receipt.rows_done) == ("done", 0)
    assert str(receipt).startswith("Work.double: 0 rows in ")
