"""Starts nodes as processes of their own, quickly: imports once, then forks.

Each line on stdin is a port (0 for a free one); each answer on stdout is ``pid endpoint`` of a new node. At the end of
stdin all nodes are killed.
"""

from __future__ import annotations

import ctypes
import os
import random
import resource
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

import pyrpc
from pyrpc import Server
from pyrpc.errors import OverloadedError


class Work:
    """Stages that do what their node's worst day makes them do."""

    tries = 0

    def double(self, x: np.ndarray) -> np.ndarray:
        return 2 * x

    def slow(self, x: np.ndarray, seconds: float) -> np.ndarray:
        time.sleep(seconds)
        return 2 * x

    def total(self, x: np.ndarray, seconds: float) -> np.ndarray:
        time.sleep(seconds)
        return x.sum(axis=0)

    @pyrpc.stage(idempotent=False)
    def once(self, x: np.ndarray, seconds: float) -> np.ndarray:
        time.sleep(seconds)
        return 2 * x

    def weigh(self, x: np.ndarray, weights: np.ndarray, seconds: float) -> np.ndarray:
        time.sleep(seconds)
        return x @ weights

    def jitter(self, x: np.ndarray, longest_s: float) -> np.ndarray:
        """Now and then, and differently on each node, far longer than others."""
        rng = np.random.default_rng()
        time.sleep(longest_s if rng.random() < 0.1 else longest_s / 100)
        return np.stack([x, 3 * x], axis=1)

    def lagging(self, x: np.ndarray, port: int, seconds: float) -> np.ndarray:
        """Slow on one node only."""
        time.sleep(seconds if port == my_port else seconds / 100)
        return 2 * x

    def poison(self, x: np.ndarray, row: float) -> np.ndarray:
        if row in x:
            os._exit(3)
        return 2 * x

    def segfault(self, x: np.ndarray, row: float) -> np.ndarray:
        if row in x:
            ctypes.string_at(0)
        return 2 * x

    def short_on(self, x: np.ndarray, port: int) -> np.ndarray:
        """Too few rows, on one node only."""
        return x[:-1] if port == my_port else x

    def hog(self, x: np.ndarray, seconds: float) -> np.ndarray:
        """Holds the interpreter's lock nearly all the time."""
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            pass
        return 2 * x

    def slow_on(self, x: np.ndarray, ports: list[int], seconds: float) -> np.ndarray:
        """Slow on some nodes only."""
        time.sleep(seconds if my_port in ports else seconds / 100)
        return 2 * x

    def confine(self, more_bytes: int) -> None:
        """From now on the process gets so much more address space, as under ``prlimit --as``."""
        has_bytes = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (has_bytes + more_bytes, resource.RLIM_INFINITY))

    def row_sum(self, x: np.ndarray) -> np.ndarray:
        return x.sum(axis=1, dtype=np.int64)

    def zeros(self, count: int) -> np.ndarray:
        return np.zeros(count)

    @pyrpc.stage(idempotent=True)
    def refuse_half(self, x: int) -> int:
        """Turns half of its calls away, as a node that has too much to do."""
        self.tries += 1
        if random.random() < 0.5:
            raise OverloadedError("too much to do", retry_after_ms=1)
        return x + 1

    def tried(self) -> int:
        return self.tries

    def pid(self, *args: Any) -> int:
        return os.getpid()


my_port = 0


def serve(port: int) -> None:
    global my_port
    server = Server(Work, port=port, threads=4, max_connections=6000).start()
    my_port = int(server.endpoint.rpartition(":")[2])
    os.write(1, f"{os.getpid()} {server.endpoint}\n".encode())
    server.serve()


def main() -> None:
    # Those that died are not kept: nobody asks how they ended.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    pids = []
    while line := sys.stdin.readline():
        pid = os.fork()
        if pid == 0:
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
            null = os.open(os.devnull, os.O_RDWR)
            os.dup2(null, 0)
            os.dup2(null, 2)
            try:
                serve(int(line))
            finally:
                os._exit(0)
        pids.append(pid)
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


if __name__ == "__main__":
    main()
