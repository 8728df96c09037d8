"""Bytes of requests that a node holds at the same time, bounded: memory is what a node dies of."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

from pyrpc.errors import OverloadedError

_MOST_DEFAULT_BYTES = 2 * 2**30
# What else there is: the arrays that stages make of theirs, results, and the node itself.
_SHARE_OF_MEMORY = 4
# A caller that sends much is slow to come back: a moment in which a place may come free is worth more than its way.
_WAIT_S = 1.0
_LEAST_RETRY_MS = 100
_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


class RequestBytes:
    """Room for frames that are read, wait or run; thread-safe.

    Only frames that are larger than the window for reading ahead are counted: smaller ones are bounded by the number
    of connections, and would pay a lock each.

    Parameters
    ----------
    most : int
        Bytes at the same time. A single frame that is larger gets its turn when it is alone.
    wait_s : float
        How long a frame waits for room before it is refused.
    """

    def __init__(self, most: int, wait_s: float = _WAIT_S) -> None:
        self.most = most
        self.held = 0
        self._wait_s = wait_s
        self._changed = threading.Condition()

    def enter(self, size: int) -> None:
        """Wait for room for a frame of ``size`` bytes. Each ``enter`` needs a ``leave``.

        Raises
        ------
        OverloadedError
            None came free in time; not a byte of the frame should be read.
        """
        with self._changed:
            until = None
            while self.held and self.held + size > self.most:
                now = time.monotonic()
                until = now + self._wait_s if until is None else until
                if now >= until:
                    raise self._full(size)
                self._changed.wait(until - now)
            self.held += size

    def leave(self, size: int) -> None:
        """Give the room of a frame back."""
        with self._changed:
            self.held -= size
            self._changed.notify_all()

    def _full(self, size: int) -> OverloadedError:
        return OverloadedError(
            "the node holds as many bytes of requests as it may",
            expected=f"at most {self.most} bytes that wait or run",
            got=f"{self.held} bytes, and {size} more",
            # Nobody knows how long the calls take whose bytes these are; so long they have taken already.
            retry_after_ms=max(_LEAST_RETRY_MS, int(self._wait_s * 1000)),
            help="send smaller chunks, fewer at the same time, or add nodes; max_bytes_in_flight sets the limit",
        )


def default_bytes_in_flight() -> int:
    """A quarter of the memory that this process may use (of its cgroup, too), at most 2 GiB."""
    return min(_MOST_DEFAULT_BYTES, memory_bytes() // _SHARE_OF_MEMORY)


def memory_bytes() -> int:
    """Memory that this process may use."""
    found = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    for path in _CGROUP_LIMITS:
        try:
            found.append(int(Path(path).read_text()))
        except (OSError, ValueError):
            # Not this version of cgroups, or no limit ("max").
            continue
    return min(found)
