"""Memory is handed out again only when nobody can see it any more."""

from __future__ import annotations

import ctypes
import gc
import sys
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from pyrpc.testing.samples import assert_own_memory
from pyrpc.wire.memory import POOLED_BYTES, ReceivePool

FLOAT = np.dtype("<f4")
ROWS = POOLED_BYTES // 4
SHAPE = (ROWS,)


def take(pool: ReceivePool, shape: tuple[int, ...] = SHAPE, dtype: np.dtype = FLOAT) -> np.ndarray:
    return pool.take(dtype, shape, int(np.prod(shape)) * dtype.itemsize)


def address(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]


@pytest.fixture
def pool() -> ReceivePool:
    return ReceivePool(max_bytes=16 * POOLED_BYTES)


def test_array_owns_its_memory(pool: ReceivePool) -> None:
    for shape in (SHAPE, (ROWS // 2, 2), (3,), ()):
        array = take(pool, shape)
        assert array.shape == shape
        assert array.dtype == FLOAT
        assert_own_memory(array)


def test_dropped_array_is_handed_out_again(pool: ReceivePool) -> None:
    first = address(take(pool))
    assert address(take(pool)) == first


def test_small_array_is_not_pooled(pool: ReceivePool) -> None:
    array = take(pool, (ROWS - 1,))
    gc.collect()
    assert not any(array is held for arrays in pool._held.values() for held in arrays)
    assert pool._bytes == 0


HOLDERS = {
    "the array": lambda array: array,
    "a view": lambda array: array[5:10],
    "a view of a view": lambda array: array[5:10][::2].reshape(-1, 1),
    "an array of another dtype": lambda array: array.view(np.uint8),
    "a memoryview": memoryview,
    "a slice of a memoryview": lambda array: memoryview(array)[3:4],
    "an array over a memoryview": lambda array: np.frombuffer(memoryview(array), np.uint8)[7:],
    "a ctypes pointer": lambda array: array.ctypes.data_as(ctypes.c_void_p),
    "a flat iterator": lambda array: array.flat,
    "dlpack": lambda array: np.from_dlpack(array),
    "a closure": lambda array: lambda: array,
    "a container": lambda array: {"a": [array]},
}


@pytest.mark.parametrize("holder", HOLDERS)
def test_array_that_is_still_held_is_not_handed_out(pool: ReceivePool, holder: str) -> None:
    array = take(pool)
    array[:] = 1.0
    held = HOLDERS[holder](array)
    first = address(array)
    del array
    other = take(pool)
    assert address(other) != first
    other[:] = 2.0
    del held, other
    again = [take(pool), take(pool)]
    assert first in {address(x) for x in again}


def test_arrays_of_another_shape_or_dtype_are_kept_apart(pool: ReceivePool) -> None:
    first = address(take(pool))
    assert take(pool, (ROWS // 2, 2)).shape == (ROWS // 2, 2)
    assert take(pool, SHAPE, np.dtype("<i4")).dtype == np.dtype("<i4")
    assert address(take(pool)) == first


def make_read_only(array: np.ndarray) -> None:
    array.flags.writeable = False


def reshape_in_place(array: np.ndarray) -> None:
    np.ndarray.shape.__set__(array, (2, ROWS // 2))


def change_dtype(array: np.ndarray) -> None:
    np.ndarray.dtype.__set__(array, np.dtype("<i4"))


def shrink(array: np.ndarray) -> None:
    array.resize((1,), refcheck=False)


def grow(array: np.ndarray) -> None:
    array.resize((ROWS * 2,), refcheck=False)


CHANGES = [make_read_only, reshape_in_place, change_dtype, shrink, grow]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_array_that_was_changed_in_place_is_let_go(pool: ReceivePool, change) -> None:
    array = take(pool)
    change(array)
    del array
    fresh = take(pool)
    assert fresh.shape == SHAPE
    assert fresh.dtype == FLOAT
    assert_own_memory(fresh)
    assert pool._bytes == fresh.nbytes


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_changes_do_not_spoil_the_accounts(pool: ReceivePool, change) -> None:
    # Counting what an array has become, not what it was, would fill the pool with nothing.
    for _ in range(40):
        array = take(pool)
        change(array)
        del array
    kept = [take(pool) for _ in range(16)]
    assert pool._bytes == sum(array.nbytes for array in kept)
    take(pool, (ROWS, 2))


def test_changed_array_does_not_hide_a_free_one(pool: ReceivePool) -> None:
    first, second = take(pool), take(pool)
    make_read_only(first)
    where = address(second)
    del first, second
    assert address(take(pool)) == where


def test_shape_without_arrays_does_not_stand_in_the_way(pool: ReceivePool) -> None:
    # The oldest shape of all lost its last array; the room for others must be found elsewhere.
    array = take(pool)
    make_read_only(array)
    del array
    pool._free((FLOAT, SHAPE))
    for columns in (2, 3, 4, 5, 6):
        assert take(pool, (ROWS, columns)).shape == (ROWS, columns)


def test_pool_holds_at_most_its_limit(pool: ReceivePool) -> None:
    kept = [take(pool, (ROWS, columns)) for columns in (1, 2, 3, 4, 5, 6, 7, 8) for _ in range(3)]
    assert pool._bytes <= pool.max_bytes
    assert pool._bytes == sum(array.nbytes for arrays in pool._held.values() for array in arrays)
    # What was pushed out is still the holder's, and whole.
    for number, array in enumerate(kept):
        array.fill(number)
    assert all((array == number).all() for number, array in enumerate(kept))


def test_array_above_half_of_the_limit_is_never_held(pool: ReceivePool) -> None:
    assert take(pool, (ROWS * 9,)).shape == (ROWS * 9,)
    assert pool._bytes == 0


def test_pool_of_nothing_gives_fresh_arrays() -> None:
    pool = ReceivePool(max_bytes=0)
    assert take(pool).shape == SHAPE
    assert pool._bytes == 0


def test_clear_lets_go_and_leaves_arrays_whole(pool: ReceivePool) -> None:
    array = take(pool)
    array[:] = 7
    pool.clear()
    assert pool._bytes == 0
    other = take(pool)
    assert not np.shares_memory(array, other)
    other[:] = 8
    assert (array == 7).all()


@pytest.fixture
def quick_switches() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("quick_switches")
def test_no_memory_has_two_holders_among_threads(pool: ReceivePool) -> None:
    # Each thread writes its own number and looks whether another one's appears.
    intruders: list[tuple[int, float]] = []
    barrier = threading.Barrier(6)

    def work(number: int) -> None:
        barrier.wait()
        held: list[np.ndarray] = []
        for turn in range(150):
            array = take(pool)
            array[::1024] = number
            held.append(array[1024:] if turn % 3 else array)
            del array
            if len(held) > turn % 4:
                old = held.pop(0)
                seen = set(np.unique(old[::1024]).tolist())
                if seen != {float(number)}:
                    intruders.append((number, seen))
                del old

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not intruders
    assert pool._bytes <= pool.max_bytes
