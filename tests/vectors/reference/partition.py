"""Chunks, leaves and work, from "Splitting a job" of thrift/SPEC.md and "Work" of thrift/PLANNER.md."""

from __future__ import annotations

from fractions import Fraction
from itertools import groupby
from math import ceil

CHUNK_BYTES = 8388608


class RefusedError(Exception):
    """Bad input."""


def ceil_div(a: int, b: int) -> int:
    return ceil(Fraction(a, b))


def sizes(rows, row_bytes, aim, chunk_rows, chunk_bytes, max_chunk_bytes) -> list[int]:
    """Rows of each chunk."""
    if rows < 0 or row_bytes < 0 or any(n is not None and n < 1 for n in (aim, chunk_rows, chunk_bytes)):
        raise RefusedError
    if max_chunk_bytes < 1:
        raise RefusedError
    if rows == 0:
        return []
    largest = max(1, max_chunk_bytes // row_bytes) if row_bytes else max(1, rows)
    if chunk_rows is not None and chunk_rows <= largest:
        full = [chunk_rows] * (rows // chunk_rows)
        return full + ([rows % chunk_rows] if rows % chunk_rows else [])
    if chunk_rows is not None:
        count = ceil_div(rows, chunk_rows)
    elif chunk_bytes is not None:
        count = ceil_div(rows, max(1, chunk_bytes // row_bytes) if row_bytes else max(1, rows))
    else:
        count = min(rows, aim)
    count = max(count, ceil_div(rows, largest))
    return [rows // count + (place < rows % count) for place in range(count)]


def runs(numbers: list[int]) -> list[list[int]]:
    """[[how many, of which], ...]: equal neighbours counted together."""
    return [[len(list(group)), number] for number, group in groupby(numbers)]


def _fill_sizes(case: dict, aim: int | None) -> dict:
    try:
        bounds = case["chunk_rows"], case["chunk_bytes"], case["max_chunk_bytes"]
        case["sizes"] = runs(sizes(case["rows"], case["row_bytes"], aim, *bounds))
    except RefusedError:
        case["sizes"] = None
    return case


def fill_partition(case: dict) -> dict:
    """plan_chunks; sizes null: refused."""
    is_refused = case["nodes"] < 1 or case["chunks_per_node"] < 1
    return _fill_sizes(case, 0 if is_refused else case["nodes"] * case["chunks_per_node"])


def fill_leaf_grid(case: dict) -> dict:
    """leaf_grid; sizes null: refused."""
    return _fill_sizes(case, case["leaves"])


def fill_work(case: dict) -> dict:
    """plan_work, then take(n) for each n of case["takes"] as long as there are rows."""
    rows, row_bytes, nodes = case["rows"], case["row_bytes"], case["nodes"]
    wanted = case.pop("takes")
    case["work"] = case["max_rows"] = case["first_rows"] = case["target_s"] = None
    case["takes"] = []
    has_size = case["chunk_rows"] is not None or case["chunk_bytes"] is not None
    if case["chunk_s"] is not None and (has_size or not 0 < case["chunk_s"] < float("inf")):
        return case
    if has_size or rows == 0:
        try:
            cut = sizes(rows, row_bytes, 16 * nodes, case["chunk_rows"], case["chunk_bytes"], CHUNK_BYTES)
        except RefusedError:
            return case
        case["work"] = "fixed"
        ends = [sum(cut[: place + 1]) for place in range(min(len(cut), len(wanted)))]
        case["takes"] = [
            [n, i, end - cut[i], end, rows - end, len(cut) - i - 1]
            for i, (n, end) in enumerate(zip(wanted, ends, strict=False))
        ]
        return case
    case["work"] = "divisible"
    case["max_rows"] = min(rows, max(1, CHUNK_BYTES // row_bytes) if row_bytes else rows)
    case["first_rows"] = max(1, min(case["max_rows"], rows // (64 * nodes)))
    case["target_s"] = 0.05 if case["chunk_s"] is None else case["chunk_s"]
    at = 0
    for index, n in enumerate(wanted):
        if at < rows:
            stop = min(rows, at + min(max(n, 1), case["max_rows"]))
            case["takes"].append([n, index, at, stop, rows - stop, ceil_div(rows - stop, case["first_rows"])])
            at = stop
    return case
