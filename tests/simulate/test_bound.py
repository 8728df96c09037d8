"""The lower bound: what no schedule can beat, and what the best one reaches."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest

from pyrpc.simulate import JobModel, NodeModel, Scenario
from pyrpc.simulate.bound import lower_bound_s


def bound(job: JobModel, *nodes: dict[str, Any]) -> float:
    models = tuple(NodeModel(f"n{place}", **numbers) for place, numbers in enumerate(nodes))
    return lower_bound_s(Scenario(job, models))


def best_by_trying(chunks: int, times_s: list[float]) -> float:
    """Every way to share equal chunks among a few nodes."""
    shares = itertools.product(range(chunks + 1), repeat=len(times_s))
    return min(
        max(count * time_s for count, time_s in zip(share, times_s, strict=True))
        for share in shares
        if sum(share) == chunks
    )


def test_divisible_rows_take_work_over_speed() -> None:
    assert bound(JobModel(1000), {"row_s": 0.01}, {"row_s": 0.04}) == pytest.approx(1000 / (100 + 25))


def test_threads_count_as_speed() -> None:
    assert bound(JobModel(1000), {"row_s": 0.01, "threads": 4}) == pytest.approx(2.5)


@pytest.mark.parametrize("chunks", [1, 2, 5, 8])
@pytest.mark.parametrize("times_s", [[0.02, 0.02, 0.1], [0.02, 0.03], [0.01, 0.07, 0.011]])
def test_whole_chunks_take_what_the_best_of_all_ways_takes(chunks: int, times_s: list[float]) -> None:
    expected = best_by_trying(chunks, times_s)
    assert bound(JobModel(chunks, chunk_rows=1), *({"row_s": time_s} for time_s in times_s)) == pytest.approx(expected)


def test_shorter_last_chunk_does_not_raise_the_bound_above_what_can_be_reached() -> None:
    # 10 and 10 and 5 rows: one node does 10 + 5, the other 10.
    assert bound(JobModel(25, chunk_rows=10), {"row_s": 0.01}, {"row_s": 0.01}) <= 0.15


def test_even_grid_is_as_the_planner_cuts_it() -> None:
    job = JobModel(103, chunks=10)
    assert sum(1 for _ in range(job.work(2).pieces_left)) == 10
    assert bound(job, {"row_s": 0.01}) == pytest.approx(1.03, rel=0.01)


def test_link_bounds_what_a_node_does() -> None:
    job = JobModel(1000, row_bytes=1000)
    assert bound(job, {"row_s": 0.001, "bytes_per_s": 1e5}) == pytest.approx(10.0)
    assert bound(job, {"row_s": 0.001, "bytes_per_s": 1e9}) == pytest.approx(1.0)


def test_time_in_which_a_node_is_away_does_not_count() -> None:
    job = JobModel(1000)
    alone = {"row_s": 0.001}
    assert bound(job, {**alone, "hangs_at_s": 0.5, "wakes_at_s": 2.0}) == pytest.approx(2.5)
    assert bound(job, alone, {**alone, "dies_at_s": 0.25}) == pytest.approx(0.75)
    assert math.isinf(bound(job, {**alone, "dies_at_s": 0.5}))


def test_stragglers_count_with_their_mean() -> None:
    job = JobModel(1000)
    assert bound(job, {"row_s": 0.001, "straggler_share": 0.1, "straggler_factor": 11.0}) == pytest.approx(2.0)
