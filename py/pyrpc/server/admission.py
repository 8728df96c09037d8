"""How many calls run at the same time, and how many may wait for their turn.

A call that cannot be of use any more is refused at once instead of being kept until its time is over: too many wait
already (queue_limit.py says how many that is), or at the rate at which turns come (turn_rate.py) its own would come too
late. So an overloaded node goes on to do what it can, and the others know at once that they have to go elsewhere.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque

from pyrpc.errors import CancelledError, ExpiredError, OverloadedError
from pyrpc.server.queue_limit import QueueLimit
from pyrpc.server.turn_rate import TurnRate
from pyrpc.stage.current import Peer

# How often a call that waits looks whether its caller still does. With many waiting each looks less often, so that
# all together look so many times a second at most, a few percent of a core.
_LOOK_S = 0.1
_LOOKS_PER_S = 2000
# Whoever is refused comes back when the queue is through; but nodes come and go, so not in a minute.
_LEAST_RETRY_MS, _MOST_RETRY_MS = 1, 10_000
# While no call has had its turn yet, so that nobody knows how long they take.
_UNKNOWN_RETRY_MS = 100


class Admission:
    """Turns for calls, first come, first served; thread-safe.

    A semaphore of the standard library would do the counting, but takes a condition variable for each turn; here a
    call that finds a free turn pays one lock.

    Parameters
    ----------
    threads : int
        Calls that run at the same time.
    max_queued : int
        Calls that wait; one more is refused. While waiting costs callers too much of their time it is fewer.
    """

    def __init__(self, threads: int, max_queued: int = 1024) -> None:
        self.threads = threads
        self.max_queued = max_queued
        self.in_flight = 0
        # The same for whoever else wants to know: of a worker, its front.
        self.shown: list[int] | memoryview = [0]
        self._lock = threading.Lock()
        self._queue: deque[threading.Lock] = deque()
        # Asked and told under the lock, and only where calls wait.
        self._limit = QueueLimit(max_queued, threads)
        self._rate = TurnRate(threads)

    @property
    def queued(self) -> int:
        """Calls that wait now."""
        return len(self._queue)

    @property
    def has_turn(self) -> bool:
        """Whether a call would get its turn at once; perhaps not any more when it comes."""
        return self.in_flight < self.threads

    @property
    def queue_limit(self) -> int:
        """Calls that may wait now; at most ``max_queued``."""
        return self._limit.value

    def retry_after_ms(self) -> int:
        """When whoever is refused now should come back: when those that wait are through."""
        with self._lock:
            return self._retry_ms(self._rate.wait_s(len(self._queue), time.monotonic()))

    def enter(self, timeout_s: float | None = None, peer: Peer | None = None) -> int:
        """Wait for a turn; returns the microseconds waited. Each ``enter`` needs a ``leave``.

        Parameters
        ----------
        peer : Peer, optional
            Whose call it is. Asked only if the call has to wait: now and then, and when its turn comes.

        Raises
        ------
        OverloadedError
            Too many wait already, or its turn would come too late.
        ExpiredError
            No turn came within timeout_s; the call was not started.
        CancelledError
            The caller went away while the call waited; it was not started.
        """
        with self._lock:
            if self.in_flight < self.threads:
                self.in_flight += 1
                self.shown[0] = self.in_flight
                return 0
            began, ahead = time.monotonic(), len(self._queue)
            self._check_use(began, ahead, timeout_s)
            turn = threading.Lock()
            turn.acquire()
            self._queue.append(turn)
        try:
            return self._wait(turn, began, timeout_s, peer)
        finally:
            with self._lock:
                now = time.monotonic()
                self._limit.on_waited(now, ahead, now - began, timeout_s)

    def _check_use(self, now: float, ahead: int, timeout_s: float | None) -> None:
        """Under the lock: refuse a call for which waiting is of no use."""
        if not ahead:
            self._limit.on_first(now)
            self._rate.begin(now)
        wait_s = self._rate.wait_s(ahead, now)
        if ahead >= self._limit.value:
            raise OverloadedError(
                "the node has too much to do",
                expected=f"at most {self._limit.value} calls waiting",
                retry_after_ms=self._retry_ms(wait_s),
                help="add nodes, or send fewer calls at the same time",
            )
        # The next in line always may: only a turn tells that the rate has changed.
        if ahead and timeout_s is not None and wait_s > timeout_s:
            raise OverloadedError(
                "the node has too much to do: the time would be over before the call could start",
                expected=f"a turn within {timeout_s:.3f} s",
                got=f"{ahead} calls before it, about {wait_s:.3f} s",
                retry_after_ms=self._retry_ms(wait_s),
                help="add nodes, send fewer calls at the same time, or give more time with timeout_s",
            )

    def _wait(self, turn: threading.Lock, began: float, timeout_s: float | None, peer: Peer | None) -> int:
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

    def _retry_ms(self, wait_s: float) -> int:
        least = _LEAST_RETRY_MS if self._rate.is_measured else _UNKNOWN_RETRY_MS
        return max(least, min(_MOST_RETRY_MS, int(wait_s * 1000)))

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
            self._rate.turn(time.monotonic())
            self._queue.popleft().release()
        else:
            self.in_flight -= 1
            self.shown[0] = self.in_flight


def _expired(began: float) -> ExpiredError:
    return ExpiredError(
        "the time was over before the call could start",
        got=f"{time.monotonic() - began:.3f} s in the queue",
        help="give more time with timeout_s, or add nodes",
    )


def _cancelled() -> CancelledError:
    return CancelledError("the caller closed its connection while the call waited; it was not started")
