"""Nodes that are restarted one after the other, as for a new version, while clients go on to call them.

python -m tests.faults.rolling --restarts 100
"""

from __future__ import annotations

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from pyrpc import Client
from pyrpc.client.draining import drain

_STAGES = """\
import time

import numpy as np


class Work:
    # Not declared idempotent: a call that may have run is not made again.
    def double(self, x: np.ndarray) -> np.ndarray:
        return 2 * x

    def slow(self, x: np.ndarray) -> np.ndarray:
        time.sleep(0.01)
        return 2 * x
"""
_START_S = 60.0


class Node:
    """A ``pyrpc serve`` process at one port."""

    def __init__(self, folder: Path, port: str = "0", workers: int = 1) -> None:
        self._folder = folder
        self._workers = workers
        command = [sys.executable, "-m", "pyrpc", "serve", "work.py:Work", "--port", port, "--workers", str(workers)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=folder)
        assert self.process.stdout is not None
        self.endpoint = self.process.stdout.readline().split()[-1]

    def end(self, by_call: bool) -> int:
        """Let it finish; its exit code."""
        if by_call:
            drain(self.endpoint)
        else:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(_START_S)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    def restart(self, by_call: bool) -> tuple[Node, int]:
        """The one that follows it at the same port, and the exit code."""
        code = self.end(by_call)
        return Node(self._folder, self.endpoint.rpartition(":")[2], self._workers), code


class Load:
    """Threads that call without a pause until they are stopped."""

    def __init__(self, endpoints: list[str], seed: int) -> None:
        self._clients = [Client(endpoints) for _ in range(2)]
        self._stopping = threading.Event()
        self._seed = seed
        self.calls: Counter[str] = Counter()
        self.failures: list[BaseException] = []
        kinds = {
            "call": (self._call, 3),
            "slow": (self._slow, 2),
            "sparse": (self._sparse, 6),
            "large": (self._large, 1),
            "submit": (self._submit, 2),
            "map": (self._map, 2),
        }
        self._threads = [
            threading.Thread(target=self._repeat, args=(name, work, number))
            for name, (work, count) in kinds.items()
            for number in range(count)
        ]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(60)
        for client in self._clients:
            client.close()

    def _repeat(self, name: str, work: Callable[[Client, random.Random], int], number: int) -> None:
        client = self._clients[number % 2]
        chance = random.Random(f"{self._seed} {name} {number}")
        while not self._stopping.is_set():
            try:
                self.calls[name] += work(client, chance)
            except BaseException as error:
                self.failures.append(error)

    @staticmethod
    def _call(client: Client, chance: random.Random) -> int:
        x = np.full(128, chance.random())
        np.testing.assert_array_equal(client.call("Work.double", x), 2 * x)
        time.sleep(0.001)
        return 1

    @staticmethod
    def _slow(client: Client, chance: random.Random) -> int:
        x = np.full(16, chance.random())
        np.testing.assert_array_equal(client.call("Work.slow", x), 2 * x)
        return 1

    @staticmethod
    def _sparse(client: Client, chance: random.Random) -> int:
        """Over connections that have rested, about as long as a node waits before it closes them."""
        time.sleep(chance.uniform(0.03, 0.5))
        x = np.full(4, chance.random())
        np.testing.assert_array_equal(client.call("Work.double", x), 2 * x)
        return 1

    @staticmethod
    def _large(client: Client, chance: random.Random) -> int:
        x = np.full(200_000, chance.random())
        np.testing.assert_array_equal(client.call("Work.double", x), 2 * x)
        time.sleep(0.01)
        return 1

    @staticmethod
    def _submit(client: Client, chance: random.Random) -> int:
        arrays = [np.full(8, chance.random()) for _ in range(50)]
        futures = [client.submit("Work.double", x) for x in arrays]
        for x, future in zip(arrays, futures, strict=True):
            np.testing.assert_array_equal(future.result(60), 2 * x)
        time.sleep(0.01)
        return len(arrays)

    @staticmethod
    def _map(client: Client, chance: random.Random) -> int:
        x = np.full((640, 16), chance.random())
        np.testing.assert_array_equal(client.map("Work.slow", x, chunk_rows=40), 2 * x)
        return 1


class Outcome:
    """What came of it."""

    def __init__(self, load: Load, codes: list[int]) -> None:
        self.calls = dict(load.calls)
        self.failures = load.failures
        self.codes = codes


def roll(folder: Path, restarts: int, *, nodes: int = 3, workers: int = 1, seed: int = 0) -> Outcome:
    """Restart nodes in turn, by SIGTERM and by a call, under load."""
    (folder / "work.py").write_text(_STAGES)
    fleet = [Node(folder, workers=workers) for _ in range(nodes)]
    codes = []
    try:
        with Load([node.endpoint for node in fleet], seed) as load:
            for number in range(restarts):
                at = number % nodes
                fleet[at], code = fleet[at].restart(by_call=number % 2 == 0)
                codes.append(code)
                time.sleep(0.2)
    finally:
        for node in fleet:
            node.end(by_call=False)
    return Outcome(load, codes)


def main() -> int:
    """Restart as often as asked and tell what failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--restarts", type=int, default=100)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        outcome = roll(Path(folder), options.restarts, workers=options.workers, seed=options.seed)
    print(f"{options.restarts} restarts in {time.monotonic() - began:.0f} s, exit codes {sorted(set(outcome.codes))}")
    print(f"{sum(outcome.calls.values())} calls: {outcome.calls}")
    print(f"{len(outcome.failures)} failed")
    for error, count in Counter(repr(error) for error in outcome.failures).most_common(20):
        print(f"{count} x {error}")
    return 1 if outcome.failures or set(outcome.codes) != {0} else 0


if __name__ == "__main__":
    sys.exit(main())
