"""One suite over every balancer, then what is particular to each."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyrpc.errors import ConfigError
from pyrpc.plan.balance import BALANCERS, Balancer, LeastLoaded, NodeView, balancer
from pyrpc.plan.prng import SplitMix64

every_policy = pytest.mark.parametrize("name", sorted(BALANCERS))
views = st.lists(
    st.builds(NodeView, st.text(max_size=3), st.integers(0, 50), st.floats(0.01, 100), st.floats(0, 10)),
    min_size=1,
    max_size=20,
)


def idle(count: int) -> list[NodeView]:
    return [NodeView(f"h{i}:9090") for i in range(count)]


def picks(name: str, nodes: list[NodeView], count: int, seed: int = 7) -> list[int]:
    policy, prng = balancer(name), SplitMix64(seed)
    return [policy.pick(nodes, prng) for _ in range(count)]


@every_policy
@given(st.lists(views, min_size=1, max_size=10), st.integers(0, 2**64 - 1))
def test_a_pick_is_one_of_the_nodes_though_their_number_changes(name: str, rounds: list[list[NodeView]], seed: int):
    policy, prng = balancer(name), SplitMix64(seed)
    for nodes in rounds:
        assert 0 <= policy.pick(nodes, prng) < len(nodes)


@every_policy
def test_the_same_seed_gives_the_same_picks(name: str):
    nodes = [NodeView(f"h{i}", i % 3, 1.0 + i) for i in range(9)]
    assert picks(name, nodes, 200) == picks(name, nodes, 200)


@every_policy
def test_idle_nodes_that_are_alike_share_the_calls(name: str):
    counts = Counter(picks(name, idle(5), 5000))
    assert min(counts[i] for i in range(5)) > 850


@every_policy
def test_a_single_node_gets_everything(name: str):
    assert set(picks(name, idle(1), 10)) == {0}


@every_policy
def test_two_instances_share_no_state(name: str):
    one, other = balancer(name), balancer(name)
    assert one is not other
    for _ in range(3):
        one.pick(idle(4), SplitMix64(1))
    fresh = balancer(name)
    assert other.pick(idle(4), SplitMix64(5)) == fresh.pick(idle(4), SplitMix64(5))


def test_round_robin_takes_each_in_turn():
    first, *rest = picks("round_robin", idle(3), 7)
    assert rest == [(first + i) % 3 for i in range(1, 7)]


def test_round_robin_clients_do_not_all_begin_with_the_same_node():
    assert {picks("round_robin", idle(3), 1, seed)[0] for seed in range(20)} == {0, 1, 2}


def test_random_priority_follows_the_weights():
    nodes = [NodeView("a", weight=1.0), NodeView("b", weight=3.0)]
    assert 2850 < Counter(picks("random_priority", nodes, 4000))[1] < 3150


class Constant(SplitMix64):
    """The same number for ever."""

    def __init__(self) -> None:
        super().__init__(0)

    def next_u64(self) -> int:
        return 1 << 60


def test_random_priority_settles_equal_priorities_by_load():
    nodes = [NodeView("a", 5), NodeView("b", 2), NodeView("c", 3)]
    assert balancer("random_priority").pick(nodes, Constant()) == 1


@given(views, st.integers(0, 2**64 - 1))
def test_least_loaded_takes_the_least_loaded(nodes: list[NodeView], seed: int):
    picked = nodes[balancer("least_loaded").pick(nodes, SplitMix64(seed))]
    assert picked.in_flight / picked.weight == min(n.in_flight / n.weight for n in nodes)


def test_least_loaded_lets_idle_nodes_take_turns():
    assert picks("least_loaded", idle(3), 6) == [0, 1, 2, 0, 1, 2]


def test_power_of_two_never_takes_the_worst_of_all():
    nodes = [NodeView("a", 1), NodeView("b", 9), NodeView("c", 1)]
    assert 1 not in picks("power_of_two", nodes, 500)


def test_power_of_two_gives_the_heavier_of_two_idle_nodes_the_call():
    nodes = [NodeView("a", weight=1.0), NodeView("b", weight=2.0)]
    assert set(picks("power_of_two", nodes, 100)) == {1}


class Mine:
    """A policy of one's own."""

    def pick(self, nodes, prng):
        return len(nodes) - 1


def test_an_object_with_pick_is_a_balancer():
    mine = Mine()
    assert isinstance(mine, Balancer)
    assert balancer(mine) is mine


@pytest.mark.parametrize("wrong", ["fastest", "", 5, None, Mine, LeastLoaded])
def test_an_unknown_policy_is_refused_with_the_list(wrong: object):
    with pytest.raises(ConfigError) as caught:
        balancer(wrong)
    for name in BALANCERS:
        assert name in str(caught.value)
