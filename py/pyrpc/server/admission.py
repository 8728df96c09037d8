"""How many calls run at the same time, and how many may wait for their turn."""

from __future__ import annotations

import math
import threading
import time
from collections import deque

from pyrpc.errors import CancelledError, ExpiredError, OverloadedError
from pyrpc.stage.current import Peer

# How often a call that waits looks whether its caller still does. With many waiting each looks less often, so that
# all together look so many times a second at most, a few percent of a core.
_LOOK_S = 0.1
_LOOKS_PER_S = 2000


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

    def enter(self, timeout_s: float | None = None, peer: Peer | None = None) -> int:
        """Wait for a turn; returns the microseconds waited. Each ``enter`` needs a ``leave``.

        Parameters
        ----------
        peer : Peer, optional
            Whose call it is. Asked only if the call has to wait: now and then, and when its turn comes.

        Raises
        ------
        OverloadedError
            Too many wait already.
        ExpiredError
            No turn came within timeout_s; the call was not started.
        CancelledError
            The caller went away while the call waited; it was not started.
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
        return self._wait(turn, timeout_s, peer)

    def _wait(self, turn: threading.Lock, timeout_s: float | None, peer: Peer | None) -> int:
        began = time.monotonic()
        left_s = math.inf if timeout_s is None else timeout_s
        until = began + left_s
        while not turn.acquire(timeout=self._patience_s(left_s, peer)):
            is_gone = peer is not None and peer.is_gone()
            left_s = max(0.0, until - time.monotonic())
            if is_gone or left_s == 0:
                self._step_out(turn)
                raise _cancelled() if is_gone else _expired(began)
        if peer is not None and peer.is_gone():
            self.leave()
            raise _cancelled()
        return int((time.monotonic() - began) * 1e6)

    def _patience_s(self, left_s: float, peer: Peer | None) -> float:
        if peer is not None:
            return min(left_s, max(_LOOK_S, len(self._queue) / _LOOKS_PER_S))
        # threading refuses longer waits than this; nobody waits for years.
        return min(left_s, threading.TIMEOUT_MAX)

    def _step_out(self, turn: threading.Lock) -> None:
        """Leave the queue without a turn."""
        with self._lock:
            try:
                self._queue.remove(turn)
            except ValueError:
                # The turn came between the time-out and the lock: pass it on.
                self._pass_on()

    def leave(self) -> None:
        """Give the turn back."""
        with self._lock:
            self._pass_on()

    def _pass_on(self) -> None:
        if self._queue:
            self._queue.popleft().release()
        else:
            self.in_flight -= 1


def _expired(began: float) -> ExpiredError:
    return ExpiredError(
        "the time was over before the call could start",
        got=f"{time.monotonic() - began:.3f} s in the queue",
        help="give more time with timeout_s, or add nodes",
    )


def _cancelled() -> CancelledError:
    return CancelledError("the caller closed its connection while the call waited; it was not started")
