"""How a front process hands connections to its workers: file descriptors over a unix socket.

The worker says ``r`` once it is ready, or ``e`` and why it cannot be as JSON; then ``-`` for each connection that it
closed. The front sends ``c`` with each connection. The end of the stream tells either that the other one is gone.
"""

from __future__ import annotations

import array
import contextlib
import json
import os
import selectors
import socket
import threading
from collections.abc import Callable, Iterator

from pyrpc.errors import ConfigError
from pyrpc.transport.endpoint import Endpoint
from pyrpc.transport.listener import bind

Control = socket.socket
"""The worker's end of the unix socket."""

Connection = socket.socket
"""What is handed over."""

_READY, _FAILED, _CLOSED, _CONNECTION = b"r", b"e", b"-", b"c"
_RETRY_ACCEPT_S = 0.05
_MAX_FAILURE_BYTES = 256 * 1024
_FAILURE_FIELDS = ("message", "expected", "got", "help", "remote_traceback")


class Handover:
    """The front's end. ``give`` and ``end`` may be called from any thread, the others from one at a time."""

    def __init__(self, ours: socket.socket) -> None:
        self._sock = ours

    def await_ready(self) -> bool:
        """Block until the worker is ready; False: it ended without a word.

        Raises
        ------
        ConfigError
            Why it cannot start, as the worker told.
        """
        said = self._receive(1)
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

    def give(self, connection: socket.socket) -> bool:
        """Hand a connection over without waiting; False: the worker is gone, or too busy to take any more."""
        rights = array.array("i", [connection.fileno()])
        try:
            # Not send_fds: it drops the flags before Python 3.12.
            self._sock.sendmsg([_CONNECTION], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)], socket.MSG_DONTWAIT)
        except OSError:
            return False
        return True

    def await_closed(self) -> int:
        """Block until connections were closed and return how many; 0: the worker's end is closed."""
        return self._receive(4096).count(_CLOSED)

    def end(self) -> None:
        """Wake whoever waits here, with the end of the stream."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close; the worker sees the end of the stream."""
        self._sock.close()

    def _receive(self, size: int) -> bytes:
        try:
            return self._sock.recv(size)
        except OSError:
            return b""


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
            while all(key.fileobj is self._sock for key, _ in selector.select()):
                try:
                    connection, _ = self._sock.accept()
                except OSError:
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


def adopt_connections(control: Control, adopt: Callable[[socket.socket], None], on_end: Callable[[], None]) -> None:
    """In a worker: say that it is ready, and take over connections in the background until the front is gone."""
    with contextlib.suppress(OSError):
        control.sendall(_READY)

    def loop() -> None:
        while _adopt_next(control, adopt):
            pass
        on_end()

    threading.Thread(target=loop, name="pyrpc-adopt", daemon=True).start()


def _adopt_next(control: Control, adopt: Callable[[socket.socket], None]) -> bool:
    try:
        # One byte at a time: each brings one connection.
        data, descriptors, _, _ = socket.recv_fds(control, 1, 1)
    except OSError:
        return False
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)
        connection = socket.socket(fileno=descriptor)
        try:
            connection.getpeername()
        except OSError:
            # The caller is gone already; nobody else would tell the front.
            connection.close()
            tell_closed(control)
        else:
            adopt(connection)
    return bool(data)


def tell_closed(control: Control) -> None:
    """In a worker: tell the front that a connection ended."""
    with contextlib.suppress(OSError):
        control.send(_CLOSED)
