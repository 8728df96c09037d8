"""Single calls: choose a node, call it, try another one where the failure allows it.

What is decided is in plan/: ``balance`` (which node), ``outlier`` (which not), ``retry`` and ``call_hedge`` (whether
and when again). This is the driver, and its first attempt is written for speed.
"""

from __future__ import annotations

import copy
import itertools
import math
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

from pyrpc.client.hedged import Sent, first_reply
from pyrpc.client.node import EWMA_WEIGHT, Late, NodeHandle, is_node_loss
from pyrpc.client.pinger import Pinger
from pyrpc.deadline import Deadline
from pyrpc.errors import (
    ArgumentError,
    ChecksumError,
    DeadlineExceeded,
    DrainingError,
    FailureClass,
    InternalError,
    OverloadedError,
    ProtocolError,
    PyrpcError,
    UnreachableError,
    WorkerLostError,
)
from pyrpc.plan.balance import Balancer, NodeView, pick_of
from pyrpc.plan.balance.peak_ewma import observed
from pyrpc.plan.call_hedge import CallBudget, Latencies
from pyrpc.plan.outlier import Outliers
from pyrpc.plan.prng import SplitMix64
from pyrpc.plan.retry import RetryPolicy

T = TypeVar("T")
_REQUEST_S = 2.0
# What tells of a node, beside its loss. A call that ran out of time may have asked for too little; but a node that
# hangs shows in no other way.
_NODE_FAULTS = (DeadlineExceeded, WorkerLostError, InternalError, ProtocolError, ChecksumError)
_METHODS_KEPT = 1024
# A hedge goes over a connection that is there, or quickly made: the thread that makes it also waits for the reply.
_HEDGE_CONNECT_S = 0.1


class Caller:
    """Sends single calls to the nodes; thread-safe.

    Parameters
    ----------
    is_idempotent : callable
        Asked, by the method's name, before a call that may have run is sent again; may call a node.
    run : callable
        Runs a function in the background.
    """

    def __init__(
        self,
        nodes: Sequence[NodeHandle],
        balancer: Balancer,
        retry: RetryPolicy,
        prng: SplitMix64,
        is_idempotent: Callable[[str], bool],
        run: Callable[..., None],
    ) -> None:
        self._nodes = nodes
        self._pick_index = pick_of(balancer)
        self._retry = retry
        self._prng = prng
        self._is_idempotent = is_idempotent
        self._run = run
        # Everything from here on is shared by callers that differ in their policy only.
        self._budget = _Budget()
        self._count = self._budget.count
        # A handle has the attributes of a view, always as they are now.
        self._views = cast("Sequence[NodeView]", nodes)
        self._outliers = Outliers([node.health for node in nodes])
        self._index = {node: index for index, node in enumerate(nodes)}
        self._methods: dict[str, Latencies] = {}
        self._only = nodes[0] if len(nodes) == 1 else None
        self._lock = threading.Lock()

    @property
    def takes_small(self) -> bool:
        """Whether calls may go the way of wire/small.py."""
        return self._nodes[0].takes_small

    def with_policy(self, balancer: Balancer) -> Caller:
        """Another caller of the same nodes, with the same budget, that chooses by another policy."""
        other = copy.copy(self)
        other._pick_index = pick_of(balancer)
        return other

    def pinger(self, every_s: float, **options: float) -> Pinger:
        """What pings these nodes while calls are made, and tells of it where calls look."""
        return Pinger(self._nodes, self._outliers, self._lock, self._run, every_s, **options)

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
            return self._call_one_of_many(method, args, kwargs, timeout_s, began)
        next(self._count)
        try:
            return node.call(method, args, kwargs, began, timeout_s)
        except PyrpcError as error:
            self.end(node, began, _named(error, method))
            failure = error
        except BaseException:
            check_name(method)
            raise
        return self.call_again(method, args, kwargs, Deadline.after(began, timeout_s), node, failure)

    def _call_one_of_many(
        self, method: str, args: tuple[Any, ...], kwargs: dict[str, Any], timeout_s: float | None, began: float
    ) -> Any:
        latencies = self._methods.get(method)
        if latencies is None:
            latencies = self._new_method(method)
        node = self.begin((), began)
        try:
            if latencies.hedge_after_s == math.inf:
                value = node.call(method, args, kwargs, began, timeout_s)
            else:
                value = node.call_within(method, args, kwargs, began, timeout_s, latencies.hedge_after_s)
        except PyrpcError as error:
            self.end(node, began, _named(error, method))
            failure = error
        except BaseException:
            self.forget(node)
            check_name(method)
            raise
        else:
            if type(value) is Late:
                sent = Sent(node, began, value)
                return self._call_hedged(sent, method, args, kwargs, Deadline.after(began, timeout_s), latencies)
            self.end(node, began, None, latencies)
            if latencies.is_idempotent is None and latencies.median_s:
                self._ask_idempotent(method, latencies)
            return value
        return self.call_again(method, args, kwargs, Deadline.after(began, timeout_s), node, failure)

    def call_again(
        self,
        method: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        deadline: Deadline,
        tried: NodeHandle | list[NodeHandle],
        failure: PyrpcError,
    ) -> Any:
        """Go on with a call whose first attempts failed: on another node, or not at all."""
        return self._try_others(
            lambda other, attempt: other.invoke(method, args, kwargs, deadline, attempt=attempt).value,
            deadline,
            lambda: self._is_idempotent(method),
            tried if isinstance(tried, list) else [tried],
            failure,
        )

    def request(self, name: str, deadline: Deadline) -> Any:
        """ping, stages or stats from any one node."""
        # A node that hangs must not cost all of the time: another one may know.
        return self._try_others(
            lambda node, attempt: node.request(name, _at_most(_REQUEST_S, deadline)),
            deadline,
            lambda: True,
            [],
            None,
            is_call=False,
        )

    def _try_others(
        self,
        invoke: Callable[[NodeHandle, int], T],
        deadline: Deadline,
        is_idempotent: Callable[[], bool],
        tried: list[NodeHandle],
        failure: PyrpcError | None,
        *,
        is_call: bool = True,
    ) -> T:
        """Attempts until one succeeds or the failure says to stop; ``tried`` had theirs, the last with ``failure``."""
        while True:
            if failure is not None:
                self._wait_or_raise(failure, tried, deadline, is_idempotent)
            attempt = len(tried)
            now = time.monotonic()
            node = self.begin(tried, now) if is_call else self._begin_request(tried, now)
            failure = None
            try:
                value = invoke(node, attempt)
            except PyrpcError as error:
                failure = error
                self.end(node, now, error)
            except BaseException:
                self.forget(node)
                raise
            else:
                if is_call:
                    self.end(node, now, None)
                else:
                    self._answered(node)
                return value
            failure.attempt = failure.attempt or (attempt + 1 if attempt else None)
            tried.append(node)

    def begin(self, tried: Sequence[NodeHandle], now: float) -> NodeHandle:
        """Choose the node of an attempt; each needs an ``end``."""
        if not tried:
            next(self._count)
        if self._only is not None:
            return self._only
        with self._lock:
            if tried or not self._outliers.is_calm:
                node = self._pick(tried, now)
            else:
                node = self._nodes[self._pick_index(self._views, self._prng, now)]
            node.in_flight += 1
        return node

    def _begin_request(self, tried: Sequence[NodeHandle], now: float) -> NodeHandle:
        """The node for what is no call: the first that is up and was not tried.

        Nothing is drawn, and the policy is not asked: some requests are made in the background, and the choices for
        calls must not depend on when.
        """
        if self._only is not None:
            return self._only
        with self._lock:
            nodes = [node for node in self._nodes if node not in tried] or self._nodes
            node = min(nodes, key=lambda one: (not one.health.usable(now), self._outliers.is_ejected(self._index[one])))
            node.health.on_call(now)
            node.in_flight += 1
        return node

    def end(
        self, node: NodeHandle, began: float, failure: PyrpcError | None, latencies: Latencies | None = None
    ) -> None:
        """Tell how an attempt ended; latencies: those of the method, when it succeeded."""
        # With one node there is nothing to choose by.
        if self._only is None:
            now = time.monotonic()
            took_s = now - began
            with self._lock:
                node.in_flight -= 1
                node.ewma_s += EWMA_WEIGHT * (took_s - node.ewma_s)
                node.peak_s = took_s if took_s >= node.peak_s else observed(node.peak_s, node.seen_at, took_s, now)
                node.seen_at = now
                if latencies is not None:
                    latencies.add(took_s)
                    if latencies.median_s:
                        node.slowness += EWMA_WEIGHT * (took_s / latencies.median_s - node.slowness)
                if isinstance(failure, OverloadedError):
                    node.overloaded_until = now + (failure.retry_after_ms or 0) / 1000
                if failure is not None or not self._outliers.is_calm:
                    self._note_health(node, failure, now)
        # A node that is going away will close them: a call sent on one just then would be lost.
        if failure is not None and _is_leaving(failure):
            node.pool.drop_idle()

    def forget(self, node: NodeHandle) -> None:
        """An attempt was broken off here: that tells nothing of the node."""
        if self._only is None:
            with self._lock:
                node.in_flight -= 1

    def _answered(self, node: NodeHandle) -> None:
        """It answered what is no call: it is there, which tells nothing of its calls."""
        if self._only is None:
            with self._lock:
                node.in_flight -= 1
                node.health.on_success()

    def _lose(self, sent: Sent, latencies: Latencies) -> None:
        """An attempt was cancelled because the other one was quicker: it took longer than that."""
        now = time.monotonic()
        # How much longer it would have taken is not known; each further loss doubles the guess.
        took_s = 2.0 * (now - sent.began)
        with self._lock:
            node = sent.node
            node.in_flight -= 1
            node.ewma_s = max(node.ewma_s, node.ewma_s + EWMA_WEIGHT * (took_s - node.ewma_s))
            node.peak_s = max(took_s, 2.0 * node.peak_s)
            if latencies.median_s:
                node.slowness = max(2.0 * node.slowness, took_s / latencies.median_s)
            node.seen_at = node.outrun_at = now

    def _note_health(self, node: NodeHandle, failure: PyrpcError | None, now: float) -> None:
        """Under the lock. An error of the stage counts as an answer: the node is up."""
        is_lost = failure is not None and _is_leaving(failure)
        if is_lost or isinstance(failure, _NODE_FAULTS):
            self._outliers.on_failure(self._index[node], now, is_lost=is_lost)
        else:
            self._outliers.on_success(self._index[node], now)

    def _pick(self, tried: Sequence[NodeHandle], now: float) -> NodeHandle:
        """A node that is up, and not one that failed this call already where there is another.

        Whoever was turned away somewhere goes to nodes that have not said lately that they are overloaded, if there
        are any.
        """
        usable = self._outliers.usable(now, self._prng)
        nodes = [self._nodes[index] for index in usable if self._nodes[index] not in tried]
        if not nodes:
            nodes = [node for node in self._nodes if node not in tried] or list(self._nodes)
        if tried:
            nodes = [node for node in nodes if node.overloaded_until <= now] or nodes
        node = nodes[self._pick_index(cast("Sequence[NodeView]", nodes), self._prng, now)]
        self._outliers.on_call(self._index[node], now)
        return node

    # -- hedges

    def _new_method(self, method: str) -> Latencies:
        with self._lock:
            if len(self._methods) >= _METHODS_KEPT:
                self._methods.clear()
            return self._methods.setdefault(method, Latencies())

    def _ask_idempotent(self, method: str, latencies: Latencies) -> None:
        """Find out in the background, once, whether a method may be hedged."""
        latencies.is_idempotent = False

        def ask() -> None:
            is_idempotent = self._is_idempotent(method)
            with self._lock:
                latencies.allow(is_idempotent)

        self._run(ask)

    def _call_hedged(
        self,
        first: Sent,
        method: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        deadline: Deadline,
        latencies: Latencies,
    ) -> Any:
        """Go on with a call that is late, or was not waited for: to another node too, and the first reply counts."""
        running = [first]
        tried = [first.node]
        try:
            wait_s = first.began + latencies.hedge_after_s - time.monotonic()
            if not first.connection.wait(max(0.0, min(wait_s, deadline.remaining_s()))):
                node = self._hedge_node(first.node, deadline)
                if node is not None:
                    tried.append(node)
                    hedge = self._send_hedge(node, method, args, kwargs, deadline)
                    if hedge is not None:
                        running.append(hedge)
            while True:
                sent = first_reply(running, deadline)
                try:
                    value = sent.receive(deadline)
                except PyrpcError as error:
                    running.remove(sent)
                    self.end(sent.node, sent.began, _named(error, method))
                    if error.failure_class is FailureClass.FINAL or isinstance(error, DeadlineExceeded):
                        raise
                    if not running:
                        return self.call_again(method, args, kwargs, deadline, tried, error)
                else:
                    running.remove(sent)
                    self.end(sent.node, sent.began, None, latencies)
                    return value
        finally:
            for sent in running:
                sent.cancel()
                self._lose(sent, latencies)

    def _send_hedge(
        self, node: NodeHandle, method: str, args: tuple[Any, ...], kwargs: dict[str, Any], deadline: Deadline
    ) -> Sent | None:
        """The second attempt; None: it failed, which is no matter, since nobody asked for it."""
        began = time.monotonic()
        try:
            late = node.send_call(method, args, kwargs, deadline, attempt=1, connect_s=_HEDGE_CONNECT_S)
        except PyrpcError as error:
            self.end(node, began, error)
            return None
        except BaseException:
            self.forget(node)
            raise
        return Sent(node, began, late)

    def _hedge_node(self, first: NodeHandle, deadline: Deadline) -> NodeHandle | None:
        """Another node for a hedge; None where the budget or the time does not allow for one."""
        now = time.monotonic()
        with self._lock:
            if deadline.remaining_s() == 0 or not self._budget.try_hedge(now):
                return None
        return self.begin([first], now)

    # -- retries

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
            is_allowed = decision.retry and self._budget.try_retry(now)
        delay_s = decision.delay_s
        if isinstance(failure, OverloadedError) and self._has_other(tried, now):
            # It asked to be left alone; that is no reason to wait for another one.
            delay_s = 0.0
        if not is_allowed or delay_s >= deadline.remaining_s():
            raise self._final(failure, tried)
        if delay_s:
            time.sleep(delay_s)

    def _has_other(self, tried: list[NodeHandle], now: float) -> bool:
        """Whether there is a node that this call did not try, and that is not known to be overloaded or lost."""
        return any(node not in tried and node.overloaded_until <= now and node.health.is_up for node in self._nodes)

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


def _named(error: PyrpcError, method: str) -> PyrpcError:
    """The error; that time ran out is said of the method."""
    if isinstance(error, DeadlineExceeded):
        error.message = f"{method}: {error.message}"
    return error


def _is_leaving(failure: PyrpcError) -> bool:
    """Whether the node is gone, or about to go."""
    return is_node_loss(failure) or isinstance(failure, DrainingError)


def _is_of_the_node(failure: PyrpcError) -> bool:
    """Whether another node may well do what this one could not."""
    return _is_leaving(failure) or isinstance(failure, DeadlineExceeded)


def _at_most(timeout_s: float, deadline: Deadline) -> Deadline:
    return Deadline(min(timeout_s, deadline.remaining_s()))


class _Budget:
    """The plan's budget, and the calls it has not been told of yet; under the caller's lock."""

    def __init__(self) -> None:
        self._plan = CallBudget()
        # Counts calls (each ``next`` is one; it is atomic). The budget is told of them when it is asked.
        self.count = itertools.count()
        self._counted = 0

    def try_retry(self, now: float) -> bool:
        self._tell(now)
        return self._plan.try_retry(now)

    def try_hedge(self, now: float) -> bool:
        self._tell(now)
        return self._plan.try_hedge(now)

    def _tell(self, now: float) -> None:
        calls = next(self.count)
        self._plan.on_calls(calls - self._counted, now)
        self._counted = calls + 1
