"""One thread that answers the quick calls of many connections.

Threads that take turns at the interpreter cost more than a call of a few microseconds: each receive and each send gives
it away, and somebody else has to be woken to take it. So where several connections send such calls at the same time,
one thread polls them all and serves them one after the other. It does nothing else: a frame that is not known to be
quick goes to a thread of its own.

What was quick may block the next time. So somebody looks every few milliseconds (``look``): a thread that is still
in the call it was in then loses the lane to another one, and goes on as the thread of that one connection.
"""

from __future__ import annotations

import contextlib
import logging
import select
import threading
import time
from collections.abc import Callable

from pyrpc.transport.channel import LINGER_S, Channel

_log = logging.getLogger("pyrpc.listener")

LOOK_S = 0.005
"""How long a call may hold up the others, at least; at most twice as long."""
# Whoever sends more without waiting for answers gets a thread, or the others would wait.
_IN_A_ROW = 32


class Lane:
    """Connections whose calls are quick, and the thread that serves them.

    Parameters
    ----------
    serve_quick : callable
        Answers the frame that a channel holds, if it is known to take no time; False: it changed nothing.
    run : callable
        Runs a function with its arguments in a thread; RuntimeError: there is none.
    hand_over : callable
        Takes a channel that something else is to be done with.
    rest : callable
        Takes a channel that says nothing for a while, or of whose next frame only part is here.
    forget : callable
        Takes a channel that is over.
    """

    def __init__(
        self,
        serve_quick: Callable[[Channel], bool],
        run: Callable[..., None],
        hand_over: Callable[[Channel], None],
        rest: Callable[[Channel], None],
        forget: Callable[[Channel], None],
    ) -> None:
        self._serve_quick = serve_quick
        self._start = run
        self._hand_over = hand_over
        self._rest = rest
        self._forget = forget
        self._poll = select.epoll()
        self._lock = threading.Lock()
        self._members: dict[int, Channel] = {}
        # Who has the lane: a number for each thread that had it.
        self._turn = 0
        # Whether there is a thread to be looked at.
        self.is_running = False
        self._is_closing = False
        # The call that runs, and how many ran; and what was seen of them at the last look.
        self._serving: Channel | None = None
        self._served = 0
        self._seen = -1

    def join(self, channel: Channel) -> bool:
        """Take a channel that no other thread is with, and of which nothing is left to read; whether it is the first.

        Then somebody has to begin to look.

        Raises
        ------
        OSError, ValueError
            It was closed by somebody.
        """
        number = channel.sock.fileno()
        with self._lock:
            self._poll.register(number, select.EPOLLIN)
            self._members[number] = channel
            turn, is_first, self.is_running = self._turn, not self.is_running, True
        if is_first:
            self._begin(turn)
        return is_first

    def look(self) -> None:
        """Give the lane to another thread if it is held up; to be called every LOOK_S, by one thread."""
        with self._lock:
            stuck = self._serving if self._served == self._seen else None
            self._seen = self._served if self._serving is not None else -1
            if stuck is not None:
                self._turn += 1
                self._serving = None
                self._remove(stuck)
            turn = self._turn
        if stuck is not None:
            self._begin(turn)

    def close(self) -> None:
        """Let all channels rest, from now on at once."""
        self._is_closing = True

    def _begin(self, turn: int) -> None:
        try:
            self._start(self._run, turn)
        except RuntimeError as error:
            _log.warning("no thread for quick calls: %s", error)
            while not self._is_over():
                self._release(self._all())

    # -- the thread that has the lane

    def _run(self, turn: int) -> None:
        looked_at = time.monotonic()
        while True:
            events = self._poll.poll(LINGER_S)
            now = time.monotonic()
            for number, _ in events:
                channel = self._members.get(number)
                if channel is not None:
                    channel.heard_at = now
                    if not self._attend(channel, turn):
                        return
            if self._is_closing or now - looked_at > LINGER_S:
                looked_at = now
                self._release_silent(now)
            if not self._members and self._is_over():
                return

    def _attend(self, channel: Channel, turn: int) -> bool:
        """Serve what a channel has; False: somebody else has the lane now."""
        left = _IN_A_ROW
        try:
            while channel.read_ahead():
                while channel.source.holds_frame():
                    left -= 1
                    is_served = self._serve(channel, turn)
                    if is_served is None:
                        return False
                    if not is_served or (not left and channel.has_begun):
                        self._leave(channel, self._hand_over)
                        return True
                if channel.has_begun:
                    break
                if not channel.has_pending():
                    return True
            if channel.source.is_streamed():
                self._leave(channel, self._hand_over)
            elif channel.has_begun:
                channel.flush()
                self._leave(channel, self._rest)
        except (OSError, EOFError):
            self._leave(channel, self._forget)
        except Exception:
            _log.exception("a connection from %s failed", channel.peer)
            self._leave(channel, self._forget)
        return True

    def _serve(self, channel: Channel, turn: int) -> bool | None:
        """Serve a frame if it is quick; None: that took so long that somebody else has the lane now."""
        channel.is_busy = True
        self._serving = channel
        error: Exception | None = None
        is_served = False
        try:
            is_served = self._serve_quick(channel)
        except Exception as caught:
            error = caught
        with self._lock:
            has_lane = self._turn == turn
            if has_lane:
                self._serving = None
                self._served += 1
        channel.is_busy = not is_served
        if has_lane:
            if error is not None:
                raise error
            return is_served
        if error is None:
            self._hand_over(channel)
        else:
            _log.info("%s: %r", channel.peer, error)
            self._forget(channel)
        return None

    def _leave(self, channel: Channel, to: Callable[[Channel], None]) -> None:
        with self._lock:
            self._remove(channel)
        to(channel)

    def _remove(self, channel: Channel) -> None:
        number = channel.sock.fileno()
        self._members.pop(number, None)
        # It may be closed.
        with contextlib.suppress(OSError, ValueError):
            self._poll.unregister(number)

    def _release_silent(self, now: float) -> None:
        members = self._all()
        before = float("inf") if self._is_closing else now - LINGER_S
        silent = [channel for channel in members if channel.heard_at < before]
        self._release(silent)
        if len(members) - len(silent) == 1:
            # Alone it is better off with a thread that waits for it and nothing else.
            for channel in set(members) - set(silent):
                self._leave(channel, self._hand_over)

    def _all(self) -> list[Channel]:
        with self._lock:
            return list(self._members.values())

    def _release(self, channels: list[Channel]) -> None:
        for channel in channels:
            self._leave(channel, self._rest)

    def _is_over(self) -> bool:
        with self._lock:
            if self._members:
                return False
            self.is_running = False
            return True
