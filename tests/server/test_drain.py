"""Asking a node to go away, and what it says of itself."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.server.gate import Gate

from pyrpc import Client, Server
from pyrpc.cli.main import main
from pyrpc.client.draining import drain
from pyrpc.client.node import NodeHandle
from pyrpc.deadline import Deadline
from pyrpc.errors import AuthError, DeadlineExceeded, DrainingError, FailureClass, PyrpcError, UnreachableError
from pyrpc.transport.connection import Connection
from pyrpc.transport.endpoint import Endpoint
from pyrpc.wire import small
from pyrpc.wire.codec import BINARY, COMPACT
from pyrpc.wire.messages import NodeState


def test_server_that_is_not_started_is_not_serving(gate: Gate) -> None:
    server = Server(gate, port=0)
    assert server.state is NodeState.NOT_SERVING
    with server.start(), Client(server.endpoint) as client:
        assert server.state is NodeState.SERVING
        assert client.ping()[server.endpoint].state is NodeState.SERVING
    assert server.state is NodeState.NOT_SERVING


def test_node_that_is_asked_finishes_what_runs_refuses_the_rest_and_ends(gate: Gate) -> None:
    with Server(gate, port=0) as server, Client(server.endpoint) as client:
        running = client.submit("Gate.wait")
        assert gate.entered.acquire(timeout=10)
        node = NodeHandle(Endpoint.parse(server.endpoint), 5)
        assert node.invoke("Gate.quick", [], {}, Deadline(10)).value == 1
        assert drain(server.endpoint).state is NodeState.DRAINING
        assert server.state is NodeState.DRAINING
        with pytest.raises(DrainingError):
            node.invoke("Gate.quick", [], {}, Deadline(10))
        node.pool.close()
        gate.let.set()
        assert running.result(10) == "done"


def test_whoever_asks_may_wait_for_the_end(gate: Gate) -> None:
    server = Server(gate, port=0).start()
    with Client(server.endpoint) as client:
        running = client.submit("Gate.wait")
        assert gate.entered.acquire(timeout=10)
        with pytest.raises(DeadlineExceeded, match="not finished"):
            drain(server.endpoint, wait_s=0.1)
        threading.Timer(0.05, gate.let.set).start()
        server.stop()
        assert running.result(10) == "done"
    with pytest.raises(UnreachableError):
        drain(server.endpoint)


def test_time_for_what_runs_may_be_given(gate: Gate) -> None:
    server = Server(gate, port=0).start()
    with Client(server.endpoint) as client:
        running = client.submit("Gate.wait")
        assert gate.entered.acquire(timeout=10)
        drain(server.endpoint, grace_s=0.05, wait_s=20)
        assert running.exception(10) is not None
    server.stop()


def test_two_who_stop_it_both_return_when_it_has_ended(gate: Gate) -> None:
    server = Server(gate, port=0).start()
    with Client(server.endpoint) as client:
        running = client.submit("Gate.wait")
        assert gate.entered.acquire(timeout=10)
        states: list[NodeState] = []

        def stop() -> None:
            server.stop()
            states.append(server.state)

        threads = [threading.Thread(target=stop) for _ in range(2)]
        for thread in threads:
            thread.start()
        gate.let.set()
        for thread in threads:
            thread.join(20)
        assert states == [NodeState.NOT_SERVING] * 2
        assert running.result(10) == "done"


def test_token_that_is_not_for_everything_drains_nothing(gate: Gate, tmp_path: Path) -> None:
    tokens = tmp_path / "tokens.txt"
    tokens.write_text("ops all-of-it\nbob only-quick Gate.quick\n")
    tokens.chmod(0o600)
    with Server(gate, port=0, tokens=tokens) as server:
        for token in ("only-quick", "made-up"):
            with pytest.raises(AuthError):
                drain(server.endpoint, token=token)
        assert server.state is NodeState.SERVING
        assert drain(server.endpoint, token="all-of-it", wait_s=20).state is NodeState.DRAINING


# -- processes


def serve(folder: Path, *options: str) -> tuple[subprocess.Popen[str], str]:
    """``pyrpc serve`` in a folder with a module ``work``, and its endpoint."""
    (folder / "work.py").write_text("import os\n\ndef pid() -> int:\n    return os.getpid()\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "pyrpc", "serve", "work:pid", "--port", "0", *options],
        stdout=subprocess.PIPE,
        text=True,
        cwd=folder,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    return process, line.split()[-1]


@pytest.mark.parametrize("workers", [1, 3])
def test_command_ends_the_process_and_all_its_workers(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], workers: int
) -> None:
    process, endpoint = serve(tmp_path, "--workers", str(workers))
    with process:
        assert process.stdout is not None
        assert main(["drain", endpoint, "--wait"]) == 0
        assert process.wait(30) == 0
        assert capfd.readouterr().out == f"{endpoint} finished\n"
    assert main(["drain", endpoint]) == 3


def test_signal_after_the_request_lets_it_finish_too(tmp_path: Path) -> None:
    process, endpoint = serve(tmp_path)
    with process:
        assert main(["drain", endpoint, "--json"]) == 0
        process.terminate()
        assert process.wait(30) == 0


# -- the last word


@pytest.fixture
def left(gate: Gate) -> Iterator[tuple[NodeHandle, Connection]]:
    """A node that has gone away, and a connection to it that does not know that yet."""
    server = Server(gate, port=0).start()
    node = NodeHandle(Endpoint.parse(server.endpoint), 5)
    assert node.invoke("Gate.quick", [], {}, Deadline(10)).value == 1
    connection = node.pool.take(10, 0.0)
    server.stop()
    yield node, connection
    connection.close()
    node.pool.close()


@pytest.mark.parametrize("name", ["call", "run", "stats"])
def test_call_that_crosses_the_end_of_the_node_is_known_not_to_have_run(
    left: tuple[NodeHandle, Connection], name: str
) -> None:
    node, connection = left
    with pytest.raises(DrainingError, match="had not begun") as caught:
        connection.exchange(name, 7, BINARY.encode_request(name, 7, {}), Deadline(10))
    assert caught.value.failure_class is FailureClass.NOT_EXECUTED
    assert caught.value.endpoint == node.endpoint
    assert not connection.is_open


def test_so_are_all_that_were_sent_in_a_row(left: tuple[NodeHandle, Connection]) -> None:
    node, connection = left
    connection.used_at = time.monotonic()
    node.pool.give_back(connection)
    frames = [small.encode_call("Gate.quick", (), number, 10_000) for number in range(1, 4)]
    errors: dict[int, PyrpcError | None] = {}
    until = time.monotonic() + 10
    node.call_many(
        [(frame, number, until) for number, frame in enumerate(frames, 1) if frame],
        lambda index, value, service_us, error: errors.update({index: error}),
    )
    assert [type(error).__mro__[1] for _, error in sorted(errors.items())] == [DrainingError] * 3


def test_caller_in_compact_protocol_is_told_in_its_own(gate: Gate) -> None:
    with Server(gate, port=0) as server:
        host, _, port = server.endpoint.rpartition(":")
        with socket.create_connection((host, int(port)), 10) as sock:
            message = b"".join(COMPACT.encode_request("ping", 1, {}))
            sock.sendall(len(message).to_bytes(4, "big") + message)
            assert sock.recv(65536)
            server.stop()
            last = sock.recv(65536)
            assert sock.recv(1) == b""
    assert last[4] == 0x82
    assert b"the node goes away" in last
