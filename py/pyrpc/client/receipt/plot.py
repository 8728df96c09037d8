"""A receipt as a picture: a lane for each node and each chunk it has at the same time, and the rows a second below.

Drawn by matplotlib, which is imported when a picture is wanted. Not by its pyplot: that would choose a backend for a
display and keep every figure alive.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pyrpc.client.receipt.causes import Analysis
from pyrpc.client.receipt.records import ChunkRecord, JobRecord
from pyrpc.client.receipt.report import causes_text, time_text
from pyrpc.client.receipt.spans import Span, run_span
from pyrpc.errors import ConfigError

SUFFIXES = (".png", ".svg", ".pdf")
# Okabe and Ito's colours: told apart by colour-blind readers too.
COLOURS = {"ok": "#0072B2", "late": "#E69F00", "cancelled": "#999999", "failed": "#D00000", "running": "#CC79A7"}
_MEANINGS = {
    "ok": "runs",
    "late": "late: another was first",
    "cancelled": "cancelled",
    "failed": "failed",
    "running": "not over",
}
_BOUND, _END = "#009E73", "#222222"
_WIDTH, _DPI = 12.0, 110
# Height of what is not lanes, and of a node, in inches: many nodes get thinner lanes, and no endless picture.
_REST, _NODE, _MOST_LANES = 3.6, 0.5, 12.0
# Of the height between two nodes, what the lanes of one fill.
_FILLED = 0.8
# Names of more nodes would lie on each other.
_MOST_NAMES = 60
_BINS = 80

# By outcome and whether it ran, and by the middle of its lane.
Bars = dict[tuple[str, bool], dict[float, list[Span]]]


class Lanes:
    """Where on the y axis attempts are drawn: nodes at 0, 1, 2 ..., the lanes of each around its number.

    Parameters
    ----------
    nodes : sequence of str
        From top to bottom.
    slots : int
        Lanes of a node.
    """

    def __init__(self, nodes: Sequence[str], slots: int) -> None:
        self.places = {node: place for place, node in enumerate(nodes)}
        self._slots = slots
        self.height = _FILLED / slots

    def middle(self, record: ChunkRecord) -> float:
        """The middle of the lane of that attempt."""
        return self.places[record.node] + (record.slot - (self._slots - 1) / 2) * self.height

    def span(self, middle: float) -> tuple[float, float]:
        """Lower end and height of the bars in a lane."""
        return middle - 0.45 * self.height, 0.9 * self.height


def new_figure(inches: tuple[float, float]) -> Any:
    """An empty figure of that size.

    Raises
    ------
    ConfigError
        matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ConfigError(
            "a picture needs matplotlib", got=str(error), help="install it: pip install 'pyrpc-thrift[plot]'"
        ) from error
    figure = Figure(figsize=inches, dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def tidy(axes: Any) -> None:
    """Leave away what is not needed to read a timeline."""
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", linewidth=0.4, alpha=0.5)
    axes.set_axisbelow(True)


def save_plot(path: str | os.PathLike[str], job: JobRecord, analysis: Analysis) -> None:
    """Draw a job.

    Raises
    ------
    ConfigError
        The name ends in none of ``SUFFIXES``, or matplotlib is not installed.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise ConfigError(
            "the name of a picture ends otherwise",
            expected=f"a name ending in {', '.join(SUFFIXES)}",
            got=os.fspath(path),
            help="plot draws a picture; save writes a trace for Chrome and Perfetto",
        )
    nodes = job.all_nodes()
    lanes_inches = min(_MOST_LANES, max(1.0, _NODE * len(nodes)))
    figure = new_figure((_WIDTH, _REST + lanes_inches))
    top, bottom = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": (lanes_inches, 1.6)})
    _draw_lanes(top, job, Lanes(nodes, 1 + max((entry.slot for entry in job.entries), default=0)))
    _draw_speed(bottom, job)
    _draw_lines((top, bottom), job, analysis)
    _title(figure, top, job, analysis)
    bottom.set_xlim(0, 1.02 * (job.ended_s or 1.0))
    bottom.set_xlabel("seconds since the job began")
    _legend(figure, job)
    figure.savefig(path, format=suffix[1:])


def _draw_lanes(axes: Any, job: JobRecord, lanes: Lanes) -> None:
    from matplotlib.collections import PolyCollection

    pixel_s = job.ended_s / (_WIDTH * _DPI)
    for (outcome, is_running), by_lane in _bars(job, lanes).items():
        # What failed or was cancelled may have run, which its caller does not know: it is half pale.
        alpha = 1.0 if is_running else 0.6 if outcome in ("failed", "cancelled") else 0.25
        # One collection for all, from one array, which is quicker: a job may have a million attempts.
        boxes: Any = np.array(
            [
                _box(start_s, stop_s, *lanes.span(middle))
                for middle, spans in by_lane.items()
                for start_s, stop_s in merged(spans, pixel_s)
            ]
        )
        # White edges tell chunks in a row apart; of thin lanes they would leave nothing.
        is_edged = is_running and len(lanes.places) <= _MOST_NAMES
        edge = {"edgecolor": "white", "linewidth": 0.3} if is_edged else {"linewidth": 0}
        axes.add_collection(
            PolyCollection(boxes, facecolor=COLOURS[outcome], alpha=alpha, zorder=2 + is_running, **edge)
        )
    failed = [entry for entry in job.entries if entry.outcome == "failed"]
    axes.plot(
        [entry.done_s for entry in failed],
        [lanes.middle(entry) for entry in failed],
        linestyle="",
        marker="X",
        markersize=7,
        color=COLOURS["failed"],
        markeredgecolor="white",
        zorder=5,
    )
    _name_nodes(axes, list(lanes.places))
    tidy(axes)


def _bars(job: JobRecord, lanes: Lanes) -> Bars:
    bars: Bars = {}
    for entry in job.entries:
        middle = lanes.middle(entry)
        bars.setdefault((entry.outcome, False), {}).setdefault(middle, []).append((entry.sent_s, entry.done_s))
        if entry.is_answered:
            bars.setdefault((entry.outcome, True), {}).setdefault(middle, []).append(run_span(entry))
    return bars


def _box(start_s: float, stop_s: float, bottom: float, height: float) -> list[tuple[float, float]]:
    top = bottom + height
    return [(start_s, bottom), (stop_s, bottom), (stop_s, top), (start_s, top)]


def merged(spans: list[Span], pixel_s: float) -> list[Span]:
    """The spans in order, with those that are too narrow to see joined to one that they touch."""
    joined: list[Span] = []
    for start_s, stop_s in sorted(spans):
        if joined:
            last_start_s, last_stop_s = joined[-1]
            narrowest_s = min(stop_s - start_s, last_stop_s - last_start_s)
            if start_s - last_stop_s < pixel_s and narrowest_s < 2 * pixel_s:
                joined[-1] = last_start_s, max(last_stop_s, stop_s)
                continue
        joined.append((start_s, stop_s))
    return joined


def _name_nodes(axes: Any, nodes: Sequence[str]) -> None:
    step = max(1, -(-len(nodes) // _MOST_NAMES))
    axes.set_yticks(range(0, len(nodes), step), nodes[::step], fontsize=9 if len(nodes) <= 24 else 7)
    axes.set_ylim(max(1, len(nodes)) - 0.5, -0.5)


def _draw_speed(axes: Any, job: JobRecord) -> None:
    """Rows a second over time: each chunk's rows spread over the time that it ran."""
    ended_s = job.ended_s or 1.0
    width_s = ended_s / _BINS
    rows = [0.0] * _BINS
    for entry in job.entries:
        if entry.outcome != "ok":
            continue
        start_s, stop_s = run_span(entry)
        took_s = max(stop_s - start_s, 1e-9)
        first, last = (min(_BINS - 1, max(0, int(moment_s / width_s))) for moment_s in (start_s, stop_s))
        for number in range(first, last + 1):
            overlap_s = min(stop_s, (number + 1) * width_s) - max(start_s, number * width_s)
            rows[number] += entry.rows * (1.0 if first == last else max(0.0, overlap_s) / took_s)
    edges = [number * width_s for number in range(_BINS + 1)]
    axes.stairs([count / width_s for count in rows], edges, fill=True, color=COLOURS["ok"], alpha=0.35)
    axes.set_ylabel("rows/s")
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    tidy(axes)


def _draw_lines(all_axes: Sequence[Any], job: JobRecord, analysis: Analysis) -> None:
    for axes in all_axes:
        axes.axvline(analysis.lower_bound_s, color=_BOUND, linewidth=1.5, linestyle="--", zorder=4)
        axes.axvline(job.ended_s, color=_END, linewidth=1.5, zorder=4)


def _title(figure: Any, axes: Any, job: JobRecord, analysis: Analysis) -> None:
    bound_s, took_s = analysis.lower_bound_s, job.ended_s
    state = "" if job.state == "done" else f", {job.state}"
    figure.suptitle(f"{job.stage}: {job.rows:,} rows on {len(job.nodes)} nodes{state}", fontsize=13, fontweight="bold")
    above = f", {100 * (took_s - bound_s) / bound_s:.1f}% above" if bound_s else ""
    lost = causes_text(analysis.causes, most=5)
    text = f"makespan {time_text(took_s)}, lower bound {time_text(bound_s)}{above}"
    axes.set_title(f"{text}\nlost to {lost}" if lost else text, loc="left", fontsize=10)


def _legend(figure: Any, job: JobRecord) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    outcomes = {entry.outcome for entry in job.entries}
    handles: list[Any] = [
        Patch(color=colour, label=_MEANINGS[outcome]) for outcome, colour in COLOURS.items() if outcome in outcomes
    ]
    handles.append(Patch(color=COLOURS["ok"], alpha=0.25, label="on its way or waiting"))
    handles.append(Line2D([], [], color=_BOUND, linestyle="--", label="lower bound"))
    handles.append(Line2D([], [], color=_END, label="makespan"))
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False, fontsize=9)
