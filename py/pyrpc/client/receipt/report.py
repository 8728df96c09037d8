"""A receipt as text: for a person who wants to know in ten seconds whether a job went well, and if not, why."""

from __future__ import annotations

from collections.abc import Sequence

from pyrpc.client.receipt.causes import Analysis, NodeWork
from pyrpc.client.receipt.records import JobRecord

# As many lines as a screen has room for beside the rest.
MOST_NODES = 8
_RIGHT = ("rows", "share", "chunks", "busy", "rows/s")


def report(job: JobRecord, analysis: Analysis) -> str:
    """A line about the job, where its time went, and a line for each node, the busiest first if there are many."""
    return "\n".join([_headline(job), *_state(job), *_bound(job, analysis), *_node_table(analysis.work)])


def time_text(seconds: float) -> str:
    """A time with three or four digits that count."""
    if seconds >= 0.0995:
        return f"{seconds:.3f} s" if seconds < 99.95 else f"{seconds:,.1f} s"
    return f"{1e3 * seconds:.1f} ms" if seconds >= 0.00095 else f"{1e6 * seconds:.0f} us"


def causes_text(causes: dict[str, float], most: int | None = None) -> str:
    """What the gap was lost to, the largest first, without what makes less than 1% of it."""
    least_s = 0.01 * sum(causes.values())
    largest = sorted(((seconds, cause) for cause, seconds in causes.items() if seconds > least_s), reverse=True)
    return ", ".join(f"{cause} {time_text(seconds)}" for seconds, cause in largest[:most])


def _headline(job: JobRecord) -> str:
    took_s = job.ended_s
    speed = job.rows / took_s if took_s else 0.0
    sent, received = (sum(getattr(entry, name) for entry in job.entries) for name in ("bytes_out", "bytes_in"))
    retries = sum(entry.attempt > 0 for entry in job.entries)
    done = "" if job.state == "done" else f"{sum(e.rows for e in job.entries if e.outcome == 'ok')} of "
    if done:
        speed = int(done.split()[0]) / took_s if took_s else 0.0
    head = f"{job.stage}: {done}{job.rows} rows in {took_s:.3f} s ({speed:,.0f} rows/s)"
    return f"{head}, {sent / 1e6:.1f} MB out, {received / 1e6:.1f} MB in, {retries} retries"


def _state(job: JobRecord) -> list[str]:
    if job.state == "done":
        return []
    if job.state == "running":
        return ["  still running: this is what was done so far"]
    return [f"  {job.state}: {job.error}" if job.error else f"  {job.state}"]


def _bound(job: JobRecord, analysis: Analysis) -> list[str]:
    bound_s = analysis.lower_bound_s
    if not job.entries:
        return []
    gap_s = max(0.0, job.ended_s - bound_s)
    above = f" ({100 * gap_s / bound_s:.1f}% above)" if bound_s else ""
    line = f"  lower bound {time_text(bound_s)}, gap {time_text(gap_s)}{above}"
    return [line, f"  lost to {causes_text(analysis.causes)}"] if gap_s else [line]


def _node_table(work: Sequence[NodeWork]) -> list[str]:
    shown = list(work)
    if len(work) > MOST_NODES:
        shown = sorted(work, key=lambda node: (-node.rows, -node.busy_s))[: MOST_NODES - 1]
    hidden = [node for node in work if node not in shown] if len(shown) < len(work) else []
    if not shown:
        return []
    table = [("node", *_RIGHT, ""), *(_cells(node) for node in shown)]
    if hidden:
        table.append(_sum_cells(hidden))
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    return [_line(row, widths) for row in table]


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    numbers = (cell.rjust(width) for cell, width in zip(row[1:-1], widths[1:-1], strict=True))
    return "  ".join(["", row[0].ljust(widths[0]), *numbers, row[-1]]).rstrip()


def _cells(node: NodeWork) -> tuple[str, ...]:
    return (
        node.node,
        str(node.rows),
        f"{100 * node.share:.0f}%",
        str(node.chunks),
        time_text(node.busy_s),
        f"{node.rows_per_s:,.0f}",
        ", ".join(f"{node.outcomes[name]} {name}" for name in ("failed", "cancelled", "late") if name in node.outcomes),
    )


def _sum_cells(nodes: Sequence[NodeWork]) -> tuple[str, ...]:
    outcomes: dict[str, int] = {}
    for node in nodes:
        for name, count in node.outcomes.items():
            outcomes[name] = outcomes.get(name, 0) + count
    busy_s = sum(node.busy_s for node in nodes)
    rows, chunks = sum(node.rows for node in nodes), sum(node.chunks for node in nodes)
    share, speed = sum(node.share for node in nodes), sum(node.rows_per_s for node in nodes)
    total = NodeWork(f"and {len(nodes)} more", rows, chunks, share, busy_s, 0.0, speed, outcomes)
    return _cells(total)
