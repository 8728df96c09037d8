"""Which arguments are split and which go whole."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pyrpc import broadcast
from pyrpc.client.arguments import SplitArguments
from pyrpc.errors import ArgumentError, LengthMismatchError
from pyrpc.plan.partition import Chunk

X = np.arange(20.0).reshape(10, 2)


def split(*args: object, **kwargs: object) -> SplitArguments:
    return SplitArguments("s", args, kwargs)


def test_chunks_are_views_of_the_arrays() -> None:
    arguments = split(X, 5, X[:, 0])
    rows, whole, column = arguments.of(Chunk(1, 3, 6))
    assert np.shares_memory(rows, X)
    assert np.shares_memory(column, X)
    np.testing.assert_array_equal(rows, X[3:6])
    assert whole == 5
    assert arguments.rows == 10


@pytest.mark.parametrize(
    "value", [1, 2.5, "text", b"raw", None, [1, 2, 3], {"a": X}, np.array(3.0), np.float32(2)], ids=repr
)
def test_what_has_no_rows_goes_whole(value: Any) -> None:
    (_, whole) = split(X, value).of(Chunk(0, 0, 2))
    assert whole is value


def test_broadcast_goes_whole_and_is_not_copied() -> None:
    (_, whole) = split(X, broadcast(X)).of(Chunk(0, 0, 2))
    assert whole is X
    assert broadcast(broadcast(X)).value is X


def test_named_arguments_go_whole() -> None:
    arguments = split(X, weights=X, more=broadcast(X))
    assert arguments.named == {"weights": X, "more": X} or arguments.named["weights"] is X
    assert arguments.named["more"] is X
    assert len(arguments.whole()) == 2


def test_rows_count_the_bytes_of_all_split_arrays() -> None:
    assert split(X, np.zeros(10, np.uint8), broadcast(np.zeros(1000))).row_bytes == 17
    assert split(np.zeros((0, 5))).row_bytes == 0
    assert split(np.zeros((5, 0))).row_bytes == 0


def test_text_counts_with_its_length() -> None:
    texts = np.array(["x" * 1000, "y" * 3000], np.dtypes.StringDType())
    assert 2000 <= split(texts).row_bytes <= 2100


def test_text_with_missing_values_is_not_measured() -> None:
    texts = np.array(["x", None], np.dtypes.StringDType(na_object=None))
    assert split(texts).row_bytes >= 0


@pytest.mark.parametrize("args", [(), (5,), ([1, 2],), (np.array(1),), (broadcast(X),), ("text", None)], ids=repr)
def test_nothing_to_split_is_told(args: tuple[object, ...]) -> None:
    with pytest.raises(ArgumentError, match="nothing to split") as caught:
        split(*args)
    assert "asarray" in str(caught.value.help)


def test_different_lengths_are_told() -> None:
    with pytest.raises(LengthMismatchError) as caught:
        split(X, X[:5], X[:7])
    assert caught.value.got == "10 and 5 and 7"
    assert "broadcast" in str(caught.value.help)
