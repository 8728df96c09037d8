"""The balancers, from "Balancers" of thrift/PLANNER.md, and how far a pick is from being another one."""

from __future__ import annotations

from itertools import pairwise
from math import exp, inf, log

from .prng import Prng

ENDPOINT, IN_FLIGHT, WEIGHT, PEAK_S, SLOWNESS, SEEN_AT = range(6)


class CloseCallError(Exception):
    """The pick depends on the last bits of exp or log: such a scenario is not written."""


def checked(values: list[float]) -> list[float]:
    """The same; two that differ must differ by more than rounding."""
    ordered = sorted(value for value in set(values) if abs(value) < inf)
    for low, high in pairwise(ordered):
        if high - low < 1e-9 * max(abs(low), abs(high)):
            raise CloseCallError
    return values


class Reference:
    """One balancer by its name; ``pick`` takes the views as lists."""

    def __init__(self, policy: str) -> None:
        self.policy = policy
        self.next = 0
        self.last: int | None = None
        self.credit: dict[str, float] = {}

    def pick(self, nodes: list[list], prng: Prng, now: float) -> int:
        return getattr(self, self.policy)(nodes, prng, now)

    def in_turn(self, costs: list[float]) -> int:
        order = [(self.next + step) % len(costs) for step in range(len(costs))]
        winner = min(order, key=checked(costs).__getitem__)  # min takes the first of equals
        self.next = winner + 1
        return winner

    def round_robin(self, nodes, prng, now) -> int:
        self.last = prng.below(len(nodes)) if self.last is None else (self.last + 1) % len(nodes)
        return self.last

    def random(self, nodes, prng, now) -> int:
        return prng.below(len(nodes))

    def weighted(self, nodes, prng, now) -> int:
        total = 0.0
        for node in nodes:
            total = total + node[WEIGHT]
        names = [node[ENDPOINT] for node in nodes]
        if len(self.credit) > 2 * len(nodes) + 16:
            self.credit = {name: self.credit[name] for name in self.credit if name in names}
        gains = [node[WEIGHT] if total > 0 else 1.0 for node in nodes]
        for name, gain in zip(names, gains, strict=True):
            self.credit[name] = self.credit.get(name, 0.0) + gain
        able = [place for place, gain in enumerate(gains) if gain > 0]
        winner = max(able, key=lambda place: self.credit[names[place]])
        self.credit[names[winner]] -= total if total > 0 else len(nodes)
        return winner

    def random_priority(self, nodes, prng, now) -> int:
        keys = [log(1.0 - prng.uniform()) for _ in nodes]
        priorities = [key / node[WEIGHT] if node[WEIGHT] > 0 else -inf for key, node in zip(keys, nodes, strict=True)]
        checked(priorities)
        # Higher first, then fewer in flight, then earlier.
        return min(range(len(nodes)), key=lambda place: (-priorities[place], nodes[place][IN_FLIGHT], place))

    def least_loaded(self, nodes, prng, now) -> int:
        return self.in_turn([node[IN_FLIGHT] / node[WEIGHT] if node[WEIGHT] > 0 else inf for node in nodes])

    def min_max(self, nodes, prng, now) -> int:
        quickest = min((node[SLOWNESS] for node in nodes if node[SLOWNESS] > 0), default=1.0)
        return self.in_turn([self._finish(node, quickest, now) for node in nodes])

    @staticmethod
    def _finish(node, quickest: float, now: float) -> float:
        service = node[SLOWNESS]
        if service > 2.0 * quickest:
            service = service * exp(-max(0.0, now - node[SEEN_AT]) / 10.0)
            checked([service, 2.0 * quickest])
        if service <= 2.0 * quickest:
            service = quickest
        return (node[IN_FLIGHT] + 1) * service / node[WEIGHT] if node[WEIGHT] > 0 else inf

    def peak_ewma(self, nodes, prng, now) -> int:
        return self.in_turn([load(node, now) / node[WEIGHT] if node[WEIGHT] > 0 else inf for node in nodes])

    def power_of_two(self, nodes, prng, now) -> int:
        if len(nodes) == 1:
            return 0
        first = prng.below(len(nodes))
        second = prng.below(len(nodes) - 1)
        second += second >= first
        loads = [load(nodes[place], now) for place in (first, second)]
        if loads[0] == loads[1]:
            loads = [nodes[place][IN_FLIGHT] + 1 for place in (first, second)]
        crossed = checked([loads[0] * nodes[second][WEIGHT], loads[1] * nodes[first][WEIGHT]])
        return first if crossed[0] <= crossed[1] else second


def load(node: list, now: float) -> float:
    if node[PEAK_S] <= 0:
        return 1e9 * node[IN_FLIGHT]
    return node[PEAK_S] * exp(-max(0.0, now - node[SEEN_AT]) / 10.0) * (node[IN_FLIGHT] + 1)


def fill(case: dict) -> dict:
    """The picks of a client whose calls begin at each step; the picked node has one more in flight from then on."""
    reference, prng = Reference(case["policy"]), Prng(int(case["prng"]))
    nodes = [list(node) for node in case["nodes"]]
    for step in case["steps"]:
        for place, *fields in step["set"]:
            nodes[place][1:] = fields
        seen = [nodes[place] for place in step["of"]]
        step["pick"] = reference.pick(seen, prng, step["now"])
        seen[step["pick"]][IN_FLIGHT] += 1
    return case


def fill_peak(case: dict) -> dict:
    """The peak EWMA after each latency."""
    peak_s = seen_at = 0.0
    for step in case["steps"]:
        now, took_s = step
        if took_s >= peak_s:
            peak_s = took_s
        else:
            keep = exp(-max(0.0, now - seen_at) / 10.0)
            peak_s = peak_s * keep + took_s * (1.0 - keep)
        seen_at = now
        # The last digits differ from one exp to another.
        step.append(float(f"{peak_s:.13g}"))
    return case
