"""Spans from the client through the node; the SDK of OpenTelemetry keeps them in memory."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import pyrpc
from pyrpc import Client, Server
from pyrpc.client.traced import TracedNode
from pyrpc.errors import OverloadedError, StageFailedError
from pyrpc.wire.codec import BINARY

trace = pytest.importorskip("opentelemetry.trace")
sdk = pytest.importorskip("opentelemetry.sdk.trace")

CANARY = "canary-91aa"


class Lab:
    def __init__(self) -> None:
        self.refusals = 0

    def echo(self, x: Any = None) -> Any:
        return x

    def fail(self, x: Any) -> Any:
        raise ValueError(x)

    @pyrpc.stage(idempotent=True)
    def double(self, rows: np.ndarray) -> np.ndarray:
        if self.refusals:
            self.refusals -= 1
            raise OverloadedError("not now", retry_after_ms=1)
        return rows * 2

    def total(self, rows: np.ndarray) -> Any:
        return rows.sum()

    def trace_id(self) -> str:
        return format(trace.get_current_span().get_span_context().trace_id, "032x")


@pytest.fixture
def exporter(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Keeps the spans of a provider that is configured during the test."""
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter = InMemorySpanExporter()
    provider = sdk.TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    # OpenTelemetry lets a process set its provider once; tests need one each.
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    exporter.tracer = provider.get_tracer("test")
    yield exporter
    provider.shutdown()


@pytest.fixture
def lab() -> Lab:
    return Lab()


@pytest.fixture
def client(exporter: Any, lab: Lab) -> Iterator[Client]:
    with Server(lab, port=0) as server, Client(server.endpoint) as client:
        yield client


def spans(exporter: Any, kind: str) -> list[Any]:
    """Those that have ended, the node's before its client's."""
    return [span for span in exporter.get_finished_spans() if span.kind.name == kind]


def is_child(span: Any, parent: Any) -> bool:
    same_trace = span.context.trace_id == parent.context.trace_id
    return same_trace and span.parent is not None and span.parent.span_id == parent.context.span_id


def ended(exporter: Any, kind: str, count: int) -> list[Any]:
    """A span at the node may end just after its answer has arrived."""
    import threading

    for _ in range(3000):
        if len(found := spans(exporter, kind)) >= count:
            return found
        threading.Event().wait(0.005)
    raise AssertionError(f"{len(spans(exporter, kind))} spans of kind {kind}, not {count}")


def test_run_at_the_node_is_a_child_of_the_call(exporter: Any, client: Client) -> None:
    assert client.call("Lab.echo", 5) == 5
    [call], [run] = ended(exporter, "CLIENT", 1), ended(exporter, "SERVER", 1)
    assert is_child(run, call) and call.parent is None
    assert call.name == run.name == "Lab/echo"
    for span in (call, run):
        assert span.attributes["rpc.system"] == "pyrpc"
        assert span.attributes["rpc.service"] == "Lab" and span.attributes["rpc.method"] == "echo"
    assert run.attributes["client.address"].startswith("127.0.0.1:")


def test_call_is_a_child_of_what_its_caller_does(exporter: Any, client: Client) -> None:
    with exporter.tracer.start_as_current_span("outer") as outer:
        client.call("Lab.echo", 1)
        future = client.submit("Lab.echo", 2)
    assert future.result(30) == 2
    calls = ended(exporter, "CLIENT", 2)
    assert all(is_child(call, outer) for call in calls)


def test_typed_call_has_a_span_at_the_node(exporter: Any) -> None:
    with Server(Lab, port=0) as server:
        codec, name = server._dispatcher.typed.answering(BINARY, "Lab:trace_id")
        args = {"method": "Lab.trace_id", "positional": [], "named": {}}
        server._dispatcher._answer(codec, name, 1, args, time.monotonic(), None)
    (span,) = spans(exporter, "SERVER")
    assert span.name == "Lab/trace_id"
    assert span.parent is None


def test_stage_can_read_the_span_it_runs_in(exporter: Any, client: Client) -> None:
    seen = client.call("Lab.trace_id")
    [call] = ended(exporter, "CLIENT", 1)
    assert seen == format(call.context.trace_id, "032x")


def test_map_has_one_span_and_one_for_each_attempt_at_a_chunk(exporter: Any, client: Client, lab: Lab) -> None:
    lab.refusals = 2
    rows = np.arange(40)
    with exporter.tracer.start_as_current_span("outer") as outer:
        result = client.map("Lab.double", rows, chunk_rows=10)
    assert np.array_equal(result, rows * 2)
    attempts, runs = ended(exporter, "CLIENT", 6), ended(exporter, "SERVER", 6)
    [job] = [span for span in spans(exporter, "INTERNAL") if span.name == "map Lab.double"]
    assert is_child(job, outer)
    assert len(attempts) == len(runs) == 6, "four chunks, two of which were refused once"
    assert all(is_child(attempt, job) for attempt in attempts)
    assert {run.parent.span_id for run in runs} == {attempt.context.span_id for attempt in attempts}
    refused = [attempt for attempt in attempts if "error.type" in attempt.attributes]
    assert [attempt.attributes["error.type"] for attempt in refused] == ["OverloadedError"] * 2
    # The same chunk may be refused twice.
    assert sum(attempt.attributes["pyrpc.attempt"] == 0 for attempt in attempts) == 4
    assert job.attributes["pyrpc.rows"] == 40 and job.attributes["pyrpc.attempts"] == 6


def test_reduction_and_job_in_the_background_have_their_spans(exporter: Any, client: Client) -> None:
    with exporter.tracer.start_as_current_span("outer") as outer:
        job = client.reduce_async("Lab.total", np.arange(10), chunk_rows=5)
    assert job.result(30) == 45
    found = [span for span in ended(exporter, "INTERNAL", 2) if span.name == "reduce Lab.total"]
    assert len(found) == 1 and is_child(found[0], outer)


def test_failure_marks_both_spans_without_its_text(
    exporter: Any, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "pyrpc")
    with pytest.raises(StageFailedError):
        client.call("Lab.fail", CANARY)
    [call], [run] = ended(exporter, "CLIENT", 1), ended(exporter, "SERVER", 1)
    for span in (call, run):
        assert span.status.status_code.name == "ERROR"
        assert span.attributes["error.type"] == "StageFailedError"
        assert CANARY not in span.to_json()
    [event] = [r.pyrpc for r in caplog.records if getattr(r, "pyrpc", {}).get("event") == "call failed"]
    assert event["trace_id"] == format(call.context.trace_id, "032x")


def test_caller_without_spans_gives_the_node_a_root(exporter: Any, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(lab, port=0) as server:
        monkeypatch.setattr(trace, "get_tracer_provider", trace.NoOpTracerProvider)
        with Client(server.endpoint) as client:
            assert client.call("Lab.echo", 1) == 1
    [run] = ended(exporter, "SERVER", 1)
    assert run.parent is None and not spans(exporter, "CLIENT")


@pytest.mark.parametrize("traceparent", ["", "00-zz-1-1", "\n" * 100, "00-" + "0" * 32 + "-" + "0" * 16 + "-00"])
def test_context_that_is_none_is_as_none(exporter: Any, client: Client, traceparent: str) -> None:
    node = client._nodes[0]
    assert isinstance(node, TracedNode)
    node.tracing = type("Odd", (), {"carrier": lambda self: {"traceparent": traceparent}})()
    assert client.call("Lab.echo", 1) == 1
    [run] = ended(exporter, "SERVER", 1)
    assert run.parent is None


def test_without_a_provider_the_plain_parts_are_used(lab: Lab) -> None:
    with Server(lab, port=0) as server, Client(server.endpoint) as client:
        client.call("Lab.echo", 1)
        assert type(client._nodes[0]) is not TracedNode
        assert server._dispatcher._takes_small


def test_opentelemetry_is_not_imported_to_find_out() -> None:
    program = (
        "import sys, pyrpc\n"
        "with pyrpc.Server({'f': abs}, port=0) as s, pyrpc.Client(s.endpoint) as c: c.call('f', -1)\n"
        "print([m for m in sys.modules if m.startswith(('opentelemetry', 'prometheus_client'))])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr
