"""A receipt as text."""

from __future__ import annotations

import pytest

from pyrpc.client.receipt import ChunkRecord, Receipt
from pyrpc.client.receipt.report import causes_text, time_text
from pyrpc.plan.terms import JobTerms


def job(nodes: int, **more: object) -> Receipt:
    """Each node did two chunks of 10 rows in a second each; the last one twice as many rows."""
    entries = [
        ChunkRecord(index, 0, 20 if node == nodes - 1 else 10, f"host{node}:9090", 0, 0, at_s, at_s + 1, 0.0, 1.0)
        for node in range(nodes)
        for index, at_s in enumerate((0.0, 1.0))
    ]
    for entry in entries:
        entry.outcome, entry.bytes_out, entry.bytes_in = "ok", 1_000_000, 500_000
    names = tuple(f"host{node}:9090" for node in range(nodes))
    values = {"state": "done", "terms": JobTerms(is_divisible=True), **more}
    return Receipt("work", 20 * (nodes + 1), names, 2.5, entries, **values)  # type: ignore[arg-type]


def test_report_of_a_few_nodes() -> None:
    receipt = job(2)
    receipt.entries.append(ChunkRecord(0, 0, 10, "host1:9090", 1, 1, 0.0, 0.5, outcome="failed", error="broke"))
    assert str(receipt).splitlines() == [
        "work: 60 rows in 2.500 s (24 rows/s), 4.0 MB out, 2.0 MB in, 1 retries",
        "  lower bound 2.000 s, gap 0.500 s (25.0% above)",
        "  lost to other 0.500 s",
        "  node        rows  share  chunks     busy  rows/s",
        "  host0:9090    20    33%       2  2.000 s      10",
        "  host1:9090    40    67%       2  2.000 s      20  1 failed",
    ]


def test_report_of_many_nodes_has_the_busiest_and_a_sum_of_the_rest() -> None:
    lines = str(job(1000)).splitlines()
    assert len(lines) == 12
    assert lines[4].split() == ["host999:9090", "40", "0%", "2", "2.000", "s", "20"]
    assert lines[-1].split() == ["and", "993", "more", "19860", "99%", "1986", "1,986.0", "s", "9,930"]
    # Aligned: all lines of the table end at the same column.
    assert len({len(line) for line in lines[3:]}) == 1


@pytest.mark.parametrize("nodes", [8, 9])
def test_no_line_says_and_1_more(nodes: int) -> None:
    text = str(job(nodes))
    assert "and 1 more" not in text
    assert ("and 2 more" in text) == (nodes == 9)


def test_report_of_a_job_that_failed_says_so_and_why() -> None:
    lines = str(job(1, state="failed", error="no node can be reached")).splitlines()
    assert lines[0].startswith("work: 40 of 40 rows in 2.500 s (16 rows/s)")
    assert lines[1] == "  failed: no node can be reached"


def test_report_of_a_job_that_runs_says_so() -> None:
    receipt = job(1, state="running")
    receipt.makespan_s = 0.0
    assert "still running" in str(receipt).splitlines()[1]
    assert repr(receipt) == "<Receipt of work: 40 rows, 1 nodes, running, not over>"


def test_report_before_anything_happened() -> None:
    receipt = Receipt("work", 10, ("a:1",))
    assert str(receipt).splitlines()[0] == "work: 0 of 10 rows in 0.000 s (0 rows/s), 0.0 MB out, 0.0 MB in, 0 retries"


def test_repr_is_short() -> None:
    assert repr(job(1000)) == "<Receipt of work: 20020 rows, 1000 nodes, done, 2.500 s>"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0 us"),
        (0.0000123, "12 us"),
        (0.00094, "940 us"),
        (0.00096, "1.0 ms"),
        (0.0994, "99.4 ms"),
        (0.0996, "0.100 s"),
        (12.3456, "12.346 s"),
        (1234.56, "1,234.6 s"),
    ],
)
def test_times_have_digits_that_count(seconds: float, text: str) -> None:
    assert time_text(seconds) == text


def test_causes_below_a_hundredth_of_the_gap_are_left_out() -> None:
    causes = {"transfer": 0.5, "straggler": 1.0, "queue": 0.001, "retries": 0.0}
    assert causes_text(causes) == "straggler 1.000 s, transfer 0.500 s"
    assert causes_text(causes, most=1) == "straggler 1.000 s"
