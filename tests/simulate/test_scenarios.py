"""The scenarios that ship with the examples: the planner keeps the bounds that it promises."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pyrpc.cli.toml_file import read_toml
from pyrpc.simulate import Scenario, scenario_from, simulate

FOLDER = Path(__file__).resolve().parents[2] / "examples/scenarios"
FILES = sorted(FOLDER.glob("*.toml"))
SEEDS = range(5)


def scenario(name: str, seed: int = 1, policy: str = "min_max") -> Scenario:
    return replace(scenario_from(read_toml(str(FOLDER / f"{name}.toml"))).scenario, seed=seed, policy=policy)


def without_hedges(hedged: Scenario) -> Scenario:
    return replace(hedged, job=replace(hedged.job, hedge=False))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_file_is_a_scenario(path: Path) -> None:
    found = scenario_from(read_toml(str(path)))
    assert found.variants and found.scenario.nodes


def test_there_is_one_for_each_promise() -> None:
    wanted = {"one_slow", "one_slow_rows", "two_slow", "one_stopped", "half_overloaded", "thousand_nodes"}
    assert wanted <= {path.stem for path in FILES}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", ["one_slow", "two_slow", "one_slow_rows", "two_threads_rows"])
def test_min_max_is_never_worse_than_pull_on_uneven_nodes(name: str, seed: int) -> None:
    best, pulled = (simulate(without_hedges(scenario(name, seed, policy))) for policy in ("min_max", "pull"))
    assert best.makespan_s < pulled.makespan_s


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", ["one_slow", "two_slow", "one_slow_rows", "two_threads_rows"])
def test_min_max_needs_no_hedges_where_pull_does(name: str, seed: int) -> None:
    best, pulled = (simulate(scenario(name, seed, policy)) for policy in ("min_max", "pull"))
    # A hedge saves pull, and then luck decides who has less: which pieces were quick, and a round trip at the end.
    assert best.makespan_s <= 1.01 * pulled.makespan_s
    assert best.hedges == 0 < pulled.hedges


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("name", "most"), [("one_slow", 1.05), ("two_slow", 1.05), ("one_slow_rows", 1.03), ("two_threads_rows", 1.06)]
)
def test_uneven_nodes_end_close_to_the_bound(name: str, most: float, seed: int) -> None:
    assert simulate(scenario(name, seed)).ratio <= most


@pytest.mark.parametrize("seed", SEEDS)
def test_slow_node_gets_no_chunk_that_would_end_last(seed: int) -> None:
    outcome = simulate(scenario("one_slow", seed), keep_attempts=True)
    last_s = {node.node: 0.0 for node in outcome.by_node}
    for attempt in outcome.attempts:
        last_s[attempt.node] = max(last_s[attempt.node], attempt.done_s)
    assert last_s["slow"] <= max(last_s.values())
    assert last_s["slow"] <= min(seconds for name, seconds in last_s.items() if name != "slow") + 0.02


@pytest.mark.parametrize("seed", SEEDS)
def test_stopped_node_costs_little_beside_the_seven_others(seed: int) -> None:
    stopped = scenario("one_stopped", seed)
    seven = replace(stopped, nodes=stopped.nodes[:7])
    assert simulate(stopped).makespan_s <= 1.3 * simulate(seven).makespan_s


@pytest.mark.parametrize("seed", SEEDS)
def test_half_overloaded_stage_is_not_flooded(seed: int) -> None:
    outcome = simulate(scenario("half_overloaded", seed))
    assert outcome.is_done
    assert outcome.sends <= 1.2 * outcome.rows + 10 * outcome.makespan_s + 5


def test_many_nodes_and_chunks_are_the_same_on_a_smaller_scale() -> None:
    large = scenario("thousand_nodes")
    small = replace(large, job=replace(large.job, rows=20_000)).with_nodes(20)
    outcome = simulate(small)
    assert {node.row_s for node in small.nodes} == {node.row_s for node in large.nodes}
    assert outcome.is_done and outcome.ratio < 1.02
