"""The trace that a receipt is saved as keeps the rules of Chrome's trace-event format."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from pyrpc.client.receipt import ChunkRecord, ProbeRecord, Receipt, assign_slots

# Phase -> keys beside ph, name, pid, tid, ts: those that must be there, and those that may.
PHASES = {
    "X": ({"dur", "cat", "args"}, {"cname"}),
    "M": ({"args"}, set()),
    "C": ({"args"}, set()),
    "i": ({"s", "cat"}, set()),
}
METADATA = {"process_name": "name", "thread_name": "name", "process_sort_index": "sort_index"}
# The names of colours that the viewer knows (color_scheme.html of Catapult); any other is an error there.
COLOURS = {"good", "bad", "terrible", "grey", "white", "yellow", "olive", "black"}

Event = dict[str, Any]


def check_trace(trace: Any) -> list[Event]:
    """Fail unless it is a trace in the JSON object form whose events are complete, typed, named and nested."""
    assert isinstance(trace, dict)
    assert trace["displayTimeUnit"] in ("ms", "ns")
    events: list[Event] = trace["traceEvents"]
    for event in events:
        needed, allowed = PHASES[event["ph"]]
        keys = set(event) - {"ph", "name", "pid", "tid", "ts"}
        assert needed <= keys <= needed | allowed, event
        assert isinstance(event["name"], str) and event["name"]
        assert all(type(event[key]) is int and event[key] >= 0 for key in ("pid", "tid", "ts")), event
        assert event.get("cname", "good") in COLOURS
        if event["ph"] == "X":
            assert type(event["dur"]) is int and event["dur"] >= 0
        elif event["ph"] == "M":
            assert list(event["args"]) == [METADATA[event["name"]]]
        elif event["ph"] == "C":
            assert event["args"] and all(type(value) in (int, float) for value in event["args"].values())
        elif event["ph"] == "i":
            assert event["s"] in ("g", "p", "t")
    check_names(events)
    check_nesting(events)
    return events


def check_names(events: list[Event]) -> None:
    """Each process and thread that has events has one name."""
    processes = [event["pid"] for event in events if event["name"] == "process_name"]
    threads = [(event["pid"], event["tid"]) for event in events if event["name"] == "thread_name"]
    assert len(processes) == len(set(processes)) and len(threads) == len(set(threads))
    assert {event["pid"] for event in events} == set(processes)
    assert {(event["pid"], event["tid"]) for event in events if event["ph"] == "X"} == set(threads)


def check_nesting(events: list[Event]) -> None:
    """In a thread, one slice lies within another one or beside it: others are drawn wrongly."""
    slices = defaultdict(list)
    for event in events:
        if event["ph"] == "X":
            slices[event["pid"], event["tid"]].append((event["ts"], -event["dur"]))
    for spans in slices.values():
        ends: list[int] = []
        for start, minus_duration in sorted(spans):
            while ends and ends[-1] <= start:
                ends.pop()
            assert not ends or start - minus_duration <= ends[-1]
            ends.append(start - minus_duration)


@pytest.fixture
def receipt() -> Receipt:
    entries = [
        ChunkRecord(0, 0, 10, "a:1", 0, 0, 0.0, 1.0000004, 0.1, 0.5, 100, 200, "ok"),
        ChunkRecord(1, 10, 20, "b:1", 0, 0, 0.0, 1.5, outcome="failed", error="gone", error_type="ConnectionLostError"),
        ChunkRecord(2, 20, 30, "a:1", 0, 0, 0.25, 1.75, 0.0, 9.0, 100, 200, "ok"),
        ChunkRecord(1, 10, 20, "a:1", 1, 0, 1.0000004, 1.9, 0.0, 0.5, 100, 200, "ok"),
        ChunkRecord(1, 10, 20, "b:1", 2, 0, 1.6, 2.0, outcome="cancelled"),
        ChunkRecord(1, 10, 20, "b:1", 3, 0, 2.0, 2.1, 0.0, 0.1, outcome="late"),
    ]
    assign_slots(entries)
    return Receipt(
        "work", 30, ("a:1", "b:1", "c:1"), 2.25, entries, state="done", probes=[ProbeRecord("b:1", 1.6, True)]
    )


@pytest.fixture
def trace(receipt: Receipt, tmp_path: Path) -> dict[str, Any]:
    receipt.save(tmp_path / "trace.json")
    data: dict[str, Any] = json.loads((tmp_path / "trace.json").read_text(), parse_constant=pytest.fail)
    return data


def test_trace_keeps_the_format(trace: dict[str, Any]) -> None:
    check_trace(trace)


def test_each_node_is_a_process_and_each_slot_a_thread(trace: dict[str, Any]) -> None:
    events = check_trace(trace)
    names = {event["pid"]: event["args"]["name"] for event in events if event["name"] == "process_name"}
    assert names == {0: "job work", 1: "a:1", 2: "b:1", 3: "c:1"}
    threads = [(event["pid"], event["tid"]) for event in events if event["name"] == "thread_name" and event["pid"]]
    assert threads == [(1, 0), (1, 1), (2, 0)]


def test_each_attempt_is_a_slice_in_microseconds(trace: dict[str, Any]) -> None:
    slices = [event for event in check_trace(trace) if event["name"].startswith("rows ") and event["ph"] == "X"]
    assert [(event["ts"], event["dur"]) for event in slices] == [
        (0, 1_000_000),
        (0, 1_500_000),
        (250_000, 1_500_000),
        (1_000_000, 900_000),
        (1_600_000, 400_000),
        (2_000_000, 100_000),
    ]
    first, failed = slices[0], slices[1]
    assert first["args"] == {
        "rows": 10,
        "chunk": 0,
        "attempt": 0,
        "outcome": "ok",
        "bytes_out": 100,
        "bytes_in": 200,
        "prepare_us": 0,
        "queued_us": 100_000,
        "service_us": 500_000,
    }
    assert (failed["cat"], failed["args"]["error"]) == ("failed", "gone")


def test_makespan_and_bound_are_slices_of_the_job(trace: dict[str, Any], receipt: Receipt) -> None:
    slices = {event["name"]: event["dur"] for event in check_trace(trace) if event["ph"] == "X" and event["pid"] == 0}
    assert slices == {"makespan": 2_250_000, "lower bound": round(receipt.lower_bound_s * 1e6)}


def test_counter_ends_at_the_rows_of_the_result(trace: dict[str, Any]) -> None:
    counts = [(event["ts"], event["args"]["rows"]) for event in check_trace(trace) if event["ph"] == "C"]
    assert counts == [(0, 0), (1_000_000, 10), (1_750_000, 20), (1_900_000, 30)]


@pytest.mark.parametrize(
    "harm",
    [
        lambda events: events.append({"ph": "X", "name": "x", "pid": 1, "tid": 0, "ts": 0.5, "dur": 1}),
        lambda events: events.append({**events[-1], "ph": "Q"}),
        lambda events: events.append({**next(e for e in events if e["ph"] == "X"), "pid": 99}),
        lambda events: events.append({**next(e for e in events if e["ph"] == "X" and e["pid"]), "ts": 500_000}),
        lambda events: events.append({**next(e for e in events if e["ph"] == "X"), "cname": "blue"}),
    ],
)
def test_check_sees_what_breaks_the_format(trace: dict[str, Any], harm: Any) -> None:
    harm(trace["traceEvents"])
    with pytest.raises((AssertionError, KeyError)):
        check_trace(trace)


def test_node_that_was_only_probed_is_a_process_too(tmp_path: Path) -> None:
    Receipt("work", 0, ("a:1",), 1.0, probes=[ProbeRecord("b:1", 0.5, False)]).save(tmp_path / "trace.json")
    events = check_trace(json.loads((tmp_path / "trace.json").read_text()))
    assert [event["name"] for event in events if event["pid"] == 2 and event["ph"] == "i"] == ["probed: down"]
