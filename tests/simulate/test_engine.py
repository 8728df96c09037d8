"""Simulated jobs whose end can be told by a formula."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pyrpc.plan.scheduler import POLICIES
from pyrpc.simulate import JobModel, NodeModel, Outcome, Scenario, simulate


def job(rows: int, nodes: list[NodeModel], policy: str = "min_max", seed: int = 1, **options: Any) -> Outcome:
    size = {} if "chunk_s" in options or "chunks" in options else {"chunk_rows": 1}
    return simulate(
        Scenario(JobModel(rows, **{**size, **options}), tuple(nodes), policy=policy, seed=seed), keep_attempts=True
    )


def alike(count: int, **numbers: Any) -> list[NodeModel]:
    return [NodeModel(f"n{place}", **{"row_s": 0.02, **numbers}) for place in range(count)]


# -- one attempt


def test_attempt_takes_latency_bytes_piece_and_rows() -> None:
    node = NodeModel("n0", row_s=0.001, piece_s=0.01, latency_s=0.1, bytes_per_s=1000.0)
    outcome = job(50, [node], chunks=1, row_bytes=10, result_row_bytes=2)
    assert outcome.makespan_s == pytest.approx(0.1 + 50 * 12 / 1000.0 + 0.01 + 50 * 0.001)
    assert outcome.latency_s["p50"] == outcome.latency_s["max"] == pytest.approx(outcome.makespan_s)


def test_threads_run_that_many_pieces_at_the_same_time() -> None:
    assert job(12, alike(1, threads=3), window=3, policy="pull").makespan_s == pytest.approx(4 * 0.02)
    assert job(12, alike(1, threads=3), window=1, policy="pull").makespan_s == pytest.approx(12 * 0.02)


def test_piece_waits_in_order_for_a_thread() -> None:
    outcome = job(8, alike(1, latency_s=0.01))
    queued = [attempt.queued_s for attempt in outcome.attempts]
    assert queued[0] == 0.0
    assert queued[2:] == pytest.approx([0.01] * 6)


@pytest.mark.parametrize("way", ["row_bytes", "result_row_bytes"])
def test_link_carries_one_message_at_a_time_each_way(way: str) -> None:
    outcome = job(10, alike(1, row_s=0.001, threads=4, bytes_per_s=100.0), window=4, policy="pull", **{way: 10})
    assert outcome.makespan_s == pytest.approx(10 * 0.1 + 0.001)


def test_links_each_way_work_at_the_same_time() -> None:
    nodes = alike(1, row_s=0.001, bytes_per_s=100.0)
    outcome = job(10, nodes, window=4, policy="pull", row_bytes=10, result_row_bytes=10)
    assert outcome.makespan_s == pytest.approx(11 * 0.1 + 0.001)


def test_client_takes_one_attempt_at_a_time() -> None:
    outcome = job(10, alike(10), client_s=0.05, policy="pull", window=1)
    assert outcome.makespan_s == pytest.approx(10 * 0.05 + 0.02)


def test_start_of_the_job_is_added() -> None:
    assert job(4, alike(4), start_s=0.3).makespan_s == pytest.approx(0.32)


# -- whole jobs


@pytest.mark.parametrize("policy", POLICIES)
def test_alike_nodes_share_chunks_evenly(policy: str) -> None:
    outcome = job(80, alike(4), policy=policy)
    assert outcome.makespan_s == pytest.approx(20 * 0.02)
    assert outcome.ratio == pytest.approx(1.0)
    assert [node.rows for node in outcome.by_node] == [20] * 4
    assert (outcome.hedges, outcome.resends, outcome.extra_load) == (0, 0, 0.0)


def test_window_hides_the_latency_of_all_but_one_chunk() -> None:
    assert job(80, alike(4, latency_s=0.01)).makespan_s == pytest.approx(20 * 0.02 + 0.01)
    assert job(80, alike(4, latency_s=0.01), window=1).makespan_s == pytest.approx(20 * 0.03)


@pytest.mark.parametrize("policy", POLICIES)
def test_every_row_is_done_once_and_sums_agree(policy: str) -> None:
    nodes = [*alike(3, jitter=0.3), NodeModel("slow", row_s=0.2, straggler_share=0.1, fails=0.05)]
    outcome = job(100, nodes, policy=policy)
    done = sorted((each.start_row, each.stop_row) for each in outcome.attempts if each.outcome == "ok")
    assert outcome.is_done
    assert done == [(row, row + 1) for row in range(100)]
    assert sum(node.rows for node in outcome.by_node) == 100
    assert sum(node.sends for node in outcome.by_node) == outcome.sends == len(outcome.attempts)
    assert outcome.rows_sent == outcome.sends
    assert outcome.sends == 100 + outcome.hedges + outcome.resends


def test_rows_that_are_cut_on_demand_tile_the_whole() -> None:
    outcome = job(100_000, [*alike(3, row_s=2e-5), NodeModel("slow", row_s=1e-4)], chunk_s=0.05)
    done = sorted((each.start_row, each.stop_row) for each in outcome.attempts if each.outcome == "ok")
    assert [start for start, _ in done] == [0, *(stop for _, stop in done[:-1])]
    assert done[-1][1] == 100_000
    assert outcome.lower_bound_s == pytest.approx(0.625)
    assert outcome.ratio < 1.03


def test_same_seed_same_outcome_and_another_seed_another() -> None:
    nodes = alike(4, jitter=0.5, straggler_share=0.05, fails=0.02, overloaded=0.02)
    first, again, other = (job(200, nodes, policy="power_of_two", seed=seed) for seed in (5, 5, 6))
    assert first == again
    assert first.makespan_s != other.makespan_s


def test_nodes_have_the_same_luck_under_each_policy() -> None:
    nodes = alike(2, jitter=0.5)
    services = [
        [each.service_s for each in job(40, nodes, policy=policy).attempts if each.node == "n0"][:15]
        for policy in ("pull", "round_robin")
    ]
    assert services[0] == services[1]


# -- faults


def test_dead_node_loses_what_it_had_and_the_others_do_it() -> None:
    nodes = [*alike(3), NodeModel("dies", row_s=0.02, dies_at_s=0.11)]
    outcome = job(80, nodes)
    lost = [each for each in outcome.attempts if each.error_type == "ConnectionLostError"]
    assert outcome.is_done
    assert 1 <= len(lost) <= 2 and {each.done_s for each in lost} == {0.11}
    assert outcome.by_node[3].rows == 5
    assert outcome.makespan_s == pytest.approx(25 * 0.02)
    assert outcome.ratio == pytest.approx(1.0)


def test_node_that_comes_back_is_found_by_a_probe_and_works_on() -> None:
    nodes = [*alike(1), NodeModel("back", row_s=0.02, dies_at_s=0.1, returns_at_s=0.2)]
    outcome = job(100, nodes)
    assert outcome.is_done and outcome.by_node[1].rows > 5
    assert [(node, is_up) for node, _, is_up in outcome.probes][-1] == ("back", True)
    assert outcome.lower_bound_s <= outcome.makespan_s < 1.2 * outcome.lower_bound_s


def test_job_whose_nodes_are_all_gone_fails_after_five_seconds() -> None:
    outcome = job(100, alike(2, dies_at_s=0.1))
    assert outcome.state == "failed: no_nodes"
    assert outcome.makespan_s == pytest.approx(5.1)
    assert outcome.lower_bound_s == float("inf")
    assert outcome.to_dict()["lower_bound_s"] is None


def test_hung_node_costs_a_hedge_and_no_row() -> None:
    nodes = [*alike(7), NodeModel("stopped", row_s=0.02, hangs_at_s=0.1)]
    outcome = job(160, nodes)
    assert outcome.is_done and 1 <= outcome.hedges <= 4
    assert outcome.ratio < 1.1
    assert job(160, nodes, hedge=False, timeout_s=60.0).state == "timed out"
    assert job(160, nodes, idempotent=False, timeout_s=60.0).makespan_s == 60.0


def test_hung_node_that_wakes_ends_its_piece_then() -> None:
    outcome = job(1, alike(1, hangs_at_s=0.01, wakes_at_s=0.5))
    assert outcome.makespan_s == pytest.approx(0.5 + 0.01)
    assert outcome.lower_bound_s == pytest.approx(0.51)


def test_chunk_that_always_fails_exhausts_its_attempts() -> None:
    outcome = job(10, alike(2, fails=1.0))
    assert outcome.state == "failed: exhausted"
    assert {each.error_type for each in outcome.attempts if each.outcome == "failed"} == {"WorkerLostError"}


def test_chunk_that_must_not_run_twice_fails_the_job() -> None:
    nodes = [*alike(3), NodeModel("dies", row_s=0.02, dies_at_s=0.11)]
    assert job(80, nodes, idempotent=False).state == "failed: unknown"


def test_overloaded_nodes_are_left_alone_and_the_budget_is_kept() -> None:
    outcome = job(200, alike(4, overloaded=0.5, retry_after_s=0.02))
    assert outcome.is_done
    assert outcome.sends <= 1.2 * 200 + 10 * outcome.makespan_s + 5
    refusals = [each for each in outcome.attempts if each.error_type == "OverloadedError"]
    for refusal in refusals:
        later = [each.sent_s for each in outcome.attempts if each.node == refusal.node]
        assert not [sent_s for sent_s in later if refusal.done_s < sent_s < refusal.done_s + 0.02 - 1e-9]


def test_straggling_pieces_are_sent_again() -> None:
    nodes = alike(4, straggler_share=0.02, straggler_factor=50.0)
    hedged, alone = job(400, nodes), job(400, nodes, hedge=False)
    assert hedged.hedges > 0
    assert hedged.makespan_s < alone.makespan_s
    assert hedged.extra_load < 0.05


# -- what is told of it


def test_latency_of_a_hedged_chunk_counts_from_its_first_sending() -> None:
    nodes = [NodeModel("stuck", row_s=0.02, hangs_at_s=0.0), *alike(2)]
    outcome = job(20, nodes)
    hedged = next(each for each in outcome.attempts if each.attempt_no == 1)
    assert outcome.latency_s["max"] == pytest.approx(hedged.done_s - 0.0)


def test_outcome_as_data_has_what_a_program_needs() -> None:
    outcome = job(80, alike(4))
    data = outcome.to_dict()
    assert data["ratio"] == pytest.approx(1.0) and data["extra_load"] == 0.0
    assert data["by_node"][0] == {"node": "n0", "rows": 20, "chunks": 20, "sends": 20, "busy_s": pytest.approx(0.4)}
    assert "attempts" not in data and "probes" not in data


def test_attempts_are_kept_only_where_they_are_wanted() -> None:
    scenario = Scenario(JobModel(8, chunk_rows=1), tuple(alike(2)))
    with_them, without = simulate(scenario, keep_attempts=True), simulate(scenario)
    assert len(with_them.attempts) == 8 and without.attempts == []
    assert replace(with_them, attempts=[]) == without
