"""How soon a job could have ended."""

from __future__ import annotations

import heapq
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyrpc.client.receipt import ChunkRecord, Receipt
from pyrpc.client.receipt.bound import grid_bound_s, list_bound_s
from pyrpc.plan.terms import JobTerms

TIMES = st.lists(st.floats(1e-3, 10.0), min_size=1, max_size=8)


def earliest_finish_s(chunks: int, times_s: list[float]) -> float:
    """What giving each chunk to whoever ends it first takes; on equal chunks nothing is better."""
    ends = [(time_s, node) for node, time_s in enumerate(times_s)]
    heapq.heapify(ends)
    last_s = 0.0
    for _ in range(chunks):
        last_s, node = ends[0]
        heapq.heapreplace(ends, (last_s + times_s[node], node))
    return last_s


def test_four_nodes_of_which_one_is_five_times_slower() -> None:
    assert list_bound_s(100, [0.02, 0.02, 0.02, 0.1]) == pytest.approx(0.64)
    assert list_bound_s(96, [0.02, 0.02, 0.02, 0.1]) == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("chunks", "times_s", "bound_s"), [(0, [1.0], 0.0), (1, [3.0, 2.0], 2.0), (5, [1.0, 1.0], 3.0)]
)
def test_small_grids(chunks: int, times_s: list[float], bound_s: float) -> None:
    assert list_bound_s(chunks, times_s) == pytest.approx(bound_s)


@given(st.integers(1, 200), TIMES)
def test_list_bound_is_what_the_best_schedule_of_equal_chunks_takes(chunks: int, times_s: list[float]) -> None:
    assert list_bound_s(chunks, times_s) == pytest.approx(earliest_finish_s(chunks, times_s), rel=1e-6)


@given(st.integers(1, 200), TIMES)
def test_list_bound_is_never_below_work_over_speed(chunks: int, times_s: list[float]) -> None:
    assert list_bound_s(chunks, times_s) >= chunks / sum(1 / time_s for time_s in times_s) * (1 - 1e-6)


def test_grid_with_a_small_rest_is_bounded_by_its_whole_chunks() -> None:
    # 3 chunks of 100 rows and one of 1, on two nodes of 100 rows/s: two whole ones on one node.
    assert grid_bound_s([100, 100, 100, 1], [100.0, 100.0]) == pytest.approx(2.0)
    # All four count as chunks of at least 1 row, which is less.
    assert grid_bound_s([1, 1, 1, 1], [100.0, 100.0]) == pytest.approx(0.02)


def test_grid_without_any_speed_has_no_bound() -> None:
    assert grid_bound_s([1, 2], [0.0]) == 0.0
    assert grid_bound_s([], [1.0]) == 0.0


def two_nodes(*, is_divisible: bool, makespan_s: float = 2.0) -> Receipt:
    """Three chunks of 10 rows: two on a, one on b, each in one second."""
    entries = [
        ChunkRecord(index, 10 * index, 10 * index + 10, node, 0, 0, at_s, at_s + 1, service_s=1.0, outcome="ok")
        for index, (node, at_s) in enumerate([("a", 0.0), ("b", 0.0), ("a", 1.0)])
    ]
    terms = JobTerms("min_max", 1, True, is_divisible)
    return Receipt("stage", 30, ("a", "b"), makespan_s, entries, terms=terms, state="done")


def test_rows_that_may_be_cut_are_bounded_by_the_speed_of_all_nodes() -> None:
    receipt = two_nodes(is_divisible=True)
    assert receipt.lower_bound_s == pytest.approx(1.5)
    assert receipt.gap_s == pytest.approx(0.5)
    assert receipt.gap == pytest.approx(1 / 3)


def test_chunks_of_a_grid_stay_whole() -> None:
    receipt = two_nodes(is_divisible=False)
    assert receipt.lower_bound_s == pytest.approx(2.0)
    assert (receipt.gap_s, receipt.gap) == (0.0, 0.0)


def test_no_bound_is_below_the_quickest_run_of_a_chunk() -> None:
    # Two chunks at the same time on one node: 20 rows/s, but no chunk in less than a second.
    entries = [
        ChunkRecord(index, 10 * index, 10 * index + 10, "a", 0, index, 0.0, 1.0, service_s=1.0, outcome="ok")
        for index in (0, 1)
    ]
    receipt = Receipt("stage", 20, ("a",), 1.5, entries, state="done")
    assert receipt.work[0].rows_per_s == pytest.approx(20.0)
    assert receipt.lower_bound_s == pytest.approx(1.0)


def test_bound_is_never_above_the_makespan() -> None:
    # A clock of the node that goes too fast.
    receipt = two_nodes(is_divisible=False, makespan_s=1.0)
    assert receipt.lower_bound_s <= 1.0
    assert receipt.gap_s >= 0.0


def test_job_in_which_nothing_was_done_has_no_bound() -> None:
    entry = ChunkRecord(0, 0, 10, "a", 0, 0, 0.0, 1.0, outcome="failed", error="gone", error_type="ConnectionLostError")
    receipt = Receipt("stage", 10, ("a", "b"), 3.0, [entry], state="failed", error="gone")
    assert (receipt.lower_bound_s, receipt.gap_s, receipt.gap) == (0.0, 3.0, 0.0)
    assert math.fsum(receipt.causes.values()) == pytest.approx(3.0)
    assert receipt.causes["retries"] == pytest.approx(0.5)
    assert receipt.causes["down"] == pytest.approx(1.0)
