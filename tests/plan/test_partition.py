"""How rows are cut: nothing lost, nothing twice, sizes within their limits."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyrpc.errors import ConfigError
from pyrpc.plan.partition import LEAVES, MAX_CHUNK_BYTES, Chunk, leaf_grid, plan_chunks

rows_ = st.integers(0, 3000)
row_bytes_ = st.integers(0, 10**6)
maybe_rows = st.none() | st.integers(1, 5000)
maybe_bytes = st.none() | st.integers(1, 10**8)
max_bytes_ = st.integers(1, 10**8)


def assert_covers(chunks: list[Chunk], rows: int, *, is_even: bool = True) -> None:
    assert [c.index for c in chunks] == list(range(len(chunks)))
    assert [c.start for c in chunks] == [0, *(c.stop for c in chunks)][: len(chunks)]
    assert sum(c.rows for c in chunks) == rows
    if chunks:
        assert chunks[-1].stop == rows
        assert min(c.rows for c in chunks) >= 1
        if is_even:
            assert max(c.rows for c in chunks) - min(c.rows for c in chunks) <= 1
        else:
            assert len({c.rows for c in chunks}) <= 2
            assert chunks[-1].rows <= chunks[0].rows


@given(rows_, row_bytes_, st.integers(1, 50), maybe_rows, maybe_bytes, max_bytes_)
def test_every_row_is_in_one_chunk_and_no_limit_is_passed(
    rows: int, row_bytes: int, nodes: int, chunk_rows: int | None, chunk_bytes: int | None, max_bytes: int
):
    chunks = plan_chunks(
        rows, row_bytes, nodes, chunk_rows=chunk_rows, chunk_bytes=chunk_bytes, max_chunk_bytes=max_bytes
    )
    assert_covers(chunks, rows, is_even=chunk_rows is None)
    for chunk in chunks:
        assert chunk.rows == 1 or chunk.rows * row_bytes <= max_bytes
        if chunk_rows is not None:
            assert chunk.rows <= chunk_rows
        elif chunk_bytes is not None:
            assert chunk.rows == 1 or chunk.rows * row_bytes <= chunk_bytes


@given(rows_, row_bytes_, maybe_rows, maybe_bytes)
def test_leaves_cover_every_row_too(rows: int, row_bytes: int, chunk_rows: int | None, chunk_bytes: int | None):
    grid = leaf_grid(rows, row_bytes, chunk_rows=chunk_rows, chunk_bytes=chunk_bytes)
    assert_covers(grid, rows, is_even=chunk_rows is None)


@given(rows_, st.integers(1, 40), st.integers(1, 40))
def test_without_a_size_each_node_gets_about_chunks_per_node(rows: int, nodes: int, per_node: int):
    chunks = plan_chunks(rows, 4, nodes, chunks_per_node=per_node)
    assert len(chunks) == min(rows, nodes * per_node)


def test_large_rows_make_more_chunks_than_the_nodes_alone_would():
    chunks = plan_chunks(8 * 1024, 2**20, 4)
    assert len(chunks) == 8 * 2**30 // MAX_CHUNK_BYTES
    assert {c.rows for c in chunks} == {8}


def test_a_row_above_the_limit_goes_alone():
    assert [c.rows for c in plan_chunks(3, 10**9, 1)] == [1, 1, 1]


def test_chunk_rows_is_kept_to_the_row_and_the_last_chunk_has_the_rest():
    assert [c.rows for c in plan_chunks(250, 4, 2, chunk_rows=100)] == [100, 100, 50]
    assert [c.rows for c in plan_chunks(300, 4, 2, chunk_rows=100)] == [100, 100, 100]


def test_chunk_rows_wins_over_chunk_bytes():
    assert len(plan_chunks(100, 8, 1, chunk_rows=50, chunk_bytes=8)) == 2


def test_no_rows_make_no_chunks():
    assert plan_chunks(0, 4, 3) == [] == leaf_grid(0, 4)


def test_rows_without_bytes_are_cut_by_number():
    assert len(plan_chunks(1000, 0, 1, chunk_bytes=1)) == 1
    assert len(plan_chunks(1000, 0, 2)) == 32


@given(rows_, row_bytes_)
def test_the_leaf_grid_does_not_know_of_nodes(rows: int, row_bytes: int):
    leaves = leaf_grid(rows, row_bytes)
    least = min(rows, LEAVES)
    assert len(leaves) == max(least, math.ceil(rows / max(1, MAX_CHUNK_BYTES // row_bytes)) if row_bytes else least)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rows", -1),
        ("row_bytes", -1),
        ("nodes", 0),
        ("chunk_rows", 0),
        ("chunk_rows", -5),
        ("chunk_rows", 2.5),
        ("chunk_bytes", 0),
        ("max_chunk_bytes", 0),
        ("chunks_per_node", 0),
    ],
)
def test_a_wrong_size_is_named(name: str, value: float):
    options: dict[str, object] = {"rows": 10, "row_bytes": 4, "nodes": 2, name: value}
    with pytest.raises(ConfigError, match=rf"^{name} is"):
        plan_chunks(**options)


@pytest.mark.parametrize("name", ["chunk_rows", "chunk_bytes", "leaves"])
def test_a_wrong_leaf_size_is_named_even_for_no_rows(name: str):
    with pytest.raises(ConfigError, match=rf"^{name} is"):
        leaf_grid(0, 4, **{name: 0})


def test_a_wrong_chunk_bytes_is_refused_even_where_chunk_rows_wins():
    with pytest.raises(ConfigError, match="chunk_bytes"):
        plan_chunks(10, 4, 1, chunk_rows=1, chunk_bytes=-1)
