"""A map or reduce that runs in the background."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

from pyrpc.client.gather import Gather
from pyrpc.client.receipt import Receipt
from pyrpc.client.scatter import Scatter
from pyrpc.errors import CancelledError, DeadlineExceeded
from pyrpc.transport.threads import ThreadCache


class Job:
    """A job in progress; made by ``map_async`` and ``reduce_async``. Thread-safe.

    A job that nobody waits for goes on to its end; ``cancel`` ends it.
    """

    def __init__(self, scatter: Scatter, gather: Gather) -> None:
        self._scatter = scatter
        self._gather = gather
        self._ended = threading.Event()
        self._result: Any = None
        self._error: BaseException | None = None

    def start(self, threads: ThreadCache) -> Job:
        """Run in the background."""
        threads.run(self.run)
        return self

    def run(self) -> None:
        """Run here, until the job ends."""
        try:
            self._scatter.drive()
            self._error = self._scatter.outcome()
            if self._error is None:
                self._result = self._gather.finish()
        except BaseException as error:
            self._error = error
            if not isinstance(error, Exception):
                raise
        finally:
            self._ended.set()

    def run_for_result(self) -> Any:
        """Run here, and return or raise what ``result`` does; what single chunks gave is not kept."""
        self._scatter.keeps_completed = False
        self.run()
        return self.result()

    def result(self, timeout_s: float | None = None) -> Any:
        """What the job gives; waits for it.

        Parameters
        ----------
        timeout_s : float, optional
            How long to wait here; the job itself goes on after that.

        Raises
        ------
        DeadlineExceeded
            Not done within timeout_s here, or within the job's own.
        PyrpcError
            What the job failed with.
        """
        if not self._ended.wait(timeout_s):
            raise DeadlineExceeded(
                "the job is not done yet", got=f"waited {timeout_s} s", help="it goes on: ask again, or cancel() it"
            )
        if self._error is not None:
            raise self._error
        return self._result

    def as_completed(self) -> Iterator[tuple[int, int, Any]]:
        """Yield (start row, stop row, value) of each chunk as it is done, in the order they end; may be called once.

        The value of a map's chunk is a view of the result's rows.

        Raises
        ------
        PyrpcError
            What the job failed with, after what was done until then.
        """
        while (item := self._scatter.completed.get()) is not None:
            yield item
        # For whoever calls a second time: the end is still there.
        self._scatter.completed.put(None)
        self._ended.wait()
        if self._error is not None:
            raise self._error

    def in_order(self, threads: ThreadCache) -> Iterator[Any]:
        """Run in the background, and yield the results in the order of the rows; to stop early ends the job."""
        self._scatter.taken(0)
        self.start(threads)
        return self._in_order()

    def _in_order(self) -> Iterator[Any]:
        waiting: dict[int, tuple[int, Any]] = {}
        row = 0
        try:
            for start, stop, value in self.as_completed():
                waiting[start] = (stop, value)
                while row in waiting:
                    stop, value = waiting.pop(row)
                    yield value
                    self._scatter.taken(stop - row)
                    row = stop
        finally:
            self.cancel()

    def cancel(self) -> bool:
        """End the job: calls in flight are broken off, and ``result`` raises CancelledError.

        Returns
        -------
        bool
            False: it had ended before.
        """
        return self._scatter.stop(CancelledError("the job was cancelled"))

    def done(self) -> bool:
        """Whether the job has ended, well or not."""
        return self._ended.is_set()

    @property
    def receipt(self) -> Receipt:
        """What went where, and how good the job was; complete once it has ended, well or not."""
        return self._scatter.receipt
