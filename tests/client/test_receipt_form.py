"""A receipt as plain data and as a file, and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pyrpc.client.receipt import ChunkRecord, ProbeRecord, Receipt
from pyrpc.errors import ConfigError
from pyrpc.plan.cost import NodeFit
from pyrpc.plan.terms import JobTerms

# What other programs read; a key that is missing here is new, and belongs into form.py's docstring.
KEYS = (
    "bytes_in bytes_out causes entries error fits gap gap_s idempotent is_divisible lower_bound_s "
    "makespan_s max_rows most_window nodes policy probes retries row_bytes rows rows_by_node stage state version "
    "window work"
)
ENTRY_KEYS = (
    "attempt bytes_in bytes_out chunk done_s error error_type node outcome prepare_s queued_s replied_s "
    "sent_s service_s slot start_row stop_row"
)


@pytest.fixture
def receipt() -> Receipt:
    entries = [
        ChunkRecord(0, 0, 10, "a:1", 0, 0, 0.0, 1.0, 0.125, 0.5, 100, 200, "ok", None, 0.0625, 0.75),
        ChunkRecord(1, 10, 20, "b:1", 0, 1, 0.0, 1.5, outcome="failed", error="gone", error_type="ConnectionLostError"),
        ChunkRecord(1, 10, 20, "a:1", 1, 0, 1.5, 2.0, 0.0, 0.5, 100, 200, "ok"),
    ]
    return Receipt(
        "Vision.extract",
        20,
        ("a:1", "b:1", "c:1"),
        2.25,
        entries,
        [NodeFit("a:1", 2, 0.001, 0.05, 0.05, 0.2)],
        row_bytes=8,
        terms=JobTerms("min_max", 2, True, True, 1000),
        state="done",
        probes=[ProbeRecord("b:1", 1.75, False)],
    )


def test_dict_comes_back_as_the_same_receipt_by_way_of_json(receipt: Receipt) -> None:
    again = Receipt.from_dict(json.loads(json.dumps(receipt.to_dict())))
    assert again == receipt
    assert again.to_dict() == receipt.to_dict()


def test_keys_are_stable(receipt: Receipt) -> None:
    data = receipt.to_dict()
    assert sorted(data) == KEYS.split()
    assert data["version"] == 1
    assert [sorted(entry) for entry in data["entries"]] == [ENTRY_KEYS.split()] * 3
    assert data["rows_by_node"] == {"a:1": 20, "b:1": 0, "c:1": 0}
    assert (data["policy"], data["window"], data["max_rows"]) == ("min_max", 2, 1000)
    assert sum(data["causes"].values()) == pytest.approx(data["gap_s"])


def test_each_key_is_explained() -> None:
    from pyrpc.client.receipt import form

    assert form.__doc__ is not None
    assert [key for key in KEYS.split() if key not in form.__doc__] == []


def test_dict_of_a_later_pyrpc_may_have_more_keys(receipt: Receipt) -> None:
    data = receipt.to_dict() | {"colour": "blue"}
    data["entries"][0]["colour"] = "blue"
    assert Receipt.from_dict(data) == receipt


def test_dict_that_lacks_what_has_a_default_is_read(receipt: Receipt) -> None:
    data = receipt.to_dict()
    for entry in data["entries"]:
        del entry["prepare_s"], entry["replied_s"]
    assert [entry.rows for entry in Receipt.from_dict(data).entries] == [10, 10, 10]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 2}, "another version of pyrpc; expected version 1; got version 2"),
        ({"stage": 3}, "str as stage of a receipt; got 3"),
        ({"rows": "20"}, "int as rows of a receipt; got '20'"),
        ({"rows": True}, "int as rows of a receipt; got True"),
        ({"makespan_s": None}, "float as makespan_s of a receipt; got None"),
        ({"state": "lost"}, "a state of running, done, failed, cancelled; got 'lost'"),
        ({"nodes": "a:1"}, "a list of names as nodes; got 'a:1'"),
        ({"window": []}, "int as window of a JobTerms"),
        ({"entries": {}}, "a list of entries; got dict"),
        ({"entries": [3]}, "a dict for each ChunkRecord; got int"),
        ({"entries": [{"chunk": 0}]}, "int as start_row of a ChunkRecord; got nothing"),
        ({"probes": None}, "a list of probes; got NoneType"),
    ],
)
def test_what_is_no_receipt_is_refused_by_name(receipt: Receipt, change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        Receipt.from_dict(receipt.to_dict() | change)
    assert message in str(raised.value)


@pytest.mark.parametrize("data", [{}, [], None, {"stage": "x"}])
def test_what_has_no_version_is_no_receipt(data: Any) -> None:
    with pytest.raises(ConfigError, match="this is no receipt"):
        Receipt.from_dict(data)


def test_saved_receipt_is_loaded(receipt: Receipt, tmp_path: Path) -> None:
    receipt.save(tmp_path / "trace.json")
    assert Receipt.load(tmp_path / "trace.json") == receipt
    (tmp_path / "plain.json").write_text(json.dumps(receipt.to_dict()))
    assert Receipt.load(str(tmp_path / "plain.json")) == receipt


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is no JSON"),
        ('{"traceEvents": []}', "is a trace, but not of a pyrpc job"),
        ('{"a": 1}', "this is no receipt"),
        ("\udcff", "is no JSON"),
    ],
)
def test_file_without_a_receipt_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "other.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ConfigError, match=message):
        Receipt.load(path)


def test_missing_file_is_told_by_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Receipt.load(tmp_path / "none.json")


@pytest.mark.parametrize("name", ["trace.txt", "trace", "trace.png"])
def test_trace_of_another_suffix_is_refused_before_anything_is_written(
    receipt: Receipt, tmp_path: Path, name: str
) -> None:
    with pytest.raises(ConfigError, match=r"a name ending in \.json"):
        receipt.save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []
