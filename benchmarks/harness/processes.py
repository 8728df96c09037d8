"""Child processes of a benchmark: pinned, with a ready line, asked over pipes, killed at the end, bounded in time."""

from __future__ import annotations

import ctypes
import importlib.util
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

TOP = Path(__file__).resolve().parents[2]
READY_S = 60.0
ANSWER_S = 60.0
# Set on some machines to make OpenBLAS behave like another one's; they would change what NumPy measures.
_UNSET = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")

_PR_SET_TIMERSLACK = 29
_SLACK_NS = 1000


class ChildFailedError(RuntimeError):
    """A child died, answered an error or took too long."""


def environment() -> dict[str, str]:
    """The environment of all measured processes; pyrpc is the one that this process would import, or this tree's."""
    env = {name: value for name, value in os.environ.items() if name not in _UNSET}
    found = importlib.util.find_spec("pyrpc")
    package = Path(found.origin).parent if found is not None and found.origin else TOP / "py" / "pyrpc"
    paths = [str(TOP), env.get("PYTHONPATH", ""), str(package.parent)]
    env["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    return env


@contextmanager
def sharp_timers() -> Iterator[None]:
    """Sleeps of this thread, and of processes that it starts meanwhile, end within 1 us of their time.

    Linux may let them end 50 us late, which is as much as the call that follows takes.
    """
    prctl = ctypes.CDLL(None).prctl
    prctl(_PR_SET_TIMERSLACK, ctypes.c_ulong(_SLACK_NS))
    try:
        yield
    finally:
        prctl(_PR_SET_TIMERSLACK, ctypes.c_ulong(0))  # what it was at first


class Child:
    """A process that reads lines on stdin, answers lines on stdout, and ends when its stdin ends.

    Parameters
    ----------
    command : list of str
        What to run.
    cores : iterable of int
        The cores it may use, from before its first instruction on.
    end_s : float
        How long it may take to end by itself, in seconds.
    """

    def __init__(self, command: list[str], cores: Iterable[int], end_s: float = 1.0) -> None:
        self._end_s = end_s
        self._name = " ".join(command[-3:])
        self._pending = b""
        allowed = set(cores)
        # Pinned by its own first lines would be too late: libraries look at the cores when they are loaded.
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, allowed)
        try:
            with sharp_timers():
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    env=environment(),
                    cwd=TOP,
                    start_new_session=True,
                )
        finally:
            os.sched_setaffinity(0, before)
        self.pid = self._process.pid

    @classmethod
    def python(cls, module: str, *arguments: str, cores: Iterable[int]) -> Child:
        """A child that runs a module of the benchmarks with this interpreter."""
        return cls([sys.executable, "-m", module, *arguments], cores)

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process and whatever it started, at first politely."""
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.close()
        except BrokenPipeError:
            pass
        try:
            self._process.wait(self._end_s)
        except subprocess.TimeoutExpired:
            pass
        try:
            # The group: also a child's child that outlived it.
            os.killpg(self.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        self._process.wait()
        self._process.stdout.close()

    def say(self, line: str) -> None:
        """Write one line to it."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise ChildFailedError(f"{self._name}: died") from None

    def hear(self, within_s: float = ANSWER_S) -> str:
        """The next line it writes."""
        assert self._process.stdout is not None
        fd = self._process.stdout.fileno()
        stop_at = time.monotonic() + within_s
        while b"\n" not in self._pending:
            left = stop_at - time.monotonic()
            if left <= 0 or not select.select([fd], [], [], left)[0]:
                raise ChildFailedError(f"{self._name}: no answer within {within_s:g} s")
            got = os.read(fd, 65536)
            if not got:
                raise ChildFailedError(f"{self._name}: died with status {self._process.wait()}")
            self._pending += got
        line, _, self._pending = self._pending.partition(b"\n")
        return line.decode()


class Node(Child):
    """A server process of a peer; ``endpoint`` is where it listens."""

    def __init__(self, peer: str, cores: Iterable[int]) -> None:
        super().__init__([sys.executable, "-m", "benchmarks.peers.serve", peer], cores)
        try:
            word, _, self.endpoint = self.hear(READY_S).partition(" ")
            if word != "ready":
                raise ChildFailedError(f"{peer}: said {word!r} instead of ready")
        except BaseException:
            self.close()
            raise


class Driver(Child):
    """A client process of a peer, which does and times what it is asked.

    Parameters
    ----------
    command : list of str, optional
        What to run with the peer and the endpoints as arguments, if it is not a module of the benchmarks.
    """

    def __init__(
        self,
        peer: str,
        endpoints: list[str],
        cores: Iterable[int],
        end_s: float = 1.0,
        command: list[str] | None = None,
    ) -> None:
        program = command or [sys.executable, "-m", "benchmarks.peers.drive"]
        super().__init__([*program, peer, *endpoints], cores, end_s)
        try:
            self.hear(READY_S)
        except BaseException:
            self.close()
            raise

    def ask(self, what: str, **arguments: Any) -> Any:
        """Have it do something and give what it answers.

        Raises
        ------
        ChildFailedError
            What it was asked raised; the message is the error's.
        """
        self.begin(what, **arguments)
        return self.answer(what)

    def begin(self, what: str, **arguments: Any) -> None:
        """Have it do something; ``answer`` waits for the end of it."""
        self.say(json.dumps({"do": what, **arguments}))

    def answer(self, what: str, within_s: float = ANSWER_S) -> Any:
        """What it answers to what was begun; ChildFailedError as for ``ask``."""
        answer = json.loads(self.hear(within_s))
        if "error" in answer:
            raise ChildFailedError(f"{self._name}: {what}: {answer['error']}")
        return answer["value"]
