"""Health and outliers, from "Health" and "Outliers" of thrift/PLANNER.md."""

from __future__ import annotations

from fractions import Fraction
from math import inf, isqrt, sqrt

from .balance import CloseCallError
from .prng import Prng


class Health:
    """Backoff of one node."""

    def __init__(self, backoff_s: float = 0.1, backoff_max_s: float = 5.0) -> None:
        self.backoff_s, self.backoff_max_s = backoff_s, backoff_max_s
        self.failures, self.down_until = 0, -inf

    def usable(self, now: float) -> bool:
        return self.failures == 0 or now >= self.down_until

    def on_call(self, now: float) -> None:
        if self.failures > 0 and now >= self.down_until:
            self.down_until = now + self.backoff_max_s

    def on_success(self) -> None:
        self.failures, self.down_until = 0, -inf

    def hold(self, until: float) -> None:
        if self.failures > 0:
            self.down_until = max(self.down_until, until)

    def on_failure(self, now: float) -> None:
        self.down_until = now + min(self.backoff_max_s, self.backoff_s * float(2 ** min(self.failures, 62)))
        self.failures += 1


def fill_health(case: dict) -> dict:
    """["call", "ok" or "fail", now] or ["hold", until]; then whether it is usable at "ask", down until when."""
    health = Health(case["backoff_s"], case["backoff_max_s"])
    for step in case["steps"]:
        what, now, ask = step
        if what == "call":
            health.on_call(now)
        elif what == "ok":
            health.on_success()
        elif what == "hold":
            health.hold(now)
        else:
            health.on_failure(now)
        step += [health.usable(ask), health.down_until if health.failures else None]
    return case


def fresh() -> dict:
    return {
        "in_row": 0, "calls": 0, "failures": 0, "ejections": 0, "is_ejected": False,
        "ejected_until": -inf, "probe_until": -inf, "served_since": -inf, "health": Health(),
    }  # fmt: skip


class Pool:
    """All nodes of a client, each a dict."""

    def __init__(self, count: int) -> None:
        self.nodes = [fresh() for _ in range(count)]
        self.interval_end = self.restless_until = -inf
        self.is_calm = True

    def on_call(self, place: int, now: float) -> None:
        node = self.nodes[place]
        if node["is_ejected"] and now >= node["ejected_until"]:
            node["probe_until"] = now + 30
        node["health"].on_call(now)

    def on_success(self, place: int, now: float) -> None:
        node = self.nodes[place]
        node["health"].on_success()
        if not self.is_calm:
            node["in_row"] = 0
            node["calls"] += 1
            if node["is_ejected"] and now >= node["ejected_until"]:
                node["is_ejected"] = False
                node["served_since"] = now
            self.turn(now)

    def on_failure(self, place: int, now: float, is_lost: bool) -> None:
        node = self.nodes[place]
        if is_lost:
            node["health"].on_failure(now)
        self.watch(now)
        for count in ("in_row", "calls", "failures"):
            node[count] += 1
        if node["is_ejected"]:
            if now >= node["ejected_until"]:
                self.eject(node, now)
        elif node["in_row"] >= 5 and self.may_eject():
            self.eject(node, now)
        self.turn(now)

    def on_ping(self, place: int, now: float, is_there: bool) -> None:
        if is_there:
            self.nodes[place]["health"].on_success()
        else:
            self.nodes[place]["health"].on_failure(now)
            self.watch(now)

    def watch(self, now: float) -> None:
        if self.is_calm:
            self.is_calm = False
            self.interval_end = now + 10
        self.restless_until = now + 20

    def may_eject(self) -> bool:
        return 2 * (len([node for node in self.nodes if node["is_ejected"]]) + 1) <= len(self.nodes)

    def eject(self, node: dict, now: float) -> None:
        if not node["is_ejected"] and node["ejections"] > 0:
            node["ejections"] = max(0, node["ejections"] - int((now - node["served_since"]) / 30))
        node["ejections"] += 1
        node.update(is_ejected=True, in_row=0, probe_until=-inf)
        node["ejected_until"] = now + min(300, 30 * node["ejections"])

    def turn(self, now: float) -> None:
        if self.is_calm or now < self.interval_end:
            return
        self.eject_below_mean(now)
        for node in self.nodes:
            node["calls"] = node["failures"] = 0
        self.interval_end = now + 10
        self.is_calm = now >= self.restless_until and not any(
            node["is_ejected"] or now - node["served_since"] < 30 or node["health"].failures for node in self.nodes
        )
        if self.is_calm:
            for node in self.nodes:
                node["in_row"] = 0

    def eject_below_mean(self, now: float) -> None:
        """In exact fractions: a rate too near to the bound for doubles to tell is not written."""
        busy = [node for node in self.nodes if node["calls"] >= 100]
        if len(busy) < 5:
            return
        rates = [Fraction(node["calls"] - node["failures"], node["calls"]) for node in busy]
        mean = sum(rates) / len(rates)
        variance = sum((rate - mean) ** 2 for rate in rates) / len(rates)
        for node, rate in zip(busy, rates, strict=True):
            chance = mean * (1 - mean) / node["calls"]
            bound = Fraction(19, 10) * root(max(variance, chance))
            if abs(mean - rate - bound) < Fraction(1, 10**9) and variance > 0:
                raise CloseCallError
            if rate < mean - bound and not node["is_ejected"] and self.may_eject():
                self.eject(node, now)

    def usable(self, now: float, prng: Prng) -> list[int]:
        self.turn(now)
        reachable = [place for place, node in enumerate(self.nodes) if node["health"].usable(now)]
        if not reachable:
            return list(range(len(self.nodes)))
        healthy = [place for place in reachable if not self.nodes[place]["is_ejected"]]
        if 2 * len(healthy) < len(self.nodes):
            return reachable
        chosen = []
        for place in reachable:
            if self.may_call(self.nodes[place], now, prng):
                chosen.append(place)
        return chosen or healthy

    @staticmethod
    def may_call(node: dict, now: float, prng: Prng) -> bool:
        if node["is_ejected"]:
            return now >= node["ejected_until"] and now >= node["probe_until"]
        served = now - node["served_since"]
        return served >= 30 or prng.uniform() < max(0.1, served / 30)

    def share(self, place: int, now: float) -> float:
        node = self.nodes[place]
        return 0.0 if node["is_ejected"] else min(1.0, max(0.1, (now - node["served_since"]) / 30))


def root(value: Fraction) -> Fraction:
    """The square root to 40 digits."""
    assert sqrt(value) >= 0
    return Fraction(isqrt(int(value * 10**80)), 10**40)


def fill_outlier(case: dict) -> dict:
    """Steps of a client; each gets what changed: [is_calm, ejected nodes], "usable" also the nodes, "share" the shares.

    ["call", node, now], ["ok", node, now, times], ["fail", node, now, is_lost, times], ["ping", node, now, is_there],
    ["usable", now], ["share", now].
    """
    pool, prng = Pool(case["nodes"]), Prng(int(case["prng"]))
    for step in case["steps"]:
        what = step[0]
        if what == "call":
            pool.on_call(step[1], step[2])
        elif what == "ping":
            pool.on_ping(step[1], step[2], step[3])
        elif what == "ok":
            for _ in range(step[3]):
                pool.on_success(step[1], step[2])
        elif what == "fail":
            for _ in range(step[4]):
                pool.on_failure(step[1], step[2], step[3])
        elif what == "usable":
            step.append(pool.usable(step[1], prng))
        else:
            step.append([pool.share(place, step[1]) for place in range(case["nodes"])])
        step.append([pool.is_calm, [place for place, node in enumerate(pool.nodes) if node["is_ejected"]]])
    return case
