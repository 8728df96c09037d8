"""One picture of what went where over time, as a PNG."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pyrpc.client.receipt.plot import Lanes, new_figure, tidy
from pyrpc.client.receipt.spans import run_span
from pyrpc.demo.failure import Failure
from pyrpc.demo.job import STAGES
from pyrpc.demo.timeline import Timeline

# Okabe and Ito's colours: told apart by colour-blind readers too.
_COLOURS = dict(zip(STAGES, ("#0072B2", "#E69F00", "#009E73", "#CC79A7"), strict=True))
_LOST = "#D00000"
_INCHES = (13.0, 8.4)

# Lane's middle, left end and width of bars of one colour.
Bars = dict[float, list[tuple[float, float]]]


def save_picture(
    path: Path, names: dict[str, str], in_process: Timeline, first: Timeline, second: Timeline, failure: Failure
) -> None:
    """Draw the run in one process and both runs on nodes over the same seconds.

    Parameters
    ----------
    path : Path
        Written over.
    names : dict
        The nodes' names by endpoint, in the order in which they are drawn.
    failure : Failure
        What happened to a node in the second run.
    """
    figure = new_figure(_INCHES)
    top, middle, bottom = figure.subplots(
        3, 1, sharex=True, gridspec_kw={"height_ratios": (0.5, len(names), len(names))}
    )
    figure.suptitle("pyrpc demo: what went where over time", fontsize=15, fontweight="bold")
    _draw_in_process(top, in_process)
    _draw_nodes(middle, first, names)
    middle.set_title(f"Job 1 on {len(names)} nodes: {first.took_s:.1f} s", loc="left", fontsize=11)
    _draw_nodes(bottom, second, names)
    _draw_failure(bottom, failure, second, names)
    bottom.set_title(
        f"Job 2, the same work: {second.took_s:.1f} s; {names[failure.endpoint]} is killed after {failure.at_s:.1f} s",
        loc="left",
        fontsize=11,
    )
    bottom.set_xlabel("seconds since the job began")
    bottom.set_xlim(0, 1.01 * max(timeline.took_s for timeline in (in_process, first, second)))
    _draw_legend(figure)
    figure.savefig(path, format="png")


def _draw_in_process(axes: Any, timeline: Timeline) -> None:
    for run in timeline.stages:
        axes.broken_barh([(run.began_s, run.took_s)], (-0.4, 0.8), color=_COLOURS[run.label], linewidth=0)
    axes.set_yticks([0], ["one process"])
    axes.set_title(f"The same calls in one process: {timeline.took_s:.1f} s", loc="left", fontsize=11)
    tidy(axes)


def _draw_nodes(axes: Any, timeline: Timeline, names: dict[str, str]) -> None:
    lanes = _lanes(list(names), timeline)
    for run in timeline.stages:
        on_the_way: Bars = {}
        running: Bars = {}
        for began_s, record in run.attempts():
            middle = lanes.middle(record)
            sent_s, done_s = began_s + record.sent_s, began_s + record.done_s
            on_the_way.setdefault(middle, []).append((sent_s, done_s - sent_s))
            if record.outcome == "ok":
                ran_s, stopped_s = run_span(record)
                running.setdefault(middle, []).append((began_s + ran_s, stopped_s - ran_s))
        for bars, alpha in ((on_the_way, 0.25), (running, 1.0)):
            for middle, spans in bars.items():
                axes.broken_barh(spans, lanes.span(middle), color=_COLOURS[run.label], alpha=alpha, linewidth=0)
    axes.set_yticks(range(len(names)), [f"{name}\n{endpoint}" for endpoint, name in names.items()], fontsize=9)
    axes.set_ylabel("node; a lane for each chunk it has")
    axes.set_ylim(len(names) - 0.5, -0.5)
    tidy(axes)


def _lanes(endpoints: list[str], timeline: Timeline) -> Lanes:
    slots = (record.slot for run in timeline.stages for _, record in run.attempts())
    return Lanes(endpoints, 1 + max(slots, default=0))


def _draw_failure(axes: Any, failure: Failure, timeline: Timeline, names: dict[str, str]) -> None:
    places = {endpoint: place for place, endpoint in enumerate(names)}
    place = places[failure.endpoint]
    axes.axvline(failure.at_s, color=_LOST, linewidth=1.2, linestyle="--")
    axes.plot([failure.at_s], [place], marker="X", markersize=13, color=_LOST, markeredgecolor="white", zorder=5)
    lanes = _lanes(list(names), timeline)
    failed = [
        (began_s + r.done_s, lanes.middle(r)) for run in timeline.stages for began_s, r in run.attempts() if r.error
    ]
    _marks(axes, failed, "|")
    _marks(axes, [(at_s, places[endpoint]) for at_s, endpoint in failure.done_elsewhere], "v")
    axes.annotate(
        f"killed; {failure.lost} chunks that it had are done by others, and {failure.refused} later ones find nobody",
        (failure.at_s, place),
        xytext=(14, 0),
        textcoords="offset points",
        va="center",
        fontsize=9,
        color=_LOST,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
        zorder=6,
    )


def _marks(axes: Any, points: list[tuple[float, float]], marker: str) -> None:
    across, down = [x for x, _ in points], [y for _, y in points]
    axes.plot(across, down, linestyle="", marker=marker, color=_LOST, markersize=7)


def _draw_legend(figure: Any) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = [Patch(color=colour, label=stage) for stage, colour in _COLOURS.items()]
    handles.append(Patch(color="#999999", alpha=0.35, label="pale: on its way or waiting"))
    for marker, label in (("v", "a lost chunk is done elsewhere"), ("|", "nobody there: sent to another node")):
        handles.append(Line2D([], [], linestyle="", marker=marker, color=_LOST, label=label))
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False, fontsize=9)
