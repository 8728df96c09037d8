"""Simulated jobs as a picture: how long each took, and under it what ran where for each policy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyrpc.client.receipt.plot import COLOURS, SUFFIXES, new_figure, tidy
from pyrpc.errors import ConfigError

if TYPE_CHECKING:
    from pyrpc.simulate.outcome import Outcome

_WIDTH, _BAR, _LANE, _HEAD = 11.0, 0.3, 0.16, 0.55
_BOUND, _END, _MEASURED = "#009E73", "#222222", "#CC79A7"
# More timelines, or lanes in one, cannot be told apart; bars there may be more.
_MOST_TIMELINES = 12
_MOST_NODES = 40
_NAMED_NODES = 12


def check_plot(path: str) -> None:
    """Refuse before the work what could not be drawn after it.

    Raises
    ------
    ConfigError
        The name ends otherwise, its folder is not there, or matplotlib is not installed.
    """
    target = Path(path)
    if target.suffix.lower() not in SUFFIXES:
        raise ConfigError("the name of a picture ends otherwise", expected=f"one of {', '.join(SUFFIXES)}", got=path)
    if not target.parent.is_dir():
        raise ConfigError(f"there is no folder {target.parent} to save {target.name} in")
    new_figure((1.0, 1.0))


def save_plot(path: str, outcomes: Sequence[Outcome], measured_s: float | None = None) -> None:
    """Draw the outcomes, which must have their attempts, to a file.

    Raises
    ------
    ConfigError
        See check_plot; or the file cannot be written.
    """
    check_plot(path)
    shown = list(outcomes[:_MOST_TIMELINES])
    heights = [_HEAD + _BAR * len(outcomes), *(_HEAD + _LANE * max(4, min(_MOST_NODES, each.nodes)) for each in shown)]
    figure = new_figure((_WIDTH, 0.6 + sum(heights)))
    axes = list(figure.subplots(len(heights), 1, gridspec_kw={"height_ratios": heights}))
    _draw_bars(axes[0], outcomes, measured_s)
    until_s = 1.02 * max(_ended_s(each) for each in shown)
    for each_axes, outcome in zip(axes[1:], shown, strict=True):
        _draw_timeline(each_axes, outcome, until_s)
    axes[-1].set_xlabel("simulated seconds since the job began")
    _legend(figure, measured_s)
    try:
        figure.savefig(path, format=Path(path).suffix.lower()[1:])
    except OSError as error:
        raise ConfigError(f"cannot write {path}", got=error.strerror or str(error)) from error


def _ended_s(outcome: Outcome) -> float:
    """When the last attempt ended: one that waited for the caller's patience would leave the rest too small to see."""
    if outcome.is_done:
        return outcome.makespan_s
    return max((each.done_s for each in outcome.attempts if each.outcome in ("ok", "late")), default=1.0)


def _title(outcome: Outcome) -> str:
    from pyrpc.simulate.variants import Variant

    return Variant(outcome.policy, outcome.hedge).name


def _draw_bars(axes: Any, outcomes: Sequence[Outcome], measured_s: float | None) -> None:
    several = len({outcome.nodes for outcome in outcomes}) > 1
    places = range(len(outcomes))
    colours = [COLOURS["ok"] if outcome.is_done else COLOURS["failed"] for outcome in outcomes]
    axes.barh(places, [_ended_s(outcome) for outcome in outcomes], height=0.7, color=colours, alpha=0.8)
    bounded = [place for place in places if not math.isinf(outcomes[place].lower_bound_s)]
    axes.plot(
        [outcomes[place].lower_bound_s for place in bounded],
        bounded,
        linestyle="",
        marker="|",
        markersize=14,
        markeredgewidth=2,
        color=_BOUND,
    )
    for place, outcome in enumerate(outcomes):
        text = f" {outcome.makespan_s:.3f} s, {outcome.ratio:.2f} x bound" if outcome.is_done else f" {outcome.state}"
        axes.text(_ended_s(outcome), place, text, va="center", fontsize=8)
    if measured_s is not None:
        axes.axvline(measured_s, color=_MEASURED, linewidth=1.5)
    names = [f"{_title(each)}, {each.nodes} nodes" if several else _title(each) for each in outcomes]
    axes.set_yticks(places, names, fontsize=9)
    axes.set_ylim(len(outcomes) - 0.5, -0.5)
    axes.set_xlim(0, 1.3 * max(_ended_s(outcome) for outcome in outcomes))
    axes.set_title("makespan", loc="left", fontsize=10)
    tidy(axes)


def _draw_timeline(axes: Any, outcome: Outcome, until_s: float) -> None:
    nodes = [node.node for node in outcome.by_node][:_MOST_NODES]
    places = {node: place for place, node in enumerate(nodes)}
    spans: dict[tuple[int, str], list[tuple[float, float]]] = {}
    for attempt in outcome.attempts:
        if attempt.node in places:
            start_s, stop_s = attempt.ran_from_s, attempt.ran_to_s
            if attempt.outcome not in ("ok", "late"):
                start_s, stop_s = attempt.sent_s, min(attempt.done_s, until_s)
            spans.setdefault((places[attempt.node], attempt.outcome), []).append((start_s, stop_s - start_s))
    for (place, name), lane in spans.items():
        is_answered = name in ("ok", "late")
        axes.broken_barh(
            lane,
            (place - 0.4, 0.8),
            facecolor=COLOURS[name],
            alpha=0.9 if is_answered else 0.5,
            edgecolor="white",
            linewidth=0.3,
            zorder=3 if is_answered else 2,
        )
    if not math.isinf(outcome.lower_bound_s):
        axes.axvline(outcome.lower_bound_s, color=_BOUND, linewidth=1.5, linestyle="--", zorder=4)
    if outcome.is_done:
        axes.axvline(outcome.makespan_s, color=_END, linewidth=1.5, zorder=4)
    step = -(-len(nodes) // _NAMED_NODES)
    axes.set_yticks(range(0, len(nodes), step), nodes[::step], fontsize=7)
    axes.set_ylim(len(nodes) - 0.5, -0.5)
    axes.set_xlim(0, until_s)
    hidden = f", {len(nodes)} of {outcome.nodes} nodes" if outcome.nodes > len(nodes) else ""
    axes.set_title(f"{_title(outcome)}: {outcome.state}{hidden}", loc="left", fontsize=10)
    tidy(axes)


def _legend(figure: Any, measured_s: float | None) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    meanings = {"ok": "ran", "late": "another was first", "cancelled": "cancelled", "failed": "failed"}
    handles: list[Any] = [Patch(color=COLOURS[name], label=meaning) for name, meaning in meanings.items()]
    handles.append(Line2D([], [], color=_BOUND, linestyle="--", label="lower bound"))
    handles.append(Line2D([], [], color=_END, label="makespan"))
    if measured_s is not None:
        handles.append(Line2D([], [], color=_MEASURED, label="measured"))
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False, fontsize=9)
