"""One call that may be merged with others: what came, until when it is of use, and what became of it."""

from __future__ import annotations

import math
import threading
import time
from typing import Any

from pyrpc.errors import CancelledError, ExpiredError, PyrpcError
from pyrpc.stage.current import Peer


class BatchedCall:
    """One call: what came, and after :meth:`Batching.share` what became of it.

    Attributes
    ----------
    is_alone : bool
        It was not merged and did not run: run it by itself.
    value, queued_us, service_us
        Else the result; microseconds waited, and those that the whole batch ran.
    """

    __slots__ = (
        *("_deadline_at", "_peer", "arrived_at", "attempt", "error", "is_alone", "is_done", "named", "positional"),
        *("queued_us", "rows", "service_us", "signal", "value"),
    )

    def __init__(
        self, positional: list[Any], named: dict[str, Any], left_s: float | None, peer: Peer | None, attempt: int
    ) -> None:
        self.positional = positional
        self.named = named
        self.attempt = attempt
        self.arrived_at = time.monotonic()
        self._deadline_at = math.inf if left_s is None else self.arrived_at + left_s
        self._peer = peer
        self.rows = 0
        self.signal = threading.Lock()
        self.signal.acquire()
        self.is_alone = self.is_done = False
        self.value: Any = None
        self.error: PyrpcError | None = None
        self.queued_us = self.service_us = 0

    def waited_us(self) -> int:
        """Microseconds since it came."""
        return int((time.monotonic() - self.arrived_at) * 1e6)

    def left_s(self) -> float | None:
        """Seconds that are left to it, at least 0; None without a limit."""
        return None if self._deadline_at == math.inf else max(0.0, self._deadline_at - time.monotonic())

    def death(self, now: float, *, asks_peer: bool = True) -> PyrpcError | None:
        """Why it need not run any more; None: it does."""
        if now >= self._deadline_at:
            waited = f"{now - self.arrived_at:.3f} s in a batch that had not started"
            return ExpiredError(
                "the time was over before the call could start",
                got=waited,
                help="give more time with timeout_s, or add nodes",
            )
        if asks_peer and self._peer is not None and self._peer.is_gone():
            return CancelledError("the caller closed its connection while the call waited; it was not started")
        return None

    @property
    def has_peer(self) -> bool:
        """Whether somebody can leave."""
        return self._peer is not None
