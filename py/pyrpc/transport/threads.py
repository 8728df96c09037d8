"""Threads that are kept for a while: work starts at once, never behind other work that may block for ever."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from typing import Any

_log = logging.getLogger("pyrpc.threads")
_KEPT_S = 30.0

_Task = tuple[Callable[..., object], tuple[Any, ...]]


class ThreadCache:
    """Runs each task in a thread that waits, or in a new one. Daemon threads: they do not keep a process alive.

    A ThreadPoolExecutor will not do: its threads are joined when the interpreter ends, so one hung node would keep
    the program from ending, and with a bounded number of them a task may wait for one that waits for it.

    Parameters
    ----------
    name : str
        Of the threads.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        # Threads that wait and are not promised to a task yet.
        self._spare = 0
        self._threads = 0
        self._is_closed = False

    def run(self, function: Callable[..., object], *args: Any) -> None:
        """Run ``function(*args)`` in the background; what it raises is logged.

        Raises
        ------
        RuntimeError
            The system has no more threads.
        """
        with self._lock:
            # After close those that wait are on their way out.
            has_spare = self._spare > 0 and not self._is_closed
            if has_spare:
                self._spare -= 1
                # Inside the lock, so that it comes before the word of close() to end. Never blocks.
                self._tasks.put((function, args))
            else:
                self._threads += 1
        if not has_spare:
            self._start((function, args))

    def _start(self, task: _Task) -> None:
        try:
            threading.Thread(target=self._work, args=(task,), name=self._name, daemon=True).start()
        except RuntimeError:
            with self._lock:
                self._threads -= 1
            raise

    def close(self) -> None:
        """Let the threads end after their tasks."""
        with self._lock:
            self._is_closed = True
            for _ in range(self._threads):
                self._tasks.put(None)

    def _work(self, task: _Task | None) -> None:
        while task is not None:
            function, args = task
            try:
                function(*args)
            except Exception:
                _log.exception("a background task failed")
            # Let go of what the task held before waiting for the next one.
            del task, function, args
            task = self._next()
        with self._lock:
            self._threads -= 1

    def _next(self) -> _Task | None:
        with self._lock:
            if self._is_closed:
                return None
            self._spare += 1
        try:
            return self._tasks.get(timeout=_KEPT_S)
        except queue.Empty:
            with self._lock:
                if self._spare > 0:
                    self._spare -= 1
                    return None
        # Somebody counted on this thread between the time-out and the lock.
        return self._tasks.get()
