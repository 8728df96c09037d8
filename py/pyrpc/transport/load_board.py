"""A number that one process shows and another reads, without either waiting: how many calls a worker runs.

A worker whose stage holds the GIL answers no question in time; a number in shared memory needs no answer.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import sys

_NUMBER_BYTES = 8


class LoadBoard:
    """The end that shows.

    Attributes
    ----------
    shown : list or memoryview of one int
        Assign ``shown[0]``; that is all it costs.
    descriptor : int or None
        The file to be read by the other process. None: this system has no such memory, and nobody sees the number.
    """

    def __init__(self) -> None:
        self.shown: list[int] | memoryview = [0]
        self.descriptor: int | None = None
        if hasattr(os, "memfd_create"):
            with contextlib.suppress(OSError):
                self.descriptor = os.memfd_create("pyrpc-load")
                os.ftruncate(self.descriptor, _NUMBER_BYTES)
                self.shown = memoryview(mmap.mmap(self.descriptor, _NUMBER_BYTES)).cast("q")


def read_load(descriptor: int | None) -> int:
    """What the other process shows; 0 where that cannot be known.

    Not by mapping the file: if the other process cut it short, that would end this one.
    """
    if descriptor is None:
        return 0
    try:
        data = os.pread(descriptor, _NUMBER_BYTES, 0)
    except OSError:
        return 0
    return int.from_bytes(data, sys.byteorder, signed=True) if len(data) == _NUMBER_BYTES else 0
