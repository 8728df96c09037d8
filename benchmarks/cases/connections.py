"""1 KiB echoes on 1, 16 and 1,000 connections at the same time, one server process: calls a second, and latency.

The callers are one thread that sends prepared bytes (peers/load.py), so that they cost all servers the same. pyrpc as
it is, with connections that wait in a selector and threads that stay with busy ones, stands beside pyrpc with a thread
for each connection; and on 16 beside stock Thrift's pool of as many threads. The server has a core for itself.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass

from ..harness.contest import OURS, leave_out
from ..harness.files import open_files
from ..harness.outcome import Outcome, Series
from ..harness.placement import Placement
from ..harness.processes import ChildFailedError, Driver, Node
from ..harness.status import cpu_s_of
from ..peers import VARIANTS
from .sizes import Sizes

NAME = "connections"
_FEW = 16
_WANTED = 2.0
_CPU = "server's CPU a call"
_HELD = "a thread each"


@dataclass
class _Contender:
    node: Node
    driver: Driver
    rate: Series
    median: Series
    p99: Series
    cpu: Series

    def measure(self, for_s: float) -> None:
        cpu_s = cpu_s_of(self.node.pid)
        got = self.driver.ask("of_caller", name="run", for_s=for_s)
        self.rate.values.append(got["calls_per_s"])
        self.median.values.append(1e6 * got["p50_s"])
        self.p99.values.append(1e6 * got["p99_s"])
        self.cpu.values.append(1e6 * (cpu_s_of(self.node.pid) - cpu_s) / got["calls"])


def run(sizes: Sizes, placement: Placement) -> Outcome:
    """Measure connections."""
    counts = (1, _FEW, sizes.many_connections)
    setup = f"{sizes.small_bytes} bytes there and back, {placement.apart}, callers wait for their answers"
    outcome = Outcome(NAME, setup, ours=f"{_FEW}: {OURS}, calls")
    with open_files(2 * sizes.many_connections + 1000):
        for count in counts:
            _measure(outcome, sizes, placement, count)
    _judge(outcome)
    return outcome


def _measure(outcome: Outcome, sizes: Sizes, placement: Placement, count: int) -> None:
    peers = {OURS: (OURS, f"load:{OURS}"), _HELD: ("held", f"load:{OURS}")}
    if count == _FEW:
        peers |= {f"stock pool {variant}": (f"pooled:{variant}", f"load:{variant}") for variant in VARIANTS}
    with ExitStack() as stack:
        contenders = []
        for name, (peer, callers) in peers.items():
            try:
                node = stack.enter_context(Node(peer, {placement.far}))
                driver = stack.enter_context(Driver(callers, [node.endpoint], {placement.near}))
                driver.ask("of_caller", name="connect", count=count)
            except ChildFailedError as error:
                leave_out(outcome, name, error)
                continue
            rate = outcome.add(f"{count}: {name}, calls", "calls/s", more_is_better=True)
            others = (
                outcome.add(f"{count}: {name}, {what}", "us") for what in ("median", "p99", "server's CPU a call")
            )
            contenders.append(_Contender(node, driver, rate, *others))
        for _ in range(sizes.load_rounds):
            for contender in contenders:
                contender.measure(sizes.load_s)


def _judge(outcome: Outcome) -> None:
    ours = outcome.get(f"{_FEW}: {OURS}, calls")
    stock = [
        series for variant in VARIANTS if (series := outcome.get(f"{_FEW}: stock pool {variant}, calls")) is not None
    ]
    if ours is None or not stock:
        return
    best = max(stock, key=lambda series: series.median)
    name = best.name.removeprefix(f"{_FEW}: ").removesuffix(", calls")
    outcome.aim_ratio(f"{_FEW} connections: calls/s of pyrpc / those of {name}", best, ours, at_least=_WANTED)
    cpu, best_cpu = (outcome.get(series.name.replace(", calls", f", {_CPU}")) for series in (ours, best))
    if cpu is not None and best_cpu is not None:
        outcome.notes.append(f"processor time a call, {name} / pyrpc: {best_cpu.median / cpu.median:.2f}")
