"""Several processes on one port, for stages that hold the GIL.

The front process accepts and hands each connection to the worker with the least to do, as a file descriptor over a unix
socket; from then on the worker talks to the caller by itself, so the front costs nothing per call and runs no code of
a stage. (Workers that all accept on one socket, or SO_REUSEPORT, leave it to chance who gets how many: with four
connections on two workers it is 4:0 one time in eight.) A worker that dies is replaced.

A worker is a session of its own: Ctrl-C in a terminal reaches the front alone, which lets the workers finish what they
run. A worker whose front is gone, however it went, sees the end of their unix socket, finishes and ends.
"""

from __future__ import annotations

import itertools
import logging
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence

from pyrpc.errors import ConfigError
from pyrpc.server.events import tell
from pyrpc.transport.endpoint import Endpoint
from pyrpc.transport.handover import (
    Connection,
    Control,
    Port,
    adopt_connections,
    handover_pair,
    open_control,
    tell_closed,
    tell_drain,
    tell_failure,
)

__all__ = [
    "Control",
    "WorkerFront",
    "adopt_connections",
    "open_control",
    "respawn_delay_s",
    "tell_closed",
    "tell_drain",
    "tell_failure",
    "worker_command",
]

_log = logging.getLogger("pyrpc.workers")

# As a node without workers; more wait in the kernel's backlog.
_MAX_CONNECTIONS = 1024
# A call that runs now keeps a new connection away as so many connections do that may only rest. More, and one long call
# would send everybody else to the other workers.
_CALL_WEIGHT = 4
# How long a connection waits for a worker to be replaced before its caller is sent elsewhere.
_NO_WORKER_S = 5.0
_FIRST_RESPAWN_S, _LAST_RESPAWN_S = 0.1, 30.0
# A worker that lived as long did not die of its start.
_PROVEN_S = 10.0
# For the connections in the backlog when the port is closed.
_LAST_ACCEPT_S = 1.0
# Beyond the grace time: from the last answer to the end of the process.
_LEAVING_S = 2.0
_STDERR_FD = 2


class Worker:
    """One process, and what the front knows of it. The counters belong to the front's lock."""

    def __init__(self, command: Sequence[str]) -> None:
        self.handover, theirs = handover_pair()
        try:
            descriptor = theirs.fileno()
            self.process = subprocess.Popen(
                [*command, "--worker-fd", str(descriptor)],
                pass_fds=[descriptor],
                stdin=subprocess.DEVNULL,
                # Standard output is for the front's one line.
                stdout=_STDERR_FD,
                start_new_session=True,
            )
        except BaseException:
            self.handover.close()
            raise
        finally:
            theirs.close()
        self.started_at = time.monotonic()
        self.connections = 0
        self.turn = 0
        self.is_ready = False
        # A caller asked it to drain the node, and may wait on its connection until all of the node has ended.
        self.is_asked = False
        threading.Thread(target=self._await_end, name="pyrpc-worker-end", daemon=True).start()

    def _await_end(self) -> None:
        # The process and not its socket tells: a child that the worker forked keeps that open.
        self.process.wait()
        self.handover.end()

    def end(self, until: float) -> None:
        """Wait for its end, and bring it about when the time has come; until: on the monotonic clock, in seconds."""
        try:
            self.process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.handover.end()
        self.handover.close()

    @property
    def age_s(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self.started_at


class WorkerFront:
    """Accepts for N worker processes.

    Parameters
    ----------
    endpoint : Endpoint
        Where to listen; port 0: a free one.
    command : sequence of str
        Starts a worker; ``--worker-fd N`` is added. See :func:`worker_command`.
    workers : int
    max_connections : int, optional
        Of each worker; more wait in the kernel's backlog. By default 1024.
    """

    def __init__(
        self, endpoint: Endpoint, command: Sequence[str], workers: int, max_connections: int | None = None
    ) -> None:
        if workers < 1:
            raise ConfigError("workers makes no sense", expected="at least 1", got=str(workers))
        self._wanted = endpoint
        self._command = list(command)
        self._count = workers
        self._max_connections = max_connections or _MAX_CONNECTIONS
        # For the list, the workers' counters and is_ready, and is_stopping.
        self._changed = threading.Condition()
        self._workers: list[Worker] = []
        self._turns = itertools.count(1)
        self._accepting: threading.Thread | None = None
        self._is_stopping = False
        self._stopping = threading.Event()
        self.deaths = 0
        self.endpoint = endpoint
        # Told when a caller asks the node to go away, with the seconds that running calls get (None: as always); must
        # lead to ``stop``.
        self.on_drain: Callable[[float | None], object] = lambda grace_s: None

    # -- life

    def start(self) -> None:
        """Listen, and start the workers; returns when all are ready, however long their imports take.

        Raises
        ------
        ConfigError
            The port is taken, or a worker cannot start, with its own reason. No worker is left then.
        """
        self._port = Port(self._wanted)
        self.endpoint = self._port.endpoint
        try:
            for _ in range(self._count):
                self._workers.append(Worker(self._command))
            for worker in self._workers:
                _await_first_ready(worker)
        except BaseException:
            self.kill()
            self.stop(0)
            raise
        for worker in self._workers:
            threading.Thread(target=self._keep, args=(worker,), name="pyrpc-worker", daemon=True).start()
        self._accepting = threading.Thread(
            target=self._accept, args=(self._port.connections(),), name="pyrpc-front", daemon=True
        )
        self._accepting.start()

    def stop(self, grace_s: float = 25.0) -> None:
        """Stop accepting, let the workers finish what runs, at most grace_s, and end them. May be called twice.

        A worker that was asked to drain the node ends last: it refuses calls already, and whoever asked it sees by the
        end of the connection that the node has finished.
        """
        self._port.close()
        if self._accepting is not None:
            # Callers that are connected already are told by a worker that the node goes away.
            self._accepting.join(_LAST_ACCEPT_S)
        with self._changed:
            self._is_stopping = True
            workers = list(self._workers)
            self._changed.notify_all()
        self._stopping.set()
        # A worker cuts off by itself what is not done after grace_s.
        until = time.monotonic() + grace_s + _LEAVING_S
        _finish([worker for worker in workers if not worker.is_asked], until)
        _finish([worker for worker in workers if worker.is_asked], until)

    def kill(self) -> None:
        """End the workers at once. Takes no lock: a signal handler may call it."""
        for worker in self._workers:
            worker.process.kill()

    def ask_counters(self) -> list[tuple[int, Connection | None]]:
        """Ask each worker for what it has counted: its pid, and the socket for ``read_counters`` (None: it is gone)."""
        with self._changed:
            ready = [worker for worker in self._workers if worker.is_ready]
        return [(worker.process.pid, worker.handover.ask_counters()) for worker in ready]

    # -- connections

    def _accept(self, connections: Iterator[Connection]) -> None:
        for connection in connections:
            until = time.monotonic() + _NO_WORKER_S
            refusing: list[Worker] = []
            while (worker := self._take_turn(refusing, until)) is not None and not worker.handover.give(connection):
                refusing.append(worker)
                self._closed(worker, 1)

    def _take_turn(self, refusing: list[Worker], until: float) -> Worker | None:
        """The worker for a next connection; None: there will be none in time.

        1. Of those with the least to do, which are connections and the calls that run now, the one whose turn was
           longest ago: short connections one after the other would all go to the first else.
        2. All are full: wait for a connection to end, however long.
        3. None is there: wait for one to be replaced, but not for ever; the caller may have other nodes.
        """
        running = self._running()
        with self._changed:
            while not self._is_stopping:
                ready = [worker for worker in self._workers if worker.is_ready and worker not in refusing]
                free = [worker for worker in ready if worker.connections < self._max_connections]
                if free:
                    chosen = min(free, key=lambda worker: (worker.connections + running(worker), worker.turn))
                    chosen.connections += 1
                    chosen.turn = next(self._turns)
                    return chosen
                left_s = until - time.monotonic()
                if not ready and left_s <= 0:
                    return None
                self._changed.wait(None if ready else left_s)
        return None

    def _running(self) -> Callable[[Worker], int]:
        """How much each worker is kept from a new connection by what it runs now."""
        weights = {worker: _CALL_WEIGHT * worker.handover.running for worker in list(self._workers)}
        return lambda worker: weights.get(worker, 0)

    def _closed(self, worker: Worker, connections: int) -> None:
        with self._changed:
            worker.connections -= connections
            self._changed.notify_all()

    # -- replacement

    def _keep(self, worker: Worker) -> None:
        """Count the connections that a worker closes, and replace it when it ends; one thread a worker."""
        deaths = 0
        while True:
            while said := worker.handover.await_word():
                if said.closed:
                    self._closed(worker, said.closed)
                if said.drain is not None:
                    with self._changed:
                        worker.is_asked = True
                    self.on_drain(said.drain.grace_s)
            with self._changed:
                worker.is_ready = False
            ending = _ending(worker.process.wait())
            worker.handover.close()
            deaths = 0 if worker.age_s > _PROVEN_S else deaths + 1
            if self._is_stopping:
                return
            with self._changed:
                self.deaths += 1
            tell(_log, logging.WARNING, "worker died", worker=worker.process.pid, ending=ending)
            fresh = self._replacement(worker, deaths)
            if fresh is None:
                return
            worker = fresh

    def _replacement(self, dead: Worker, deaths: int) -> Worker | None:
        """Start a worker in the place of a dead one; None: the front is stopping."""
        while not self._stopping.wait(respawn_delay_s(deaths)):
            try:
                fresh = Worker(self._command)
            except OSError as error:
                tell(_log, logging.WARNING, "worker not started", error=str(error))
                deaths += 1
                continue
            with self._changed:
                is_wanted = not self._is_stopping
                if is_wanted:
                    self._workers[self._workers.index(dead)] = fresh
            if not is_wanted:
                fresh.end(0)
                return None
            try:
                is_ready = fresh.handover.await_ready()
            except ConfigError as error:
                tell(_log, logging.WARNING, "worker not ready", worker=fresh.process.pid, error=str(error))
                is_ready = False
            if is_ready:
                tell(_log, logging.INFO, "worker replaced", worker=fresh.process.pid, died=dead.process.pid)
            with self._changed:
                fresh.is_ready = is_ready
                self._changed.notify_all()
            return fresh
        return None


def _finish(workers: list[Worker], until: float) -> None:
    """Let workers finish, and wait for their ends."""
    for worker in workers:
        # By a signal it could end before it has taken the connections that are on their way to it.
        if worker.is_ready:
            worker.handover.finish()
        else:
            worker.process.terminate()
    for worker in workers:
        worker.end(until)


def respawn_delay_s(deaths: int) -> float:
    """Seconds before a worker is replaced, by how many before it in a row died young.

    None for the first, so that one crash costs little; then doubling, so that a stage whose import has come to fail
    does not keep a core busy.
    """
    return 0.0 if deaths <= 1 else min(_FIRST_RESPAWN_S * 2.0 ** (deaths - 2), _LAST_RESPAWN_S)


def worker_command(arguments: Sequence[str]) -> list[str]:
    """The command that starts a worker: this program again, with the same arguments."""
    return [sys.executable, "-m", "pyrpc", *arguments]


def _await_first_ready(worker: Worker) -> None:
    if not worker.handover.await_ready():
        raise ConfigError(
            f"a worker {_ending(worker.process.wait())} before it was ready",
            help="without --workers the same happens in one process, where it is easier to look at",
        )
    worker.is_ready = True


def _ending(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"
