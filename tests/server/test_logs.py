"""The events in a node's log: one line each, no payload, not too many."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from pyrpc import Client, Server
from pyrpc.cli.logs import JsonLines
from pyrpc.errors import PyrpcError
from pyrpc.server.events import FailedCall, NodeLog, RepeatLimit, places, tell, trace_id_of
from pyrpc.testing import FakeClock

CANARY = "canary-5e0b"
TRACE = "0af7651916cd43dd8448eb211c80319c"


class Lab:
    def echo(self, x: Any = None) -> Any:
        return x

    def fail(self, x: Any = None) -> Any:
        raise ValueError(f"no good: {x}")

    def one(self, x: np.ndarray) -> np.ndarray:
        return x[:1]


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(Lab(), port=0, tracebacks=False) as server:
        yield server


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with Client(server.endpoint) as client:
        yield client


def events(caplog: pytest.LogCaptureFixture, name: str) -> list[dict[str, Any]]:
    return [record.pyrpc for record in caplog.records if getattr(record, "pyrpc", {}).get("event") == name]


def test_life_of_a_node_is_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "pyrpc")
    with Server(Lab(), port=0) as server:
        endpoint = server.endpoint
    names = [record.pyrpc["event"] for record in caplog.records if hasattr(record, "pyrpc")]
    assert names == ["started", "listening", "draining", "stopped"]
    assert events(caplog, "listening")[0]["endpoint"] == endpoint


def test_failed_call_is_told_with_what_helps_to_find_it(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "pyrpc")
    with pytest.raises(PyrpcError):
        client.call("Lab.fail", x=1)
    [event] = events(caplog, "call failed")
    assert event["code"] == "STAGE_FAILED" and event["stage"] == "Lab.fail" and event["error"] == "ValueError"
    assert event["peer"].startswith("127.0.0.1:") and event["request_id"] > 0 and event["duration_ms"] > 0
    assert "in fail" in event["traceback"]


@pytest.mark.parametrize("named", [{}, {"x": 1}], ids=["small", "any"])
def test_duration_of_a_failed_call_is_told(
    client: Client, caplog: pytest.LogCaptureFixture, named: dict[str, Any]
) -> None:
    caplog.set_level(logging.INFO, "pyrpc")
    with pytest.raises(PyrpcError):
        client.call("Lab.fail", **named)
    [event] = events(caplog, "call failed")
    assert 0 < event["duration_ms"] < 60_000


@pytest.mark.parametrize(
    ("method", "args", "named"),
    [
        ("Lab.fail", (CANARY,), {}),
        ("Lab.fail", (), {"x": [CANARY]}),
        ("Lab.echo", (CANARY, CANARY), {}),
        ("Lab.echo", (), {CANARY: 1}),
        (CANARY, (CANARY,), {}),
        (f"Lab.{CANARY}", (), {}),
    ],
)
def test_what_callers_send_is_in_no_line(
    client: Client, caplog: pytest.LogCaptureFixture, method: str, args: tuple[Any, ...], named: dict[str, Any]
) -> None:
    caplog.set_level(logging.DEBUG, "pyrpc")
    with pytest.raises(PyrpcError):
        client.call(method, *args, **named)
    assert len(events(caplog, "call failed")) == 1
    shown = [JsonLines().format(record) + record.getMessage() for record in caplog.records]
    assert not [line for line in shown if CANARY in line]


def test_bytes_that_are_no_frame_are_in_no_line(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    import socket

    caplog.set_level(logging.DEBUG, "pyrpc")
    host, port = server.endpoint.rsplit(":", 1)
    message = b"\x80\x01\x00\x01\x00\x00\x00\x04call" + CANARY.encode()
    with socket.create_connection((host, int(port)), 10) as sock:
        sock.sendall(len(message).to_bytes(4, "big") + message)
        sock.recv(4096)
    assert events(caplog, "frame refused")
    assert CANARY not in caplog.text


def test_token_is_in_no_line(caplog: pytest.LogCaptureFixture, tmp_path: Any) -> None:
    caplog.set_level(logging.DEBUG, "pyrpc")
    tokens = tmp_path / "tokens"
    tokens.write_text("right-token-00000000000000000000000000 *\n")
    tokens.chmod(0o600)
    with (
        Server(Lab(), port=0, tokens=tokens) as server,
        Client(server.endpoint, token=CANARY * 4) as client,
        pytest.raises(PyrpcError),
    ):
        client.call("Lab.echo", 1)
    assert CANARY not in caplog.text and "right-token" not in caplog.text
    [event] = events(caplog, "call failed")
    assert event["code"] in ("UNAUTHENTICATED", "PERMISSION_DENIED") and event["peer"].startswith("127.0.0.1:")


def test_text_that_a_stage_raises_stays_out_of_its_traceback() -> None:
    def raising() -> None:
        try:
            int(CANARY)
        except ValueError as error:
            raise RuntimeError(str(error)) from error

    with pytest.raises(RuntimeError) as caught:
        raising()
    text = places(caught.value)
    assert "RuntimeError" in text and "ValueError" in text and "in raising" in text
    assert CANARY not in text


def test_storm_of_failures_is_told_a_few_times_and_counted() -> None:
    clock = FakeClock()
    limit = RepeatLimit(3, clock.monotonic)
    assert [limit.admit("kind") for _ in range(10)] == [0, 0, 0, *[None] * 7]
    assert limit.admit("other") == 0
    clock.advance(1.0)
    assert limit.admit("kind") == 7
    assert limit.admit("kind") == 0


def test_what_was_kept_back_is_told_at_the_end_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "pyrpc")
    log = NodeLog(RepeatLimit(2, FakeClock().monotonic))
    for _ in range(9):
        log.call_failed("OVERLOADED", FailedCall(stage="Lab.echo"))
    assert len(events(caplog, "call failed")) == 2
    log.close()
    log.close()
    assert events(caplog, "call failed")[2:] == [
        {"event": "call failed", "code": "OVERLOADED", "stage": "Lab.echo", "not_told": 7}
    ]


def test_kinds_are_bounded() -> None:
    limit = RepeatLimit(1, FakeClock().monotonic)
    for kind in range(5000):
        limit.admit(kind)
    assert len(limit._seconds) <= 1024


@pytest.mark.parametrize(
    ("context", "wanted"),
    [
        ({"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}, TRACE),
        ({"traceparent": "00-xyz-b7ad6b7169203331-01"}, None),
        ({"traceparent": f"00-{'0' * 32}-b7ad6b7169203331-01"}, None),
        ({"traceparent": "nonsense"}, None),
        ({}, None),
        (None, None),
    ],
)
def test_trace_id_is_taken_from_w3c_context_only(context: dict[str, str] | None, wanted: str | None) -> None:
    assert trace_id_of(context) == wanted


def test_event_is_one_line_of_json_whatever_is_in_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "pyrpc")
    tell(logging.getLogger("pyrpc.node"), logging.INFO, "call failed", peer="a\nb", traceback="x\ny", stage=None)
    [record] = caplog.records
    line = JsonLines().format(record)
    assert "\n" not in line
    fields = json.loads(line)
    assert fields["event"] == "call failed" and fields["peer"] == "a\nb" and "stage" not in fields
    assert fields["level"] == "info" and fields["time"].endswith("Z")
    assert "peer='a\\nb'" in record.getMessage()


def test_library_adds_no_handler(server: Server, client: Client) -> None:
    client.call("Lab.echo", 1)
    names = [name for name in logging.root.manager.loggerDict if name.split(".")[0] == "pyrpc"]
    assert not [name for name in names if logging.getLogger(name).handlers]
