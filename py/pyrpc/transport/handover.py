"""How a front process hands connections to its workers: file descriptors over a unix socket.

The worker says ``r`` once it is ready, with a file in which it shows how many calls it runs, or ``e`` and why it cannot
be as JSON; then ``-`` for each connection that it closed, and ``d``, perhaps a number of milliseconds, and ``;`` when a
caller asks the node to go away. The front sends ``c`` with each connection, and ``s`` with a socket on which the worker
is to write what it has counted: a stream of its own, so that the two do not wait for each other. The end of the stream
tells either that the other one is gone.
"""

from __future__ import annotations

import array
import contextlib
import json
import os
import re
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pyrpc.errors import ConfigError
from pyrpc.transport.binding import bind
from pyrpc.transport.endpoint import Endpoint
from pyrpc.transport.load_board import read_load

Control = socket.socket
"""The worker's end of the unix socket."""

Connection = socket.socket
"""What is handed over."""

_READY, _FAILED, _CLOSED, _CONNECTION, _COUNTERS = b"r", b"e", b"-", b"c", b"s"
_DRAIN, _DRAIN_END = b"d", b";"
_RETRY_ACCEPT_S = 0.05
_MAX_FAILURE_BYTES = 256 * 1024
_MAX_COUNTERS_BYTES = 64 * 2**20
_TELL_COUNTERS_S = 1.0
_FAILURE_FIELDS = ("message", "expected", "got", "help", "remote_traceback")


@dataclass(frozen=True, slots=True)
class Drain:
    """A caller asked the node to go away; grace_s: for running calls, None: as always."""

    grace_s: float | None


@dataclass(frozen=True, slots=True)
class Word:
    """What a worker told: how many connections it closed, and whether the node is to go away."""

    closed: int
    drain: Drain | None


class Handover:
    """The front's end. ``give`` and ``end`` may be called from any thread, the others from one at a time."""

    def __init__(self, ours: socket.socket) -> None:
        self._sock = ours
        self._rest = b""
        # Where the worker shows how many calls it runs.
        self._load: int | None = None

    def await_ready(self) -> bool:
        """Block until the worker is ready; False: it ended without a word.

        Raises
        ------
        ConfigError
            Why it cannot start, as the worker told.
        """
        try:
            said, descriptors, _, _ = socket.recv_fds(self._sock, 1, 1)
        except OSError:
            return False
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)
            self._load = descriptor
        if said != _FAILED:
            return said == _READY
        text = b""
        while (more := self._receive(65536)) and len(text) < _MAX_FAILURE_BYTES:
            text += more
        try:
            fields = json.loads(text)
        except ValueError:
            return False
        raise ConfigError(fields.pop("message"), **fields)

    @property
    def running(self) -> int:
        """How many calls the worker runs now; 0 where that cannot be known."""
        return read_load(self._load)

    def give(self, connection: socket.socket) -> bool:
        """Hand a connection over without waiting; False: the worker is gone, or too busy to take any more."""
        return self._pass(_CONNECTION, connection)

    def ask_counters(self) -> socket.socket | None:
        """Ask the worker for what it has counted, without waiting; ``read_counters`` takes the answer.

        None: the worker is gone, or too busy.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            if self._pass(_COUNTERS, theirs):
                return ours
        ours.close()
        return None

    def _pass(self, what: bytes, sock: socket.socket) -> bool:
        rights = array.array("i", [sock.fileno()])
        try:
            # Not send_fds: it drops the flags before Python 3.12.
            self._sock.sendmsg([what], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)], socket.MSG_DONTWAIT)
        except OSError:
            return False
        return True

    def await_word(self) -> Word | None:
        """Block until the worker tells something; None: its end is closed."""
        said = self._receive(4096)
        if not said:
            return None
        # A request to go away may arrive in pieces.
        *asked, self._rest = re.split(_DRAIN_END, self._rest + said.replace(_CLOSED, b""))
        drain = _drain_of(asked[-1]) if asked else None
        return Word(said.count(_CLOSED), drain)

    def finish(self) -> None:
        """Tell the worker that no more connections come: it takes those that are on their way, finishes and ends."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)

    def end(self) -> None:
        """Wake whoever waits here, with the end of the stream."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close; the worker sees the end of the stream."""
        self._sock.close()
        load, self._load = self._load, None
        if load is not None:
            os.close(load)

    def _receive(self, size: int) -> bytes:
        try:
            return self._sock.recv(size)
        except OSError:
            return b""


def read_counters(answer: socket.socket, until: float) -> bytes | None:
    """All that the worker writes, until a moment of the monotonic clock; None: not in time, or nothing. Closes it."""
    parts: list[bytes] = []
    size = 0
    with answer:
        try:
            while size < _MAX_COUNTERS_BYTES:
                answer.settimeout(max(0.001, until - time.monotonic()))
                part = answer.recv(65536)
                if not part:
                    return b"".join(parts) or None
                parts.append(part)
                size += len(part)
        except OSError:
            pass
    return None


class Port:
    """A listening socket whose connections are given away.

    Raises
    ------
    ConfigError
        The port is taken, or the host is not of this machine.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._sock = bind(endpoint)
        # Another one may have taken what the selector saw.
        self._sock.setblocking(False)
        self._wake_out, self._wake_in = socket.socketpair()
        self.endpoint = Endpoint(endpoint.host, self._sock.getsockname()[1])
        self._is_iterated = False

    def connections(self) -> Iterator[socket.socket]:
        """Iterate once over new connections; each is closed when the next is asked for. Ends with ``close``."""
        self._is_iterated = True
        return self._accept()

    def _accept(self) -> Iterator[socket.socket]:
        with selectors.DefaultSelector() as selector, self._sock, self._wake_out:
            selector.register(self._sock, selectors.EVENT_READ)
            selector.register(self._wake_out, selectors.EVENT_READ)
            is_closing = False
            while True:
                # Whoever is connected already, as far as the kernel is concerned, has perhaps sent a call: closing the
                # port on it would reset it.
                is_closing = is_closing or any(key.fileobj is not self._sock for key, _ in selector.select())
                try:
                    connection, _ = self._sock.accept()
                except OSError:
                    if is_closing:
                        return
                    # No file descriptors, or the caller is gone again: never a busy loop.
                    selector.unregister(self._sock)
                    selector.select(_RETRY_ACCEPT_S)
                    selector.register(self._sock, selectors.EVENT_READ)
                    continue
                with connection:
                    yield connection

    def close(self) -> None:
        """Close the port, by ending the iteration if there is one; safe from any thread."""
        self._wake_in.close()
        if not self._is_iterated:
            self._wake_out.close()
            self._sock.close()


def handover_pair() -> tuple[Handover, Control]:
    """The two ends; the worker's is passed on to it by number."""
    ours, theirs = socket.socketpair()
    return Handover(ours), theirs


def open_control(descriptor: int) -> Control:
    """In a worker: its end, by the number that the front gave it.

    Raises
    ------
    ConfigError
        There is no such socket.
    """
    try:
        control = socket.socket(fileno=descriptor)
    except OSError as error:
        raise ConfigError("this option is for the workers that pyrpc starts itself", got=str(error)) from error
    # What a stage starts must not keep it open: the front would not see the worker's end.
    control.set_inheritable(False)
    return control


def tell_failure(control: Control, error: ConfigError) -> None:
    """In a worker: tell the front why it cannot start, and close."""
    text = json.dumps({name: getattr(error, name) for name in _FAILURE_FIELDS}).encode()
    with contextlib.suppress(OSError):
        control.sendall(_FAILED + text)
    control.close()


def adopt_connections(
    control: Control,
    adopt: Callable[[socket.socket], None],
    on_end: Callable[[], None],
    counters: Callable[[], bytes] = bytes,
    load: int | None = None,
) -> None:
    """In a worker: say that it is ready, and take over connections in the background until the front is gone.

    counters : what the worker tells when the front asks.
    load : the file in which it shows how many calls it runs (load_board.py).
    """
    with contextlib.suppress(OSError):
        if load is None:
            control.sendall(_READY)
        else:
            control.sendmsg([_READY], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [load]))])

    def loop() -> None:
        while _adopt_next(control, adopt, counters):
            pass
        on_end()

    threading.Thread(target=loop, name="pyrpc-adopt", daemon=True).start()


def _adopt_next(control: Control, adopt: Callable[[socket.socket], None], counters: Callable[[], bytes]) -> bool:
    try:
        # One byte at a time: each brings one connection.
        data, descriptors, _, _ = socket.recv_fds(control, 1, 1)
    except OSError:
        return False
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)
        connection = socket.socket(fileno=descriptor)
        if data == _COUNTERS:
            _tell_counters(connection, counters)
            continue
        try:
            connection.getpeername()
        except OSError:
            # The caller is gone already; nobody else would tell the front.
            connection.close()
            tell_closed(control)
        else:
            adopt(connection)
    return bool(data)


def _tell_counters(answer: socket.socket, counters: Callable[[], bytes]) -> None:
    # A front that has stopped to read must not keep this worker from its connections for long.
    with contextlib.suppress(OSError), answer:
        answer.settimeout(_TELL_COUNTERS_S)
        answer.sendall(counters())


def tell_drain(control: Control, grace_s: float | None) -> None:
    """In a worker: tell the front that a caller asks the node to go away."""
    text = b"" if grace_s is None else b"%d" % int(grace_s * 1000)
    with contextlib.suppress(OSError):
        control.sendall(_DRAIN + text + _DRAIN_END)


def _drain_of(text: bytes) -> Drain:
    digits = text.removeprefix(_DRAIN)
    return Drain(int(digits) / 1000 if digits.isdigit() else None)


def tell_closed(control: Control) -> None:
    """In a worker: tell the front that a connection ended."""
    with contextlib.suppress(OSError):
        control.send(_CLOSED)
