"""A scenario from a receipt explains the job: simulated again, it takes about as long."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pyrpc.errors import ConfigError
from pyrpc.simulate import JobModel, NodeModel, Scenario, calibrate, simulate

ReceiptOf = Callable[[Scenario], dict[str, Any]]


def nodes(*speeds: float, **numbers: Any) -> tuple[NodeModel, ...]:
    row_s = numbers.pop("row_s", 0.02)
    return tuple(
        NodeModel(f"n{place}", row_s=row_s / speed, **{"latency_s": 0.001, "jitter": 0.05, **numbers})
        for place, speed in enumerate(speeds)
    )


GRID = JobModel(200, chunk_rows=1)
ROWS = JobModel(200_000)
JOBS = {
    "one slow": Scenario(GRID, nodes(1, 1, 1, 0.2), seed=3),
    "two slow": Scenario(GRID, nodes(1, 1, 0.2, 0.2), seed=3),
    "by pull": Scenario(GRID, nodes(1, 1, 1, 0.2), policy="pull", seed=3),
    "rows": Scenario(ROWS, nodes(1, 1, 1, 0.2, row_s=2e-5, piece_s=0.002), seed=3),
    "rows on threads": Scenario(ROWS, nodes(1, 1, 1, row_s=4e-5, threads=2), seed=3),
    "long pieces": Scenario(JobModel(2_000_000, chunk_s=0.5), nodes(1, 1, 0.5, row_s=2e-5), seed=3),
    "even grid": Scenario(JobModel(1000, chunks=33), nodes(1, 1, row_s=0.001), seed=3),
    "threads": Scenario(replace(GRID, window=4), nodes(1, 1, threads=4), seed=3),
    "far away": Scenario(replace(GRID, window=1), nodes(1, 1, 1, latency_s=0.02), seed=3),
    "slow start": Scenario(replace(GRID, start_s=0.5), nodes(1, 1), seed=3),
    "stragglers": Scenario(replace(GRID, rows=1000), nodes(1, 1, straggler_share=0.02), seed=3),
    "overloaded": Scenario(replace(GRID, rows=400), nodes(1, 1, overloaded=0.2, retry_after_s=0.05), seed=3),
    "broken": Scenario(replace(GRID, rows=400), nodes(1, 1, 1, fails=0.02), seed=3),
    "one stopped": Scenario(GRID, (*nodes(1, 1, 1), NodeModel("stopped", row_s=0.02, hangs_at_s=0.3)), seed=3),
    "one died": Scenario(GRID, (*nodes(1, 1, 1), NodeModel("died", row_s=0.02, dies_at_s=0.3)), seed=3),
    "one was away": Scenario(
        GRID, (*nodes(1, 1, 1), NodeModel("away", row_s=0.02, dies_at_s=0.2, returns_at_s=0.5)), seed=3
    ),
    "one never answered": Scenario(GRID, (*nodes(1, 1, 1), NodeModel("never", row_s=0.02, dies_at_s=0.0)), seed=3),
}
# Where few events decide (for pull, who gets the last chunk), another seed is another job.
LOOSE = {"by pull": 0.1, "overloaded": 0.1, "broken": 0.1, "stragglers": 0.1}


@pytest.mark.parametrize("name", JOBS)
def test_simulated_again_it_takes_as_long(name: str, receipt_of: ReceiptOf) -> None:
    data = receipt_of(JOBS[name])
    found = calibrate(json.loads(json.dumps(data)), seed=4)
    again = simulate(found.scenario)
    assert again.is_done and found.makespan_s == data["makespan_s"]
    assert again.makespan_s == pytest.approx(found.makespan_s, rel=LOOSE.get(name, 0.04))
    assert found.scenario.policy == JOBS[name].policy
    assert found.scenario.job.window == JOBS[name].job.window


def test_numbers_of_the_nodes_are_found(receipt_of: ReceiptOf) -> None:
    found = calibrate(receipt_of(Scenario(GRID, nodes(1, 0.2, latency_s=0.004), seed=3))).scenario
    assert [node.row_s for node in found.nodes] == pytest.approx([0.02, 0.1], rel=0.03)
    assert [node.latency_s for node in found.nodes] == pytest.approx([0.004, 0.004], rel=0.05)
    assert {node.threads for node in found.nodes} == {1}


def test_cost_of_a_piece_is_told_from_that_of_its_rows(receipt_of: ReceiptOf) -> None:
    steady = nodes(1, 1, row_s=2e-5, piece_s=0.004, jitter=0.0)
    found = calibrate(receipt_of(Scenario(ROWS, steady, seed=3))).scenario
    assert [node.row_s for node in found.nodes] == pytest.approx([2e-5] * 2, rel=0.01)
    assert [node.piece_s for node in found.nodes] == pytest.approx([0.004] * 2, rel=0.05)


def test_time_that_a_node_loses_between_two_pieces_is_found() -> None:
    # Two in flight; each runs 20 ms, but one ends every 21 ms.
    done_s = [0.021 * (place + 1) for place in range(40)]
    sent_s = [0.0, 0.0, *done_s[:-2]]
    entries = [
        {
            "chunk": n,
            "start_row": n,
            "stop_row": n + 1,
            "node": "a",
            "attempt": 0,
            "outcome": "ok",
            "sent_s": sent,
            "done_s": done,
            "service_s": 0.02,
            "queued_s": max(0.0, done - sent - 0.0202),
        }
        for n, (sent, done) in enumerate(zip(sent_s, done_s, strict=True))
    ]
    head = {"rows": 40, "row_bytes": 0, "makespan_s": done_s[-1], "policy": "pull", "window": 2}
    found = calibrate({**head, "idempotent": True, "is_divisible": False, "nodes": ["a"], "entries": entries})
    (node,) = found.scenario.nodes
    assert node.piece_runs_s(1) == pytest.approx(0.021)
    assert simulate(found.scenario).makespan_s == pytest.approx(found.makespan_s, rel=0.002)


def test_share_of_attempts_that_break_is_found(receipt_of: ReceiptOf) -> None:
    often = Scenario(replace(GRID, rows=1000), nodes(1, 1, 1, fails=0.05), seed=3)
    found = calibrate(receipt_of(often)).scenario
    assert sum(node.fails for node in found.nodes) / 3 == pytest.approx(0.05, rel=0.4)


def test_threads_are_counted(receipt_of: ReceiptOf) -> None:
    found = calibrate(receipt_of(JOBS["threads"])).scenario
    assert [node.threads for node in found.nodes] == [4, 4]


def test_faults_are_found(receipt_of: ReceiptOf) -> None:
    stopped, died, away = (
        calibrate(receipt_of(JOBS[name])).scenario.nodes[3] for name in ("one stopped", "one died", "one was away")
    )
    assert stopped.hangs_at_s == pytest.approx(0.3, abs=0.02) and math.isinf(stopped.wakes_at_s)
    assert died.dies_at_s == pytest.approx(0.3) and math.isinf(died.returns_at_s)
    assert away.dies_at_s == pytest.approx(0.2) and 0.5 <= away.returns_at_s < 0.8


def test_grid_is_found_as_it_was_cut(receipt_of: ReceiptOf) -> None:
    jobs = {name: calibrate(receipt_of(JOBS[name])).scenario.job for name in ("one slow", "even grid", "rows")}
    assert (jobs["one slow"].chunk_rows, jobs["even grid"].chunks) == (1, 33)
    assert jobs["rows"].is_divisible and jobs["rows"].chunk_s is None
    assert calibrate(receipt_of(JOBS["rows on threads"])).scenario.job.chunk_s is None
    assert calibrate(receipt_of(JOBS["long pieces"])).scenario.job.chunk_s == pytest.approx(0.5, rel=0.2)


def test_trace_of_a_viewer_is_read_by_its_key(receipt_of: ReceiptOf) -> None:
    data = receipt_of(JOBS["one slow"])
    assert calibrate({"traceEvents": [], "pyrpc": data}) == calibrate(data)


def test_policy_of_the_users_own_becomes_the_default(receipt_of: ReceiptOf) -> None:
    assert calibrate({**receipt_of(JOBS["one slow"]), "policy": "MyPolicy"}).scenario.policy == "min_max"


def test_receipt_of_a_real_job_is_read() -> None:
    from pyrpc.client.receipt import ChunkRecord, Receipt

    entries = [
        ChunkRecord(n, n, n + 1, "a", 0, sent_s=n * 0.02, done_s=n * 0.02 + 0.02, service_s=0.019, outcome="ok")
        for n in range(10)
    ]
    receipt = Receipt("Lab.work", 10, ("a",), makespan_s=0.2, entries=entries, state="done")
    found = calibrate(json.loads(json.dumps(receipt.to_dict())))
    assert found.makespan_s == 0.2
    assert found.scenario.nodes[0].row_s == pytest.approx(0.019)


def without(data: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name != key}


def test_what_is_no_receipt_is_told(receipt_of: ReceiptOf) -> None:
    data = receipt_of(JOBS["one slow"])
    entry = data["entries"][0]
    wrong = [
        3,
        [],
        {},
        {"traceEvents": []},
        without(data, "rows"),
        without(data, "entries"),
        {**data, "rows": "many"},
        {**data, "rows": True},
        {**data, "nodes": []},
        {**data, "nodes": [1]},
        {**data, "entries": {}},
        {**data, "entries": [3]},
        {**data, "entries": [without(entry, "node")]},
        {**data, "entries": [{**entry, "sent_s": None}]},
    ]
    for each in wrong:
        with pytest.raises(ConfigError, match="this is no receipt"):
            calibrate(each)


def test_job_in_which_nothing_was_done_is_told(receipt_of: ReceiptOf) -> None:
    with pytest.raises(ConfigError, match="nothing was done"):
        calibrate({**receipt_of(JOBS["one slow"]), "entries": []})
