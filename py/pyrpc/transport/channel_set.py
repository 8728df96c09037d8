"""The connections of a node that are open, and what is counted of them."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable

from pyrpc.transport.channel import Channel, MakeChannel, SlowCallers
from pyrpc.transport.endpoint import Endpoint
from pyrpc.transport.patience import Patience
from pyrpc.transport.stream import set_timeouts
from pyrpc.wire import limits

# Beyond the linger time, after which a caller looks at its connection before it sends on it.
_MARGIN_S = 0.03


class ChannelSet:
    """Opens and closes connections; thread-safe.

    Parameters
    ----------
    make_channel : callable
    patience : Patience
    slow : SlowCallers
        Shared by all of them.
    linger_s : float
        How long a receive waits.
    most : int
        For ``has_room``.
    on_close : callable, optional
        Told of each connection that ended.
    max_frame_bytes : int
        Larger frames are refused by who serves them.
    """

    def __init__(
        self,
        make_channel: MakeChannel,
        patience: Patience,
        slow: SlowCallers,
        linger_s: float,
        most: int,
        on_close: Callable[[], None] | None = None,
        max_frame_bytes: int = limits.HARD_FRAME_BYTES,
    ) -> None:
        self._make_channel = make_channel
        self._patience = patience
        self._slow = slow
        self._linger_s = linger_s
        self._most = most
        self._on_close = on_close
        self._max_frame_bytes = max_frame_bytes
        self._lock = threading.Lock()
        self._channels: set[Channel] = set()
        self._past_received = self._past_sent = 0

    def __len__(self) -> int:
        return len(self._channels)

    def __contains__(self, channel: Channel) -> bool:
        return channel in self._channels

    @property
    def has_room(self) -> bool:
        """Whether one more may be opened."""
        return len(self._channels) < self._most

    def open(self, sock: socket.socket) -> Channel:
        """Make the channel of a connection.

        Raises
        ------
        OSError
            It is gone already.
        """
        sock.setblocking(True)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        set_timeouts(sock, self._linger_s, self._patience.stalled_s)
        channel = self._make_channel(sock, str(Endpoint(*sock.getpeername()[:2])))
        channel.patience = self._patience
        channel.source.min_bytes_per_s = self._patience.min_bytes_per_s
        channel.source.slow = self._slow
        channel.source.most_bytes = self._max_frame_bytes
        if channel.greet_until != float("inf"):
            channel.greet_until = time.monotonic() + self._patience.handshake_s
        with self._lock:
            self._channels.add(channel)
        return channel

    def refuse(self, sock: socket.socket) -> None:
        """Close a connection that was never one of these, and tell of it."""
        sock.close()
        if self._on_close is not None:
            self._on_close()

    def forget(self, channel: Channel) -> None:
        """Close a connection that nobody else is with."""
        channel.source.recover()
        with self._lock:
            is_known = channel in self._channels
            if is_known:
                self._channels.discard(channel)
                self._past_received += channel.source.received
                self._past_sent += channel.bytes_sent
        channel.close()
        if is_known and self._on_close is not None:
            self._on_close()

    def cut(self) -> None:
        """Break off all of them."""
        with self._lock:
            channels = list(self._channels)
        for channel in channels:
            channel.cut()

    # -- what they do

    @property
    def is_busy(self) -> bool:
        """Whether a call is being read, run or answered on any, but for callers who are slow to begin."""
        now = time.monotonic()
        with self._lock:
            return any(channel.is_busy and not channel.is_slow(now) for channel in self._channels)

    @property
    def is_lingering(self) -> bool:
        """Whether a thread may be with one that says nothing."""
        with self._lock:
            return any(not channel.is_busy for channel in self._channels)

    @property
    def is_quiet(self) -> bool:
        """Whether every one has rested for so long that its caller looks at it before using it again."""
        rested_before = time.monotonic() - _MARGIN_S
        with self._lock:
            return all(channel.rested_at < rested_before for channel in self._channels)

    def traffic(self) -> tuple[int, int]:
        """Bytes received and sent since the start."""
        with self._lock:
            received = self._past_received + sum(channel.source.received for channel in self._channels)
            sent = self._past_sent + sum(channel.bytes_sent for channel in self._channels)
        return received, sent
