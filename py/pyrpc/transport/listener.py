"""The node's end: accepts connections and reads frames.

Idle connections, and those of which half a frame is here, wait in one selector and hold no thread (accept_loop.py). A
connection that has something to do goes to a thread that stays with it for a moment after each answer, so that a
caller who calls again and again pays no hand-off. There are as many threads as connections are busy, at most one for
each connection allowed; how many calls *run* at the same time is decided above, in server/admission.py. So a ping is
answered while all the stages are busy.
"""

from __future__ import annotations

import logging
import select
import socket
import time
from collections.abc import Callable

from pyrpc.transport.accept_loop import AcceptLoop
from pyrpc.transport.binding import listen, reserve
from pyrpc.transport.channel import LINGER_S, PATIENCE, Channel, MakeChannel, SlowCallers
from pyrpc.transport.channel_set import ChannelSet
from pyrpc.transport.endpoint import Endpoint
from pyrpc.transport.lane import Lane
from pyrpc.transport.patience import Patience
from pyrpc.transport.threads import ThreadCache
from pyrpc.wire import limits

_log = logging.getLogger("pyrpc.listener")
# For threads that linger, until they have a turn; on a machine with nothing else to do they need LINGER_S.
_LINGERING_S = 2.0

_SLOW_CALLERS = 8

Serve = Callable[[Channel], bool]
"""Serves one frame of a channel; False: close the channel."""


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
    slow_callers : int
        How many threads may wait for callers who are slow in the middle of a large frame.
    serve_quick : callable, optional
        Answers the frame that a channel holds if that takes no time, else does nothing and returns False. With it, one
        thread serves connections that have such calls at the same time (lane.py).
    max_frame_bytes : int
        ``serve`` refuses larger ones by their length, so it gets them as soon as that is here.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        serve: Serve,
        *,
        max_connections: int = 1024,
        on_close: Callable[[], None] | None = None,
        make_channel: MakeChannel = Channel,
        patience: Patience = PATIENCE,
        farewell: Callable[[Channel], None] | None = None,
        slow_callers: int = _SLOW_CALLERS,
        serve_quick: Serve | None = None,
        max_frame_bytes: int = limits.HARD_FRAME_BYTES,
    ) -> None:
        self._wanted = endpoint
        self._serve = serve
        self._patience = patience
        self._farewell = farewell
        slow = SlowCallers(slow_callers)
        self._channels = ChannelSet(make_channel, patience, slow, LINGER_S, max_connections, on_close, max_frame_bytes)
        self._threads = ThreadCache("pyrpc-node")
        self._serve_quick = serve_quick
        self._lane: Lane | None = None
        # Those with a thread of their own whose last call was quick.
        self._quick: set[Channel] = set()
        self._is_stopping = False
        self._loop: AcceptLoop | None = None
        self._sock: socket.socket | None = None
        self.endpoint = endpoint

    # -- life

    def bind(self) -> Endpoint:
        """Take the port, unless it is taken; callers are refused until ``listen``, or ``start``.

        Raises
        ------
        ConfigError
            Another program has the port, or the host is not of this machine.
        """
        if self._sock is not None:
            return self.endpoint
        self._sock = reserve(self._wanted)
        # A connection may be gone again between select() and accept(), which must not wait then for another one.
        self._sock.setblocking(False)
        self.endpoint = Endpoint(self._wanted.host, self._sock.getsockname()[1])
        return self.endpoint

    def listen(self) -> None:
        """Let callers connect; they wait until ``start``.

        Raises
        ------
        ConfigError
            As for ``bind``.
        """
        self.bind()
        assert self._sock is not None
        listen(self._sock, self.endpoint)

    def start(self) -> None:
        """Begin to accept; returns at once."""
        self.listen()
        self._begin()

    def adopt_only(self) -> None:
        """Begin without a socket of its own: connections come by ``adopt`` (a worker of a front process)."""
        self._begin()

    def _begin(self) -> None:
        if self._serve_quick is not None and hasattr(select, "epoll"):
            forget = self._channels.forget
            self._lane = Lane(self._serve_quick, self._threads.run, self._hand_over, self._rest, forget)
        self._loop = AcceptLoop(
            self._channels, self._patience, self._hand_over, self._leave, self._sock, lane=self._lane
        )
        self._loop.start()

    def adopt(self, sock: socket.socket) -> None:
        """Take over a connection that was accepted elsewhere; safe from any thread."""
        assert self._loop is not None
        try:
            channel = self._channels.open(sock)
        except OSError:
            self._channels.refuse(sock)
            return
        self._loop.adopt(channel)

    def stop_accepting(self) -> None:
        """Close the port, so that another may take it; connections that are open are still served."""
        if self._loop is not None:
            self._loop.refuse()
        elif self._sock is not None:
            self._sock.close()
            self._sock = None

    def close(self) -> None:
        """Cut every connection and let the threads end."""
        self.stop_accepting()
        self._is_stopping = True
        if self._lane is not None:
            self._lane.close()
        if self._loop is not None:
            self._loop.end()
        # Threads that linger on a connection see by themselves that it ends, and say the last word; cut off, its caller
        # could not know whether a call that crosses it has run.
        until = time.monotonic() + _LINGERING_S
        while self._channels.is_lingering and time.monotonic() < until:
            if self._loop is not None:
                self._loop.leave_parked()
            time.sleep(LINGER_S / 10)
        self._channels.cut()
        self._threads.close()

    # -- counters

    @property
    def is_busy(self) -> bool:
        """Whether a call is being read, run or answered on any connection, but for callers who are slow to begin."""
        return self._channels.is_busy

    @property
    def is_quiet(self) -> bool:
        """Whether every connection has rested for so long that its caller looks at it before using it again."""
        return self._channels.is_quiet

    @property
    def connections(self) -> int:
        """Connections that are open now."""
        return len(self._channels)

    def traffic(self) -> tuple[int, int]:
        """Bytes received and sent since the start."""
        return self._channels.traffic()

    # -- the threads that serve

    def _hand_over(self, channel: Channel) -> None:
        try:
            self._threads.run(self._attend, channel)
        except RuntimeError as error:
            # The process has as many threads as it may have. The others, and this one, must go on.
            _log.warning("no thread for the connection from %s: %s", channel.peer, error)
            self._channels.forget(channel)

    def _attend(self, channel: Channel) -> None:
        """Serve a channel until it rests or ends, or its calls turn out to be quick."""
        try:
            is_quick = self._serve_frames(channel)
        except (OSError, EOFError):
            self._channels.forget(channel)
        except Exception:
            _log.exception("a connection from %s failed", channel.peer)
            self._channels.forget(channel)
        else:
            if is_quick is None:
                self._channels.forget(channel)
            elif is_quick:
                self._join(channel)
            else:
                self._rest(channel)
        finally:
            self._quick.discard(channel)

    def _serve_frames(self, channel: Channel) -> bool | None:
        """Serve frames as long as they come; then, whether they are quick and not the only ones. None: it is over."""
        source, quick, lane = channel.source, self._quick, self._lane
        while channel.has_frame():
            channel.is_busy = True
            if not self._serve(channel) or channel.was_gone:
                return None
            if source.is_slow:
                source.recover()
            channel.is_busy = False
            if self._is_stopping:
                return False
            if lane is not None and channel.was_quick:
                quick.add(channel)
                if (len(quick) > 1 or lane.is_running) and source.pos == source.end and not channel.has_pending():
                    channel.heard_at = time.monotonic()
                    return True
        return False

    def _join(self, channel: Channel) -> None:
        assert self._lane is not None and self._loop is not None
        try:
            is_first = self._lane.join(channel)
        except (OSError, ValueError):
            # It was cut.
            self._channels.forget(channel)
            return
        if is_first:
            self._loop.wake()

    def _rest(self, channel: Channel) -> None:
        if self._is_stopping:
            self._leave(channel)
            return
        assert self._loop is not None
        channel.is_unfinished = channel.has_begun
        channel.rested_at = float("inf") if channel.is_unfinished else time.monotonic()
        self._loop.park(channel)

    def _leave(self, channel: Channel) -> None:
        """Close a connection that is in order; nobody else is with it."""
        if self._farewell is not None and not channel.was_gone and channel.greet_until == float("inf"):
            try:
                channel.flush()
                if channel.takes_bytes():
                    self._farewell(channel)
            except (OSError, EOFError, ValueError):
                # The peer closed it, or it was cut here.
                pass
        self._channels.forget(channel)
