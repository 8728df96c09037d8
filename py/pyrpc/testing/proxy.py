"""A network that misbehaves, between a client and a node: late, torn, cut, lost or wrong bytes.

Real sockets and no root rights: the client connects to the proxy, the proxy to the node, and what happens to the
bytes in between is told by :class:`Faults`, for each direction.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Literal

from pyrpc.errors import ConfigError
from pyrpc.transport.binding import bind
from pyrpc.transport.endpoint import Endpoint

_WINDOW_BYTES = 65536
_CONNECT_S = 5.0
# Closing a socket with this option on sends a reset instead of the end of the stream.
_RESET_ON_CLOSE = struct.pack("@ii", 1, 0)

End = Literal["close", "reset", "drop"]


@dataclass(frozen=True, slots=True)
class Faults:
    """What happens to the bytes of one direction of a connection. Without arguments: nothing.

    Parameters
    ----------
    delay_s : float
        Each piece is held back so long, in seconds.
    slice_bytes : int, optional
        Forward in pieces of at most so many bytes.
    after_bytes : int, optional
        Forward so many bytes; as soon as there are more, do what ``then`` says.
    then : {"close", "reset", "drop"}
        End the connection in order, or by a reset, both directions of it; or swallow the rest while both ends
        believe the connection to be open.
    corrupt_at : int, optional
        Flip all bits of the byte at this offset.
    """

    delay_s: float = 0.0
    slice_bytes: int | None = None
    after_bytes: int | None = None
    then: End = "close"
    corrupt_at: int | None = None

    def __post_init__(self) -> None:
        if self.delay_s < 0 or (self.slice_bytes is not None and self.slice_bytes < 1):
            raise ConfigError("faults that make no sense", expected="delay_s >= 0, slice_bytes >= 1", got=repr(self))


class FaultProxy:
    """A TCP proxy before one node. A context manager; its methods may be called from any thread.

    Parameters
    ----------
    node : str
        ``host:port`` of the node. It is connected to anew for each connection of a client, so it may be restarted.

    Examples
    --------
    >>> from pyrpc import Client, Server
    >>> def double(x):
    ...     return 2 * x
    >>> with Server(double, port=0) as server, FaultProxy(server.endpoint) as proxy:
    ...     proxy.afflict(to_client=Faults(slice_bytes=1))
    ...     with Client(proxy.endpoint) as client:
    ...         client.call("double", 4)
    8
    """

    def __init__(self, node: str) -> None:
        self._node = Endpoint.parse(node)
        self._to_node = self._to_client = Faults()
        self._afflicted_left: int | None = None
        self._pairs: set[_Pair] = set()
        self._orders: deque[tuple[Callable[[], object], threading.Event]] = deque()
        self._is_held = False
        self._is_closing = False
        self.accepted = 0
        self._port = bind(Endpoint("127.0.0.1", 0))
        self._port.setblocking(False)
        self.endpoint = f"127.0.0.1:{self._port.getsockname()[1]}"
        self._wake_out, self._wake_in = socket.socketpair()
        self._thread = threading.Thread(target=self._loop, name="pyrpc-fault-proxy", daemon=True)
        self._thread.start()

    # -- what a test tells it

    def afflict(
        self, *, to_node: Faults | None = None, to_client: Faults | None = None, connections: int | None = None
    ) -> None:
        """Faults for the connections that are opened from now on; those that are open keep theirs.

        Parameters
        ----------
        to_node, to_client : Faults, optional
            For the bytes of calls, and for those of replies.
        connections : int, optional
            How many get them; later ones are in order. None: all.
        """

        def order() -> None:
            self._to_node, self._to_client = to_node or Faults(), to_client or Faults()
            self._afflicted_left = connections

        self._do(order)

    def heal(self) -> None:
        """From now on nothing happens to the bytes, in open connections too; what was swallowed stays lost."""

        def order() -> None:
            self._to_node = self._to_client = Faults()
            for pair in self._pairs:
                pair.heal()

        self._do(order)

    def cut(self) -> None:
        """Reset all open connections; new ones are taken."""

        def order() -> None:
            for pair in self._pairs:
                pair.close(reset=True)

        self._do(order)

    def hold(self) -> None:
        """Keep back all bytes of all connections, as a network does that is parted, until ``release``."""
        self._do(lambda: setattr(self, "_is_held", True))

    def release(self) -> None:
        """Forward what was kept back by ``hold``."""
        self._do(lambda: setattr(self, "_is_held", False))

    def close(self) -> None:
        """Close the port and all connections."""
        if self._thread.is_alive():
            self._do(lambda: setattr(self, "_is_closing", True))
            self._thread.join()

    def __enter__(self) -> FaultProxy:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _do(self, order: Callable[[], object]) -> None:
        """Let the proxy's own thread do it; returns when it is done."""
        is_done = threading.Event()
        self._orders.append((order, is_done))
        self._wake_in.send(b"\0")
        is_done.wait()

    # -- its thread

    def _loop(self) -> None:
        with selectors.DefaultSelector() as selector, self._port, self._wake_out, self._wake_in:
            selector.register(self._port, selectors.EVENT_READ)
            selector.register(self._wake_out, selectors.EVENT_READ)
            while not self._is_closing:
                now = time.monotonic()
                for pair in list(self._pairs):
                    pair.arrange(selector, now, self._is_held)
                self._pairs = {pair for pair in self._pairs if not pair.is_closed}
                ready_at = min((pair.ready_at(now) for pair in self._pairs), default=float("inf"))
                timeout_s = None if ready_at == float("inf") else ready_at - now
                for key, events in selector.select(timeout_s):
                    if key.fileobj is self._port:
                        self._accept(selector)
                    elif key.fileobj is self._wake_out:
                        self._wake_out.recv(1)
                        self._obey()
                    else:
                        key.data.on_events(key.fileobj, events)
            for pair in self._pairs:
                pair.close(reset=False)

    def _obey(self) -> None:
        order, is_done = self._orders.popleft()
        try:
            order()
        finally:
            is_done.set()

    def _accept(self, selector: selectors.BaseSelector) -> None:
        try:
            client, _ = self._port.accept()
        except OSError:
            return
        self.accepted += 1
        try:
            node = socket.create_connection((self._node.host, self._node.port), _CONNECT_S)
        except OSError:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            client.close()
            return
        for sock in (client, node):
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        to_node, to_client = self._faults_of_next()
        self._pairs.add(_Pair(selector, _Stream(client, node, to_node), _Stream(node, client, to_client)))

    def _faults_of_next(self) -> tuple[Faults, Faults]:
        if self._afflicted_left is None:
            return self._to_node, self._to_client
        if self._afflicted_left == 0:
            return Faults(), Faults()
        self._afflicted_left -= 1
        return self._to_node, self._to_client


class _Stream:
    """One direction of a connection: bytes that came and are to go on."""

    def __init__(self, source: socket.socket, target: socket.socket, faults: Faults) -> None:
        self.source = source
        self.target = target
        self.faults = faults
        self.pending = bytearray()
        self.came = 0
        self.ready_at = 0.0
        self.is_ended = False
        self._is_end_passed_on = False
        # What becomes of the connection when the pending bytes are gone.
        self.then: End | None = None

    @property
    def wants_more(self) -> bool:
        return not self.is_ended and self.then in (None, "drop") and len(self.pending) < _WINDOW_BYTES

    def may_send(self, now: float, is_held: bool) -> bool:
        return bool(self.pending) and not is_held and now >= self.ready_at

    def receive(self) -> None:
        """Take what came and spoil it."""
        data = bytearray(self.source.recv(_WINDOW_BYTES))
        if not data:
            self.is_ended = True
            return
        if self.then == "drop":
            return
        faults, first = self.faults, self.came
        self.came += len(data)
        if faults.corrupt_at is not None and first <= faults.corrupt_at < self.came:
            data[faults.corrupt_at - first] ^= 0xFF
        if faults.after_bytes is not None and self.came > faults.after_bytes:
            self.then = faults.then
            del data[max(0, faults.after_bytes - first) :]
        if data and not self.pending:
            self.ready_at = time.monotonic() + faults.delay_s
        self.pending += data

    def send(self) -> None:
        """Forward one piece."""
        sent = self.target.send(self.pending[: self.faults.slice_bytes or _WINDOW_BYTES])
        del self.pending[:sent]
        self.ready_at = time.monotonic() + self.faults.delay_s

    def pass_end_on(self) -> None:
        """Tell the target that nothing follows."""
        if not self._is_end_passed_on:
            self._is_end_passed_on = True
            with contextlib.suppress(OSError):
                self.target.shutdown(socket.SHUT_WR)


class _Pair:
    """The two sockets of one connection, and its two streams."""

    def __init__(self, selector: selectors.BaseSelector, to_node: _Stream, to_client: _Stream) -> None:
        self._selector = selector
        self._streams = (to_node, to_client)
        self._interest: dict[socket.socket, int] = {}
        self.is_closed = False

    def heal(self) -> None:
        for stream in self._streams:
            stream.faults = Faults()
            stream.then = None if stream.then == "drop" else stream.then

    def ready_at(self, now: float) -> float:
        """When a delay is over that something waits for."""
        waiting = [stream.ready_at for stream in self._streams if stream.pending and stream.ready_at > now]
        return min(waiting, default=float("inf"))

    def arrange(self, selector: selectors.BaseSelector, now: float, is_held: bool) -> None:
        """Do what is to be done once bytes are gone, and say which events are of interest."""
        self._end_streams()
        if self.is_closed:
            return
        for stream, other in (self._streams, self._streams[::-1]):
            wanted = selectors.EVENT_READ * stream.wants_more
            wanted |= selectors.EVENT_WRITE * other.may_send(now, is_held)
            self._set_interest(stream.source, wanted)

    def _set_interest(self, sock: socket.socket, wanted: int) -> None:
        known = self._interest.get(sock, 0)
        if wanted == known:
            return
        if not known:
            self._selector.register(sock, wanted, self)
        elif wanted:
            self._selector.modify(sock, wanted, self)
        else:
            self._selector.unregister(sock)
        self._interest[sock] = wanted

    def _end_streams(self) -> None:
        for stream in self._streams:
            if not stream.pending and stream.then in ("close", "reset"):
                self.close(reset=stream.then == "reset")
                return
        if all(stream.is_ended and not stream.pending for stream in self._streams):
            self.close(reset=False)
            return
        for stream in self._streams:
            if stream.is_ended and not stream.pending and stream.then is None:
                stream.pass_end_on()

    def on_events(self, sock: object, events: int) -> None:
        if self.is_closed:
            return
        incoming, outgoing = self._streams if sock is self._streams[0].source else self._streams[::-1]
        try:
            if events & selectors.EVENT_WRITE and outgoing.pending:
                outgoing.send()
            if events & selectors.EVENT_READ:
                incoming.receive()
        except BlockingIOError:
            pass
        except OSError:
            self.close(reset=True)

    def close(self, *, reset: bool) -> None:
        if self.is_closed:
            return
        self.is_closed = True
        for stream in self._streams:
            self._set_interest(stream.source, 0)
            if reset:
                stream.source.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            stream.source.close()
