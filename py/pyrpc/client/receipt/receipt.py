"""The receipt of a job: what was written down, and all that follows from it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

from pyrpc.client.receipt.causes import Analysis, NodeWork
from pyrpc.client.receipt.form import from_dict, to_dict
from pyrpc.client.receipt.plot import save_plot
from pyrpc.client.receipt.records import JobRecord
from pyrpc.client.receipt.report import report
from pyrpc.client.receipt.trace import load_trace, save_trace


@dataclass(slots=True, repr=False)
class Receipt(JobRecord):
    """What became of a job; see JobRecord for what was written down.

    Complete once the job has ended, well or not: a failed or cancelled one has a receipt of what was done until then,
    and its bound is that of the rows that were done. What follows from the records is computed when it is asked for.
    Thread-safe for reading.
    """

    # Of the records as they were when it was made: a job that runs adds to them.
    _analysis: tuple[tuple[int, int, float], Analysis] | None = field(default=None, init=False, compare=False)

    # -- how good it was

    @property
    def lower_bound_s(self) -> float:
        """How soon an ideal scheduler had ended the same work on the same nodes, in seconds; see bound.py.

        The rows over the speed of all nodes together, each at the rows a second that it showed while it ran; for
        chunks of a fixed grid, which stay whole, the least time in which the nodes can end so many. 0 if nothing was
        done.
        """
        return self._analyse().lower_bound_s

    @property
    def gap_s(self) -> float:
        """The makespan above the lower bound, in seconds; never negative."""
        return max(0.0, self.ended_s - self.lower_bound_s)

    @property
    def gap(self) -> float:
        """The makespan above the lower bound, as a share of the bound: 0.05 is 5% more; 0 if nothing was done."""
        bound_s = self.lower_bound_s
        return self.gap_s / bound_s if bound_s else 0.0

    @property
    def causes(self) -> dict[str, float]:
        """What the gap was lost to, in seconds, none negative; the sum is gap_s.

        Keys are transfer, straggler, queue, retries, serialization, down and other; causes.py defines each. A second
        that one node did not work for the result counts as its share of the speed of all nodes.
        """
        return dict(self._analyse().causes)

    @property
    def work(self) -> list[NodeWork]:
        """What each node did, in the order of ``nodes``."""
        return list(self._analyse().work)

    def _analyse(self) -> Analysis:
        key = (len(self.entries), len(self.probes), self.makespan_s)
        known = self._analysis
        if known is None or known[0] != key:
            known = self._analysis = (key, Analysis(self))
        return known[1]

    # -- sums

    def rows_by_node(self) -> dict[str, int]:
        """How many rows of the result each node gave."""
        counts = dict.fromkeys(self.nodes, 0)
        for entry in self.entries:
            if entry.outcome == "ok":
                counts[entry.node] = counts.get(entry.node, 0) + entry.rows
        return counts

    def busy_s_by_node(self) -> dict[str, float]:
        """How long the stage ran on each node, in seconds, summed over calls at the same time."""
        times = dict.fromkeys(self.nodes, 0.0)
        for entry in self.entries:
            times[entry.node] = times.get(entry.node, 0.0) + entry.service_s
        return times

    @property
    def rows_done(self) -> int:
        """Rows of the result that were done: all of them, unless the job failed or was cancelled."""
        return sum(entry.rows for entry in self.entries if entry.outcome == "ok")

    @property
    def bytes_out(self) -> int:
        """Bytes sent, retries included."""
        return sum(entry.bytes_out for entry in self.entries)

    @property
    def bytes_in(self) -> int:
        """Bytes received."""
        return sum(entry.bytes_in for entry in self.entries)

    @property
    def retries(self) -> int:
        """Attempts beyond the first of each chunk, hedges included."""
        return sum(entry.attempt > 0 for entry in self.entries)

    # -- as text, data and pictures

    def to_dict(self) -> dict[str, Any]:
        """Plain dicts, lists, numbers and texts, for JSON; ``from_dict`` reads it back. See form.py for the keys."""
        derived = {
            "retries": self.retries,
            "bytes_out": self.bytes_out,
            "bytes_in": self.bytes_in,
            "rows_by_node": self.rows_by_node(),
        }
        return to_dict(self, self._analyse(), derived)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Receipt:
        """The receipt that ``to_dict`` was called on.

        Raises
        ------
        ConfigError
            It is no receipt, or one of a version that this pyrpc does not know.
        """
        return cls(**from_dict(data))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it to a file ending in .json, which Chrome's chrome://tracing and ui.perfetto.dev open.

        A process for each node, a thread for each chunk it has at the same time, and counters of the rows done; under
        the key "pyrpc" lies what ``to_dict`` gives, for ``load``. A file that is there is written over.

        Raises
        ------
        ConfigError
            The name ends otherwise.
        OSError
            It cannot be written.
        """
        save_trace(path, self, self.to_dict())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Receipt:
        """The receipt that ``save`` wrote; a file with the JSON of ``to_dict`` is read too.

        Raises
        ------
        ConfigError
            The file has no receipt.
        OSError
            It cannot be read.
        """
        return cls.from_dict(load_trace(path))

    def plot(self, path: str | os.PathLike[str]) -> None:
        """Draw what ran where over time, with makespan and bound, and the rows a second, to a .png, .svg or .pdf.

        Raises
        ------
        ConfigError
            The name ends otherwise, or matplotlib (the extra ``plot``) is not installed.
        OSError
            It cannot be written.
        """
        save_plot(path, self, self._analyse())

    def __str__(self) -> str:
        return report(self, self._analyse())

    def __repr__(self) -> str:
        took = f"{self.makespan_s:.3f} s" if self.makespan_s else "not over"
        return f"<Receipt of {self.stage}: {self.rows} rows, {len(self.nodes)} nodes, {self.state}, {took}>"
