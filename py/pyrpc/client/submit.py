"""Calls in the background, as many at a time as pay.

A call that takes long wants a thread of its own, since its thread waits. Ten thousand calls that take nothing want few
threads and few system calls: threads would only take turns at the interpreter. So the time of each method is kept,
and calls that are expected to be done within ``_BATCH_S`` together go to one node over one connection, sent at once,
answered one after the other. A method that is new, or slow, is called alone.
"""

from __future__ import annotations

import concurrent.futures
import queue
import threading
import time
from collections.abc import Callable
from typing import Any

from pyrpc.client.caller import Caller
from pyrpc.client.node import SmallTask, next_call_id
from pyrpc.deadline import Deadline
from pyrpc.errors import ConnectionLostError, DeadlineExceeded, PyrpcError
from pyrpc.transport.threads import ThreadCache
from pyrpc.wire import small

_MAX_THREADS = 64
_BATCH_S = 0.002
_BATCH_CALLS = 64
# A batch is sent whole before its replies are read, so it must fit into the sockets' buffers.
_BATCH_BYTES = 32 * 1024
_QUICK_S = 0.0005
_LINGER_S = 1.0
_WEIGHT = 0.2

_Future = concurrent.futures.Future[Any]
_NEVER = float("inf")


class Task:
    """A call that waits for its turn."""

    __slots__ = ("args", "began", "future", "kwargs", "method", "timeout_s")

    def __init__(self, method: str, args: tuple[Any, ...], kwargs: dict[str, Any], timeout_s: float | None) -> None:
        self.method = method
        self.args = args
        self.kwargs = kwargs
        self.timeout_s = timeout_s
        self.began = time.monotonic()
        self.future: _Future = concurrent.futures.Future()

    def deadline(self) -> Deadline:
        return Deadline.after(self.began, self.timeout_s)


class Submitter:
    """Runs submitted calls; thread-safe.

    Parameters
    ----------
    nodes : int
        How many; quick calls get two threads for each.
    """

    _make_task: type[Task] = Task

    def __init__(self, caller: Caller, threads: ThreadCache, nodes: int) -> None:
        self._caller = caller
        self._threads = threads
        self._quick_threads = min(_MAX_THREADS, 2 * nodes)
        self._lock = threading.Lock()
        self._tasks: queue.SimpleQueue[Task] = queue.SimpleQueue()
        self._running = 0
        # Of those: busy with a method that is not known to be quick, for as long as that takes. They are none of the
        # few that quick calls get.
        self._slow = 0
        # Threads that wait and are not promised to a task yet.
        self._spare = 0
        # Seconds that a call of a method runs on its node, as the nodes tell; a moving average. Time seen from here
        # would count how long this process's threads wait for the interpreter.
        self._took_s: dict[str, float] = {}

    def submit(self, method: str, args: tuple[Any, ...], kwargs: dict[str, Any], timeout_s: float | None) -> _Future:
        """Queue a call; its time runs from now."""
        task = self._make_task(method, args, kwargs, timeout_s)
        is_quick = self._took_s.get(method, _NEVER) < _QUICK_S
        with self._lock:
            self._tasks.put(task)
            must_start = False
            if self._spare:
                self._spare -= 1
            elif self._running < (self._quick_threads + self._slow if is_quick else _MAX_THREADS):
                must_start = self._running < _MAX_THREADS
                self._running += must_start
        if must_start:
            self._threads.run(self._work)
        return task.future

    # -- threads

    def _work(self) -> None:
        task = self._next()
        while task is not None:
            self._run_batch(task)
            del task
            task = self._next()

    def _next(self) -> Task | None:
        try:
            return self._tasks.get_nowait()
        except queue.Empty:
            pass
        with self._lock:
            self._spare += 1
        try:
            return self._tasks.get(timeout=_LINGER_S)
        except queue.Empty:
            with self._lock:
                # A task that was promised to this thread and not taken by another one is here by now.
                try:
                    return self._tasks.get_nowait()
                except queue.Empty:
                    self._spare -= self._spare > 0
                    self._running -= 1
                    return None

    def _occupied(self, task: Task, action: Callable[..., None], *args: Any) -> None:
        """Do something for a task; while it may take long, those behind the task get another thread."""
        if self._took_s.get(task.method, _NEVER) < _QUICK_S:
            action(*args)
            return
        with self._lock:
            self._slow += 1
            most = min(_MAX_THREADS, self._quick_threads + self._slow)
            must_start = not self._tasks.empty() and self._running < most
            self._running += must_start
        try:
            if must_start:
                self._start_beside()
            action(*args)
        finally:
            with self._lock:
                self._slow -= 1

    def _start_beside(self) -> None:
        try:
            self._threads.run(self._work)
        except RuntimeError:
            # The system has no more threads: those behind wait for this one.
            with self._lock:
                self._running -= 1

    # -- one call

    def _run_alone(self, task: Task) -> None:
        if not task.future.set_running_or_notify_cancel():
            return
        deadline = task.deadline()
        left_s = deadline.remaining_s()
        try:
            if left_s == 0:
                raise _too_late(task.method)
            value = self._caller.call(task.method, task.args, task.kwargs, None if task.timeout_s is None else left_s)
        except BaseException as error:
            task.future.set_exception(error)
        else:
            task.future.set_result(value)

    def _learn(self, method: str, took_s: float) -> None:
        known = self._took_s.get(method)
        if known is None and len(self._took_s) >= 1024:
            self._took_s.clear()
        self._took_s[method] = took_s if known is None else known + _WEIGHT * (took_s - known)

    # -- many calls

    def _run_batch(self, first: Task) -> None:
        """Send what waits behind the first task with it, as long as all of it is small and quick."""
        tasks: list[Task] = []
        calls: list[SmallTask] = []
        odd: Task | None = None
        task: Task | None = first
        size, expected_s, now = 0, 0.0, time.monotonic()
        while task is not None:
            took_s = self._took_s.get(task.method, _NEVER)
            call = None if calls and took_s >= _QUICK_S else self._small(task, now)
            if call is None:
                odd = task
                break
            if task.future.set_running_or_notify_cancel():
                tasks.append(task)
                calls.append(call)
                size += len(call[0])
                expected_s += took_s
            if expected_s >= _BATCH_S or size >= _BATCH_BYTES or len(calls) >= _BATCH_CALLS:
                break
            try:
                task = self._tasks.get_nowait()
            except queue.Empty:
                break
        if calls:
            self._occupied(tasks[0], self._exchange, tasks, calls, now)
        if odd is not None:
            self._occupied(odd, self._run_alone, odd)

    def _small(self, task: Task, now: float) -> SmallTask | None:
        """The call as bytes; None: it must go alone."""
        timeout_s = task.timeout_s
        if timeout_s is None or task.kwargs or not self._caller.takes_small:
            return None
        left_s = task.began + timeout_s - now
        if left_s <= 0:
            return None
        call_id = next_call_id()
        try:
            frame = small.encode_call(task.method, task.args, call_id, int(left_s * 1000))
        except Exception:
            # Alone it fails in the same way, and its future gets to know.
            return None
        if frame is None or len(frame) > _BATCH_BYTES:
            return None
        return frame, call_id, task.began + timeout_s

    def _exchange(self, tasks: list[Task], calls: list[SmallTask], began: float) -> None:
        try:
            node = self._caller.begin((), began)
        except BaseException as refused:
            # The policy failed, a user's own.
            for task in tasks:
                task.future.set_exception(refused)
            return
        failed: list[tuple[Task, PyrpcError]] = []

        def deliver(index: int, value: Any, service_us: int, error: PyrpcError | None) -> None:
            task = tasks[index]
            if error is None:
                self._learn(task.method, max(1, service_us) / 1e6)
                task.future.set_result(value)
            else:
                failed.append((task, error))

        try:
            node.call_many(calls, deliver)
        except Exception as fault:
            # A fault of pyrpc; whatever it is, no future may be left without an end.
            waiting = set(tasks).difference(task for task, _ in failed)
            for task in waiting:
                if not task.future.done():
                    task.future.set_exception(fault)
        finally:
            self._caller.end(node, began, failed[0][1] if failed else None)
        # Each waits for its own next attempt: one after the other they would wait for the sum.
        for task, error in failed[1:]:
            self._threads.run(self._again, task, node, error)
        if failed:
            self._again(failed[0][0], node, failed[0][1])

    def _again(self, task: Task, node: Any, error: PyrpcError) -> None:
        """Let the caller decide about a failed call, as for any single one."""
        try:
            if isinstance(error, ConnectionLostError) and task.deadline().is_over:
                # It waited behind another call whose time-out closed the connection they shared.
                raise DeadlineExceeded(f"{task.method} took longer than its time", endpoint=error.endpoint) from error
            value = self._caller.call_again(task.method, task.args, task.kwargs, task.deadline(), node, error)
        except BaseException as failure:
            task.future.set_exception(failure)
        else:
            task.future.set_result(value)


def _too_late(method: str) -> DeadlineExceeded:
    return DeadlineExceeded(f"no time was left to begin {method}", help="give more time with timeout_s")
