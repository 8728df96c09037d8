"""Threads that are kept: no task waits behind another one, none is lost."""

from __future__ import annotations

import threading
import time

import pytest

from pyrpc.transport.threads import ThreadCache


def test_a_task_never_waits_for_another_one() -> None:
    threads = ThreadCache("test")
    all_here = threading.Barrier(20)
    done = [threading.Event() for _ in range(20)]

    def task(event: threading.Event) -> None:
        all_here.wait(10)
        event.set()

    for event in done:
        threads.run(task, event)
    assert all(event.wait(10) for event in done)
    threads.close()


def test_a_thread_that_waits_is_used_again() -> None:
    threads = ThreadCache("test")
    names: set[int] = set()
    for _ in range(50):
        done = threading.Event()

        def task(done: threading.Event = done) -> None:
            names.add(threading.get_ident())
            done.set()

        threads.run(task)
        assert done.wait(10)
    # The one that ended may not be back yet when the next task comes.
    assert len(names) < 10
    threads.close()


def test_what_a_task_raises_costs_no_thread(caplog) -> None:
    threads = ThreadCache("test")
    threads.run(lambda: 1 // 0)
    done = threading.Event()
    threads.run(done.set)
    assert done.wait(10)
    threads.close()


def test_tasks_after_close_still_run() -> None:
    threads = ThreadCache("test")
    started = threading.Event()
    threads.run(started.set)
    assert started.wait(10)
    threads.close()
    done = [threading.Event() for _ in range(5)]
    for event in done:
        threads.run(event.set)
    assert all(event.wait(10) for event in done)


def test_task_given_while_closing_is_not_lost() -> None:
    for _ in range(100):
        threads = ThreadCache("test")
        started = threading.Event()
        threads.run(started.set)
        assert started.wait(10)
        done = [threading.Event() for _ in range(4)]
        closing = threading.Thread(target=threads.close)
        closing.start()
        for event in done:
            threads.run(event.set)
        closing.join(10)
        assert all(event.wait(10) for event in done)


class ClosingQueue:
    """Closes the cache just before a task is put, if that can happen at all."""

    def __init__(self, threads: ThreadCache) -> None:
        self._threads = threads
        self._real = threads._tasks

    def put(self, task: object) -> None:
        if task is not None and not self._threads._lock.locked():
            self._threads.close()
        self._real.put(task)  # type: ignore[arg-type]

    def get(self, timeout: float | None = None) -> object:
        return self._real.get(timeout=timeout)


def test_task_promised_to_a_waiting_thread_comes_before_the_word_to_end() -> None:
    threads = ThreadCache("test")
    first, second = threading.Event(), threading.Event()
    threads.run(first.set)
    assert first.wait(10)
    while not threads._spare:
        time.sleep(0.001)
    threads._tasks = ClosingQueue(threads)  # type: ignore[assignment]
    threads.run(second.set)
    assert second.wait(10)


def test_waiting_threads_end_when_it_is_closed() -> None:
    threads = ThreadCache("test-ends")
    barrier = threading.Barrier(6)
    for _ in range(5):
        threads.run(barrier.wait, 10)
    barrier.wait(10)
    threads.close()
    for thread in threading.enumerate():
        if thread.name == "test-ends":
            thread.join(10)
            assert not thread.is_alive()


def test_system_without_threads_is_told_and_later_tasks_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    threads = ThreadCache("test")
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError):
            threads.run(print)
    done = threading.Event()
    threads.run(done.set)
    assert done.wait(10)
    threads.close()
