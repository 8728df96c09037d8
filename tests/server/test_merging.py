"""Which calls fit together, and that what is merged comes apart as it was."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyrpc.errors import BadResultError
from pyrpc.server.merging import apart, kind_of, merged, rows_of
from pyrpc.testing import assert_same, sample_arrays

X = np.arange(12.0).reshape(4, 3)


def kind(*positional: Any, **named: Any) -> object:
    return kind_of(positional, named, (0,))


def test_rows_may_differ_in_number_and_value_only() -> None:
    assert kind(X) == kind(X[:1] + 1)
    assert kind(X) != kind(X.astype(np.float32))
    assert kind(X) != kind(X[:, :2])
    assert kind(np.array(["ab"])) != kind(np.array(["abc"]))


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (1, 1.0),
        (1, True),
        (0.0, -0.0),
        (None, False),
        ("1", 1),
        ("a", b"a"),
        ([1], (1,)),
        ([1], [1.0]),
        ({"a": 1}, {"a": 2}),
        ({"a": 1}, {"b": 1}),
        ("x" * 300, "x" * 299 + "y"),
        (X, X + 1),
        (X, X.astype(np.float32)),
        (X, X.reshape(3, 4)),
        (np.array([0.0]), np.array([-0.0])),
        (np.array(1.0), 1.0),
        (np.array(["a", "bc"], dtype=np.dtypes.StringDType()), np.array(["ab", "c"], dtype=np.dtypes.StringDType())),
    ],
)
def test_whole_arguments_that_differ_never_share_a_batch(a: Any, b: Any) -> None:
    assert kind(X, a) != kind(X, b)
    assert kind(X, scale=a) != kind(X, scale=b)


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, 7, 1.5, float("nan"), "text", "x" * 999, b"\0" * 999, [1, [2.0, "a"]], {"b": [None], "a": 1}),
        *(X, X[::2], np.array(5), np.array(["a", "ä"], dtype=np.dtypes.StringDType())),
    ],
)
def test_equal_whole_arguments_share_one(value: Any) -> None:
    twin = value.copy() if isinstance(value, np.ndarray) else value
    assert kind(X, value) == kind(X, twin)
    assert hash(kind(X, value)) == hash(kind(X, twin))


def test_order_of_names_does_not_matter() -> None:
    assert kind(X, a=1, b=2) == kind(X, b=2, a=1)


def test_large_whole_array_is_itself_only() -> None:
    large = np.zeros(1 << 18)
    assert kind(X, large) == kind(X + 1, large)
    assert kind(X, large) != kind(X, large.copy())


def test_value_of_no_known_kind_fits_with_nothing() -> None:
    assert kind(X, object()) is None


def test_rows_that_do_not_agree_are_none() -> None:
    assert rows_of([X, X[:1]], {}, (0, 1)) is None
    assert rows_of([X], {"y": X[:, 0]}, (0, "y")) == 4
    assert rows_of([1], {}, ()) is None


@given(st.lists(st.integers(1, 9), min_size=1, max_size=8), st.booleans())
def test_what_is_merged_comes_apart_as_it_was(counts: list[int], is_large: bool) -> None:
    rng = np.random.default_rng(sum(counts))
    width = 10_000 if is_large else 3
    calls = [([rng.random((n, width)), "s"], {"y": rng.integers(0, 9, n)}) for n in counts]
    positional, named = merged(calls, (0, "y"))
    assert positional[1] == "s"
    parts = apart("f", (positional[0], named["y"]), counts)
    for (args, kwargs), part in zip(calls, parts, strict=True):
        assert type(part) is tuple
        assert_same(list(part), [args[0], kwargs["y"]])
    for (args, _), part in zip(calls, apart("f", positional[0], counts), strict=True):
        assert_same(part, args[0])


def arrives_with_rows(array: np.ndarray) -> bool:
    """What arrives is in native byte order."""
    return array.ndim > 0 and len(array) > 0 and array.dtype.isnative


@pytest.mark.parametrize("name", sorted(name for name, array in sample_arrays().items() if arrives_with_rows(array)))
def test_every_dtype_comes_apart_bit_for_bit(name: str) -> None:
    array = sample_arrays()[name]
    if array.dtype.itemsize == 0:
        assert kind(array) is None
        return
    rows = [array[:1], array, array[-1:]]
    assert kind_of([rows[0]], {}, (0,)) == kind_of([rows[1]], {}, (0,))
    (all_rows,), _ = merged([([each], {}) for each in rows], (0,))
    for got, want in zip(apart("f", all_rows, list(map(len, rows))), rows, strict=True):
        assert_same(got, np.ascontiguousarray(want))


def test_small_part_does_not_keep_the_whole_result() -> None:
    small, large = np.zeros((4, 3)), np.zeros((4, 10_000))
    assert all(part.base is None for part in apart("f", small, [1, 3]))
    assert all(part.base is large for part in apart("f", large, [1, 3]))


def test_single_call_is_not_copied() -> None:
    positional, _ = merged([([X], {})], (0,))
    assert positional[0] is X
    assert apart("f", X, [4])[0] is X


@pytest.mark.parametrize(
    "value", [X[:3], np.float64(1.0), np.array(1.0), None, 5, {"a": X}, (X, X[:1]), [X, 1], "abcd", [1, 2, 3, 4]]
)
def test_anything_but_one_row_for_each_row_is_a_bad_result(value: Any) -> None:
    for counts in ([4], [1, 3]):
        with pytest.raises(BadResultError, match="f is batched") as caught:
            apart("f", value, counts)
        assert "4 rows" in str(caught.value.expected)
