"""Single calls: choose a node, call it, try another one where the failure allows it."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

from pyrpc.client.node import EWMA_WEIGHT, NodeHandle, is_node_loss
from pyrpc.deadline import Deadline
from pyrpc.errors import (
    ArgumentError,
    DeadlineExceeded,
    DrainingError,
    FailureClass,
    PyrpcError,
    UnreachableError,
)
from pyrpc.plan.balance import Balancer, NodeView
from pyrpc.plan.health import usable_nodes
from pyrpc.plan.prng import SplitMix64
from pyrpc.plan.retry import RetryBudget, RetryPolicy

T = TypeVar("T")
_REQUEST_S = 2.0


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
        # Counts calls (each ``next`` is one; it is atomic). The budget is told of them when it is asked.
        self._count = itertools.count()
        self._counted = 0
        # A handle has the attributes of a view, always as they are now.
        self._views = cast("Sequence[NodeView]", nodes)
        self._has_failures = False
        self._only = nodes[0] if len(nodes) == 1 else None
        self._lock = threading.Lock()

    def call(self, method: str, args: tuple[Any, ...], kwargs: dict[str, Any], timeout_s: float | None) -> Any:
        """Call a method on one of the nodes and return what it gives.

        Raises
        ------
        PyrpcError
            Of the last attempt.
        """
        began = time.monotonic()
        # The first attempt is written out: nearly every call ends here, and small ones count each step.
        node = self._only
        if node is None:
            node = self.begin((), began)
        else:
            next(self._count)
        try:
            value = node.call(method, args, kwargs, began, timeout_s)
        except PyrpcError as error:
            self.end(node, began, error)
            if isinstance(error, DeadlineExceeded):
                error.message = f"{method}: {error.message}"
            failure = error
        except BaseException:
            self.end(node, began, None)
            check_name(method)
            raise
        else:
            if self._only is None:
                self.end(node, began, None)
            return value
        return self.call_again(method, args, kwargs, Deadline.after(began, timeout_s), node, failure)

    def call_again(
        self,
        method: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        deadline: Deadline,
        node: NodeHandle,
        failure: PyrpcError,
    ) -> Any:
        """Go on with a call whose first attempt failed: on another node, or not at all."""
        return self._try_others(
            lambda other, attempt: other.invoke(method, args, kwargs, deadline, attempt=attempt).value,
            deadline,
            lambda: self._is_idempotent(method),
            [node],
            failure,
        )

    def request(self, name: str, deadline: Deadline) -> Any:
        """ping, stages or stats from any one node."""
        # A node that hangs must not cost all of the time: another one may know.
        return self._try_others(
            lambda node, attempt: node.request(name, _at_most(_REQUEST_S, deadline)), deadline, lambda: True, [], None
        )

    def _try_others(
        self,
        invoke: Callable[[NodeHandle, int], T],
        deadline: Deadline,
        is_idempotent: Callable[[], bool],
        tried: list[NodeHandle],
        failure: PyrpcError | None,
    ) -> T:
        """Attempts until one succeeds or the failure says to stop; ``tried`` had theirs, the last with ``failure``."""
        while True:
            if failure is not None:
                self._wait_or_raise(failure, tried, deadline, is_idempotent)
            attempt = len(tried)
            now = time.monotonic()
            node = self.begin(tried, now)
            failure = None
            try:
                return invoke(node, attempt)
            except PyrpcError as error:
                failure = error
            finally:
                self.end(node, now, failure)
            failure.attempt = failure.attempt or (attempt + 1 if attempt else None)
            tried.append(node)

    def begin(self, tried: Sequence[NodeHandle], now: float) -> NodeHandle:
        """Choose the node of an attempt; each needs an ``end``."""
        if not tried:
            next(self._count)
        if self._only is not None:
            return self._only
        with self._lock:
            if tried or self._has_failures:
                node = self._pick(tried, now)
            else:
                node = self._nodes[self._balancer.pick(self._views, self._prng)]
            node.in_flight += 1
        return node

    def end(self, node: NodeHandle, began: float, failure: PyrpcError | None) -> None:
        """Tell how an attempt ended."""
        # With one node there is nothing to choose by.
        if self._only is None:
            took_s = time.monotonic() - began
            with self._lock:
                node.in_flight -= 1
                node.ewma_s += EWMA_WEIGHT * (took_s - node.ewma_s)
                if failure is not None or self._has_failures:
                    self._note_health(node, failure)
        # A node that is going away will close them: a call sent on one just then would be lost.
        if failure is not None and (is_node_loss(failure) or isinstance(failure, DrainingError)):
            node.pool.drop_idle()

    def _note_health(self, node: NodeHandle, failure: PyrpcError | None) -> None:
        """Under the lock. An error of the stage counts as an answer: the node is up."""
        if failure is not None and is_node_loss(failure):
            node.health.on_failure(time.monotonic())
        else:
            node.health.on_success()
        self._has_failures = any(other.health.failures for other in self._nodes)

    def _pick(self, tried: Sequence[NodeHandle], now: float) -> NodeHandle:
        """A node that is up, and not one that failed this call already where there is another."""
        fresh = [node for node in self._nodes if node not in tried] or list(self._nodes)
        nodes = [fresh[index] for index in usable_nodes([node.health for node in fresh], now)]
        node = nodes[self._balancer.pick(cast("Sequence[NodeView]", nodes), self._prng)]
        node.health.on_call(now)
        return node

    def _wait_or_raise(
        self,
        failure: PyrpcError,
        tried: list[NodeHandle],
        deadline: Deadline,
        is_idempotent: Callable[[], bool],
    ) -> None:
        """Return when the next attempt may begin; raise where there is to be none."""
        if deadline.is_over:
            raise self._final(failure, tried)
        # The question may cost a call of its own, so it is asked only where the answer matters.
        may_repeat = failure.failure_class is FailureClass.UNKNOWN and is_idempotent()
        if _is_of_the_node(failure) and len(set(tried)) < len(self._nodes):
            # A node that nobody has tried yet is not a repetition that could make a crowd: at once.
            if failure.failure_class is FailureClass.NOT_EXECUTED or may_repeat:
                return
        with self._lock:
            decision = self._retry.decide(
                failure.failure_class,
                len(tried) - 1,
                idempotent=may_repeat,
                prng=self._prng,
                retry_after_ms=failure.retry_after_ms,
            )
            now = time.monotonic()
            calls = next(self._count)
            self._budget.on_calls(calls - self._counted, now)
            self._counted = calls + 1
            is_allowed = decision.retry and self._budget.try_spend(now)
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


def check_name(method: object) -> None:
    """Refuse what is no name of a method.

    Raises
    ------
    ArgumentError
    """
    if not isinstance(method, str):
        name = getattr(method, "__qualname__", None)
        raise ArgumentError(
            "a method is called by its name",
            expected="a str",
            got=type(method).__name__,
            help=f"write {name!r}"
            if isinstance(name, str)
            else "write 'Class.method', 'module.function' or 'function'",
        )


def _is_of_the_node(failure: PyrpcError) -> bool:
    """Whether another node may well do what this one could not."""
    return is_node_loss(failure) or isinstance(failure, (DrainingError, DeadlineExceeded))


def _at_most(timeout_s: float, deadline: Deadline) -> Deadline:
    return Deadline(min(timeout_s, deadline.remaining_s()))
