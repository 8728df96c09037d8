"""Scenarios as tables, and what is said of wrong ones."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from pyrpc.errors import ConfigError
from pyrpc.plan.scheduler import POLICIES
from pyrpc.plan.work import DivisibleWork, FixedWork
from pyrpc.simulate import JobModel, NodeModel, Scenario, scenario_from
from pyrpc.simulate.variants import ALL, Variant, variants

GOOD: dict[str, Any] = {"job": {"rows": 100, "row_s": 0.02}, "nodes": [{"count": 3}, {"name": "slow", "speed": 0.2}]}


def good(**changes: Any) -> dict[str, Any]:
    """The good tables with some keys changed: job__rows is rows of job, nodes__x is x of the last node."""
    data = copy.deepcopy(GOOD)
    for path, value in changes.items():
        table, _, key = path.partition("__")
        if not key:
            data[table] = value
        elif table == "nodes":
            data["nodes"][1][key] = value
        else:
            data[table][key] = value
    return data


def test_tables_give_nodes_and_job() -> None:
    found = scenario_from(good(seed=7, job__chunk_rows=1, nodes__latency_s=0.001))
    scenario = found.scenario
    assert scenario.job == JobModel(100, chunk_rows=1) and scenario.seed == 7
    assert [node.name for node in scenario.nodes] == ["n0", "n1", "n2", "slow"]
    assert [node.row_s for node in scenario.nodes] == pytest.approx([0.02, 0.02, 0.02, 0.1])
    assert scenario.nodes[3].latency_s == 0.001
    assert found.variants == ALL


def test_several_nodes_of_a_kind_are_numbered() -> None:
    assert [node.name for node in scenario_from(good(nodes__count=2)).scenario.nodes][3:] == ["slow-0", "slow-1"]


def test_cost_of_a_row_may_stand_at_the_node() -> None:
    data = {"job": {"rows": 1}, "nodes": [{"row_s": 0.5, "jitter_factors": [0.5, 1.5]}]}
    (node,) = scenario_from(data).scenario.nodes
    assert node == NodeModel("n0", row_s=0.5, jitter_factors=(0.5, 1.5))


def test_policies_are_compared_in_their_order() -> None:
    found = scenario_from(good(policies=["pull", "min_max/no_hedge"]))
    assert found.variants == (Variant("pull"), Variant("min_max", False))
    assert found.scenario.policy == "pull"


def test_size_of_chunks_decides_the_kind_of_work() -> None:
    assert isinstance(JobModel(100).work(4), DivisibleWork)
    assert isinstance(JobModel(100, chunk_s=0.1).work(4), DivisibleWork)
    grid, even = JobModel(100, chunk_rows=30).work(4), JobModel(100, chunks=3).work(4)
    assert isinstance(grid, FixedWork) and isinstance(even, FixedWork)
    assert [grid.take(0).rows for _ in range(4)] == [30, 30, 30, 10]
    assert [even.take(0).rows for _ in range(3)] == [34, 33, 33]


def test_all_is_every_policy_and_no_hedging() -> None:
    assert {variant.policy for variant in ALL if variant.hedge} == set(POLICIES)
    assert [variant.name for variant in ALL if not variant.hedge] == ["min_max/no_hedge"]
    assert variants(["all"]) == ALL


# Changes of the good tables, what the message says is wrong, and what it says was expected.
WRONG = [
    ({"sede": 1}, "no key sede", "policies"),
    ({"seed": 1.5}, "seed", "a whole number"),
    ({"job": 3}, "job of a scenario is no table", "[job]"),
    ({"job": {"row_s": 1.0}}, "job.rows of a scenario is missing", "at least 1"),
    ({"job__rows": 0}, "job.rows", "at least 1"),
    ({"job__rows": -5}, "job.rows", "at least 1"),
    ({"job__rows": 2.5}, "job.rows", "a whole number"),
    ({"job__rows": True}, "job.rows", "a whole number"),
    ({"job__row_s": 0}, "job.row_s", "above 0"),
    ({"job__row_s": "fast"}, "job.row_s", "above 0"),
    ({"job__row_bytes": -1}, "job.row_bytes", "at least 0"),
    ({"job__window": 0}, "job.window", "at least 1"),
    ({"job__chunk_s": -0.1}, "job.chunk_s", "above 0"),
    ({"job__idempotent": "yes"}, "job.idempotent", "true or false"),
    ({"job__timeout_s": float("inf")}, "job.timeout_s", "above 0"),
    ({"job__chunk_row": 1}, "no key job.chunk_row", "chunk_rows"),
    ({"job__chunks": 3, "job__chunk_s": 0.1}, "one size of chunks", "one of chunk_rows, chunks, chunk_s"),
    ({"nodes": []}, "no nodes", "[[nodes]]"),
    ({"nodes": {"speed": 1}}, "no nodes", "[[nodes]]"),
    ({"nodes": [3]}, "nodes[0] of a scenario is no table", ""),
    ({"nodes__speed": 0}, "nodes[1].speed", "above 0"),
    ({"nodes__speed": -1.0}, "nodes[1].speed", "above 0"),
    ({"nodes__count": 0}, "nodes[1].count", "at least 1"),
    ({"nodes__row_s": 0.1}, "nodes[1].speed", "one of them"),
    ({"nodes__latency_s": -1}, "nodes[1].latency_s", "at least 0"),
    ({"nodes__latency_s": float("nan")}, "nodes[1].latency_s", "at least 0"),
    ({"nodes__latency": 1}, "no key nodes[1].latency", "latency_s"),
    ({"nodes__bytes_per_s": 0}, "nodes[1].bytes_per_s", "above 0"),
    ({"nodes__jitter_kind": "normal"}, "nodes[1].jitter_kind", "lognormal"),
    ({"nodes__jitter_factors": [1.0, 0.0]}, "nodes[1].jitter_factors", "above 0"),
    ({"nodes__fails": 1.1}, "nodes[1].fails", "from 0 to 1"),
    ({"nodes__straggler_factor": 0.5}, "nodes[1].straggler_factor", "at least 1"),
    ({"nodes__dies_at_s": 2.0, "nodes__returns_at_s": 1.0}, "returns_at_s", "dies_at_s = 2.0"),
    ({"nodes__name": "n1"}, "named twice", "different"),
    ({"nodes__name": ""}, "nodes[1].name", "text"),
    ({"policies": "pull"}, "policies", "a list of names"),
    ({"policies": ["fastest"]}, "no such policy", "min_max"),
    ({"policies": []}, "no such policy", "min_max"),
    ({"policies": ["pull", "pull"]}, "named twice", ""),
]


@pytest.mark.parametrize(("changes", "wrong", "expected"), WRONG, ids=[str(case[0]) for case in WRONG])
def test_wrong_table_is_told_by_its_key(changes: dict[str, Any], wrong: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        scenario_from(good(**changes))
    assert wrong in caught.value.message
    assert expected in (caught.value.expected or "")
    assert "\n" not in caught.value.summary()


def test_near_key_is_suggested() -> None:
    with pytest.raises(ConfigError) as caught:
        scenario_from(good(nodes__latency=1))
    assert caught.value.help == "did you mean nodes[1].latency_s?"


def test_node_without_any_cost_is_told() -> None:
    with pytest.raises(ConfigError, match=r"what a row costs on nodes\[0\] is missing"):
        scenario_from({"job": {"rows": 1}, "nodes": [{}]})


def test_model_that_is_made_by_hand_is_checked_too() -> None:
    with pytest.raises(ConfigError, match="row_s"):
        NodeModel("n0", row_s=-1.0)
    with pytest.raises(ConfigError, match="no such policy"):
        Scenario(JobModel(1), (NodeModel("n0"),), policy="fastest")


# -- another number of nodes


def kinds(scenario: Scenario) -> list[float]:
    return sorted(node.row_s for node in scenario.nodes)


@pytest.mark.parametrize(
    ("count", "fast", "slow"), [(1, 1, 0), (2, 2, 0), (3, 2, 1), (4, 3, 1), (8, 6, 2), (10, 8, 2), (400, 300, 100)]
)
def test_other_number_of_nodes_keeps_the_proportions(count: int, fast: int, slow: int) -> None:
    scaled = scenario_from(GOOD).scenario.with_nodes(count)
    assert kinds(scaled) == pytest.approx([0.02] * fast + [0.1] * slow)
    assert len({node.name for node in scaled.nodes}) == count
