"""Starts nodes as processes of this machine, and makes sure that none is left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import IO

from pyrpc.errors import ConfigError

_READY = "listening on "
_START_S = 30.0
_STOP_S = 3.0

# One call at a time, as on a machine with one core: the next one waits on the node and costs no time on the way.
_OPTIONS = ("--port", "0", "--threads", "1")
# With a BLAS thread for each core in each node they would only get into each other's way. There are several names,
# as NumPy may have been built with any of these libraries.
_ONE_THREAD = dict.fromkeys(
    ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"
)


@dataclass(frozen=True, slots=True)
class Node:
    """A process that hosts stages."""

    name: str
    endpoint: str
    process: subprocess.Popen[str]


class Nodes:
    """Node processes on free ports; a context manager that starts and ends them.

    Parameters
    ----------
    service : str
        What they host, as ``pyrpc serve`` takes it: ``module:Object``.
    count : int

    Raises
    ------
    ConfigError
        On entering: a node did not start; with what it wrote.
    """

    def __init__(self, service: str, count: int) -> None:
        self._command = [sys.executable, "-m", "pyrpc", "serve", service, *_OPTIONS]
        self._count = count
        self._processes: list[subprocess.Popen[str]] = []
        self._nodes: list[Node] = []

    def __enter__(self) -> Nodes:
        try:
            with contextlib.ExitStack() as stack:
                # All begin at once; most of a start is Python's own.
                logs = [stack.enter_context(tempfile.TemporaryFile("w+")) for _ in range(self._count)]
                for log in logs:
                    self._processes.append(self._begin(log))
                for number, (process, log) in enumerate(zip(self._processes, logs, strict=True), 1):
                    self._nodes.append(Node(f"node {number}", _endpoint_of(process, log), process))
        except BaseException:
            self.stop()
            raise
        return self

    def _begin(self, log: IO[str]) -> subprocess.Popen[str]:
        # A session of its own: Ctrl-C in the terminal is for the demo alone, which then ends the nodes.
        return subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**os.environ, **_ONE_THREAD},
            start_new_session=True,
        )

    def __len__(self) -> int:
        return len(self._nodes)

    def __getitem__(self, index: int) -> Node:
        return self._nodes[index]

    def __iter__(self) -> Iterator[Node]:
        return iter(self._nodes)

    @property
    def endpoints(self) -> list[str]:
        """Where they listen."""
        return [node.endpoint for node in self._nodes]

    @property
    def names(self) -> dict[str, str]:
        """Their names by endpoint."""
        return {node.endpoint: node.name for node in self._nodes}

    def kill(self, index: int) -> None:
        """End one as a power cut would: no goodbye, nothing is finished."""
        self._nodes[index].process.send_signal(signal.SIGKILL)

    def stop(self) -> None:
        """End all: politely, then by force; by force at once when a second Ctrl-C comes."""
        for process in self._processes:
            process.terminate()
        try:
            for process in self._processes:
                _end(process)
        except BaseException:
            for process in self._processes:
                process.kill()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _endpoint_of(process: subprocess.Popen[str], log: IO[str]) -> str:
    """Read what a node says when it is ready."""
    assert process.stdout is not None
    # Ends a node that says nothing, and with that the wait for its line.
    timer = threading.Timer(_START_S, process.kill)
    timer.start()
    try:
        line = process.stdout.readline()
    finally:
        timer.cancel()
    if not line.startswith(_READY):
        log.seek(0)
        said = " / ".join([*line.splitlines(), *log.read().splitlines()[-3:]])
        raise ConfigError("a node of the demo did not start", expected=f"'{_READY}HOST:PORT'", got=said or "nothing")
    return line.removeprefix(_READY).strip()


def _end(process: subprocess.Popen[str]) -> None:
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()
