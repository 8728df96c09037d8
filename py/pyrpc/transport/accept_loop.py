"""The thread that waits for all connections on which nothing goes on, and for new ones.

Those that rest are in one selector. When something comes the loop reads it, without waiting, and gives the connection
to a thread once that has something to do (``Channel.read_ahead``): callers who take their time over a frame, or over a
TLS handshake, cost a few microseconds whenever a piece comes, and hold no thread. Each has a deadline all the same.
"""

from __future__ import annotations

import errno
import heapq
import itertools
import logging
import selectors
import socket
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable

from pyrpc.transport.channel import Channel
from pyrpc.transport.channel_set import ChannelSet
from pyrpc.transport.lane import LOOK_S, Lane
from pyrpc.transport.patience import Patience

_log = logging.getLogger("pyrpc.listener")

_LEAVING_S = 5.0
_SWEEP_S = 5.0
_RETRY_ACCEPT_S = 0.1


class AcceptLoop:
    """Accepts, and waits; ``adopt``, ``park``, ``refuse`` and ``end`` may be called from any thread.

    Parameters
    ----------
    channels : ChannelSet
    patience : Patience
    hand_over : callable
        Takes a channel that has something to do; must not block.
    leave : callable
        Takes a channel that is in order when the loop ends.
    sock : socket, optional
        That listens; it is closed here. None: connections come by ``park`` alone.
    lane : Lane, optional
        To be looked at.
    """

    def __init__(
        self,
        channels: ChannelSet,
        patience: Patience,
        hand_over: Callable[[Channel], None],
        leave: Callable[[Channel], None],
        sock: socket.socket | None = None,
        *,
        lane: Lane | None = None,
    ) -> None:
        self._channels = channels
        self._patience = patience
        self._hand_over = hand_over
        self._leave = leave
        self._sock = sock
        self._lane = lane
        self._look_at = 0.0
        self._parked: deque[Channel] = deque()
        # Those that have to greet, in the order in which their time is over.
        self._greeting: deque[Channel] = deque()
        self._unfinished = _Unfinished(patience)
        self._is_refusing = False
        self._is_ending = False
        self._port_is_closed = threading.Event()
        if sock is None:
            self._port_is_closed.set()
        # Here and not in the thread: whoever starts the node is told when there are no file descriptors left.
        self._selector = selectors.DefaultSelector()
        self._wake_out, self._wake_in = socket.socketpair()
        for end in (self._wake_out, self._wake_in):
            end.setblocking(False)
        self._thread = threading.Thread(target=self._run, name="pyrpc-accept", daemon=True)

    def start(self) -> None:
        """Begin, in a thread."""
        self._thread.start()

    def adopt(self, channel: Channel) -> None:
        """Wait for a connection that is new here."""
        self._take(channel)
        self.wake()

    def park(self, channel: Channel) -> None:
        """Wait for a connection that no thread is with."""
        self._parked.append(channel)
        self.wake()

    def wake(self) -> None:
        """Have the loop look again at what is to be done, and by when."""
        try:
            self._wake_in.send(b"\0")
        except OSError:
            pass

    def refuse(self) -> None:
        """Close the port; returns when that is done."""
        self._is_refusing = True
        self.wake()
        self._port_is_closed.wait(_LEAVING_S)

    def end(self) -> None:
        """Leave the connections that rest, and end; returns when that is done."""
        self._is_ending = True
        self.wake()
        self._thread.join(_LEAVING_S)

    def leave_parked(self) -> None:
        """After the end: leave the connections that were parked by threads which did not know of it yet."""
        while self._parked and not self._thread.is_alive():
            self._leave(self._parked.popleft())

    # -- the thread

    def _run(self) -> None:
        with self._selector as selector:
            selector.register(self._wake_out, selectors.EVENT_READ, None)
            listening, accept_at, swept_at = False, 0.0, time.monotonic()
            while not self._is_ending:
                now = time.monotonic()
                if self._is_refusing and self._sock is not None:
                    self._close_port(listening)
                    listening = False
                if self._sock is not None and not listening and now >= accept_at and self._channels.has_room:
                    selector.register(self._sock, selectors.EVENT_READ, None)
                    listening = True
                for key, _ in selector.select(self._nap_s(listening, now)):
                    if key.fileobj is self._sock:
                        if not self._accept():
                            selector.unregister(self._sock)
                            listening, accept_at = False, now + _RETRY_ACCEPT_S
                    elif key.data is None:
                        self._drain_wakes()
                    else:
                        self._hear(key.data)
                self._register_parked()
                self._cut_overdue()
                if now - swept_at > _SWEEP_S:
                    swept_at = now
                    self._sweep(now)
            self._end()

    def _nap_s(self, listening: bool, now: float) -> float:
        nap_s = _SWEEP_S if listening or self._sock is None else _RETRY_ACCEPT_S
        look_at = self._unfinished.look_at
        if self._lane is not None and self._lane.is_running:
            look_at = min(look_at, now + LOOK_S)
        if self._greeting:
            look_at = min(look_at, self._greeting[0].greet_until)
        return max(0.0, min(nap_s, look_at - now))

    def _hear(self, channel: Channel) -> None:
        """Something came: bytes, or the end."""
        try:
            is_ready = channel.read_ahead()
        except (OSError, EOFError):
            self._drop(channel)
        except Exception:
            # The others must go on.
            _log.exception("a connection from %s failed", channel.peer)
            self._drop(channel)
        else:
            if is_ready:
                self._selector.unregister(channel.sock)
                channel.is_unfinished = False
                channel.rested_at = float("inf")
                self._hand_over(channel)
            elif channel.has_begun:
                self._watch(channel)

    def _watch(self, channel: Channel) -> None:
        """Part of a frame is here."""
        channel.is_unfinished = channel.is_busy = True
        channel.rested_at = float("inf")
        if not channel.is_watched:
            self._unfinished.add(channel, time.monotonic())

    def _drop(self, channel: Channel) -> None:
        self._selector.unregister(channel.sock)
        self._channels.forget(channel)

    def _close_port(self, listening: bool) -> None:
        assert self._sock is not None
        if listening:
            self._selector.unregister(self._sock)
        # Whoever is connected already, as far as the kernel is concerned, is told that the node is going away; to close
        # on a connection in the backlog would reset it, with a call perhaps on its way.
        waiting = len(self._parked) - 1
        while len(self._parked) > waiting and self._channels.has_room:
            waiting = len(self._parked)
            self._accept()
        # Before the selector sleeps again: they may have said something already.
        self._register_parked()
        self._sock.close()
        self._sock = None
        self._port_is_closed.set()

    def _end(self) -> None:
        if self._sock is not None:
            self._sock.close()
        self._port_is_closed.set()
        self._register_parked()
        for key in list(self._selector.get_map().values()):
            if key.data is not None:
                self._leave(key.data)
        self._wake_out.close()
        self._wake_in.close()

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
            channel = self._channels.open(sock)
        except OSError:
            sock.close()
            return True
        self._take(channel)
        return self._channels.has_room

    def _take(self, channel: Channel) -> None:
        if channel.greet_until != float("inf"):
            self._greeting.append(channel)
        # Not to a thread before it has something to say: a flood of connections would be a flood of threads.
        self._parked.append(channel)

    def _register_parked(self) -> None:
        while self._parked:
            channel = self._parked.popleft()
            try:
                self._selector.register(channel.sock, selectors.EVENT_READ, channel)
            except (OSError, ValueError, KeyError):
                self._channels.forget(channel)
                continue
            if channel.is_unfinished:
                self._watch(channel)

    # -- those whose time is over

    def _sweep(self, now: float) -> None:
        for key in list(self._selector.get_map().values()):
            channel = key.data
            if channel is not None and now - channel.rested_at > self._patience.idle_s:
                self._drop(channel)

    def _cut_overdue(self) -> None:
        now = time.monotonic()
        if self._lane is not None and self._lane.is_running and now >= self._look_at:
            self._look_at = now + LOOK_S
            self._lane.look()
        for channel in self._unfinished.overdue(now):
            if channel in self._channels:
                _log.info("%s: too slow inside a message", channel.peer)
                self._drop(channel)
        if self._greeting:
            self._cut_silent(now)

    def _cut_silent(self, now: float) -> None:
        """Cut the connections whose time to greet is over; those that have done so have all the time they want."""
        while self._greeting and not now < self._greeting[0].greet_until < float("inf"):
            channel = self._greeting.popleft()
            if channel.greet_until == float("inf") or channel not in self._channels:
                continue
            _log.info("%s: no handshake in time", channel.peer)
            channel.cut()
            try:
                self._selector.unregister(channel.sock)
            except (KeyError, ValueError):
                # A thread is with it, or it is about to be parked: either finds it cut.
                continue
            self._channels.forget(channel)

    def _drain_wakes(self) -> None:
        try:
            while self._wake_out.recv(4096):
                pass
        except OSError:
            pass


class _Unfinished:
    """Channels whose next frame is here in part, in the order in which somebody has to look at them.

    A deadline moves with each byte, and with each frame; an entry does not. So each is looked at as often as the
    shortest of all deadlines, and has one entry until it is found finished.
    """

    def __init__(self, patience: Patience) -> None:
        self._every_s = min(patience.header_s, patience.stalled_s)
        # Not to keep the windows of connections that are closed.
        self._entries: list[tuple[float, int, weakref.ref[Channel]]] = []
        self._numbers = itertools.count()

    @property
    def look_at(self) -> float:
        """When the next one is due; on the system's clock."""
        return self._entries[0][0] if self._entries else float("inf")

    def add(self, channel: Channel, now: float) -> None:
        """Look at one from now on."""
        channel.is_watched = True
        at = min(channel.cut_at, now + self._every_s)
        heapq.heappush(self._entries, (at, next(self._numbers), weakref.ref(channel)))

    def overdue(self, now: float) -> list[Channel]:
        """Those whose time is over."""
        found = []
        while self._entries and self._entries[0][0] <= now:
            channel = heapq.heappop(self._entries)[2]()
            if channel is None:
                continue
            channel.is_watched = False
            if not channel.is_unfinished:
                continue
            if channel.cut_at <= now:
                found.append(channel)
            else:
                self.add(channel, now)
        return found
