"""What a piece of work costs on a node, learned from the pieces it has done.

The model is ``time = fixed + rows x time per row``, one line for each node. Latency and what else does not depend on
the rows is in the first term; the stage's work and the bytes, which grow with the rows, in the second. What is fitted
is the time a piece adds to its node: from the end of the piece before it (or its own sending, if the node was idle)
to its own end. So a transfer that hides behind the work of another piece costs nothing, as it does in truth, and a
node that runs several pieces at the same time counts as that much faster. One of these takes longer than it adds, by a
factor that is called the node's width: what pieces ran over what they added, of those that were not alone there.

The line is a least-squares fit in which each sample weighs ``KEEP`` times the next newer one, so that a node which
becomes slow is known to be slow after a few pieces. Where all pieces have about the same rows there is no slope to
find, and the line goes through the origin. A single time far above the line is cut to ``OUTLIER`` times what was
expected; a second one in a row is believed.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyrpc.plan.window import NodeWindow

KEEP = 0.85
OUTLIER = 4.0
# Below this variance of the rows, relative to the square of their mean, a slope would be made of noise.
SPREAD = 0.02
_TINY_S = 1e-9


@dataclass(frozen=True, slots=True)
class NodeFit:
    """What a job has learned of a node.

    Attributes
    ----------
    node : str
    samples : int
        Pieces it was learned from; with 0 the rest is what other nodes have shown, or 0.
    piece_s : float
        Seconds that a piece takes whatever its rows.
    row_s : float
        Seconds for each row on top.
    service_row_s : float
        Seconds a row runs in the stage, as the node tells; 0 if it does not.
    overhead_s : float
        Seconds of an attempt that are neither running nor waiting on the node: transfer and latency.
    """

    node: str
    samples: int
    piece_s: float
    row_s: float
    service_row_s: float
    overhead_s: float


class Line:
    """A line through the origin or not, fitted to (rows, seconds), newer samples first."""

    __slots__ = ("_sx", "_sxx", "_sxy", "_sy", "_w", "piece_s", "row_s", "samples")

    def __init__(self) -> None:
        self.samples = 0
        self.piece_s = 0.0
        self.row_s = 0.0
        self._w = self._sx = self._sy = self._sxx = self._sxy = 0.0

    def add(self, rows: int, seconds: float) -> None:
        """One more sample."""
        x = float(rows)
        self.samples += 1
        self._w = w = self._w * KEEP + 1.0
        self._sx = sx = self._sx * KEEP + x
        self._sy = sy = self._sy * KEEP + seconds
        self._sxx = self._sxx * KEEP + x * x
        self._sxy = self._sxy * KEEP + x * seconds
        self.piece_s = 0.0
        self.row_s = max(sy, _TINY_S) / max(sx, 1.0)
        spread = w * self._sxx - sx * sx
        if self.samples > 2 and spread > SPREAD * sx * sx:
            slope = (w * self._sxy - sx * sy) / spread
            # Outside of these the fit contradicts the model, and the ratio is the better guess.
            if 0.0 < slope < self.row_s:
                self.row_s = slope
                self.piece_s = (sy - slope * sx) / w

    def predict_s(self, rows: int) -> float:
        """Seconds for so many rows."""
        return self.piece_s + self.row_s * rows


class JobCost:
    """What all nodes of a job have shown together: what to expect of one that has shown nothing yet."""

    __slots__ = ("line",)

    def __init__(self) -> None:
        self.line = Line()

    @property
    def is_known(self) -> bool:
        """Whether any piece is done."""
        return self.line.samples > 0


class NodeCost:
    """What one node has shown.

    Parameters
    ----------
    job : JobCost
        Shared by the nodes of a job.
    window : NodeWindow
        Told how long pieces ran that were not alone.
    """

    __slots__ = ("_is_outlier", "_job", "_line", "_window", "last_row_s", "most_rows", "overhead_s", "service_row_s")

    def __init__(self, job: JobCost, window: NodeWindow) -> None:
        self._job = job
        self._window = window
        self._line = Line()
        self._is_outlier = False
        self.most_rows = 0
        self.last_row_s = 0.0
        self.overhead_s = 0.0
        self.service_row_s = 0.0

    @property
    def samples(self) -> int:
        """Pieces it was learned from."""
        return self._line.samples

    @property
    def line(self) -> Line:
        """The node's own line, or that of all nodes as long as it has none."""
        return self._line if self._line.samples else self._job.line

    def run_s(self, rows: int) -> float:
        """Seconds that a piece of so many rows takes once it runs."""
        return self._window.width * self.line.predict_s(rows)

    def add(
        self, rows: int, added_s: float, elapsed_s: float, service_s: float, queued_s: float, was_alone: bool = True
    ) -> None:
        """A piece is done.

        Parameters
        ----------
        rows : int
        added_s : float
            Time it added to its node, in seconds; see the module's docstring.
        elapsed_s : float
            From its sending to its end.
        service_s, queued_s : float
            Time it ran and waited on the node, as the node told; 0: it did not.
        was_alone : bool
            Whether no other piece was there meanwhile.
        """
        if service_s > 0 and not was_alone:
            self._window.ran_beside(service_s, added_s)
        if self._line.samples > 2:
            most_s = OUTLIER * self._line.predict_s(rows)
            is_outlier = added_s > most_s
            if is_outlier and not self._is_outlier:
                added_s = most_s
            self._is_outlier = is_outlier
        self._line.add(rows, added_s)
        self._job.line.add(rows, added_s)
        self.most_rows = max(self.most_rows, rows)
        self.last_row_s = elapsed_s / max(rows, 1)
        if service_s > 0:
            weight = 1.0 if self._line.samples == 1 else 1.0 - KEEP
            self.service_row_s += weight * (service_s / max(rows, 1) - self.service_row_s)
            self.overhead_s += weight * (max(0.0, elapsed_s - service_s - queued_s) - self.overhead_s)

    def fit(self, node: str) -> NodeFit:
        """For the receipt."""
        line = self.line
        return NodeFit(node, self.samples, line.piece_s, line.row_s, self.service_row_s, self.overhead_s)
