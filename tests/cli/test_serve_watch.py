"""``pyrpc serve``: its metrics port and its log."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from pyrpc import Client
from pyrpc.errors import NodeError, PyrpcError

Until = Callable[[Callable[[], object]], None]
CANARY = "canary-33ab"

pytest.importorskip("prometheus_client")


def log_line(node: Any, event: str) -> dict[str, Any]:
    """The next event of that name on a node's standard error."""
    while line := node.process.stderr.readline():
        if line.startswith("{") and json.loads(line)["event"] == event:
            fields: dict[str, Any] = json.loads(line)
            return fields
    raise AssertionError(f"no event {event!r}")


def value_of(url: str, sample: str) -> float:
    """A sample by its name and labels, as written; 0 where there is none."""
    with urllib.request.urlopen(url, timeout=10) as response:
        found = re.search(f"^{re.escape(sample)} (.+)$", response.read().decode(), re.MULTILINE)
    return float(found[1]) if found else 0.0


@pytest.mark.parametrize("workers", [1, 2])
def test_free_metrics_port_is_told_and_tells_of_all_calls(start_node: Any, workers: int) -> None:
    node = start_node("lab:Lab", "--workers", workers, "--metrics-port", 0, "--log-format", "json")
    url = log_line(node, "metrics")["url"]
    for number in range(4):
        with Client(node.endpoint) as client:
            assert client.call("Lab.echo", number) == number
    assert value_of(url, 'pyrpc_calls_total{outcome="ok",stage="Lab.echo"}') == 4
    assert value_of(url, 'pyrpc_call_run_seconds_count{stage="Lab.echo"}') == 4


def test_what_a_dead_worker_did_stays_in_the_sum(start_node: Any, until: Until) -> None:
    options = ("--metrics-port", 0, "--log-format", "json", "--log-level", "info")
    node = start_node("lab:Lab", "--workers", 2, *options)
    url = log_line(node, "metrics")["url"]
    pids = set()
    for _ in range(4):
        with Client(node.endpoint) as client:
            pids.add(client.call("Lab.pid"))
    calls = 'pyrpc_calls_total{outcome="ok",stage="Lab.pid"}'
    assert value_of(url, calls) == 4
    victim = min(pids)
    os.kill(victim, signal.SIGKILL)
    assert log_line(node, "worker died")["worker"] == victim
    assert log_line(node, "worker replaced")["died"] == victim
    until(lambda: value_of(url, "pyrpc_worker_deaths_total") == 1)
    assert value_of(url, calls) == 4
    with contextlib.suppress(NodeError), Client(node.endpoint) as client:
        client.call("Lab.pid")
        assert value_of(url, calls) == 5


@pytest.mark.parametrize("workers", [1, 2])
def test_each_line_of_a_json_log_is_an_event_without_payload(start_node: Any, workers: int) -> None:
    options = ("--workers", workers, "--log-format", "json", "--log-level", "debug", "--no-tracebacks")
    node = start_node("lab:double", *options)
    with Client(node.endpoint) as client, pytest.raises(PyrpcError):
        client.call("double", {CANARY: CANARY})
    node.signal(signal.SIGTERM)
    code, _, err = node.end()
    # What the module prints at its import goes there, too.
    lines = [json.loads(line) for line in err.splitlines() if line != "said at the import"]
    names = [line["event"] for line in lines]
    assert code == 0 and CANARY not in err
    for event in ("started", "listening", "call failed", "draining", "stopped"):
        assert event in names
    [failed] = [line for line in lines if line["event"] == "call failed"]
    assert failed["code"] == "STAGE_FAILED" and failed["stage"] == "double" and failed["level"] == "error"


def test_quiet_log_tells_nothing_of_calls(start_node: Any) -> None:
    node = start_node("lab:double", "--log-level", "error")
    with Client(node.endpoint) as client, pytest.raises(PyrpcError):
        client.call("no.such", CANARY)
    node.signal(signal.SIGTERM)
    _, _, err = node.end()
    assert err.splitlines() == ["said at the import"]


def test_metrics_port_that_is_taken_is_told(start_node: Any, pyrpc_command: Any) -> None:
    node = start_node("lab:double", "--metrics-port", 0, "--log-format", "json")
    taken = log_line(node, "metrics")["url"].split(":")[2].split("/")[0]
    for workers in (1, 2):
        done = pyrpc_command("serve", "lab:double", "--port", 0, "--metrics-port", taken, "--workers", workers)
        assert done.code == 2
        assert any("for metrics" in line for line in done.lines)
