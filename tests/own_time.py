"""A clock that stands still while the machine gives this process no turn.

How long something takes on a loaded machine tells of the machine. A test of "at once" or "in time" compares with this
clock: a thread of its own asks for a turn every few milliseconds, and what it waits for one beyond that does not count.
What this process itself does, or waits for, counts in full; a lower bound needs the time that others see.
"""

from __future__ import annotations

import threading

# By its name: a test may put this clock in the place of ``time.monotonic``.
from time import monotonic
from types import TracebackType

_TICK_S = 0.005
# Above what threads of this process take from one another, several of them busy at the same time.
_TURN_S = 0.05


class OwnTime:
    """``own_time()`` is ``time.monotonic()`` without the time since it began that the machine took. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen_at = self._own_s = monotonic()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> OwnTime:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join()

    def __call__(self) -> float:
        return self.seen(monotonic())

    def seen(self, now: float) -> float:
        """Somebody had a turn at this moment; what the clock shows then."""
        with self._lock:
            # The thread and a caller may come in another order than they looked at the time.
            self._own_s += max(0.0, min(now - self._seen_at, _TURN_S))
            self._seen_at = max(now, self._seen_at)
            return self._own_s

    def _watch(self) -> None:
        while not self._is_over.wait(_TICK_S):
            self()
