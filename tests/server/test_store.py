"""Values that callers leave on a node."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

from pyrpc.errors import TooLargeError, UnknownRefError
from pyrpc.server.store import Store
from pyrpc.wire.messages import Ref


def kilobyte(value: int) -> np.ndarray[Any, Any]:
    return np.full(1024, value, np.uint8)


def test_value_is_found_by_its_reference() -> None:
    store = Store()
    ref = store.put(kilobyte(1))
    np.testing.assert_array_equal(store.get(ref), kilobyte(1))


def test_equal_values_are_held_once() -> None:
    store = Store(max_bytes=1500)
    first = store.put(kilobyte(1))
    assert store.put(kilobyte(1)) == first
    assert store.get(first) is store.get(Ref(first.id))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (np.zeros(4, "f4"), np.zeros(2, "f8")),
        (np.zeros((2, 3)), np.zeros((3, 2))),
        (np.zeros(1, "i4"), np.zeros(1, "u4")),
        (np.array(["2020"], "M8[Y]"), np.array(["2020"], "M8[D]")),
        (1, True),
        (1, 1.0),
        ("1", 1),
        (b"a", "a"),
        ([[1], 2], [[1, 2]]),
        ({"a": 1, "b": 2}, {"a": 2, "b": 1}),
        (["ab", "c"], ["a", "bc"]),
        (None, "None"),
        (0.0, -0.0),
    ],
)
def test_different_values_have_different_references(one: Any, other: Any) -> None:
    store = Store()
    assert store.put(one) != store.put(other)


def test_longest_unused_goes_when_room_is_needed() -> None:
    store = Store(max_bytes=3000)
    first, second = store.put(kilobyte(1)), store.put(kilobyte(2))
    store.get(first)
    store.put(kilobyte(3))
    store.get(first)
    with pytest.raises(UnknownRefError) as caught:
        store.get(second)
    assert "put the value again" in str(caught.value.help)


def test_value_over_the_limit_is_refused_and_others_stay() -> None:
    store = Store(max_bytes=1500)
    ref = store.put(kilobyte(1))
    with pytest.raises(TooLargeError):
        store.put(np.zeros(2000, np.uint8))
    store.get(ref)


def test_released_value_gives_its_room_back() -> None:
    store = Store(max_bytes=2100)
    first, second = store.put(kilobyte(1)), store.put(kilobyte(2))
    store.release(first)
    store.release(first)
    store.put(kilobyte(3))
    store.get(second)
    with pytest.raises(UnknownRefError):
        store.get(first)


def test_held_arrays_cannot_be_changed_by_a_stage() -> None:
    store = Store()
    ref = store.put({"weights": [np.zeros(3)]})
    with pytest.raises(ValueError, match="read-only"):
        store.get(ref)["weights"][0][0] = 1


def test_held_lists_and_dicts_cannot_be_changed_by_a_stage() -> None:
    store = Store()
    ref = store.put({"words": ["a", "b"]})
    store.resolve(ref)["words"].append("c")
    store.resolve([ref])[0]["more"] = 1
    assert store.resolve(ref) == {"words": ["a", "b"]}


def test_references_are_resolved_inside_lists_and_dicts() -> None:
    store = Store()
    ref = store.put("x")
    assert store.resolve([1, {"a": ref, "b": [ref]}]) == [1, {"a": "x", "b": ["x"]}]


def test_store_is_thread_safe() -> None:
    store = Store(max_bytes=20_000)
    failures: list[BaseException] = []

    def work(seed: int) -> None:
        try:
            for number in range(100):
                ref = store.put(kilobyte((seed + number) % 30))
                try:
                    store.get(ref)
                except UnknownRefError:
                    pass
                if number % 3 == 0:
                    store.release(ref)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not failures
    assert store._bytes == sum(size for _, size in store._held.values()) <= 20_000
