"""The public property suite over every balancer, what it catches, and what is particular to the latency-aware ones."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Sequence

import pytest

from pyrpc.errors import ConfigError
from pyrpc.plan.balance import BALANCERS, Balancer, NodeView, balancer, default_policy, pick_of
from pyrpc.plan.balance.peak_ewma import DECAY_S, observed, peak_load
from pyrpc.plan.prng import SplitMix64
from pyrpc.testing import check_balancer

LOAD_AWARE = {"least_loaded", "min_max", "peak_ewma", "power_of_two"}


@pytest.mark.parametrize("seed", [0, 1, 2**64 - 1])
@pytest.mark.parametrize("name", sorted(BALANCERS))
def test_every_policy_keeps_the_rules(name: str, seed: int):
    check_balancer(BALANCERS[name], seed=seed, load_aware=name in LOAD_AWARE)


@pytest.mark.parametrize("nodes", [2, 3, 50])
@pytest.mark.parametrize("name", sorted(BALANCERS))
def test_the_rules_hold_for_any_number_of_nodes(name: str, nodes: int):
    check_balancer(BALANCERS[name], nodes=nodes, load_aware=name in LOAD_AWARE)


def policy_of(function: Callable[..., int]) -> Callable[[], Balancer]:
    class Policy:
        def pick(self, nodes: Sequence[NodeView], prng: SplitMix64) -> int:
            return function(nodes, prng)

    return Policy


calls = iter(range(10**9))


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (lambda nodes, prng: len(nodes), "picked"),
        (lambda nodes, prng: -1, "picked"),
        (lambda nodes, prng: True, "picked"),
        (lambda nodes, prng: 0, "alike"),
        (lambda nodes, prng: next(calls) * 7 % len(nodes), "different picks"),
        (lambda nodes, prng: (nodes.reverse(), prng.below(len(nodes)))[1], "changed"),
    ],
)
def test_a_broken_policy_is_caught(broken: Callable[..., int], says: str):
    with pytest.raises(AssertionError, match=says):
        check_balancer(policy_of(broken))


def test_a_policy_that_does_not_look_at_the_load_is_not_load_aware():
    with pytest.raises(AssertionError, match="100 times the load"):
        check_balancer(BALANCERS["round_robin"], load_aware=True)


def picks(name: str, nodes: list[NodeView], count: int, now: float = 0.0) -> list[int]:
    pick, prng = pick_of(balancer(name)), SplitMix64(3)
    return [pick(nodes, prng, now) for _ in range(count)]


def test_weighted_turns_are_smooth():
    nodes = [NodeView("a", weight=5), NodeView("b", weight=1), NodeView("c", weight=1)]
    # The sequence of nginx's own description.
    assert picks("weighted", nodes, 7) == [0, 0, 1, 0, 2, 0, 0]
    assert Counter(picks("weighted", nodes, 700)) == {0: 500, 1: 100, 2: 100}


def test_weighted_keeps_its_shares_when_a_node_comes_and_goes():
    nodes = [NodeView("a", weight=2), NodeView("b", weight=1), NodeView("c", weight=1)]
    policy, prng = balancer("weighted"), SplitMix64(0)
    for _ in range(5):
        policy.pick(nodes[1:], prng)
    got = Counter(nodes[policy.pick(nodes, prng)].endpoint for _ in range(400))
    assert got["a"] == pytest.approx(200, abs=2) and got["b"] == pytest.approx(100, abs=2)


@pytest.mark.parametrize("name", ["weighted", "random_priority", "least_loaded", "min_max", "peak_ewma"])
def test_a_node_of_weight_0_gets_nothing_while_there_is_another(name: str):
    nodes = [NodeView("a", weight=0, peak_s=1, slowness=1), NodeView("b", 3, peak_s=1, slowness=1)]
    assert set(picks(name, nodes, 50)) == {1}


def slow_one(slowness: float, in_flight: int = 0) -> list[NodeView]:
    nodes = [NodeView(f"h{i}", in_flight, ewma_s=0.01, peak_s=0.01, slowness=1.0) for i in range(3)]
    nodes[1] = dataclasses.replace(nodes[1], in_flight=0, peak_s=0.01 * slowness, slowness=slowness)
    return nodes


@pytest.mark.parametrize("name", ["min_max", "peak_ewma", "power_of_two"])
def test_an_idle_node_that_is_100_times_slower_gets_nothing(name: str):
    assert set(picks(name, slow_one(100.0), 200)) == {0, 2}
    assert set(picks(name, slow_one(100.0, in_flight=50), 200)) == {0, 2}


@pytest.mark.parametrize("name", ["min_max", "peak_ewma"])
def test_a_slow_node_gets_a_call_when_it_would_finish_it_first(name: str):
    assert set(picks(name, slow_one(5.0, in_flight=3), 10)) == {0, 2}
    assert set(picks(name, slow_one(5.0, in_flight=5), 10)) == {1}


@pytest.mark.parametrize("name", ["min_max", "peak_ewma"])
def test_a_slow_node_is_tried_again_after_its_time(name: str):
    assert 1 not in picks(name, slow_one(100.0), 10, now=DECAY_S * 3)
    nodes = slow_one(100.0)
    for index in (0, 2):
        nodes[index] = dataclasses.replace(nodes[index], seen_at=50.0)
    assert 1 in picks(name, nodes, 3, now=50.0)


def test_min_max_takes_a_small_difference_for_noise():
    assert Counter(picks("min_max", slow_one(1.9), 300)) == {0: 100, 1: 100, 2: 100}


def test_min_max_tries_a_node_it_does_not_know():
    nodes = slow_one(1.0)
    nodes[2] = NodeView("new")
    assert 2 in picks("min_max", nodes, 3)


def test_peak_ewma_tries_a_new_node_with_one_call():
    nodes = slow_one(1.0)
    nodes[2] = NodeView("new")
    assert set(picks("peak_ewma", nodes, 5)) == {2}
    nodes[2] = NodeView("new", in_flight=1)
    assert 2 not in picks("peak_ewma", nodes, 50)


def test_a_peak_counts_at_once_and_fades():
    assert observed(0.01, 0.0, 1.0, 5.0) == 1.0
    after = observed(1.0, 0.0, 0.01, DECAY_S)
    assert after == pytest.approx(1.0 / 2.718281828 + 0.01 * (1 - 1 / 2.718281828))
    assert peak_load(NodeView("a", 1, peak_s=1.0, seen_at=0.0), DECAY_S) == pytest.approx(2 / 2.718281828)


def test_a_clock_that_goes_back_breaks_nothing():
    assert observed(1.0, 10.0, 0.5, 0.0) == 1.0
    assert peak_load(NodeView("a", peak_s=1.0, seen_at=10.0), 0.0) == 1.0


def test_few_nodes_are_scanned_and_of_many_two_are_drawn():
    assert default_policy(1) == default_policy(16) == "min_max"
    assert default_policy(17) == "power_of_two"


class Timed:
    """A policy that wants the time."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def pick(self, nodes: Sequence[NodeView], prng: SplitMix64, now: float) -> int:
        self.times.append(now)
        return 0


def test_a_pick_with_a_third_argument_gets_the_time():
    policy = Timed()
    pick_of(policy)([NodeView("a")], SplitMix64(0), 4.5)
    assert policy.times == [4.5]


@pytest.mark.parametrize("wrong", [2, -1, None, "0", 0.5, 10**30])
def test_a_pick_that_names_no_node_is_refused(wrong: object):
    pick = pick_of(policy_of(lambda nodes, prng: wrong)())  # type: ignore[return-value]
    with pytest.raises(ConfigError, match="picked a node that there is not"):
        pick([NodeView("a"), NodeView("b")], SplitMix64(0), 0.0)
