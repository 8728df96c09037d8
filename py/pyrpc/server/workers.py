"""Several processes on one port, for stages that hold the GIL.

The front process accepts and hands each connection to the worker with the fewest, as a file descriptor over a unix
socket; from then on the worker talks to the caller by itself, so the front costs nothing per call and runs no code of
a stage. (Workers that all accept on one socket, or SO_REUSEPORT, leave it to chance who gets how many: with four
connections on two workers it is 4:0 one time in eight.) A worker that dies is replaced.
"""

from __future__ import annotations

import contextlib
import logging
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence

from pyrpc.errors import ConfigError
from pyrpc.transport.endpoint import Endpoint
from pyrpc.transport.listener import bind

_log = logging.getLogger("pyrpc.workers")
_READY, _CLOSED = b"r", b"-"
_START_S = 60.0
_RESPAWN_S = 0.5


class Worker:
    """One process and the unix socket to it."""

    def __init__(self, command: Sequence[str]) -> None:
        self.control, theirs = socket.socketpair()
        try:
            self.process = subprocess.Popen([*command, "--worker-fd", str(theirs.fileno())], pass_fds=[theirs.fileno()])
        finally:
            theirs.close()
        self.connections = 0
        self.is_ready = False

    def give(self, sock: socket.socket) -> bool:
        """Hand a connection over; False: the worker is gone."""
        try:
            socket.send_fds(self.control, [b"c"], [sock.fileno()])
        except OSError:
            return False
        self.connections += 1
        return True


class WorkerFront:
    """Accepts for N worker processes.

    Parameters
    ----------
    endpoint : Endpoint
        Where to listen; port 0: a free one.
    command : sequence of str
        Starts a worker; ``--worker-fd N`` is added.
    workers : int
    """

    def __init__(self, endpoint: Endpoint, command: Sequence[str], workers: int) -> None:
        if workers < 1:
            raise ConfigError("workers makes no sense", expected="at least 1", got=str(workers))
        self._wanted = endpoint
        self._command = list(command)
        self._count = workers
        self._lock = threading.Lock()
        self._workers: list[Worker] = []
        self._stopping = threading.Event()
        self.endpoint = endpoint

    def start(self) -> None:
        """Listen, and start the workers; returns when all are ready.

        Raises
        ------
        ConfigError
            The port is taken, or a worker ended before it was ready.
        """
        self._sock = bind(self._wanted)
        self.endpoint = Endpoint(self._wanted.host, self._sock.getsockname()[1])
        self._workers = [Worker(self._command) for _ in range(self._count)]
        until = time.monotonic() + _START_S
        for worker in self._workers:
            if not self._await_ready(worker, until):
                self.stop(0)
                raise ConfigError("a worker ended before it was ready; its message is above")
            threading.Thread(target=self._watch, args=(worker,), daemon=True).start()
        threading.Thread(target=self._accept, name="pyrpc-front", daemon=True).start()

    def _await_ready(self, worker: Worker, until: float) -> bool:
        worker.control.settimeout(max(0.1, until - time.monotonic()))
        try:
            worker.is_ready = worker.control.recv(1) == _READY
        except OSError:
            return False
        worker.control.settimeout(None)
        return worker.is_ready

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                sock, _ = self._sock.accept()
            except OSError:
                if self._stopping.wait(0.05):
                    return
                continue
            with sock:
                self._hand_over(sock)

    def _hand_over(self, sock: socket.socket) -> None:
        with self._lock:
            ready = sorted((w for w in self._workers if w.is_ready), key=lambda worker: worker.connections)
        for worker in ready:
            if worker.give(sock):
                return

    def _watch(self, worker: Worker) -> None:
        """Count the connections that a worker closes; replace it when it ends."""
        while True:
            try:
                news = worker.control.recv(4096)
            except OSError:
                news = b""
            if not news:
                break
            with self._lock:
                worker.connections -= news.count(_CLOSED)
        worker.is_ready = False
        worker.control.close()
        code = worker.process.wait()
        if not self._stopping.wait(_RESPAWN_S):
            _log.warning("worker %d ended with %d; starting another", worker.process.pid, code)
            self._replace(worker)

    def _replace(self, worker: Worker) -> None:
        fresh = Worker(self._command)
        with self._lock:
            self._workers[self._workers.index(worker)] = fresh
        self._await_ready(fresh, time.monotonic() + _START_S)
        self._watch(fresh)

    def wait(self, grace_s: float = 25.0) -> None:
        """Block until SIGTERM or SIGINT, then stop; call it from the main thread."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stopping.set())
        while not self._stopping.wait(1.0):
            pass
        self.stop(grace_s)

    def stop(self, grace_s: float = 25.0) -> None:
        """Stop accepting, let the workers finish what runs, and end them."""
        self._stopping.set()
        # close() alone would leave accept() asleep in its thread.
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()
        with self._lock:
            workers = list(self._workers)
        for worker in workers:
            worker.process.terminate()
        until = time.monotonic() + grace_s + 1
        for worker in workers:
            try:
                worker.process.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                worker.process.kill()
                worker.process.wait()


def worker_command(arguments: Sequence[str]) -> list[str]:
    """The command that starts a worker: this program again, with the same arguments."""
    return [sys.executable, "-m", "pyrpc", *arguments]


def adopt_connections(
    control: socket.socket, adopt: Callable[[socket.socket], None], on_end: Callable[[], None]
) -> None:
    """In a worker: say that it is ready, and take over connections in the background until the front is gone."""
    control.sendall(_READY)

    def loop() -> None:
        while True:
            try:
                data, descriptors, _, _ = socket.recv_fds(control, 1, 1)
            except OSError:
                data, descriptors = b"", []
            for descriptor in descriptors:
                adopt(socket.socket(fileno=descriptor))
            if not data:
                on_end()
                return

    threading.Thread(target=loop, name="pyrpc-adopt", daemon=True).start()


def tell_closed(control: socket.socket) -> None:
    """In a worker: tell the front that a connection ended."""
    with contextlib.suppress(OSError):
        control.send(_CLOSED)
