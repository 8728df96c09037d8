"""Memory for arrays that arrive: warm pages where they can be had.

Fresh memory is dear: the kernel clears each page at its first touch, which costs more than the copy itself. So large
arrays that were handed out and dropped again are handed out once more. The pool holds a reference to each array it
gave; when no one else does, the array is free. The user gets an ordinary array that owns its memory.
"""

from __future__ import annotations

import math
import os
import sys
import threading
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
_Key = tuple[np.dtype[Any], tuple[int, ...]]

# Below this, malloc's own lists are as warm and quicker.
POOLED_BYTES = 256 * 1024
_DEFAULT_POOL_BYTES = 256 * 2**20


class ReceivePool:
    """Arrays to receive into, by dtype and shape; thread-safe.

    Parameters
    ----------
    max_bytes : int
        How much the pool holds at most, handed out or not; arrays above half of it are never held.
    """

    def __init__(self, max_bytes: int = _DEFAULT_POOL_BYTES) -> None:
        self.max_bytes = max_bytes
        self._lock = threading.Lock()
        # No list in it is empty.
        self._held: dict[_Key, list[Array]] = {}
        self._bytes = 0

    def take(self, dtype: np.dtype[Any], shape: tuple[int, ...], nbytes: int) -> Array:
        """An uninitialised, aligned, writable C-order array that nobody else holds."""
        if nbytes < POOLED_BYTES or nbytes * 2 > self.max_bytes:
            return np.empty(shape, dtype)
        key = (dtype, shape)
        with self._lock:
            found = self._free(key)
            if found is not None:
                return found
        array = np.empty(shape, dtype)
        with self._lock:
            self._hold(key, array, nbytes)
        return array

    def _free(self, key: _Key) -> Array | None:
        arrays = self._held.get(key)
        if arrays is None:
            return None
        index = 0
        while index < len(arrays):
            if _references(arrays, index) > _UNUSED:
                index += 1
                continue
            array = arrays[index]
            if array.flags.carray and array.shape == key[1] and array.dtype == key[0]:
                return array
            # Its last user changed it in place (made it read-only, gave it another shape or size): let it go.
            self._drop(key, arrays, index)
        return None

    def _hold(self, key: _Key, array: Array, nbytes: int) -> None:
        while self._bytes + nbytes > self.max_bytes:
            oldest = next(iter(self._held))
            self._drop(oldest, self._held[oldest], 0)
        self._held.setdefault(key, []).append(array)
        self._bytes += nbytes

    def _drop(self, key: _Key, arrays: list[Array], index: int) -> None:
        """Let go of one array; counted is what it was, whatever its user made of it."""
        del arrays[index]
        self._bytes -= math.prod(key[1]) * key[0].itemsize
        if not arrays:
            del self._held[key]

    def clear(self) -> None:
        """Let go of everything; arrays in use stay whole."""
        with self._lock:
            self._held.clear()
            self._bytes = 0


def _references(arrays: list[Array], index: int) -> int:
    return sys.getrefcount(arrays[index])


# What _references tells of an array that only the list holds; it differs between versions of CPython.
_UNUSED = _references([np.empty(1)], 0)

RECEIVE_POOL = ReceivePool(int(os.environ.get("PYRPC_RECEIVE_POOL_BYTES", _DEFAULT_POOL_BYTES)))
