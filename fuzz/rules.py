"""What must hold for all bytes: equal ways of reading agree, and memory stays in proportion to the frame."""

from __future__ import annotations

import tracemalloc
import zlib
from types import TracebackType
from typing import Any

import numpy as np

from pyrpc.errors import InternalError, PyrpcError
from pyrpc.wire import small
from pyrpc.wire.memory import RECEIVE_POOL

_SLACK_BYTES = 2**20
_LAYOUTS = (small._request_layouts, small._reply_layouts)


class Finding(AssertionError):
    """A rule was broken: an error that is not ours, two readers that disagree, too much memory."""


class Bounded:
    """A block that takes only so much memory, by Python's own count (NumPy's is in it).

    Parameters
    ----------
    data : bytes
        The input. One in ``one_in`` is measured, which one its bytes decide: to measure takes as long as all the rest,
        and CPython loses 2 KB each time that tracemalloc stops.
    frame_bytes : int
    most_bytes : int, optional
        By default twice the frame and 1 MB.
    """

    one_in = 1

    def __init__(self, data: bytes, frame_bytes: int, most_bytes: int | None = None) -> None:
        self._most = 2 * frame_bytes + _SLACK_BYTES if most_bytes is None else most_bytes
        self._is_on = zlib.crc32(data) % self.one_in == 0

    def __enter__(self) -> None:
        if self._is_on:
            tracemalloc.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._is_on:
            return
        taken = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        if error is None and taken > self._most:
            raise Finding(f"{taken} bytes of memory taken, at most {self._most} allowed")


def check_error(error: BaseException) -> str:
    """The name of an error that may come out; raises Finding for any other."""
    if not isinstance(error, PyrpcError) or isinstance(error, InternalError):
        raise Finding(f"{error!r} instead of an error of the peer's making") from error
    return type(error).__name__


def is_same(left: Any, right: Any) -> bool:
    """Whether two values are equal to the bit, types included."""
    if type(left) is not type(right):
        return False
    if isinstance(left, np.ndarray):
        if left.dtype != right.dtype or left.shape != right.shape:
            return False
        return bool(left.tolist() == right.tolist()) if left.dtype.kind == "T" else left.tobytes() == right.tobytes()
    if isinstance(left, dict):
        return list(left) == list(right) and all(is_same(left[key], right[key]) for key in left)
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(is_same, left, right))
    # repr tells -0.0 from 0.0; two NaNs of one sign are the same here, as Python keeps no more of them anyway.
    return repr(left) == repr(right)


class KnownLayouts:
    """The layouts that wire/small.py knows, so that an input means the same whatever was tried before it."""

    def __init__(self) -> None:
        self._kept = [{size: list(layouts) for size, layouts in known.items()} for known in _LAYOUTS]
        self._count = self._counted()

    @staticmethod
    def _counted() -> int:
        return sum(len(layouts) for known in _LAYOUTS for layouts in known.values())

    def restore(self) -> None:
        """Forget what was learned since, and memory that is kept for later."""
        RECEIVE_POOL.clear()
        if self._counted() == self._count:
            return
        for known, kept in zip(_LAYOUTS, self._kept, strict=True):
            known.clear()
            known.update({size: list(layouts) for size, layouts in kept.items()})
