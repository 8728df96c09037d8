"""Jobs in the background: waiting, watching, cancelling, and the receipt."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from pyrpc import Client, Server, stage
from pyrpc.client.receipt import ChunkRecord, Receipt, assign_slots
from pyrpc.errors import BadResultError, CancelledError, DeadlineExceeded, StageFailedError


class Work:
    def __init__(self) -> None:
        self.let = threading.Event()
        self.entered = threading.Semaphore(0)

    def double(self, x: np.ndarray) -> np.ndarray:
        return 2 * x

    @stage(idempotent=False)
    def double_once(self, x: np.ndarray) -> np.ndarray:
        """Is never hedged, whatever turns the machine gives."""
        return 2 * x

    def pair(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return x, -x

    def wait(self, x: np.ndarray) -> np.ndarray:
        self.entered.release()
        self.let.wait(30)
        return 2 * x

    def wait_at(self, x: np.ndarray, row: int) -> np.ndarray:
        return self.wait(x) if row in x else 2 * x

    def fail_at(self, x: np.ndarray, row: int) -> np.ndarray:
        if row in x:
            raise ValueError("bad row")
        return x

    def words(self, x: np.ndarray) -> np.ndarray:
        return np.array(["w" * int(n) for n in x])

    def total(self, x: np.ndarray) -> np.ndarray:
        return x.sum(axis=0)


@pytest.fixture
def work() -> Iterator[Work]:
    work = Work()
    yield work
    work.let.set()


@pytest.fixture
def client(cluster: Callable[..., Client], work: Work) -> Client:
    return cluster(2, work)


def test_result_is_waited_for(client: Client, work: Work) -> None:
    job = client.map_async("Work.wait", np.arange(100))
    assert work.entered.acquire(timeout=10)
    assert not job.done()
    work.let.set()
    np.testing.assert_array_equal(job.result(30), 2 * np.arange(100))
    assert job.done()
    assert job.result() is job.result()


def test_waiting_for_a_time_leaves_the_job_running(client: Client, work: Work) -> None:
    job = client.map_async("Work.wait", np.arange(10))
    with pytest.raises(DeadlineExceeded, match="not done yet") as caught:
        job.result(timeout_s=0.05)
    assert "it goes on" in str(caught.value.help)
    work.let.set()
    np.testing.assert_array_equal(job.result(30), 2 * np.arange(10))


def test_own_time_of_the_job_ends_it(client: Client, work: Work) -> None:
    job = client.map_async("Work.wait", np.arange(10), timeout_s=0.1)
    with pytest.raises(DeadlineExceeded, match=r"not done in time|took longer"):
        job.result(30)
    assert job.done()


@pytest.mark.parametrize("stage", ["Work.double", "Work.words"])
def test_each_row_completes_once_with_its_value(client: Client, stage: str) -> None:
    x = np.arange(100)
    job = client.map_async(stage, x, chunk_rows=7)
    parts = list(job.as_completed())
    result = job.result()
    covered = sorted((start, stop) for start, stop, _ in parts)
    assert covered == [(start, min(start + 7, 100)) for start in range(0, 100, 7)]
    for start, stop, value in parts:
        np.testing.assert_array_equal(value, result[start:stop])


def test_completed_chunks_of_a_tuple_are_tuples(client: Client) -> None:
    job = client.map_async("Work.pair", np.arange(10), chunk_rows=5)
    for start, stop, (first, second) in job.as_completed():
        np.testing.assert_array_equal(first, np.arange(start, stop))
        np.testing.assert_array_equal(second, -first)


def test_chunks_complete_while_others_still_run(client: Client, work: Work) -> None:
    job = client.map_async("Work.wait_at", np.arange(8), 0, chunk_rows=1)
    completed = job.as_completed()
    first = [next(completed) for _ in range(7)]
    assert 0 not in {start for start, _, _ in first}
    work.let.set()
    assert [start for start, _, _ in completed] == [0]


def test_iterating_again_yields_nothing_more(client: Client) -> None:
    job = client.map_async("Work.double", np.arange(10))
    assert list(job.as_completed())
    assert list(job.as_completed()) == []


def test_failure_comes_after_what_was_completed(client: Client) -> None:
    job = client.map_async("Work.fail_at", np.arange(1000), 999, chunk_rows=10)
    seen = []

    def watch() -> None:
        for item in job.as_completed():
            seen.append(item)

    with pytest.raises(StageFailedError, match="bad row"):
        watch()
    assert seen
    with pytest.raises(StageFailedError, match="bad row"):
        job.result()


def test_cancel_breaks_off_what_runs(client: Client, work: Work, own_time: Callable[[], float]) -> None:
    job = client.map_async("Work.wait", np.arange(10))
    assert work.entered.acquire(timeout=10)
    began = own_time()
    assert job.cancel()
    with pytest.raises(CancelledError):
        job.result(30)
    assert own_time() - began < 5
    with pytest.raises(CancelledError):
        list(job.as_completed())
    assert {entry.outcome for entry in job.receipt.entries} == {"cancelled"}
    # The client goes on at once, with connections that are in order.
    np.testing.assert_array_equal(client.map("Work.double", np.arange(10)), 2 * np.arange(10))


def test_cancel_of_a_job_that_ended_changes_nothing(client: Client) -> None:
    job = client.map_async("Work.double", np.arange(10))
    job.result(30)
    assert not job.cancel()
    np.testing.assert_array_equal(job.result(), 2 * np.arange(10))


def test_cancelling_one_job_leaves_others_alone(client: Client, work: Work) -> None:
    """A connection that was just given back may serve another call when the one before it is cancelled."""
    stop = threading.Event()
    failures: list[BaseException] = []

    def call() -> None:
        try:
            while not stop.is_set():
                assert client.call("Work.double", 4) == 8
        except BaseException as error:
            failures.append(error)

    callers = [threading.Thread(target=call) for _ in range(2)]
    for thread in callers:
        thread.start()
    for number in range(40):
        job = client.map_async("Work.double", np.arange(200), chunk_rows=1)
        completed = job.as_completed()
        for _ in range(number):
            next(completed)
        job.cancel()
    stop.set()
    for thread in callers:
        thread.join(30)
    assert not failures


def test_reduction_in_the_background_gives_the_same_value(client: Client) -> None:
    x = np.random.default_rng(0).standard_normal((500, 3)).astype(np.float32)
    job = client.reduce_async("Work.total", x)
    parts = sorted((start, stop) for start, stop, _ in job.as_completed())
    assert parts[0][0] == 0
    assert parts[-1][1] == 500
    assert job.result(30).tobytes() == client.reduce("Work.total", x).tobytes()


def test_many_jobs_at_the_same_time(client: Client) -> None:
    jobs = [client.map_async("Work.double", np.arange(50) + number) for number in range(20)]
    for number, job in enumerate(jobs):
        np.testing.assert_array_equal(job.result(60), 2 * (np.arange(50) + number))


def test_error_of_the_caller_is_raised_before_a_job_begins(client: Client) -> None:
    with pytest.raises(LookupError):
        client.map_async("Work.nothing", np.arange(3))


def test_job_whose_result_does_not_fit_together_fails(client: Client) -> None:
    job = client.map_async("Work.total", np.arange(10))
    with pytest.raises(BadResultError):
        job.result(30)


# -- the receipt


def test_receipt_tells_where_each_row_was_done(client: Client) -> None:
    x = np.ones((1000, 100))
    job = client.map_async("Work.double_once", x, chunk_rows=50)
    job.result(30)
    receipt = job.receipt
    assert (receipt.stage, receipt.rows, receipt.retries) == ("Work.double_once", 1000, 0)
    assert receipt.rows_by_node().keys() == set(client.endpoints)
    assert sum(receipt.rows_by_node().values()) == 1000
    assert sorted(entry.chunk for entry in receipt.entries) == list(range(20))
    assert all(entry.outcome == "ok" and entry.error is None for entry in receipt.entries)
    for entry in receipt.entries:
        assert 0 <= entry.sent_s <= entry.done_s <= receipt.makespan_s
        assert 0 <= entry.service_s <= entry.done_s - entry.sent_s + 0.01


def test_receipt_counts_the_bytes_that_travelled(client: Client) -> None:
    x = np.ones((1000, 100))
    job = client.map_async("Work.double_once", x, chunk_rows=50)
    job.result(30)
    for total, of_chunk in ((job.receipt.bytes_out, "bytes_out"), (job.receipt.bytes_in, "bytes_in")):
        assert x.nbytes < total < x.nbytes + 20 * 300
        assert all(40_000 < getattr(entry, of_chunk) < 40_300 for entry in job.receipt.entries)


def test_receipt_can_be_written_as_json(client: Client) -> None:
    job = client.map_async("Work.double", np.arange(10))
    job.result(30)
    told = json.loads(json.dumps(job.receipt.to_dict()))
    assert told["rows"] == 10
    assert told["rows_by_node"] == job.receipt.rows_by_node()
    assert len(told["entries"]) == len(job.receipt.entries)
    assert "10 rows in" in str(job.receipt)


def test_receipt_of_a_failed_job_names_the_error(client: Client) -> None:
    job = client.map_async("Work.fail_at", np.arange(10), 5, chunk_rows=1)
    with pytest.raises(StageFailedError):
        job.result(30)
    (failed,) = [entry for entry in job.receipt.entries if entry.outcome == "failed"]
    assert failed.chunk == 5
    assert "bad row" in str(failed.error)


def record(node: str, sent_s: float, done_s: float, **more: object) -> ChunkRecord:
    return ChunkRecord(0, 0, 10, node, 0, sent_s=sent_s, done_s=done_s, outcome="ok", **more)  # type: ignore[arg-type]


def test_attempts_at_the_same_time_have_slots_of_their_own() -> None:
    entries = [record("a", 0, 2), record("a", 1, 3), record("a", 2, 4), record("b", 0, 9), record("a", 2.5, 2.6)]
    assign_slots(entries)
    assert [entry.slot for entry in entries] == [0, 1, 0, 0, 2]


def test_receipt_sums_what_nodes_were_busy() -> None:
    receipt = Receipt("s", 20, ("a", "b"), 1.0, [record("a", 0, 1, service_s=0.5), record("a", 0, 1, service_s=0.25)])
    assert receipt.busy_s_by_node() == {"a": 0.75, "b": 0.0}
    assert receipt.rows_by_node() == {"a": 20, "b": 0}


def test_a_node_that_single_calls_found_gone_is_probed_before_it_gets_chunks() -> None:
    def double(x: np.ndarray) -> np.ndarray:
        return 2 * x

    with (
        Server(double, port=0) as a,
        Server(double, port=0) as b,
        Client([a.endpoint, b.endpoint], policy="round_robin", ping_s=None) as client,
    ):
        b.stop(grace_s=0.0)
        for _ in range(2):
            client.call("double", 1)
        job = client.map_async("double", np.arange(100), chunk_rows=1)
        job.result(30)
    assert {entry.node for entry in job.receipt.entries} == {a.endpoint}
