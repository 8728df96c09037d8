"""Maps whose rows are cut on demand: results in place, also where pieces overlap."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Sequence

import numpy as np
import pytest

from pyrpc import Client, Server
from pyrpc.client.gather import RowsGather
from pyrpc.client.row_ranges import Covered
from pyrpc.errors import ConfigError
from pyrpc.plan.balance import NodeView
from pyrpc.plan.partition import Chunk
from pyrpc.plan.placement import POLICIES
from pyrpc.plan.prng import SplitMix64

ROWS = np.arange(3000.0)


class Doubler:
    """Doubles; one of its calls hangs until it is let go, if it is told to."""

    def __init__(self, hangs_at_call: int | None = None) -> None:
        self.let_go = threading.Event()
        self.calls = 0
        self._hangs_at_call = hangs_at_call

    def double(self, x: np.ndarray) -> np.ndarray:
        self.calls += 1
        if self.calls == self._hangs_at_call:
            self.let_go.wait(30)
        return x * 2


def test_the_rows_of_a_node_that_hangs_are_shared_by_the_others() -> None:
    hung = Doubler(hangs_at_call=1)
    with (
        Server({"D": Doubler()}, port=0) as a,
        Server({"D": Doubler()}, port=0) as b,
        Server({"D": hung}, port=0, threads=1) as c,
        Client([c.endpoint, a.endpoint, b.endpoint]) as client,
    ):
        job = client.map_async("D.double", ROWS)
        assert np.array_equal(job.result(20), ROWS * 2)
        taken = sorted((entry.start_row, entry.stop_row) for entry in job.receipt.entries if entry.outcome == "ok")
        assert [0, *(stop for _, stop in taken)] == [*(start for start, _ in taken), len(ROWS)]
        assert job.receipt.rows_by_node()[c.endpoint] == 0
        hung.let_go.set()


@pytest.mark.parametrize("policy", POLICIES)
def test_the_result_does_not_depend_on_the_policy(policy: str) -> None:
    with (
        Server({"D": Doubler()}, port=0) as a,
        Server({"D": Doubler()}, port=0) as b,
        Client([a.endpoint, b.endpoint], job_policy=policy) as client,
    ):
        assert np.array_equal(client.map("D.double", ROWS), ROWS * 2)
        assert np.array_equal(client.map("D.double", ROWS, chunk_s=0.001), ROWS * 2)
        assert np.array_equal(client.map("D.double", ROWS, chunk_rows=100, policy="pull"), ROWS * 2)
        assert client.reduce("D.double", np.ones(1000), op=lambda x, y: x + y.sum(), chunk_rows=10).sum() > 0


def test_a_file_larger_than_a_chunk_is_read_where_it_lies(tmp_path) -> None:
    path = tmp_path / "rows.bin"
    ROWS.tofile(path)
    with Server({"D": Doubler()}, port=0) as a, Client(a.endpoint) as client:
        assert np.array_equal(client.map("D.double", np.memmap(path, ROWS.dtype, "r")), ROWS * 2)


def test_an_unknown_policy_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(ConfigError, match="min_max, pull"):
        Client("127.0.0.1:1", job_policy="best")


class Picks:
    """Picks the first node so many times, then one that there is not."""

    def __init__(self, good: int) -> None:
        self.good = good

    def pick(self, nodes: Sequence[NodeView], prng: SplitMix64) -> int:
        self.good -= 1
        return 0 if self.good >= 0 else len(nodes)


def test_a_policy_of_the_callers_own_places_the_chunks() -> None:
    policy = Picks(30)
    with Server({"D": Doubler()}, port=0) as a, Client(a.endpoint, job_policy=policy) as client:
        assert np.array_equal(client.map("D.double", ROWS, chunk_rows=100), ROWS * 2)
        assert policy.good == 0


@pytest.mark.parametrize("good", [0, 7])
def test_a_policy_that_picks_no_node_fails_the_job(good: int) -> None:
    doubler = Doubler()
    with Server({"D": doubler}, port=0) as a, Client(a.endpoint) as client:
        with pytest.raises(ConfigError, match="Picks picked a node that there is not"):
            client.map("D.double", ROWS, chunk_rows=100, policy=Picks(good))
        assert doubler.calls <= good


def test_the_receipt_tells_what_was_learned_of_the_nodes() -> None:
    with Server({"D": Doubler()}, port=0) as a, Client(a.endpoint) as client:
        job = client.map_async("D.double", ROWS)
        job.result(20)
        (fit,) = job.receipt.fits
        assert fit.node == a.endpoint and fit.samples > 0 and fit.row_s > 0
        assert job.receipt.to_dict()["fits"][0]["samples"] == fit.samples


F8 = np.dtype("f8")


def rows_of(gather: RowsGather, chunk: Chunk, attempt_id: int) -> np.ndarray | None:
    """Where the reply of an attempt, which arrives now, is received to."""
    place = gather.lease(chunk, attempt_id)
    assert place is not None
    return place(F8, (chunk.rows,))


def test_pieces_of_a_chunk_wait_until_its_attempt_writes_no_more() -> None:
    gather = RowsGather("s", 10)
    whole, left, right = Chunk(0, 0, 10), Chunk(1, 0, 4), Chunk(2, 4, 10)
    rows = rows_of(gather, whole, 1)
    assert rows is not None
    assert rows_of(gather, left, 2) is None
    gather.put(left, 2, np.zeros(4))
    gather.put(right, 3, np.ones(6))
    assert not gather.is_settled
    rows[...] = 7  # the loser's bytes still come in
    gather.release(whole, 1)
    assert gather.is_settled
    assert gather.finish().tolist() == [0.0] * 4 + [1.0] * 6


def test_a_chunk_waits_until_all_pieces_of_it_write_no_more() -> None:
    gather = RowsGather("s", 10)
    whole, left, right = Chunk(0, 0, 10), Chunk(1, 0, 4), Chunk(2, 4, 10)
    assert rows_of(gather, left, 2) is not None
    assert rows_of(gather, right, 3) is not None
    gather.put(whole, 1, np.full(10, 5.0))
    gather.release(left, 2)
    assert not gather.is_settled
    gather.release(right, 3)
    assert gather.is_settled
    assert gather.finish().tolist() == [5.0] * 10


def test_rows_that_are_done_are_not_written_to_by_a_late_reply() -> None:
    gather = RowsGather("s", 10)
    whole, left = Chunk(0, 0, 10), Chunk(1, 0, 4)
    gather.put(left, 2, np.zeros(4))
    assert rows_of(gather, whole, 1) is None


def test_a_row_is_taken_once_and_none_is_missing() -> None:
    gather = RowsGather("s", 10)
    gather.put(Chunk(1, 4, 10), 1, np.ones(6))
    with pytest.raises(AssertionError, match="twice"):
        gather.put(Chunk(2, 3, 5), 2, np.ones(2))
    with pytest.raises(AssertionError, match="missing"):
        gather.finish()
    gather.put(Chunk(0, 0, 4), 3, np.zeros(4))
    assert gather.finish().tolist() == [0.0] * 4 + [1.0] * 6


def test_covered_rows_join_in_any_order() -> None:
    for order in itertools.permutations([Chunk(0, 0, 2), Chunk(1, 2, 3), Chunk(2, 3, 7), Chunk(3, 7, 8)]):
        covered = Covered()
        for chunk in order:
            assert not covered.is_all(8)
            assert covered.add(chunk)
            assert not covered.add(chunk)
        assert covered.is_all(8)
        assert covered.overlaps(Chunk(9, 7, 12))
        assert not covered.overlaps(Chunk(9, 8, 12))
