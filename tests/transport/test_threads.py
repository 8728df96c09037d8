"""Threads that are kept: no task waits behind another one, none is lost."""

from __future__ import annotations

import threading

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
