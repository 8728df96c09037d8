"""Reads the source of a job's rows while the job runs, no further ahead than its nodes can use."""

from __future__ import annotations

import threading
from collections.abc import Callable

from pyrpc.client.source import StreamArguments
from pyrpc.plan.actions import Action
from pyrpc.plan.partition import Chunk
from pyrpc.plan.scheduler import Scheduler
from pyrpc.plan.work import Stream


class Feed:
    """The reading end of a stream; its fields belong to the job's lock.

    How much is held is a multiple of what the nodes have in flight: as much again that is read and not sent, and, where
    results are taken one by one, twice as much that is done and not taken.

    Parameters
    ----------
    lock : Lock or RLock
        The job's.
    """

    def __init__(self, arguments: StreamArguments, stream: Stream, lock: threading.RLock) -> None:
        self._arguments = arguments
        self._stream = stream
        self._room = threading.Condition(lock)
        self._most_flight = 0
        self._done_rows = 0
        self._taken_rows: int | None = None
        self._is_over = False

    # -- what the job tells, under its lock

    def sent(self) -> None:
        """Rows may have been sent."""
        self._most_flight = max(self._most_flight, self._stream.rows - self._stream.available - self._done_rows)
        self._room.notify()

    def done(self, rows: int) -> None:
        """So many more rows are done."""
        self._done_rows += rows
        self._room.notify()

    def taken(self, rows: int) -> None:
        """The user took the results of so many more rows; 0 at the beginning, to say that they will be."""
        self._taken_rows = (self._taken_rows or 0) + rows
        self._room.notify()

    def end(self) -> None:
        """The job has ended."""
        self._is_over = True
        self._room.notify()

    @property
    def is_read(self) -> bool:
        """Whether the source is at its end."""
        return not self._stream.is_open

    def release(self, chunk: Chunk) -> None:
        """The chunk's rows need not be kept."""
        self._arguments.release(chunk)

    # -- the thread that reads

    def run(
        self,
        scheduler: Scheduler,
        handle: Callable[[Callable[[float], list[Action]]], None],
        ended: Callable[[int], None],
        stop: Callable[[BaseException], object],
    ) -> None:
        """Read to the end.

        Parameters
        ----------
        handle : callable
            Tells the scheduler of an event and does what it says.
        ended : callable
            Told how many rows there were.
        stop : callable
            Ends the job with an error.
        """
        arguments = self._arguments
        try:
            while self._wait_for_room():
                rows = arguments.read()
                if not rows:
                    ended(arguments.rows)
                    handle(scheduler.no_more)
                    return
                row_bytes = arguments.row_bytes
                handle(lambda now, rows=rows, row_bytes=row_bytes: scheduler.more(rows, row_bytes, now))  # type: ignore[misc]
        except BaseException as error:
            stop(error)

    def _wait_for_room(self) -> bool:
        """Whether to read on; False: the job has ended."""
        with self._room:
            while not self._is_over:
                # Whatever the nodes can do, one block is read when there is none.
                is_short = self._stream.pieces_left == 0 or self._stream.available < self._most_flight
                untaken = 0 if self._taken_rows is None else self._done_rows - self._taken_rows
                if is_short and untaken <= 2 * self._most_flight:
                    return True
                self._room.wait()
            return False
