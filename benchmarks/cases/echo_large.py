"""A 64 MiB float32 array there and back: what the data path costs, beside stock Thrift and the limit in C."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from ..harness.contest import OURS, leave_out, open_peer
from ..harness.outcome import Outcome, Series
from ..harness.placement import Placement
from ..harness.processes import READY_S, Child, ChildFailedError, Driver
from ..harness.rounds import interleave
from ..peers import VARIANTS
from .sizes import MIB, Sizes

NAME = "echo_large"
# Bytes of one write() and one read(); no number: all in one call.
_C_SLICES = {"C loopback, slices": (512 * 1024, 256 * 1024), "C loopback, whole": (1 << 40, 1 << 40)}
_SOURCE = Path(__file__).resolve().parents[1] / "peers" / "loopback.c"

Measure = Callable[[], list[float]]


def run(sizes: Sizes, placement: Placement) -> Outcome:
    """Measure echo_large."""
    outcome = Outcome(NAME, _setup(sizes, placement), ours=OURS)
    with ExitStack() as stack:
        contenders: list[tuple[Series, Measure]] = []
        ours = _open(stack, outcome, OURS, sizes, placement)
        if ours is not None:
            contenders.append((outcome.add(OURS, "ms"), _echoes(ours, "echo_array", sizes.large_calls)))
            contenders.append((outcome.add("pyrpc, results kept", "ms"), _echoes(ours, "echo_kept", sizes.large_calls)))
        raw = _open(stack, outcome, "sockets", sizes, placement)
        if raw is not None:
            contenders.append((outcome.add("raw Python sockets", "ms"), _echoes(raw, "echo_array", sizes.large_calls)))
        contenders += _c_contenders(stack, outcome, sizes, placement)
        for variant in VARIANTS:
            stock = _open(stack, outcome, f"stock:{variant}", sizes, placement)
            if stock is not None:
                # One call a turn and none before it: it takes as long as twenty of the others.
                contenders.append((outcome.add(f"stock {variant}", "ms"), _echoes(stock, "echo_array", 1, untimed=0)))
        interleave(contenders, sizes.rounds, warm_up=0)
    _judge(outcome)
    return outcome


def _setup(sizes: Sizes, placement: Placement) -> str:
    return f"{sizes.large_bytes // MIB} MiB float32 there and back over loopback TCP, {placement.apart}"


def _open(stack: ExitStack, outcome: Outcome, peer: str, sizes: Sizes, placement: Placement) -> Driver | None:
    driver = open_peer(stack, outcome, peer, [{placement.far}], {placement.near})
    if driver is None:
        return None
    driver.ask("load", elements=sizes.large_bytes // 4)
    if not driver.ask("check"):
        leave_out(outcome, peer, "what came back was not what was sent")
        return None
    return driver


def _echoes(driver: Driver, task: str, calls: int, untimed: int = 1) -> Measure:
    """The first call of a turn finds caches and TCP's window cold, which is not the question here."""
    return lambda: [seconds * 1e3 for seconds in driver.ask(task, calls=calls, untimed=untimed)]


def _c_contenders(
    stack: ExitStack, outcome: Outcome, sizes: Sizes, placement: Placement
) -> list[tuple[Series, Measure]]:
    """The C program, once for each way of slicing; it compares what comes back by itself."""
    program = _compiled(stack, outcome)
    found: list[tuple[Series, Measure]] = []
    if program is None:
        return found
    for name, slices in _C_SLICES.items():
        numbers = (placement.near, placement.far, sizes.large_bytes, *slices)
        child = stack.enter_context(Child([program, *map(str, numbers)], placement.both))
        try:
            child.hear(READY_S)
        except ChildFailedError as error:
            leave_out(outcome, name, error)
            continue
        found.append((outcome.add(name, "ms"), _c_echoes(child, sizes.large_calls)))
    return found


def _compiled(stack: ExitStack, outcome: Outcome) -> str | None:
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        leave_out(outcome, "C loopback", "no C compiler was found")
        return None
    folder = stack.enter_context(tempfile.TemporaryDirectory())
    program = str(Path(folder) / "loopback")
    command = [compiler, "-O2", "-o", program, str(_SOURCE)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        leave_out(outcome, "C loopback", f"{compiler} failed: {done.stderr.strip()}")
        return None
    return program


def _c_echoes(child: Child, calls: int) -> Measure:
    def measure() -> list[float]:
        times = []
        for _ in range(1 + calls):
            child.say("go")
            times.append(int(child.hear()) / 1e6)
        return times[1:]

    return measure


def _judge(outcome: Outcome) -> None:
    ours, stock, limit = outcome.get(OURS), outcome.fastest("stock "), outcome.fastest("C loopback")
    if ours is None:
        return
    if stock is not None:
        outcome.aim_ratio(f"times as fast as {stock.name}, the fastest stock", stock, ours, at_least=12)
    if limit is not None:
        outcome.aim_ratio(f"time of {limit.name} / time of pyrpc", limit, ours, at_least=0.85)
