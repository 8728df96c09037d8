"""The parts of a client where spans are made: one for a call, one for a job, one for each attempt at a chunk.

A client is put together from these in place of the plain ones, so the plain ones know nothing of spans and pay
nothing for them.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pyrpc.client.caller import Caller
from pyrpc.client.job import Job
from pyrpc.client.jobs import Jobs
from pyrpc.client.node import Late, NodeHandle
from pyrpc.client.submit import Submitter, Task
from pyrpc.deadline import Deadline
from pyrpc.tracing import Tracing, rpc_attributes, span_name, tracing
from pyrpc.transport.endpoint import Endpoint
from pyrpc.transport.threads import ThreadCache
from pyrpc.wire.messages import CallReply


@dataclass(frozen=True, slots=True)
class Parts:
    """What a client is put together from."""

    node: Callable[..., NodeHandle] = NodeHandle
    threads: Callable[[str], ThreadCache] = ThreadCache
    caller: Callable[..., Caller] = Caller
    submitter: Callable[..., Submitter] = Submitter
    jobs: Callable[..., Jobs] = Jobs


_PLAIN = Parts()


def parts() -> Parts:
    """The plain parts, or those that make spans if a tracer provider is configured now."""
    found = tracing()
    if found is None:
        return _PLAIN

    def with_spans(kind: Any) -> Callable[..., Any]:
        def make(*args: Any, **options: Any) -> Any:
            made = kind(*args, **options)
            made.tracing = found
            return made

        return make

    return Parts(
        with_spans(TracedNode), TracedThreads, with_spans(TracedCaller), TracedSubmitter, with_spans(TracedJobs)
    )


class TracedNode(NodeHandle):
    """Sends the trace's context with each call, so none goes the way of small ones; see NodeHandle."""

    tracing: Tracing

    def invoke(
        self, method: str, positional: Any, named: dict[str, Any], deadline: Deadline, **options: Any
    ) -> CallReply:
        """One attempt; with a span of its own if it is for a chunk. See NodeHandle."""
        rows = options.get("rows")
        if rows is None:
            return super().invoke(method, positional, named, deadline, **options, context=self.tracing.carrier())
        attributes = self._attributes(method, pyrpc__rows=abs(rows), pyrpc__attempt=options.get("attempt", 0))
        with self.tracing.span(span_name(method), "client", attributes):
            return super().invoke(method, positional, named, deadline, **options, context=self.tracing.carrier())

    def call(
        self, method: str, args: tuple[Any, ...], kwargs: dict[str, Any], began: float, timeout_s: float | None
    ) -> Any:
        """See NodeHandle."""
        return self.invoke(method, args, kwargs, Deadline.after(began, timeout_s)).value

    def call_within(
        self,
        method: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        began: float,
        timeout_s: float | None,
        within_s: float,
    ) -> Any:
        """See NodeHandle."""
        return self.send_call(method, args, kwargs, Deadline.after(began, timeout_s))

    def send_call(
        self, method: str, args: tuple[Any, ...], kwargs: dict[str, Any], deadline: Deadline, **options: Any
    ) -> Late:
        """See NodeHandle."""
        return super().send_call(method, args, kwargs, deadline, **options, context=self.tracing.carrier())

    def _attributes(self, method: str, **more: Any) -> dict[str, Any]:
        where = Endpoint.parse(self.endpoint)
        return rpc_attributes(method, server__address=where.host, server__port=where.port, **more)


class TracedCaller(Caller):
    """One span for a call, all its attempts included; see Caller."""

    tracing: Tracing

    def call(self, method: str, args: tuple[Any, ...], kwargs: dict[str, Any], timeout_s: float | None) -> Any:
        """See Caller."""
        with self.tracing.span(span_name(str(method)), "client", rpc_attributes(str(method))):
            return super().call(method, args, kwargs, timeout_s)


class TracedThreads(ThreadCache):
    """Background work belongs to the span of whoever began it; see ThreadCache."""

    def run(self, function: Callable[..., object], *args: Any) -> None:
        """See ThreadCache."""
        super().run(contextvars.copy_context().run, function, *args)


class _TracedTask(Task):
    """A call that waits for its turn, and what was current when it was submitted."""

    __slots__ = ("context",)

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.context = contextvars.copy_context()


class TracedSubmitter(Submitter):
    """Each submitted call goes alone, in the context it was submitted in; see Submitter."""

    _make_task = _TracedTask

    def _small(self, task: Task, now: float) -> None:
        return None

    def _run_alone(self, task: Task) -> None:
        assert isinstance(task, _TracedTask)
        task.context.run(super()._run_alone, task)


class TracedJobs(Jobs):
    """One span for each job; see Jobs."""

    tracing: Tracing

    def _job(self, info: Any, *args: Any, sign: int = 1) -> Job:
        job = super()._job(info, *args, sign=sign)
        return _TracedJob(job, self.tracing, "map" if sign > 0 else "reduce", info.name)


class _TracedJob(Job):
    def __init__(self, job: Job, tracing: Tracing, what: str, stage: str) -> None:
        super().__init__(job._scatter, job._gather)
        self._tracing = tracing
        self._what = what
        self._stage = stage

    def run(self) -> None:
        attributes = rpc_attributes(self._stage, pyrpc__job=self._what)
        with self._tracing.span(f"{self._what} {self._stage}", "internal", attributes) as span:
            super().run()
            span.set_attribute("pyrpc.rows", self.receipt.rows)
            span.set_attribute("pyrpc.attempts", len(self.receipt.entries))
            if self._error is not None:
                self._tracing.mark(span, self._error)
