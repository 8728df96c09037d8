"""What the demo tells of a run: tables that fit into 80 columns, as columns and rows of text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pyrpc.client.receipt import Receipt
from pyrpc.demo.job import STAGES
from pyrpc.demo.timeline import Timeline

# Names of the columns, those to be flushed right with ">" before them; and the rows.
Table = tuple[list[str], list[list[str]]]


def stage_table(on_nodes: Timeline, alone: Timeline) -> Table:
    """For each stage what there was to do, how long it took, and how long it takes in one process."""
    rows = [
        _stage_cells(run.label, run.rows, [receipt for _, receipt in run.receipts], run.took_s, other.took_s)
        for run, other in zip(on_nodes.stages, alone.stages, strict=True)
    ]
    total = sum(run.rows for run in on_nodes.stages)
    rows.append(_stage_cells("all", total, list(_receipts(on_nodes)), on_nodes.took_s, alone.took_s))
    return ["stage", ">rows", ">chunks", ">time", ">rows/s", ">MB moved", ">alone", ">gain"], rows


def _stage_cells(label: str, rows: int, receipts: Sequence[Receipt], took_s: float, alone_s: float) -> list[str]:
    return [
        label,
        f"{rows:,}",
        f"{sum(len(receipt.entries) for receipt in receipts):,}",
        f"{took_s:.2f} s",
        f"{rows / took_s:,.0f}",
        f"{sum(receipt.bytes_out + receipt.bytes_in for receipt in receipts) / 1e6:,.1f}",
        f"{alone_s:.2f} s",
        f"{alone_s / took_s:.1f} x",
    ]


def node_table(timeline: Timeline, names: Mapping[str, str]) -> Table:
    """For each node its rows of each stage, its share of all rows, and how long stages ran there."""
    rows_of = {endpoint: dict.fromkeys(STAGES, 0) for endpoint in names}
    busy_s = dict.fromkeys(names, 0.0)
    for run in timeline.stages:
        for _, receipt in run.receipts:
            for endpoint, count in receipt.rows_by_node().items():
                rows_of[endpoint][run.label] += count
            for endpoint, seconds in receipt.busy_s_by_node().items():
                busy_s[endpoint] += seconds
    total = sum(run.rows for run in timeline.stages)
    rows = [
        [
            name,
            *(f"{count:,}" for count in rows_of[endpoint].values()),
            f"{sum(rows_of[endpoint].values()):,}",
            f"{sum(rows_of[endpoint].values()) / total:.1%}",
            f"{busy_s[endpoint]:.2f} s",
        ]
        for endpoint, name in names.items()
    ]
    return ["rows on", *(f">{name}" for name in (*STAGES, "all", "share", "busy"))], rows


def equality_line(same: Mapping[str, bool]) -> str:
    """Which parts of two results have the same bits."""
    verdicts: dict[str, list[str]] = {"equal bit for bit": [], "DIFFERENT": []}
    for name, is_same in same.items():
        verdicts["equal bit for bit" if is_same else "DIFFERENT"].append(name)
    return "; ".join(f"{', '.join(names)}: {verdict}" for verdict, names in verdicts.items() if names)


def _receipts(timeline: Timeline) -> Iterable[Receipt]:
    return (receipt for run in timeline.stages for _, receipt in run.receipts)
