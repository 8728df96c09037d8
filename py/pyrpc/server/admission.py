"""How many calls run at the same time, and how many may wait for their turn."""

from __future__ import annotations

import threading
import time
from collections import deque

from pyrpc.errors import ExpiredError, OverloadedError


class Admission:
    """Turns for calls, first come, first served; thread-safe.

    A semaphore of the standard library would do the counting, but takes a condition variable for each turn; here a
    call that finds a free turn pays one lock.

    Parameters
    ----------
    threads : int
        Calls that run at the same time.
    max_queued : int
        Calls that wait; one more is refused.
    """

    def __init__(self, threads: int, max_queued: int = 1024) -> None:
        self.threads = threads
        self.max_queued = max_queued
        self.in_flight = 0
        self._lock = threading.Lock()
        self._queue: deque[threading.Lock] = deque()

    @property
    def queued(self) -> int:
        """Calls that wait now."""
        return len(self._queue)

    def enter(self, timeout_s: float | None = None) -> int:
        """Wait for a turn; returns the microseconds waited. Each ``enter`` needs a ``leave``.

        Raises
        ------
        OverloadedError
            Too many wait already.
        ExpiredError
            No turn came within timeout_s; the call was not started.
        """
        with self._lock:
            if self.in_flight < self.threads:
                self.in_flight += 1
                return 0
            if len(self._queue) >= self.max_queued:
                raise OverloadedError(
                    "the node has too much to do",
                    expected=f"at most {self.max_queued} calls waiting",
                    retry_after_ms=100,
                    help="add nodes, or send fewer calls at the same time",
                )
            turn = threading.Lock()
            turn.acquire()
            self._queue.append(turn)
        return self._wait(turn, timeout_s)

    def _wait(self, turn: threading.Lock, timeout_s: float | None) -> int:
        began = time.monotonic()
        # threading refuses longer waits than this; nobody waits for years.
        if turn.acquire(timeout=-1 if timeout_s is None else min(timeout_s, threading.TIMEOUT_MAX)):
            return int((time.monotonic() - began) * 1e6)
        with self._lock:
            try:
                self._queue.remove(turn)
            except ValueError:
                # The turn came between the time-out and the lock: pass it on.
                self._pass_on()
        raise ExpiredError(
            "the time was over before the call could start",
            got=f"{time.monotonic() - began:.3f} s in the queue",
            help="give more time with timeout_s, or add nodes",
        )

    def leave(self) -> None:
        """Give the turn back."""
        with self._lock:
            self._pass_on()

    def _pass_on(self) -> None:
        if self._queue:
            self._queue.popleft().release()
        else:
            self.in_flight -= 1
