"""One property suite for every balancer, pyrpc's own and a user's."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from pyrpc.plan.balance import Balancer, NodeView, Pick, timed_pick
from pyrpc.plan.prng import SplitMix64

Make = Callable[[], Balancer]
# A call in the rounds that follow the load ends after so many more picks.
_IN_FLIGHT = 8
_SERVICE_S = 0.01


def check_balancer(make: Make, *, nodes: int = 8, seed: int = 0, load_aware: bool = False) -> None:
    """Check a balancing policy; it must keep every rule below.

    1. A pick is the index of a node: for 1 node, for 1000, for nodes in any state, as their number changes.
    2. The same seed and the same views give the same picks; two instances share no state.
    3. The views are left as they are.
    4. Weights of 0 neither block nor break it, be it one of them or all.
    5. Nodes that are alike share the calls: each gets between half and twice its fair share.
    6. Where the policy is load-aware, a node with 100 times the calls in flight gets less than its fair share.

    Parameters
    ----------
    make : callable
        Makes a new balancer, each time one without a past.
    nodes : int
        How many nodes to use for what does not depend on their number; at least 2.
    seed : int
        Of the picks and of the views.
    load_aware : bool
        Whether rule 6 applies.

    Raises
    ------
    AssertionError
        Names the rule, the seed and what was picked.
    """
    _check_in_range(make, seed)
    _check_repeatable(make, nodes, seed)
    _check_zero_weights(make, nodes, seed)
    for count in (1, 2, nodes, 30):
        _check_spread(make, count, seed)
    if load_aware:
        _check_load(make, nodes, seed)


def _check_in_range(make: Make, seed: int) -> None:
    pick, prng, draw = timed_pick(make()), SplitMix64(seed), SplitMix64(~seed)
    for step, count in enumerate([1, 1000, 2, 1, 3, 1000, *(1 + draw.below(20) for _ in range(200))]):
        _pick(pick, _any_views(draw, count), prng, step * 0.1, seed)


def _check_repeatable(make: Make, nodes: int, seed: int) -> None:
    runs = []
    for _ in range(2):
        pick, prng, draw = timed_pick(make()), SplitMix64(seed), SplitMix64(~seed)
        runs.append([_pick(pick, _any_views(draw, nodes), prng, step * 0.1, seed) for step in range(300)])
        # An instance in between, that must not be noticed.
        _pick(timed_pick(make()), _any_views(draw, nodes), SplitMix64(seed), 0.0, seed)
    assert runs[0] == runs[1], f"the same seed ({seed}) gave different picks: {runs[0]} and {runs[1]}"


def _check_zero_weights(make: Make, nodes: int, seed: int) -> None:
    for weights in ([0.0] * nodes, [0.0] + [1.0] * (nodes - 1), [1.0] + [0.0] * (nodes - 1), [0.0]):
        pick, prng = timed_pick(make()), SplitMix64(seed)
        views = [_view(index, weight=weight) for index, weight in enumerate(weights)]
        for step in range(4 * nodes):
            _pick(pick, views, prng, float(step), seed)


def _check_spread(make: Make, count: int, seed: int) -> None:
    """Once with views that stand still, once with views that follow the picks."""
    picks = 100 * count
    for follows in (False, True):
        pick, prng = timed_pick(make()), SplitMix64(seed)
        views, got = [_view(index) for index in range(count)], [0] * count
        running: deque[int] = deque()
        for step in range(picks):
            index = _pick(pick, views, prng, step * _SERVICE_S, seed)
            got[index] += 1
            if follows:
                views[index] = _view(index, views[index].in_flight + 1)
                running.append(index)
                if len(running) > _IN_FLIGHT:
                    done = running.popleft()
                    views[done] = _view(done, views[done].in_flight - 1)
        assert min(got) >= 50 and max(got) <= 200, (
            f"{count} nodes that are alike got between {min(got)} and {max(got)} of {picks} calls, "
            f"expected 100 each (seed {seed})"
        )


def _check_load(make: Make, nodes: int, seed: int) -> None:
    for busy in (0, nodes - 1):
        pick, prng = timed_pick(make()), SplitMix64(seed)
        views = [_view(index, 100 if index == busy else 1) for index in range(nodes)]
        got = sum(_pick(pick, views, prng, float(step), seed) == busy for step in range(100 * nodes))
        assert got < 50, f"a node with 100 times the load got {got} of {100 * nodes} calls (seed {seed})"


def _pick(pick: Pick, views: Sequence[NodeView], prng: SplitMix64, now: float, seed: int) -> int:
    before = list(views)
    index = pick(views, prng, now)
    assert type(index) is int and 0 <= index < len(before), f"picked {index!r} of {len(before)} nodes (seed {seed})"
    # The very same objects, not equal ones: a view is frozen, the sequence is not.
    assert len(before) == len(views), f"the views were changed (seed {seed})"
    assert all(a is b for a, b in zip(before, views, strict=True)), f"the views were changed (seed {seed})"
    return index


def _view(index: int, in_flight: int = 0, weight: float = 1.0) -> NodeView:
    return NodeView(f"10.0.0.{index}:9090", in_flight, weight, _SERVICE_S, _SERVICE_S, 1.0, 0.0)


def _any_views(draw: SplitMix64, count: int) -> list[NodeView]:
    """Nodes in any state; every fourth one has not been called yet."""
    views = []
    for index in range(count):
        is_known = draw.below(4) > 0
        times = (draw.uniform(), draw.uniform(), 10 * draw.uniform(), draw.uniform()) if is_known else ()
        views.append(NodeView(f"10.0.0.{index}:9090", draw.below(50), 0.01 + 10 * draw.uniform(), *times))
    return views
