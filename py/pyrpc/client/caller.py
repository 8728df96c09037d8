"""Single calls: choose a node, call it, try another one where the failure allows it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

from pyrpc.client.node import NodeHandle, is_node_loss
from pyrpc.deadline import Deadline
from pyrpc.errors import DeadlineExceeded, FailureClass, PyrpcError, UnreachableError
from pyrpc.plan.balance import Balancer, NodeView
from pyrpc.plan.health import usable_nodes
from pyrpc.plan.prng import SplitMix64
from pyrpc.plan.retry import RetryBudget, RetryPolicy

T = TypeVar("T")


class Caller:
    """Sends single calls to the nodes; thread-safe.

    Parameters
    ----------
    is_idempotent : callable
        Asked, by the method's name, before a call that may have run is sent again.
    """

    def __init__(
        self,
        nodes: Sequence[NodeHandle],
        balancer: Balancer,
        retry: RetryPolicy,
        prng: SplitMix64,
        is_idempotent: Callable[[str], bool],
    ) -> None:
        self._nodes = nodes
        self._balancer = balancer
        self._retry = retry
        self._prng = prng
        self._is_idempotent = is_idempotent
        self._budget = RetryBudget()
        self._lock = threading.Lock()

    def call(self, method: str, args: tuple[Any, ...], kwargs: dict[str, Any], deadline: Deadline) -> Any:
        """Call a method on one of the nodes and return what it gives.

        Raises
        ------
        PyrpcError
            Of the last attempt.
        """
        return self._on_some_node(
            lambda node, attempt: node.invoke(method, args, kwargs, deadline, attempt=attempt).value,
            deadline,
            lambda: self._is_idempotent(method),
        )

    def request(self, name: str, deadline: Deadline) -> Any:
        """ping, stages or stats from any one node."""
        return self._on_some_node(lambda node, attempt: node.request(name, deadline), deadline, lambda: True)

    def _on_some_node(
        self, invoke: Callable[[NodeHandle, int], T], deadline: Deadline, is_idempotent: Callable[[], bool]
    ) -> T:
        attempt = 0
        tried: list[NodeHandle] = []
        while True:
            now = time.monotonic()
            node = self._begin(tried, now, is_first=attempt == 0)
            failure: PyrpcError | None = None
            try:
                return invoke(node, attempt)
            except PyrpcError as error:
                failure = error
            finally:
                with self._lock:
                    node.ended(time.monotonic() - now, failure)
            if failure.attempt is None and attempt:
                failure.attempt = attempt + 1
            tried.append(node)
            if is_node_loss(failure):
                node.pool.drop_idle()
            self._wait_or_raise(failure, attempt, tried, deadline, is_idempotent)
            attempt += 1

    def _begin(self, tried: list[NodeHandle], now: float, *, is_first: bool) -> NodeHandle:
        with self._lock:
            node = self._nodes[0] if len(self._nodes) == 1 else self._pick(tried, now)
            node.began(now)
            if is_first:
                self._budget.on_call(now)
        return node

    def _pick(self, tried: list[NodeHandle], now: float) -> NodeHandle:
        """A node that is up, and not one that failed this call already where there is another."""
        nodes = self._nodes
        if tried or any(node.health.failures for node in nodes):
            fresh = [node for node in nodes if node not in tried] or list(nodes)
            nodes = [fresh[index] for index in usable_nodes([node.health for node in fresh], now)]
        return nodes[self._balancer.pick(cast("Sequence[NodeView]", nodes), self._prng)]

    def _wait_or_raise(
        self,
        failure: PyrpcError,
        attempt: int,
        tried: list[NodeHandle],
        deadline: Deadline,
        is_idempotent: Callable[[], bool],
    ) -> None:
        """Return when the next attempt may begin; raise where there is to be none."""
        # The question may cost a call of its own, so it is asked only where the answer matters.
        may_repeat = failure.failure_class is FailureClass.UNKNOWN and is_idempotent()
        if is_node_loss(failure) and len(set(tried)) < len(self._nodes):
            # A node that nobody has tried yet is not a repetition that could make a crowd: at once.
            if failure.failure_class is FailureClass.NOT_EXECUTED or may_repeat:
                return
        with self._lock:
            decision = self._retry.decide(
                failure.failure_class,
                attempt,
                idempotent=may_repeat,
                prng=self._prng,
                retry_after_ms=failure.retry_after_ms,
            )
            is_allowed = decision.retry and self._budget.try_spend(time.monotonic())
        if not is_allowed or decision.delay_s >= deadline.remaining_s():
            raise self._final(failure, tried)
        time.sleep(decision.delay_s)

    def _final(self, failure: PyrpcError, tried: list[NodeHandle]) -> PyrpcError:
        if isinstance(failure, UnreachableError) and len(self._nodes) > 1 and len(set(tried)) == len(self._nodes):
            return UnreachableError(
                "no node can be reached",
                expected="at least one of " + ", ".join(node.endpoint for node in self._nodes),
                got=failure.got,
                help="are they running? pyrpc serve module:Object --port PORT starts one",
            )
        return failure


def check_deadline(deadline: Deadline, what: str) -> None:
    """Refuse to begin what has no time left.

    Raises
    ------
    DeadlineExceeded
    """
    if deadline.is_over:
        raise DeadlineExceeded(f"no time was left to begin {what}", help="give more time with timeout_s")
