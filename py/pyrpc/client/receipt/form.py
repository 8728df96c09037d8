"""A receipt as plain data. The form is stable: keys are only added, and "version" counts up if one ever changes.

version : int
    1.
stage, state, error, rows, row_bytes, nodes, makespan_s
    As in JobRecord.
policy, window, idempotent, is_divisible, max_rows, most_window
    As in JobTerms.
lower_bound_s, gap_s, gap, causes
    As in Receipt; seconds.
work : list of dict
    NodeWork of each node.
rows_by_node, retries, bytes_out, bytes_in
    As in Receipt.
fits : list of dict
    NodeFit of each node.
entries : list of dict
    ChunkRecord of each attempt, in the order they ended; times are seconds since the job began.
probes : list of dict
    ProbeRecord.
"""

from __future__ import annotations

from dataclasses import MISSING, asdict, fields
from typing import Any, TypeVar

from pyrpc.client.receipt.causes import Analysis
from pyrpc.client.receipt.records import STATES, ChunkRecord, JobRecord, ProbeRecord
from pyrpc.errors import ConfigError
from pyrpc.plan.cost import NodeFit
from pyrpc.plan.terms import JobTerms

VERSION = 1
_KINDS: dict[str, tuple[type, ...]] = {"str": (str,), "int": (int,), "float": (int, float), "bool": (bool,)}
_PLAIN = ("stage", "rows", "row_bytes", "makespan_s", "state")

T = TypeVar("T")


def to_dict(job: JobRecord, analysis: Analysis, derived: dict[str, Any]) -> dict[str, Any]:
    """The job, what follows from it, and what else the receipt derives."""
    gap_s = max(0.0, job.ended_s - analysis.lower_bound_s)
    return {
        "version": VERSION,
        "stage": job.stage,
        "state": job.state,
        "error": job.error,
        "rows": job.rows,
        "row_bytes": job.row_bytes,
        "nodes": list(job.nodes),
        **asdict(job.terms),
        "makespan_s": job.makespan_s,
        "lower_bound_s": analysis.lower_bound_s,
        "gap_s": gap_s,
        "gap": gap_s / analysis.lower_bound_s if analysis.lower_bound_s else 0.0,
        "causes": dict(analysis.causes),
        **derived,
        "work": [asdict(work) for work in analysis.work],
        "fits": [_plain(fit) for fit in job.fits],
        "probes": [_plain(probe) for probe in job.probes],
        "entries": [_plain(entry) for entry in job.entries],
    }


def from_dict(data: Any) -> dict[str, Any]:
    """The fields of a JobRecord. Raises ConfigError for what is no receipt."""
    if not isinstance(data, dict) or "version" not in data:
        raise _no_receipt("a dict with the key 'version'", type(data).__name__)
    if data["version"] != VERSION:
        raise ConfigError(
            "the receipt was written by another version of pyrpc",
            expected=f"version {VERSION}",
            got=f"version {data['version']!r}"[:80],
            help="read it with the pyrpc that wrote it, or a newer one",
        )
    head = {name: data.get(name, MISSING) for name in (*_PLAIN, "error", "nodes")}
    plain = JobRecord("", 0, ())
    for name in _PLAIN:
        _check("receipt", name, head[name], type(getattr(plain, name)).__name__)
    if head["state"] not in STATES:
        raise _no_receipt(f"a state of {', '.join(STATES)}", repr(head["state"])[:80])
    _check("receipt", "error", head["error"], "str | None")
    if not isinstance(head["nodes"], list) or not all(isinstance(node, str) for node in head["nodes"]):
        raise _no_receipt("a list of names as nodes", repr(head["nodes"])[:80])
    head["nodes"] = tuple(head["nodes"])
    head["terms"] = _record(JobTerms, data)
    for name, kind in (("entries", ChunkRecord), ("fits", NodeFit), ("probes", ProbeRecord)):
        head[name] = _records(kind, data.get(name), name)
    return head


def _plain(record: Any) -> dict[str, Any]:
    # Not by asdict, which copies each value deeply: a job may have a million of them.
    return {name: getattr(record, name) for name in record.__dataclass_fields__}


def _records(kind: type[T], items: Any, name: str) -> list[T]:
    if not isinstance(items, list):
        raise _no_receipt(f"a list of {name}", type(items).__name__)
    return [_record(kind, item) for item in items]


def _record(kind: type[T], item: Any) -> T:
    if not isinstance(item, dict):
        raise _no_receipt(f"a dict for each {kind.__name__}", type(item).__name__)
    values = {}
    for field in fields(kind):  # type: ignore[arg-type]
        value = item.get(field.name, field.default)
        _check(kind.__name__, field.name, value, str(field.type))
        values[field.name] = value
    return kind(**values)


def _check(where: str, name: str, value: Any, kind: str) -> None:
    kinds = [_KINDS[part] for part in kind.split(" | ") if part != "None"]
    is_right = (value is None and "None" in kind) or any(isinstance(value, part) for part in kinds)
    if not is_right or (isinstance(value, bool) and kind != "bool"):
        got = "nothing" if value is MISSING else repr(value)[:80]
        raise _no_receipt(f"{kind} as {name} of a {where}", got)


def _no_receipt(expected: str, got: str) -> ConfigError:
    return ConfigError("this is no receipt", expected=expected, got=got, help="Receipt.to_dict and save make one")
