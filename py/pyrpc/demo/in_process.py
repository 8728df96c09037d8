"""The same job in one process: plain calls of the same methods, without pyrpc between them."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from pyrpc.client.progress import Progress
from pyrpc.demo.job import ShowProgress
from pyrpc.demo.stages import Digits
from pyrpc.demo.timeline import Timeline
from pyrpc.plan.partition import Chunk, leaf_grid

# Whole arrays at once would be slower, as what lies between two operations would not fit in a cache; and blocks that
# are not the chunks of the nodes show that the result does not depend on how the rows are cut.
_BLOCK_ROWS = 250


class InProcess:
    """Runs the stages here, one block of rows after the other, with one BLAS thread as a node has."""

    def __init__(self, timeline: Timeline, show_progress: ShowProgress, block_rows: int = _BLOCK_ROWS) -> None:
        self.timeline = timeline
        self._show_progress = show_progress
        self._block_rows = block_rows
        self._service = Digits()
        self._show: Progress | None = None
        self._rows = self._rows_done = 0

    @contextmanager
    def stage(self, label: str, rows: int) -> Iterator[None]:
        """What is run inside belongs to that stage of the job."""
        # Comes with scikit-learn, and without types.
        threadpools: Any = importlib.import_module("threadpoolctl")
        self._rows, self._rows_done = rows, 0
        with (
            threadpools.threadpool_limits(1, user_api="blas"),
            self._show_progress(label) as self._show,
            self.timeline.stage(label, rows),
        ):
            yield

    def map(self, method: str, *arrays: npt.NDArray[Any], chunk_rows: int | None = None, **whole: Any) -> Any:
        """The rows that the method gives, in blocks of this executor's own size."""
        rows = len(arrays[0])
        starts = range(0, rows, self._block_rows)
        blocks = [Chunk(i, start, min(rows, start + self._block_rows)) for i, start in enumerate(starts)]
        return np.concatenate([self._run(method, block, arrays, whole) for block in blocks])

    def reduce(self, method: str, *arrays: npt.NDArray[Any], chunk_rows: int, **whole: Any) -> Any:
        """The sum of what the method gives for each leaf, from left to right; pyrpc's reduce has the same leaves."""
        rows = len(arrays[0])
        leaves = leaf_grid(rows, sum(array.nbytes for array in arrays) // rows, chunk_rows=chunk_rows)
        sums = self._run(method, leaves[0], arrays, whole)
        for leaf in leaves[1:]:
            sums = [a + b for a, b in zip(sums, self._run(method, leaf, arrays, whole), strict=True)]
        return sums

    def _run(self, method: str, chunk: Chunk, arrays: tuple[npt.NDArray[Any], ...], whole: dict[str, Any]) -> Any:
        function = getattr(self._service, method.partition(".")[2])
        value = function(*(array[chunk.start : chunk.stop] for array in arrays), **whole)
        self._rows_done += chunk.rows
        if self._show is not None:
            self._show(self._rows_done, self._rows)
        return value
