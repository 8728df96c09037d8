"""Rows in their places and folds in their order, whatever order the chunks end in and however often they were sent."""

from __future__ import annotations

import random
import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyrpc.client.fold import FoldGather, check_op
from pyrpc.client.gather import RowsGather
from pyrpc.errors import ArgumentError, BadResultError, ConfigError
from pyrpc.plan.partition import Chunk, plan_chunks

seeds = st.integers(0, 2**32)


def chunks_of(*sizes: int) -> list[Chunk]:
    stops = np.cumsum(sizes).tolist()
    return [Chunk(index, stop - size, stop) for index, (size, stop) in enumerate(zip(sizes, stops, strict=True))]


def rows_of(chunk: Chunk) -> np.ndarray[Any, Any]:
    return np.arange(chunk.start, chunk.stop, dtype=np.float32) * 10


class Attempt:
    """An attempt that receives its rows where the gather wants them, as the decoder does."""

    def __init__(self, gather: RowsGather, chunk: Chunk, attempt_id: int) -> None:
        self.gather, self.chunk, self.attempt_id = gather, chunk, attempt_id
        self.place = gather.lease(chunk, attempt_id)
        self.array: np.ndarray[Any, Any] | None = None

    def receive(self, value: np.ndarray[Any, Any]) -> Attempt:
        target = self.place(value.dtype, value.shape) if self.place is not None else None
        self.array = np.empty_like(value) if target is None else target
        self.array[...] = value
        return self

    @property
    def is_in_place(self) -> bool:
        return self.array is not None and self.array.base is not None

    def win(self) -> Any:
        return self.gather.put(self.chunk, self.attempt_id, self.array)

    def end(self) -> None:
        self.gather.release(self.chunk, self.attempt_id)


# -- rows


@given(st.lists(st.integers(1, 5), min_size=1, max_size=20), seeds)
def test_rows_are_in_order_whatever_order_the_chunks_end_in(sizes: list[int], seed: int) -> None:
    chunks = chunks_of(*sizes)
    gather = RowsGather("s", sum(sizes))
    for chunk in random.Random(seed).sample(chunks, len(chunks)):
        attempt = Attempt(gather, chunk, chunk.index).receive(rows_of(chunk))
        attempt.win()
        attempt.end()
    assert gather.is_settled
    np.testing.assert_array_equal(gather.finish(), np.arange(sum(sizes), dtype=np.float32) * 10)


def test_first_attempt_receives_into_the_result_itself() -> None:
    (chunk,) = chunks_of(4)
    gather = RowsGather("s", 4)
    attempt = Attempt(gather, chunk, 1).receive(rows_of(chunk))
    shown = attempt.win()
    attempt.end()
    assert attempt.is_in_place
    assert np.shares_memory(gather.finish(), attempt.array)
    assert np.shares_memory(gather.finish(), shown)


def test_two_attempts_never_write_to_the_same_rows() -> None:
    (chunk,) = chunks_of(4)
    gather = RowsGather("s", 4)
    first = Attempt(gather, chunk, 1).receive(np.full(4, -1.0))
    second = Attempt(gather, chunk, 2).receive(np.full(4, 2.0))
    assert (first.is_in_place, second.is_in_place) == (True, False)
    second.win()
    # The first one still may write to the rows: the winner's values must wait.
    assert not gather.is_settled
    assert first.array is not None
    first.array[2] = -7
    first.end()
    assert gather.is_settled
    np.testing.assert_array_equal(gather.finish(), np.full(4, 2.0))


def test_attempt_that_gets_no_reply_keeps_no_result_waiting() -> None:
    (chunk,) = chunks_of(4)
    gather = RowsGather("s", 4)
    Attempt(gather, chunk, 1)
    Attempt(gather, chunk, 2).receive(rows_of(chunk)).win()
    assert gather.is_settled
    np.testing.assert_array_equal(gather.finish(), rows_of(chunk))


def test_reply_that_comes_after_the_chunk_is_done_does_not_touch_it() -> None:
    (chunk,) = chunks_of(4)
    gather = RowsGather("s", 4)
    slow = Attempt(gather, chunk, 1)
    quick = Attempt(gather, chunk, 2).receive(rows_of(chunk))
    quick.win()
    quick.end()
    slow.receive(np.full(4, -1, np.float32))
    slow.end()
    assert not slow.is_in_place
    np.testing.assert_array_equal(gather.finish(), rows_of(chunk))


def test_rows_are_free_for_a_retry_after_a_failed_attempt() -> None:
    (chunk,) = chunks_of(4)
    gather = RowsGather("s", 4)
    failed = Attempt(gather, chunk, 1).receive(np.full(4, -1.0, np.float32))
    failed.end()
    again = Attempt(gather, chunk, 2).receive(rows_of(chunk))
    assert again.is_in_place
    again.win()
    again.end()
    np.testing.assert_array_equal(gather.finish(), rows_of(chunk))


def test_each_chunk_is_put_once() -> None:
    chunks = chunks_of(2, 2)
    gather = RowsGather("s", 4)
    Attempt(gather, chunks[0], 1).receive(rows_of(chunks[0])).win()
    with pytest.raises(AssertionError, match="twice"):
        Attempt(gather, chunks[0], 2).receive(rows_of(chunks[0])).win()


def test_result_with_a_missing_chunk_is_never_given_out() -> None:
    chunks = chunks_of(2, 2)
    gather = RowsGather("s", 4)
    Attempt(gather, chunks[1], 1).receive(rows_of(chunks[1])).win()
    with pytest.raises(AssertionError, match="missing"):
        gather.finish()


def test_tuples_are_gathered_column_by_column() -> None:
    chunks = chunks_of(3, 2)
    gather = RowsGather("s", 5)
    for chunk in reversed(chunks):
        rows = np.arange(chunk.start, chunk.stop)
        gather.put(chunk, chunk.index, [rows, np.stack([rows, rows], 1) * 0.5])
    first, second = gather.finish()
    np.testing.assert_array_equal(first, np.arange(5))
    np.testing.assert_array_equal(second, np.arange(5)[:, None] * [0.5, 0.5])


@pytest.mark.parametrize("kind", ["U", "S", "T"])
def test_text_grows_to_the_widest_chunk(kind: str) -> None:
    chunks = chunks_of(1, 1, 1)
    dtype: Any = np.dtypes.StringDType() if kind == "T" else kind
    gather = RowsGather("s", 3)
    for chunk, text in zip(chunks, ["a", "long text", "bc"], strict=True):
        gather.put(chunk, chunk.index, np.array([text], dtype))
    assert gather.finish().astype("U20").tolist() == ["a", "long text", "bc"]


def test_no_rows_give_the_shape_that_the_stage_gave() -> None:
    gather = RowsGather("s", 0)
    gather.put(Chunk(0, 0, 0), 1, np.empty((0, 7), np.int16))
    result = gather.finish()
    assert (result.shape, result.dtype) == ((0, 7), np.int16)


@pytest.mark.parametrize(
    ("first", "second", "text"),
    [
        (np.zeros(2), np.zeros(3), "wrong number of rows"),
        (np.zeros(2), 5, "wrong number of rows"),
        (np.zeros(2), np.float64(1), "wrong number of rows"),
        (np.zeros(2, "f4"), np.zeros(2, "f8"), "differ from chunk to chunk"),
        (np.zeros((2, 3)), np.zeros((2, 4)), "differ from chunk to chunk"),
        (np.zeros((2, 3)), np.zeros(2), "differ from chunk to chunk"),
        (np.array(["a", "b"]), np.zeros(2), "differ from chunk to chunk"),
        (np.zeros(2), np.array(["a", "b"]), "differ from chunk to chunk"),
        (np.zeros(2), [np.zeros(2)], "another number of arrays"),
        ([np.zeros(2)], [np.zeros(2), np.zeros(2)], "another number of arrays"),
        ([np.zeros(2), np.zeros(2)], [np.zeros(2)], "another number of arrays"),
        (np.zeros(2), [], "no array"),
    ],
)
def test_results_that_do_not_fit_each_other_are_refused(first: Any, second: Any, text: str) -> None:
    chunks = chunks_of(2, 2)
    gather = RowsGather("s", 4)
    gather.put(chunks[0], 1, first)
    with pytest.raises(BadResultError, match=text) as caught:
        gather.put(chunks[1], 2, second)
    assert caught.value.expected
    assert caught.value.got


def test_array_of_another_dtype_is_not_received_into_the_result() -> None:
    chunks = chunks_of(2, 2)
    gather = RowsGather("s", 4)
    Attempt(gather, chunks[0], 1).receive(np.zeros(2, np.float32)).win()
    assert not Attempt(gather, chunks[1], 2).receive(np.zeros(2, np.float64)).is_in_place
    assert not Attempt(gather, chunks[1], 3).receive(np.zeros((2, 1), np.float32)).is_in_place
    assert not Attempt(gather, chunks[1], 4).receive(np.zeros(3, np.float32)).is_in_place


# -- folds


@given(st.integers(1, 30), seeds)
def test_fold_has_the_same_bits_whatever_order_the_values_come_in(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = [(rng.standard_normal(5) * 10.0 ** rng.integers(-8, 8)).astype(np.float32) for _ in range(count)]
    chunks = chunks_of(*[1] * count)
    expected = values[0]
    for value in values[1:]:
        expected = expected + value
    gather = FoldGather("sum", chunks[-1].stop)
    for index in random.Random(seed).sample(range(count), count):
        gather.put(chunks[index], index, values[index])
    assert gather.is_settled
    assert gather.finish().tobytes() == expected.tobytes()


def test_fold_from_many_threads_has_the_same_bits() -> None:
    values = np.random.default_rng(1).standard_normal((200, 50)).astype(np.float32)
    chunks = chunks_of(*[1] * len(values))
    expected = values[0]
    for value in values[1:]:
        expected = expected + value
    gather = FoldGather("sum", chunks[-1].stop)

    def work(first: int) -> None:
        for index in range(first, len(values), 8):
            gather.put(chunks[index], index, values[index])

    threads = [threading.Thread(target=work, args=(first,)) for first in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert gather.is_settled
    assert gather.finish().tobytes() == expected.tobytes()


def test_mean_weighs_each_chunk_by_its_rows() -> None:
    chunks = chunks_of(1, 3)
    gather = FoldGather("mean", chunks[-1].stop)
    gather.put(chunks[1], 1, {"loss": 1.0, "grad": [np.array([4.0, 8.0])]})
    gather.put(chunks[0], 0, {"loss": 5.0, "grad": [np.array([0.0, 4.0])]})
    result = gather.finish()
    assert result["loss"] == 2.0
    np.testing.assert_array_equal(result["grad"][0], [3.0, 7.0])


def test_callable_gets_what_was_folded_and_the_next_value_in_order() -> None:
    chunks = chunks_of(1, 1, 1)
    gather = FoldGather(lambda a, b: a + b, chunks[-1].stop)
    for index in (2, 0, 1):
        gather.put(chunks[index], index, "abc"[index])
    assert gather.finish() == "abc"


@pytest.mark.parametrize(
    ("left", "right", "error"),
    [
        ("a", "b", ArgumentError),
        (None, None, ArgumentError),
        ({"a": 1}, {"b": 1}, ArgumentError),
        ([1], [1, 2], ArgumentError),
        (1, [1], ArgumentError),
        (np.zeros(2), np.zeros(3), BadResultError),
        (np.zeros(1), np.zeros(3), BadResultError),
    ],
)
def test_values_that_cannot_be_added_are_refused(left: Any, right: Any, error: type[Exception]) -> None:
    chunks = chunks_of(1, 1)
    gather = FoldGather("sum", chunks[-1].stop)
    gather.put(chunks[0], 0, left)
    with pytest.raises(error) as caught:
        gather.put(chunks[1], 1, right)
    assert caught.value.help  # type: ignore[attr-defined]


def test_what_a_callable_raises_comes_through() -> None:
    chunks = chunks_of(1, 1)
    gather = FoldGather(lambda a, b: a / b, chunks[-1].stop)
    gather.put(chunks[0], 0, 1)
    with pytest.raises(ZeroDivisionError):
        gather.put(chunks[1], 1, 0)


@pytest.mark.parametrize("op", ["max", None, 3])
def test_unknown_reduction_is_refused(op: Any) -> None:
    with pytest.raises(ConfigError, match="unknown reduction"):
        check_op(op)


def test_chunks_of_the_plan_cover_each_row_once() -> None:
    gather_chunks = plan_chunks(1000, 8, 3)
    gather = RowsGather("s", 1000)
    for chunk in gather_chunks:
        gather.put(chunk, chunk.index, np.arange(chunk.start, chunk.stop))
    np.testing.assert_array_equal(gather.finish(), np.arange(1000))
