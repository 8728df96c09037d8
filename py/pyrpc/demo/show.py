"""The demo from beginning to end: what is done in which order, and what is told of it."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import FrameType
from typing import Protocol

from pyrpc.client import Client
from pyrpc.client.progress import Progress
from pyrpc.demo.data import Pictures, check_installed, load
from pyrpc.demo.failure import Failure, PowerCut
from pyrpc.demo.in_process import InProcess
from pyrpc.demo.job import Result, comparison, run_job
from pyrpc.demo.nodes import Nodes
from pyrpc.demo.on_nodes import OnNodes
from pyrpc.demo.picture import save_picture
from pyrpc.demo.report import equality_line, node_table, stage_table
from pyrpc.demo.timeline import Timeline
from pyrpc.errors import ConfigError

_SERVICE = "pyrpc.demo.stages:Digits"
# Poses of each scan, iterations of training: about 20 seconds in all, or a few.
_FULL = 16, 40
_QUICK = 2, 6

_NEXT = """\
pyrpc serve pyrpc.demo.stages:Digits   a node like those above, on port 9090
pyrpc ls 127.0.0.1:9090                (in another terminal) what it hosts
pyrpc stats 127.0.0.1:9090             what it has done so far
pyrpc serve YOUR_MODULE:YOUR_CLASS     your own code in its place
README.md, examples/, docs/            how to call it, also from other languages"""


class Terminal(Protocol):
    """What the command line knows better: how tables and progress are shown here."""

    def table(self, columns: list[str], rows: list[list[str]]) -> None:
        """Print a table; a column whose name begins with ``>`` is flushed right."""
        ...

    def progress(self, label: str) -> AbstractContextManager[Progress | None]:
        """What to tell of the progress of a stage."""
        ...


class Show:
    """Runs the demo and tells of it on stdout.

    Parameters
    ----------
    node_count : int
        At least 2: one is killed.
    picture : Path
        Where to save the picture.
    terminal : Terminal
    is_quick : bool
        Much less work.
    """

    def __init__(self, node_count: int, picture: Path, terminal: Terminal, *, is_quick: bool = False) -> None:
        self._node_count = node_count
        self._picture = picture
        self._terminal = terminal
        self._poses, self._iterations = _QUICK if is_quick else _FULL

    def run(self) -> int:
        """All of it.

        Returns
        -------
        int
            0: all results were equal; 1: they were not.

        Raises
        ------
        ConfigError
            Packages are missing, the picture cannot be saved, a node did not start.
        """
        check_installed()
        _check_writable(self._picture)
        with _ended_by_signals():
            return self._run()

    def _run(self) -> int:
        _heading("pyrpc demo: which digit is it?")
        pictures = load(self._poses)
        _tell_of_pictures(pictures, self._poses)
        began = time.monotonic()
        with Nodes(_SERVICE, self._node_count) as nodes, Client(nodes.endpoints, tls=False) as client:
            _tell_of_nodes(nodes, time.monotonic() - began)
            alone, first, second = Timeline(), Timeline(), Timeline()

            _heading(f"\nJob 1 on {len(nodes)} nodes: preprocess, extract features, train, predict")
            result = run_job(pictures, OnNodes(client, first, self._terminal.progress), self._iterations)
            _say("The same in one process: plain calls of the same methods")
            expected = run_job(pictures, InProcess(alone, self._terminal.progress), self._iterations)
            same = comparison(result, expected)
            self._tell_of_work(first, alone, nodes)
            _tell_of_result(result, expected, pictures, same)

            index = len(nodes) // 2
            _heading(f"\nJob 2: the same once more, but {nodes[index].name} is killed in the middle of training")
            # Not at the end of an iteration, when no chunk is on its way.
            cut = PowerCut(nodes, index, "train", (self._iterations // 2 + 0.3) / self._iterations, second)
            on_nodes = OnNodes(client, second, self._terminal.progress, cut.watch)
            again = run_job(pictures, on_nodes, self._iterations)
            failure = cut.consequences()
            same_again = comparison(again, result)
            _tell_of_failure(failure, nodes, first, second, same_again)
        save_picture(self._picture, nodes.names, alone, first, second, failure)
        _say(f"\npicture   {self._picture}: what went where over time")
        if not all([*same.values(), *same_again.values()]):
            print("pyrpc demo: results differ that must be equal; see DIFFERENT above", file=sys.stderr)
            return 1
        _heading("\nWhat to run next")
        _say(_NEXT)
        return 0

    def _tell_of_work(self, first: Timeline, alone: Timeline, nodes: Nodes) -> None:
        _say("")
        self._terminal.table(*stage_table(first, alone))
        _say(f"train: {self._iterations} reductions of the gradients of all rows; MB moved: to and fro;")
        _say("alone: in one process. A stage gains as far as work on its rows costs more than")
        _say("to move them.\n")
        self._terminal.table(*node_table(first, nodes.names))


def _tell_of_pictures(pictures: Pictures, poses: int) -> None:
    total = pictures.train_scans + pictures.held_out_rows
    _say(f"pictures  {total:,} scans of handwritten digits, 8 x 8 pixels, from scikit-learn")
    _say(f"training  with {pictures.train_scans:,} of them, each in {poses} poses: {pictures.train_rows:,} rows")
    _say(f"held out  the other {pictures.held_out_rows}")


def _tell_of_nodes(nodes: Nodes, took_s: float) -> None:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    _say(f"nodes     {len(nodes)} processes with one thread each, started in {took_s:.1f} s; this machine has")
    _say(f"          {cores} cores: if nothing else runs on it, the gain is at most {min(cores, len(nodes))} x")
    for node in nodes:
        _say(f"          {node.name}: {node.endpoint}, pid {node.process.pid}")


def _tell_of_result(result: Result, expected: Result, pictures: Pictures, same: dict[str, bool]) -> None:
    _say(f"\naccuracy  {result.accuracy:.1%} of the held-out scans on nodes, {expected.accuracy:.1%} in one process")
    _say(f"          (always saying the most frequent digit: {pictures.majority:.1%})")
    _say(f"checked   {equality_line(same)}")


def _tell_of_failure(
    failure: Failure, nodes: Nodes, first: Timeline, second: Timeline, same_again: dict[str, bool]
) -> None:
    name = nodes.names[failure.endpoint]
    _say(f"killed    {name} (SIGKILL), {failure.at_s:.1f} s after the job began")
    _say(f"resent    {failure.sent_again} chunks, to other nodes: {failure.lost} that {name} had when it was killed,")
    _say(f"          {failure.refused} that found nobody there in the reductions that followed")
    if failure.hedged:
        _say(f"          and {failure.hedged} that were not lost, only slow")
    _say(f"took      {second.took_s:.2f} s, with all nodes {first.took_s:.2f} s")
    _say(f"checked   {equality_line(same_again)}")


def _heading(text: str) -> None:
    is_bold = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    _say(f"\033[1m{text}\033[0m" if is_bold else text)


def _say(text: str) -> None:
    # At once: bars go to stderr, and a person reads both in the order of time.
    print(text, flush=True)


def _check_writable(path: Path) -> None:
    """Better now than after all the work."""
    if not path.parent.is_dir() or path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise ConfigError(
            f"the picture cannot be saved as {path}", help="pass a file in a folder that is there: --picture PATH"
        )


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """SIGTERM and SIGHUP unwind the stack as Ctrl-C does, so that the nodes are ended."""

    def leave(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    numbers = [signal.SIGTERM, signal.SIGHUP]
    before = [signal.signal(number, leave) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
