"""SIGTERM and SIGINT for a process that serves: the first asks it to finish, the second ends it."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class StopSignals:
    """Takes over both signals; make it in the main thread before anything says that it is ready.

    Parameters
    ----------
    on_second : callable, optional
        Called in the signal handler before the process ends: it must not take locks.

    Notes
    -----
    ``wait`` reads a pipe that Python's own C handler writes to. The kernel may give a signal to any thread, and the
    handlers written in Python run in the main thread alone: asleep in a lock it would not wake for them. An Event
    that a handler sets has one fault more: set() takes the lock that wait(), interrupted, may hold.
    """

    def __init__(self, on_second: Callable[[], object] | None = None) -> None:
        self._on_second = on_second
        self._received = 0
        self._is_asked = False
        # Seconds for running calls, where whoever asked said so.
        self.grace_s: float | None = None
        self._read_end, self._write_end = os.pipe()
        os.set_blocking(self._write_end, False)
        signal.set_wakeup_fd(self._write_end, warn_on_full_buffer=False)
        for number in _SIGNALS:
            # A shell starts background jobs with SIGINT ignored: Ctrl-C is not meant for them.
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._on_signal)

    def wait(self) -> None:
        """Block until the first signal, or ``ask``; returns at once if it came already."""
        while not (self._received or self._is_asked):
            os.read(self._read_end, 1)

    def ask(self, grace_s: float | None = None) -> None:
        """The same as a first signal, from any thread; a signal after it is still the first."""
        self.grace_s = grace_s
        self._is_asked = True
        with contextlib.suppress(BlockingIOError):
            # Full: then there is enough to wake it.
            os.write(self._write_end, b"\0")

    def over(self) -> None:
        """What was to be finished is finished, and the process ends by itself: signals change nothing any more.

        Python gives them back their default as it ends, and one that comes then would seem to have killed it.
        """
        for number in _SIGNALS:
            if signal.getsignal(number) == self._on_signal:
                signal.signal(number, signal.SIG_IGN)

    def _on_signal(self, number: int, frame: object) -> None:
        self._received += 1
        if self._received > 1:
            if self._on_second is not None:
                self._on_second()
            os._exit(128 + number)
