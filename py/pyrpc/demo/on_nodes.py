"""The job on nodes: the same stages through a pyrpc client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy.typing as npt

from pyrpc.client import Client
from pyrpc.client.job import Job
from pyrpc.client.progress import Progress
from pyrpc.demo.job import ShowProgress
from pyrpc.demo.timeline import Timeline

# Far more than any machine needs; a demo that hangs should say so in the end.
_TIMEOUT_S = 300.0

# Label of the stage, share of its rows that are done.
Watch = Callable[[str, float], None]


class OnNodes:
    """Runs the stages on the nodes of a client, and keeps the receipts.

    Parameters
    ----------
    timeline : Timeline
        Where to write down what happened when.
    watch : callable, optional
        Called with (label of the stage, share of its rows that are done), from the thread of the job.
    """

    def __init__(
        self, client: Client, timeline: Timeline, show_progress: ShowProgress, watch: Watch | None = None
    ) -> None:
        self.timeline = timeline
        self._client = client
        self._show_progress = show_progress
        self._watch = watch or (lambda label, share: None)
        self._label = ""
        self._rows = 1
        self._rows_before = 0
        self._show: Progress | None = None

    @contextmanager
    def stage(self, label: str, rows: int) -> Iterator[None]:
        """What is run inside belongs to that stage of the job."""
        self._label, self._rows, self._rows_before = label, rows, 0
        with self._show_progress(label) as self._show, self.timeline.stage(label, rows):
            yield

    def map(self, method: str, *arrays: npt.NDArray[Any], chunk_rows: int | None = None, **whole: Any) -> Any:
        """The rows that the method gives."""
        began_s = self.timeline.now_s()
        job = self._client.map_async(
            method, *arrays, chunk_rows=chunk_rows, progress=self._progress, timeout_s=_TIMEOUT_S, **whole
        )
        return self._result(job, began_s)

    def reduce(self, method: str, *arrays: npt.NDArray[Any], chunk_rows: int, **whole: Any) -> Any:
        """The sum of what the method gives for each leaf, from left to right."""
        began_s = self.timeline.now_s()
        job = self._client.reduce_async(
            method, *arrays, chunk_rows=chunk_rows, progress=self._progress, timeout_s=_TIMEOUT_S, **whole
        )
        return self._result(job, began_s)

    def _result(self, job: Job, began_s: float) -> Any:
        try:
            value = job.result()
        except BaseException:
            job.cancel()
            raise
        self.timeline.add(began_s, job.receipt)
        self._rows_before += job.receipt.rows
        return value

    def _progress(self, done: int, total: int) -> None:
        rows = self._rows_before + done
        if self._show is not None:
            self._show(rows, self._rows)
        self._watch(self._label, rows / self._rows)
