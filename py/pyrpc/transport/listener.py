"""The node's end: accepts connections and reads frames.

Idle connections wait in one selector and hold no thread. A connection that has something to say goes to a thread
that stays with it for a moment after each answer, so that a caller who calls again and again pays no hand-off. There
are as many threads as connections are busy, at most one for each connection allowed; how many calls *run* at the
same time is decided above, in server/admission.py. So a ping is answered while all the stages are busy.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import select
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable

from pyrpc.transport.binding import bind
from pyrpc.transport.endpoint import Endpoint
from pyrpc.transport.patience import Patience
from pyrpc.transport.stream import (
    SocketSource,
    StreamSocket,
    has_peer_closed,
    send_all,
    send_frame,
    set_timeouts,
)
from pyrpc.transport.threads import ThreadCache
from pyrpc.wire.codec import Codec, Parts

_log = logging.getLogger("pyrpc.listener")

_LINGER_S = 0.05
# Beyond the linger time, after which a caller looks at its connection before it sends on it.
_MARGIN_S = 0.03
_LEAVING_S = 5.0
_HELD_FRAMES = 64
_HELD_S = 0.001
_DRAIN_S = 1.0
_DRAIN_BYTES = 64 * 2**20
_SWEEP_S = 5.0
_RETRY_ACCEPT_S = 0.1
_PATIENCE = Patience()


class _CallSource(SocketSource):
    """Frames from a caller. Each byte that comes gives it time for more: slow networks are none of its fault."""

    __slots__ = ("min_bytes_per_s",)

    # Larger pieces that come too seldom leave time to sleep; a node that was stopped for a while finds them waiting.
    slow_bytes = 1024

    def __init__(self, sock: StreamSocket) -> None:
        super().__init__(sock)
        self.min_bytes_per_s = _PATIENCE.min_bytes_per_s

    def receive(self, target: memoryview) -> int:
        got = super().receive(target)
        self.deadline_at += got / self.min_bytes_per_s
        return got


class Channel:
    """One connection at the node; used by one thread at a time."""

    # When the listener cuts it unless a handshake is done by then; on the system's clock.
    greet_until = float("inf")
    patience = _PATIENCE
    # In which protocol the caller spoke last; None: in none yet.
    codec: Codec | None = None
    # What the layer above remembers of who calls.
    caller: object = None

    def __init__(self, sock: StreamSocket, peer: str) -> None:
        self.sock = sock
        self.peer = peer
        self.source = _CallSource(sock)
        self.bytes_sent = 0
        # Since when it waits for a call; inf while a thread is with it.
        self.rested_at = time.monotonic()
        # From the first byte of a call to the last of its answer.
        self.is_busy = False
        # Whether the caller was found to have closed its end; see ``is_gone``.
        self.was_gone = False
        self._held: list[bytes] = []
        self._held_since = 0.0

    def has_frame(self) -> bool:
        """Whether bytes of a next frame are here, or come within the linger time; EOFError when none ever will."""
        source = self.source
        if source.pos < source.end:
            return True
        source.pos = source.stop = source.end = 0
        try:
            got = self.sock.recv_into(source.buf)
        except BlockingIOError:
            return False
        if got == 0:
            raise EOFError
        source.end = got
        source.received += got
        return True

    def is_gone(self) -> bool:
        """Whether the caller has closed its end, with calls perhaps unanswered; safe from any thread.

        Asks the socket, about a microsecond. Calls that wait in the stream behind the present one do not hide it.
        After this was true, none of them is read.
        """
        if not self.was_gone:
            self.was_gone = has_peer_closed(self.sock)
        return self.was_gone

    def begin(self) -> None:
        """Before a frame is read that may not be here yet: a peer that stalls inside it is cut off."""
        self.flush()
        self.source.deadline_at = time.monotonic() + self.patience.header_s

    def begin_body(self) -> None:
        """Once the length of a frame is known, if not all of it is here yet."""
        self.source.deadline_at = time.monotonic() + self.patience.stalled_s

    def send_small(self, frame: bytes, may_wait: bool = False) -> None:
        """Send a frame, its length included, that is likely to fit into the socket's buffer.

        With may_wait it goes out together with the next answer, if the next call is here already: a caller who sends
        many calls in a row then costs one system call for many answers. None is held for longer than a moment, but
        for the time that the next call takes.
        """
        if may_wait and self.source.pos < self.source.end and len(self._held) < _HELD_FRAMES:
            now = time.monotonic()
            if not self._held:
                self._held_since = now
            if now - self._held_since < _HELD_S:
                self._held.append(frame)
                return
        if self._held:
            self._held.append(frame)
            frame = b"".join(self._held)
            self._held.clear()
        sent = self.sock.send(frame)
        if sent < len(frame):
            send_all(self.sock, memoryview(frame)[sent:], time.monotonic() + self.patience.stalled_s)
        self.bytes_sent += len(frame)

    def flush(self) -> None:
        """Send the answers that were held back."""
        if self._held:
            frame = self._held.pop()
            self.send_small(frame)

    def send(self, parts: Parts, size: int) -> None:
        """Send a frame; an OSError or TimeoutError means that the peer is gone or does not read."""
        self.flush()
        send_frame(self.sock, parts, size, time.monotonic() + self.patience.stalled_s)
        self.bytes_sent += size + 4

    def takes_bytes(self) -> bool:
        """Whether a short message can be sent without waiting for the peer to read."""
        poll = select.poll()
        poll.register(self.sock.fileno(), select.POLLOUT)
        return bool(poll.poll(0))

    def drain(self) -> None:
        """Before closing on a peer that is still sending: take some of it in.

        To close on unread bytes is to reset the connection, and the peer would lose the answer that says why.
        """
        discard(self.sock, self.sock, self.source.buf)

    def cut(self) -> None:
        """Break it off from another thread; the thread that is with it closes it then."""
        self.close()

    def close(self) -> None:
        """Close; a thread that reads here gets the end of the stream."""
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()


def discard(said: StreamSocket, heard: StreamSocket, buffer: bytearray) -> None:
    """Say the last word and take in what still comes, within bounds."""
    with contextlib.suppress(OSError):
        said.shutdown(socket.SHUT_WR)
    until, left = time.monotonic() + _DRAIN_S, _DRAIN_BYTES
    while left > 0 and time.monotonic() < until:
        try:
            got = heard.recv_into(buffer)
        except BlockingIOError:
            continue
        except OSError:
            return
        if got == 0:
            return
        left -= got


# Makes the channel of a connection, by its socket and the caller's address.
MakeChannel = Callable[[socket.socket, str], Channel]
# Serves one frame of a channel; False: close the channel.
Serve = Callable[[Channel], bool]


class Listener:
    """Accepts connections and gives each frame to ``serve``, in one of its threads.

    Parameters
    ----------
    endpoint : Endpoint
        Port 0: a free one.
    serve : callable
        Reads one frame from the channel and answers it; returns whether to go on with this channel.
    max_connections : int
        More wait in the kernel's backlog.
    on_close : callable, optional
        Told of each connection that ended.
    make_channel : callable, optional
        Of connections that speak more than plain frames.
    patience : Patience
        How long callers may take.
    farewell : callable, optional
        Sends the last word on a connection that is in order when the listener closes it.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        serve: Serve,
        *,
        max_connections: int = 1024,
        on_close: Callable[[], None] | None = None,
        make_channel: MakeChannel = Channel,
        patience: Patience = _PATIENCE,
        farewell: Callable[[Channel], None] | None = None,
    ) -> None:
        self._wanted = endpoint
        self._serve = serve
        self._on_close = on_close
        self._make_channel = make_channel
        self._patience = patience
        self._farewell = farewell
        self._max_connections = max_connections
        self._lock = threading.Lock()
        self._channels: set[Channel] = set()
        self._parked: deque[Channel] = deque()
        # Those that have to greet, in the order in which their time is over.
        self._greeting: deque[Channel] = deque()
        self._threads = ThreadCache("pyrpc-node")
        self._is_refusing = False
        self._is_stopping = False
        self._loop_thread: threading.Thread | None = None
        self._port_is_closed = threading.Event()
        self._past_received = self._past_sent = 0
        self._sock: socket.socket | None = None
        self.endpoint = endpoint

    # -- life

    def bind(self) -> Endpoint:
        """Take the port.

        Raises
        ------
        ConfigError
            The port is taken, or the host is not of this machine.
        """
        self._sock = bind(self._wanted)
        # A connection may be gone again between select() and accept(), which must not wait then for another one.
        self._sock.setblocking(False)
        self.endpoint = Endpoint(self._wanted.host, self._sock.getsockname()[1])
        return self.endpoint

    def start(self) -> None:
        """Begin to accept; returns at once."""
        if self._sock is None:
            self.bind()
        self._begin()

    def adopt_only(self) -> None:
        """Begin without a socket of its own: connections come by ``adopt`` (a worker of a front process)."""
        self._port_is_closed.set()
        self._begin()

    def _begin(self) -> None:
        # Here and not in the thread: whoever starts the node is told when there are no file descriptors left.
        self._selector = selectors.DefaultSelector()
        self._wake_out, self._wake_in = socket.socketpair()
        for sock in (self._wake_out, self._wake_in):
            sock.setblocking(False)
        self._loop_thread = threading.Thread(target=self._loop, name="pyrpc-accept", daemon=True)
        self._loop_thread.start()

    def adopt(self, sock: socket.socket) -> None:
        """Take over a connection that was accepted elsewhere; safe from any thread."""
        try:
            channel = self._open_channel(sock)
        except OSError:
            sock.close()
            if self._on_close is not None:
                self._on_close()
            return
        self._park(channel)

    def stop_accepting(self) -> None:
        """Close the port, so that another may take it; connections that are open are still served."""
        self._is_refusing = True
        if self._loop_thread is not None:
            self._wake()
            self._port_is_closed.wait(_LEAVING_S)
        elif self._sock is not None:
            self._sock.close()

    def close(self) -> None:
        """Cut every connection and let the threads end."""
        self.stop_accepting()
        self._is_stopping = True
        self._wake()
        if self._loop_thread is not None:
            self._loop_thread.join(_LEAVING_S)
        # Threads that linger on a connection see by themselves that it ends.
        until = time.monotonic() + 2 * _LINGER_S
        while self._is_lingering and time.monotonic() < until:
            time.sleep(_LINGER_S / 10)
        with self._lock:
            channels = list(self._channels)
        for channel in channels:
            channel.cut()
        self._threads.close()

    @property
    def _is_lingering(self) -> bool:
        with self._lock:
            return any(not channel.is_busy for channel in self._channels)

    # -- counters

    @property
    def is_busy(self) -> bool:
        """Whether a call is being read, run or answered on any connection."""
        with self._lock:
            return any(channel.is_busy for channel in self._channels)

    @property
    def is_quiet(self) -> bool:
        """Whether every connection has rested for so long that its caller looks at it before using it again."""
        rested_before = time.monotonic() - _MARGIN_S
        with self._lock:
            return all(channel.rested_at < rested_before for channel in self._channels)

    @property
    def connections(self) -> int:
        """Connections that are open now."""
        return len(self._channels)

    def traffic(self) -> tuple[int, int]:
        """Bytes received and sent since the start."""
        with self._lock:
            received = self._past_received + sum(channel.source.received for channel in self._channels)
            sent = self._past_sent + sum(channel.bytes_sent for channel in self._channels)
        return received, sent

    # -- the accepting thread

    def _loop(self) -> None:
        with self._selector as selector:
            selector.register(self._wake_out, selectors.EVENT_READ, None)
            listening, accept_at, swept_at = False, 0.0, time.monotonic()
            while True:
                now = time.monotonic()
                if self._is_stopping:
                    break
                if self._is_refusing and self._sock is not None:
                    self._close_port(selector, listening)
                    listening = False
                if self._sock is not None and not listening and now >= accept_at and self._has_room():
                    selector.register(self._sock, selectors.EVENT_READ, None)
                    listening = True
                nap_s = _SWEEP_S if listening or self._sock is None else _RETRY_ACCEPT_S
                if self._greeting:
                    nap_s = max(0.0, min(nap_s, self._greeting[0].greet_until - now))
                for key, _ in selector.select(nap_s):
                    if key.fileobj is self._sock:
                        if not self._accept():
                            selector.unregister(self._sock)
                            listening, accept_at = False, now + _RETRY_ACCEPT_S
                    elif key.data is None:
                        self._drain_wakes()
                    else:
                        selector.unregister(key.fileobj)
                        self._hand_over(key.data)
                self._register_parked(selector)
                if self._greeting:
                    self._cut_silent(selector)
                if now - swept_at > _SWEEP_S:
                    swept_at = now
                    self._sweep(selector, now)
            self._end(selector)

    def _close_port(self, selector: selectors.BaseSelector, listening: bool) -> None:
        assert self._sock is not None
        if listening:
            selector.unregister(self._sock)
        # Whoever is connected already, as far as the kernel is concerned, is told that the node is going away; to close
        # on a connection in the backlog would reset it, with a call perhaps on its way.
        waiting = len(self._parked) - 1
        while len(self._parked) > waiting and self._has_room():
            waiting = len(self._parked)
            self._accept()
        # Before the selector sleeps again: they may have said something already.
        self._register_parked(selector)
        self._sock.close()
        self._sock = None
        self._port_is_closed.set()

    def _end(self, selector: selectors.BaseSelector) -> None:
        if self._sock is not None:
            self._sock.close()
        self._port_is_closed.set()
        self._register_parked(selector)
        for key in list(selector.get_map().values()):
            if key.data is not None:
                self._leave(key.data)
        self._wake_out.close()
        self._wake_in.close()

    def _has_room(self) -> bool:
        return len(self._channels) < self._max_connections

    def _accept(self) -> bool:
        """Take one connection; False: none can be had for now (no file descriptors, or too many connections)."""
        assert self._sock is not None
        try:
            sock, _ = self._sock.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                _log.warning("cannot accept: %s; trying again in %.1f s", error, _RETRY_ACCEPT_S)
                return False
            return True
        try:
            channel = self._open_channel(sock)
        except OSError:
            sock.close()
            return True
        # Not to a thread before it has something to say: a flood of connections would be a flood of threads.
        self._parked.append(channel)
        return self._has_room()

    def _register_parked(self, selector: selectors.BaseSelector) -> None:
        while self._parked:
            channel = self._parked.popleft()
            try:
                selector.register(channel.sock, selectors.EVENT_READ, channel)
            except (OSError, ValueError, KeyError):
                self._forget(channel)

    def _sweep(self, selector: selectors.BaseSelector, now: float) -> None:
        for key in list(selector.get_map().values()):
            channel = key.data
            if channel is not None and now - channel.rested_at > self._patience.idle_s:
                selector.unregister(key.fileobj)
                self._forget(channel)

    def _cut_silent(self, selector: selectors.BaseSelector) -> None:
        """Cut the connections whose time to greet is over; those that have done so have all the time they want."""
        now = time.monotonic()
        while self._greeting and not now < self._greeting[0].greet_until < float("inf"):
            channel = self._greeting.popleft()
            if channel.greet_until == float("inf") or channel not in self._channels:
                continue
            _log.info("%s: no handshake in time", channel.peer)
            channel.cut()
            try:
                selector.unregister(channel.sock)
            except (KeyError, ValueError):
                # A thread is with it, or it is about to be parked: either finds it cut.
                continue
            self._forget(channel)

    def _open_channel(self, sock: socket.socket) -> Channel:
        sock.setblocking(True)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        set_timeouts(sock, _LINGER_S, self._patience.stalled_s)
        channel = self._make_channel(sock, str(Endpoint(*sock.getpeername()[:2])))
        channel.patience = self._patience
        channel.source.min_bytes_per_s = self._patience.min_bytes_per_s
        with self._lock:
            self._channels.add(channel)
        if channel.greet_until != float("inf"):
            channel.greet_until = time.monotonic() + self._patience.handshake_s
            self._greeting.append(channel)
        return channel

    def _wake(self) -> None:
        try:
            self._wake_in.send(b"\0")
        except (OSError, AttributeError):
            pass

    def _drain_wakes(self) -> None:
        try:
            while self._wake_out.recv(4096):
                pass
        except OSError:
            pass

    # -- the threads that serve

    def _hand_over(self, channel: Channel) -> None:
        channel.rested_at = float("inf")
        try:
            self._threads.run(self._attend, channel)
        except RuntimeError as error:
            # The process has as many threads as it may have. The others, and this one, must go on.
            _log.warning("no thread for the connection from %s: %s", channel.peer, error)
            self._forget(channel)

    def _attend(self, channel: Channel) -> None:
        """Serve a channel until it rests or ends."""
        try:
            while channel.has_frame():
                channel.is_busy = True
                if not self._serve(channel) or channel.was_gone:
                    self._forget(channel)
                    return
                if self._is_stopping:
                    self._leave(channel)
                    return
                channel.is_busy = False
        except (OSError, EOFError):
            self._forget(channel)
        except Exception:
            _log.exception("a connection from %s failed", channel.peer)
            self._forget(channel)
        else:
            if self._is_stopping:
                self._leave(channel)
            else:
                channel.rested_at = time.monotonic()
                self._park(channel)

    def _park(self, channel: Channel) -> None:
        self._parked.append(channel)
        self._wake()

    def _leave(self, channel: Channel) -> None:
        """Close a connection that is in order; nobody else is with it."""
        if self._farewell is not None and not channel.was_gone and channel.greet_until == float("inf"):
            try:
                channel.flush()
                if channel.takes_bytes():
                    self._farewell(channel)
            except (OSError, EOFError):
                pass
        self._forget(channel)

    def _forget(self, channel: Channel) -> None:
        with self._lock:
            is_known = channel in self._channels
            if is_known:
                self._channels.discard(channel)
                self._past_received += channel.source.received
                self._past_sent += channel.bytes_sent
        channel.close()
        if is_known and self._on_close is not None:
            self._on_close()
