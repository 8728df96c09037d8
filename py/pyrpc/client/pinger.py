"""The driver of plan/ping.py: pings in the background while the client is in use.

Starting costs a call nothing: a client that was idle has no connection in steady use, so that the pool takes its slow
way, and that is where the pinger is told. When it ends it has seen, under the caller's lock, that no call is on its
way; so one that begins later finds it at rest and starts it again.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Sequence

from pyrpc.client.node import NodeHandle
from pyrpc.deadline import Deadline
from pyrpc.errors import DeadlineExceeded, NodeError, PyrpcError
from pyrpc.plan.outlier import Outliers
from pyrpc.plan.ping import IDLE_S, TIMEOUT_S, PingPlan
from pyrpc.wire.messages import NodeInfo, NodeState

_log = logging.getLogger("pyrpc.pings")
_NAP_S = 1.0


class Pinger:
    """Pings the nodes of one client; thread-safe.

    Parameters
    ----------
    outliers : Outliers
        Told of the outcomes, under ``lock``.
    lock : Lock
        The caller's: guards ``outliers``, what the nodes tell of calls, and the plan here.
    run : callable
        Runs a function in the background.
    every_s, timeout_s, idle_s : float
        As for PingPlan.
    """

    def __init__(
        self,
        nodes: Sequence[NodeHandle],
        outliers: Outliers,
        lock: threading.Lock,
        run: Callable[..., None],
        every_s: float,
        timeout_s: float = TIMEOUT_S,
        idle_s: float = IDLE_S,
    ) -> None:
        self._nodes = nodes
        self._outliers = outliers
        self._lock = lock
        self._run = run
        self._plan = PingPlan([node.health for node in nodes], every_s, timeout_s, idle_s)
        # Held while it pings; only ever tried, never waited for.
        self._running = threading.Lock()
        self._look = threading.Event()
        self._is_closed = False
        for node in nodes:
            node.pool.on_rested = self.begin

    def begin(self) -> None:
        """A call is made: ping from now on, unless that is so already."""
        if self._is_closed or not self._running.acquire(blocking=False):
            return
        try:
            self._run(self._work)
        except RuntimeError:
            # The system has no more threads; a later call tries again.
            self._running.release()

    def close(self) -> None:
        """Ping no more."""
        self._is_closed = True
        self._look.set()

    @property
    def is_running(self) -> bool:
        """Whether it pings; not so before the first call, after a while without any, and once closed."""
        return self._running.locked()

    def _work(self) -> None:
        with self._lock:
            self._plan.start(time.monotonic())
        while (due := self._due()) is not None:
            for node in due:
                try:
                    self._run(self._ping, node)
                except RuntimeError:
                    # No thread for it: here then, one after the other.
                    self._ping(node)
            with self._lock:
                wake_at = self._plan.wake_at(self._heard_at())
            # A call may fail meanwhile, which nobody tells the pinger of.
            self._look.wait(min(max(0.0, wake_at - time.monotonic()), _NAP_S))
            self._look.clear()

    def _due(self) -> list[int] | None:
        """Whom to ping now; None: nobody any more, and the pinger is at rest."""
        now = time.monotonic()
        with self._lock:
            is_in_use = any(node.in_flight for node in self._nodes)
            called_at = now if is_in_use else max(node.seen_at for node in self._nodes)
            if self._is_closed or self._plan.is_idle(now, called_at):
                self._running.release()
                return None
            return self._plan.due(now, self._heard_at())

    def _heard_at(self) -> list[float]:
        """When each node replied last, under the lock. That a call ran out of time, or was given up, is no reply."""
        in_doubt = self._outliers.in_doubt
        return [
            -math.inf if in_doubt(index) or node.outrun_at >= node.seen_at else node.seen_at
            for index, node in enumerate(self._nodes)
        ]

    def _ping(self, index: int) -> None:
        is_there = _answers(self._nodes[index], self._plan.timeout_s)
        with self._lock:
            now = time.monotonic()
            self._outliers.on_ping(index, now, is_there)
            self._plan.ended(index, now, is_there)
        if not is_there:
            # They lead to the process that is gone, or hangs.
            self._nodes[index].pool.drop_idle()
        self._look.set()


def _answers(node: NodeHandle, timeout_s: float) -> bool:
    """Whether a node answers a ping and takes calls."""
    try:
        info: NodeInfo = node.request("ping", Deadline(timeout_s))
    except PyrpcError as error:
        # Whoever refuses to answer a ping is there, such as a server in another language that has no such method.
        return not isinstance(error, NodeError | DeadlineExceeded)
    except Exception:
        _log.exception("a ping of %s failed", node.endpoint)
        return False
    return info.state == NodeState.SERVING
