"""The call that a stage runs for: what is left of its time, and whether anybody still waits for the answer.

A thread-local and no contextvars: it is written twice for each call, also for the smallest, and a context variable
takes three times as long.
"""

from __future__ import annotations

import math
import threading
import time
from typing import Protocol

from pyrpc.errors import ConfigError

# A stage may look at ``cancelled`` for each row; the socket is not asked more often than this. Each time lets go of
# the interpreter's lock, and with other busy threads it may take milliseconds to get that back.
_ASK_EVERY_S = 0.001


class Peer(Protocol):
    """Who waits for the answer of a call."""

    def is_gone(self) -> bool:
        """Whether the caller has closed its connection; safe from any thread."""
        ...


class CurrentCall:
    """What a stage may know of the call that it runs for; from :func:`current_call`. May be handed to other threads.

    Attributes
    ----------
    method : str
        As it was called: ``Class.method``, ``module.function`` or ``function``.
    attempt : int
        0 for the first attempt; above it, the call was sent before, perhaps to another node.
    """

    __slots__ = ("_asked_at", "_deadline_at", "_is_cancelled", "_peer", "attempt", "method")

    def __init__(self, method: str, attempt: int, peer: Peer | None, deadline_at: float) -> None:
        self.method = method
        self.attempt = attempt
        self._peer = peer
        # On time.perf_counter, as _asked_at.
        self._deadline_at = deadline_at
        self._asked_at = -math.inf
        self._is_cancelled = False

    @property
    def cancelled(self) -> bool:
        """Whether the answer is of no use any more; once true it stays so.

        The caller has closed its connection, or its time is over. A caller closes when its job or call is cancelled,
        when another node was quicker, when its time is over, and when it ends or dies. The socket is asked at most
        once in a millisecond, which takes some microseconds.
        """
        if not self._is_cancelled:
            now = time.perf_counter()
            if now >= self._deadline_at:
                self._is_cancelled = True
            elif self._peer is not None and now - self._asked_at >= _ASK_EVERY_S:
                self._asked_at = now
                self._is_cancelled = self._peer.is_gone()
        return self._is_cancelled

    @property
    def remaining_s(self) -> float:
        """Seconds that are left to the caller, never below 0; ``inf`` without a limit."""
        return max(0.0, self._deadline_at - time.perf_counter())

    def __repr__(self) -> str:
        return f"CurrentCall({self.method!r}, attempt={self.attempt}, remaining_s={self.remaining_s:.3f})"


# Method, attempt, peer (None: nobody waits, and nobody ever did), when the stage began (ns of perf_counter), seconds
# left when the call was ready to run (None: no limit), microseconds that it waited from then on until it ran.
_Started = tuple[str, int, Peer | None, int, float | None, int]


class Running(threading.local):
    """What runs in this thread; written by the node for each call, so it is plain values until a stage asks."""

    call: CurrentCall | _Started | None = None


RUNNING = Running()


def current_call() -> CurrentCall:
    """The call that this thread runs a stage for.

    Raises
    ------
    ConfigError
        No stage runs in this thread.

    Examples
    --------
    ::

        def search(rows):
            call = pyrpc.current_call()
            for row in rows:
                if call.cancelled:
                    raise pyrpc.errors.CancelledError("nobody waits for it")
                ...
    """
    call = RUNNING.call
    if call is None:
        raise ConfigError(
            "no stage runs in this thread, so there is no call to tell of",
            help="ask in the stage itself and hand what you get to your threads; "
            "to run the function without a node use pyrpc.testing.fake_call",
        )
    if not isinstance(call, CurrentCall):
        method, attempt, peer, began_ns, left_s, queued_us = call
        deadline_at = math.inf if left_s is None else began_ns / 1e9 - queued_us / 1e6 + left_s
        call = RUNNING.call = CurrentCall(method, attempt, peer, deadline_at)
    return call
