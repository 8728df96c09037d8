"""Maps, many at once, while workers are killed: ``python -m tests.faults.storm --seconds 120``.

Eight processes do the work; every two seconds one of them gets a SIGKILL and another takes its place. Each result is
compared bit by bit, and the receipt must have each row once: nothing lost, nothing put in twice.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pyrpc import Client
from pyrpc.client.job import Job
from pyrpc.errors import PyrpcError

CHUNKS = 64
_ROWS, _COLUMNS = CHUNKS * 2, 32
_HERE = Path(__file__).resolve()


def mix(x: np.ndarray) -> np.ndarray:
    """The stage: other rows give other bits."""
    return np.sin(x) * 3 + x


@dataclass
class Tally:
    """What came of it; rows that no chunk brought are lost, those that two brought are duplicated."""

    maps: int = 0
    kills: int = 0
    retries: int = 0
    lost: int = 0
    duplicated: int = 0
    differing: int = 0
    errors: Counter[str] = field(default_factory=Counter)

    @property
    def is_clean(self) -> bool:
        """Whether every map ended, with equal bits, each row once."""
        return not (self.lost or self.duplicated or self.differing or self.errors)

    def add(self, x: np.ndarray, got: np.ndarray, job: Job) -> None:
        """Count a map that ended."""
        brought = np.zeros(len(x), np.int64)
        for entry in job.receipt.entries:
            if entry.outcome == "ok":
                brought[entry.start_row : entry.stop_row] += 1
        self.maps += 1
        self.retries += job.receipt.retries
        self.lost += int((brought == 0).sum())
        self.duplicated += int((brought > 1).sum())
        self.differing += got.tobytes() != mix(x).tobytes()


class Nodes:
    """Nodes with worker processes: ``pyrpc serve --workers``."""

    def __init__(self, nodes: int, workers: int) -> None:
        command = [sys.executable, "-m", "pyrpc", "serve", f"{_HERE}:mix", "--port", "0", "--workers", str(workers)]
        self._fronts = [
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            for _ in range(nodes)
        ]
        try:
            self.endpoints = [self._endpoint(front) for front in self._fronts]
        except BaseException:
            self.close()
            raise

    @staticmethod
    def _endpoint(front: subprocess.Popen[str]) -> str:
        assert front.stdout is not None
        line = front.stdout.readline()
        if not line.startswith("listening on "):
            raise RuntimeError(f"a node did not start: it said {line!r}")
        return line.split()[2]

    def kill_one(self, chance: random.Random) -> int:
        """SIGKILL for one worker of one node; returns its process id, 0 where none was there."""
        front = chance.choice(self._fronts)
        with contextlib.suppress(OSError):
            # A child is that of the thread that started it.
            threads = Path(f"/proc/{front.pid}/task").glob("*/children")
            children = sorted(int(pid) for thread in threads for pid in thread.read_text().split())
            if children:
                pid = chance.choice(children)
                os.kill(pid, signal.SIGKILL)
                return pid
        return 0

    def close(self) -> None:
        for front in self._fronts:
            front.terminate()
        for front in self._fronts:
            front.wait(30)
            assert front.stdout is not None
            front.stdout.close()


@contextlib.contextmanager
def _killing(nodes: Nodes, every_s: float, tally: Tally, seed: int) -> Iterator[None]:
    is_over = threading.Event()

    def kill() -> None:
        chance = random.Random(seed)
        while not is_over.wait(every_s):
            tally.kills += bool(nodes.kill_one(chance))

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        yield
    finally:
        is_over.set()
        killer.join()


def run(seconds: float, maps: int, *, nodes: int, workers: int, every_s: float, callers: int, seed: int) -> Tally:
    """Run maps until there were so many and the time is over.

    Parameters
    ----------
    seconds, maps : float, int
        Both are reached, but for a maps of 0: then the time decides.
    nodes, workers : int
        Nodes, and worker processes of each.
    every_s : float
        Seconds from one kill to the next.
    callers : int
        Threads that call map, one after the other each.
    """
    tally, lock = Tally(), threading.Lock()
    hosts = Nodes(nodes, workers)
    until = time.monotonic() + seconds
    try:
        with Client(hosts.endpoints) as client, _killing(hosts, every_s, tally, seed):

            def call(number: int) -> None:
                rng = np.random.default_rng([seed, number])
                while time.monotonic() < until or tally.maps < maps:
                    _one_map(client, rng.normal(size=(_ROWS, _COLUMNS)), tally, lock)

            threads = [threading.Thread(target=call, args=(number,)) for number in range(callers)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    finally:
        hosts.close()
    return tally


def _one_map(client: Client, x: np.ndarray, tally: Tally, lock: threading.Lock) -> None:
    job = client.map_async("mix", x, chunk_rows=_ROWS // CHUNKS)
    try:
        got = job.result(60)
    except PyrpcError as error:
        with lock:
            tally.errors[f"{type(error).__name__}: {error.summary()[:200]}"] += 1
        return
    with lock:
        tally.add(x, got, job)


def main(given: list[str]) -> int:
    """Print what came of it; 0 if it is clean."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.storm")
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument(
        "--maps", type=int, default=0, help="go on until there were so many (default: the time decides)"
    )
    parser.add_argument("--nodes", type=int, default=2)
    parser.add_argument("--workers", type=int, default=4, help="of each node")
    parser.add_argument("--every", type=float, default=2.0, help="seconds from one kill to the next")
    parser.add_argument("--callers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    a = parser.parse_args(given)
    print(f"seed {a.seed}", flush=True)
    began = time.monotonic()
    tally = run(a.seconds, a.maps, nodes=a.nodes, workers=a.workers, every_s=a.every, callers=a.callers, seed=a.seed)
    took_s = time.monotonic() - began
    print(f"{tally.maps} maps of {CHUNKS} chunks in {took_s:.0f} s")
    print(f"{tally.kills} workers killed, {tally.retries} retries")
    print(f"{tally.lost} rows lost, {tally.duplicated} duplicated, {tally.differing} results with other bits")
    for error, count in tally.errors.most_common():
        print(f"{count} x {error}")
    return 0 if tally.is_clean else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
