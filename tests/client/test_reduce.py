"""reduce: sums, means and folds of one's own, with the same bits on any number of nodes."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from pyrpc import Client
from pyrpc.client.fold import FoldGather
from pyrpc.errors import ArgumentError, BadResultError, ConfigError, StageFailedError
from pyrpc.plan.partition import Chunk, leaf_grid


class Sums:
    def total(self, x: np.ndarray) -> np.ndarray:
        return x.sum(axis=0)

    def average(self, x: np.ndarray) -> np.ndarray:
        return x.mean(axis=0)

    def count(self, x: np.ndarray) -> int:
        return len(x)

    def loss(self, x: np.ndarray, weights: np.ndarray) -> dict[str, Any]:
        y = x @ weights
        return {"loss": float((y * y).mean()), "grads": [2 * (x.T @ y) / len(x), np.float32(len(x))], "n": len(x)}

    def rows(self, x: np.ndarray) -> np.ndarray:
        return x

    def text(self, x: np.ndarray) -> str:
        return "x"

    def least(self, x: np.ndarray) -> float:
        return float(x.min())

    def fail(self, x: np.ndarray) -> None:
        raise ValueError("bad")


@pytest.fixture
def client(cluster: Callable[..., Client]) -> Client:
    return cluster(2, Sums)


@pytest.fixture
def x() -> np.ndarray:
    """Numbers whose sum depends on the order of adding."""
    rng = np.random.default_rng(7)
    return (rng.standard_normal((997, 4)) * 10.0 ** rng.integers(-6, 6, (997, 1))).astype(np.float32)


def folded(x: np.ndarray, **options: int) -> np.ndarray:
    chunks = leaf_grid(len(x), x.nbytes // len(x), **options)  # type: ignore[arg-type]
    value = x[chunks[0].start : chunks[0].stop].sum(axis=0)
    for chunk in chunks[1:]:
        value = value + x[chunk.start : chunk.stop].sum(axis=0)
    return value


def test_sum_is_a_left_fold_over_the_leaves(client: Client, x: np.ndarray) -> None:
    assert client.reduce("Sums.total", x).tobytes() == folded(x).tobytes()
    assert client.reduce("Sums.total", x, chunk_rows=10).tobytes() == folded(x, chunk_rows=10).tobytes()


def test_bits_do_not_depend_on_the_nodes(cluster: Callable[..., Client], x: np.ndarray) -> None:
    results = {cluster(count, Sums).reduce("Sums.total", x).tobytes() for count in (1, 2, 5)}
    assert results == {folded(x).tobytes()}


def test_bits_are_the_same_each_time(client: Client, x: np.ndarray) -> None:
    assert len({client.reduce("Sums.average", x, op="mean").tobytes() for _ in range(5)}) == 1


def test_mean_weighs_by_rows(client: Client, x: np.ndarray) -> None:
    result = client.reduce("Sums.average", x.astype(np.float64), op="mean", chunk_rows=100)
    np.testing.assert_allclose(result, x.astype(np.float64).mean(axis=0))


def test_numbers_are_added(client: Client, x: np.ndarray) -> None:
    assert client.reduce("Sums.count", x) == 997


def test_dicts_and_lists_are_added_part_by_part(client: Client) -> None:
    x = np.random.default_rng(1).standard_normal((640, 3))
    weights = np.ones(3)
    result = client.reduce("Sums.loss", x, weights=weights, op="mean")
    y = x @ weights
    np.testing.assert_allclose(result["loss"], (y * y).mean())
    np.testing.assert_allclose(result["grads"][0], 2 * (x.T @ y) / len(x))
    assert result["grads"][1] == 10.0
    assert result["n"] == 10.0


def test_callable_folds_in_order(client: Client, x: np.ndarray) -> None:
    assert client.reduce("Sums.least", x, op=min) == x.min()
    assert client.reduce("Sums.text", x, op=lambda a, b: a + b) == "x" * 64
    joined = client.reduce("Sums.rows", x, op=lambda a, b: np.concatenate([a, b]))
    np.testing.assert_array_equal(joined, x)
    np.testing.assert_array_equal(client.reduce("Sums.total", x, op=np.maximum, chunk_rows=1), x.max(axis=0))


def test_progress_counts_rows(client: Client, x: np.ndarray) -> None:
    told: list[tuple[int, int]] = []
    client.reduce("Sums.total", x, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (997, 997)


@pytest.mark.parametrize("row", [0, 500, 996])
def test_what_the_callers_own_reduction_raises_comes_through(client: Client, x: np.ndarray, row: int) -> None:
    def combine(a: Any, b: Any) -> Any:
        if row < a + b:
            raise ZeroDivisionError("of the caller")
        return a + b

    with pytest.raises(ZeroDivisionError, match="of the caller"):
        client.reduce("Sums.count", x, op=combine, timeout_s=30)
    assert client.reduce("Sums.count", x) == 997


@pytest.mark.parametrize(
    ("stage", "error", "text"),
    [
        ("Sums.rows", BadResultError, "different shapes"),
        ("Sums.text", ArgumentError, "cannot be added"),
        ("Sums.fail", StageFailedError, "bad"),
    ],
)
def test_values_that_cannot_be_added_are_told(
    client: Client, x: np.ndarray, stage: str, error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        client.reduce(stage, x)


def test_no_rows_have_no_sum(client: Client) -> None:
    with pytest.raises(ArgumentError, match="0 rows") as caught:
        client.reduce("Sums.total", np.empty((0, 3)))
    assert caught.value.help


def test_unknown_reduction_is_told(client: Client, x: np.ndarray) -> None:
    with pytest.raises(ConfigError, match="'sum', 'mean'"):
        client.reduce("Sums.total", x, op="max")  # type: ignore[arg-type]


def fold(op: Any, *leaves: Any, rows: int) -> Any:
    """The leaves folded, each of so many rows."""
    gather = FoldGather(op, rows * len(leaves))
    for index, value in enumerate(leaves):
        gather.put(Chunk(index, index * rows, (index + 1) * rows), 0, value)
    return gather.finish()


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32"])
def test_mean_of_narrow_whole_numbers_does_not_overflow(dtype: str) -> None:
    largest = np.iinfo(dtype).max
    leaf = np.array([largest, 1], dtype)
    result = fold("mean", leaf, leaf, rows=70_000)
    assert result.dtype == np.float64
    np.testing.assert_array_equal(result, [largest, 1])


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16])
def test_mean_of_half_floats_does_not_overflow_and_keeps_their_dtype(dtype: Any) -> None:
    leaf = np.array([1000, -0.5], dtype)
    result = fold("mean", leaf, leaf, rows=70_000)
    assert result.dtype == dtype
    np.testing.assert_array_equal(result, leaf)


@pytest.mark.parametrize(
    ("leaf", "names"),
    [
        (np.array(["2026-11-24"], "M8[D]"), "array of datetime64"),
        (np.array([b"ab"]), "array of |S2"),
        (np.array(["ab"]), "array of <U2"),
        (np.array(["ab"], np.dtypes.StringDType()), "array of StringDType"),
    ],
)
def test_arrays_of_what_is_no_number_are_refused_by_their_dtype(leaf: np.ndarray, names: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        fold("sum", leaf, leaf, rows=1)
    assert "cannot be added" in str(caught.value) and names in str(caught.value)


def test_durations_have_a_sum_and_a_mean() -> None:
    leaf = np.array([-5, 4, "NaT"], "m8[s]")
    np.testing.assert_array_equal(fold("sum", leaf, leaf, rows=3), np.array([-10, 8, "NaT"], "m8[s]"))
    np.testing.assert_array_equal(fold("mean", leaf, leaf, rows=3), leaf)


def test_values_of_leaves_are_let_go_of_while_the_job_runs(client: Client, x: np.ndarray) -> None:
    leaves: list[weakref.ref[np.ndarray]] = []
    alive: list[int] = []

    def fold(folded: np.ndarray, value: np.ndarray) -> np.ndarray:
        leaves.append(weakref.ref(value))
        alive.append(sum(leaf() is not None for leaf in leaves))
        return folded + value

    client.reduce("Sums.total", x, op=fold)
    assert len(leaves) == 63
    # Those that were there before their turn; the first one of all may have to wait for the slowest.
    assert min(alive[-8:]) < 32
