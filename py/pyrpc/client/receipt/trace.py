"""A receipt as a file in Chrome's trace-event format (the JSON object form), which Perfetto opens too.

Process 0 is the job: its makespan, its lower bound, and the rows done as a counter. Each node is a process of its own,
and each of its attempts at the same time a thread; inside an attempt lies the time for which the stage ran. Times are
whole microseconds: rounded alike, attempts that follow each other do not overlap.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pyrpc.client.receipt.records import ChunkRecord, JobRecord
from pyrpc.client.receipt.spans import run_span
from pyrpc.errors import ConfigError

SUFFIX = ".json"
# Names that the viewers know as colours.
_COLOURS = {"ok": "good", "late": "grey", "cancelled": "grey", "failed": "terrible", "running": "bad"}

Event = dict[str, Any]


def save_trace(path: str | os.PathLike[str], job: JobRecord, data: dict[str, Any]) -> None:
    """Write the events of a job, and under the key "pyrpc" the receipt itself.

    Raises
    ------
    ConfigError
        The name does not end in .json.
    """
    _check_suffix(path)
    whole = {"traceEvents": list(events(job, data["lower_bound_s"])), "displayTimeUnit": "ms", "pyrpc": data}
    # Before the file is opened: an error here must not leave half a file.
    text = json.dumps(whole)
    Path(path).write_text(text, encoding="utf-8")


def load_trace(path: str | os.PathLike[str]) -> Any:
    """The plain data of the receipt in a file. Raises ConfigError where there is none."""
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise ConfigError(
            f"{os.fspath(path)} is no JSON", got=str(error), help="Receipt.save writes what can be loaded"
        ) from error
    if isinstance(data, dict) and "traceEvents" in data:
        if "pyrpc" not in data:
            raise ConfigError(
                f"{os.fspath(path)} is a trace, but not of a pyrpc job",
                expected="the key 'pyrpc'",
                help="Receipt.save writes what can be loaded; a viewer that saved it again may have left the key out",
            )
        return data["pyrpc"]
    return data


def events(job: JobRecord, lower_bound_s: float) -> Iterator[Event]:
    """The trace events of a job."""
    yield from _of_job(job, lower_bound_s)
    numbers = {node: number for number, node in enumerate(job.all_nodes(), 1)}
    for node, pid in numbers.items():
        yield _name("process_name", pid, 0, node)
        yield {**_meta("process_sort_index", pid, 0), "args": {"sort_index": pid}}
    threads = {(numbers[entry.node], entry.slot) for entry in job.entries}
    for pid, slot in sorted(threads):
        yield _name("thread_name", pid, slot, f"slot {slot}")
    for entry in job.entries:
        yield from _of_attempt(entry, numbers[entry.node])
    for probe in job.probes:
        name = "probed: up" if probe.is_up else "probed: down"
        yield {"ph": "i", "name": name, "cat": "probe", "pid": numbers[probe.node], "tid": 0, "ts": _us(probe.at_s)} | {
            "s": "p"
        }


def _of_job(job: JobRecord, lower_bound_s: float) -> Iterator[Event]:
    yield _name("process_name", 0, 0, f"job {job.stage}")
    yield {**_meta("process_sort_index", 0, 0), "args": {"sort_index": 0}}
    for tid, name, seconds in ((0, "makespan", job.ended_s), (1, "lower bound", lower_bound_s)):
        yield _name("thread_name", 0, tid, name)
        args = {"rows": job.rows, "state": job.state, "seconds": seconds}
        yield {**_span(name, "job", 0, tid, 0.0, seconds), "args": args}
    rows = 0
    yield {"ph": "C", "name": "rows done", "pid": 0, "tid": 0, "ts": 0, "args": {"rows": 0}}
    for entry in job.entries:
        if entry.outcome == "ok":
            rows += entry.rows
            moment = _us(entry.done_s)
            yield {"ph": "C", "name": "rows done", "pid": 0, "tid": 0, "ts": moment, "args": {"rows": rows}}


def _of_attempt(entry: ChunkRecord, pid: int) -> Iterator[Event]:
    span = _span(
        f"rows {entry.start_row} to {entry.stop_row}", entry.outcome, pid, entry.slot, entry.sent_s, entry.done_s
    )
    args = {
        "rows": entry.rows,
        "chunk": entry.chunk,
        "attempt": entry.attempt,
        "outcome": entry.outcome,
        "bytes_out": entry.bytes_out,
        "bytes_in": entry.bytes_in,
        "prepare_us": _us(entry.prepare_s),
        "queued_us": _us(entry.queued_s),
        "service_us": _us(entry.service_s),
    }
    if entry.error is not None:
        args["error"] = entry.error
    yield {**span, "cname": _COLOURS[entry.outcome], "args": args}
    if entry.is_answered and entry.service_s:
        start_s, stop_s = run_span(entry)
        yield {**_span("runs", "stage", pid, entry.slot, start_s, stop_s), "args": {"rows": entry.rows}}


def _span(name: str, category: str, pid: int, tid: int, start_s: float, stop_s: float) -> Event:
    start, stop = _us(start_s), _us(stop_s)
    return {"ph": "X", "name": name, "cat": category, "pid": pid, "tid": tid, "ts": start, "dur": max(0, stop - start)}


def _meta(name: str, pid: int, tid: int) -> Event:
    return {"ph": "M", "name": name, "pid": pid, "tid": tid, "ts": 0}


def _name(kind: str, pid: int, tid: int, name: str) -> Event:
    return {**_meta(kind, pid, tid), "args": {"name": name}}


def _us(seconds: float) -> int:
    return round(seconds * 1e6)


def _check_suffix(path: str | os.PathLike[str]) -> None:
    if Path(path).suffix.lower() != SUFFIX:
        raise ConfigError(
            "the name of a trace ends otherwise",
            expected=f"a name ending in {SUFFIX}",
            got=os.fspath(path),
            help="save writes a trace for Chrome and Perfetto; plot draws a picture",
        )
