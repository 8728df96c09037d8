"""Tables for people."""

from __future__ import annotations

from .outcome import Outcome, Series, Target


def table(outcome: Outcome, is_judged: bool) -> str:
    """An outcome as text; is_judged False: sizes too small for the targets to mean anything."""
    ours = outcome.get(outcome.ours) if outcome.ours else None
    rows = [("contender", "median", "best", "vs pyrpc")]
    for series in outcome.series:
        if series.values:
            rows.append((series.name, _value(series, series.median), _value(series, series.best), _ratio(series, ours)))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = [f"{outcome.name}: {outcome.setup} ({outcome.seconds:.0f} s)"]
    for row in rows:
        cells = [row[0].ljust(widths[0])] + [row[column].rjust(widths[column]) for column in range(1, 4)]
        lines.append("  " + "  ".join(cells).rstrip())
    lines += [_target_line(target, is_judged) for target in outcome.targets]
    lines += [f"  note    {note}" for note in outcome.notes]
    return "\n".join(lines)


def summary(outcomes: list[Outcome], is_judged: bool) -> str:
    """All targets, one a line."""
    rows = [f"{outcome.name}:{_target_line(target, is_judged)}" for outcome in outcomes for target in outcome.targets]
    return "\n".join(["targets", *("  " + row for row in rows)]) if rows else "targets: none was measured"


def _target_line(target: Target, is_judged: bool) -> str:
    sign = ">=" if target.at_least else "<="
    verdict = ("reached" if target.is_reached else "MISSED") if is_judged else "not judged"
    by_best = "" if target.by_best is None else f"; by best values {_number(target.by_best)}"
    return f"  target  {target.text}: {_number(target.got)} (wanted {sign} {target.wanted:g}{by_best})  {verdict}"


def _value(series: Series, value: float) -> str:
    return f"{_number(value)} {series.unit}"


def _number(value: float) -> str:
    """With three digits near 1, where a percent decides."""
    digits = 0 if value >= 1000 else 1 if value >= 10 else 2 if value >= 2 else 3
    return f"{value:,.{digits}f}"


def _ratio(series: Series, ours: Series | None) -> str:
    if ours is None or ours.unit != series.unit:
        return ""
    return f"{series.times_worse_than(ours):.2f}x"
