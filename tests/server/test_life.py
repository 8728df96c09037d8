"""Starting, stopping and the port of a server."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest
from tests.server.gate import Gate

from pyrpc import Client, Server
from pyrpc.client.node import NodeHandle
from pyrpc.deadline import Deadline
from pyrpc.errors import ConfigError, DrainingError, UnreachableError
from pyrpc.transport.endpoint import Endpoint


def call_until_refused(node: NodeHandle, method: str) -> DrainingError:
    """Call on one connection until the node says that it is going away."""
    while True:
        try:
            node.invoke(method, [], {}, Deadline(10))
        except DrainingError as error:
            return error


def port_of(server: Server) -> int:
    return int(server.endpoint.rpartition(":")[2])


# -- start


def test_start_returns_the_server_while_it_answers_in_the_background(gate: Gate) -> None:
    server = Server(gate, port=0)
    assert server.start() is server
    with server, Client(server.endpoint) as client:
        assert client.call("Gate.quick") == 1


def test_port_0_finds_a_free_one_and_endpoint_tells_it(gate: Gate) -> None:
    with Server(gate, port=0) as first, Server(gate, port=0) as second:
        assert port_of(first) > 0
        assert port_of(first) != port_of(second)
        assert first.endpoint == f"127.0.0.1:{port_of(first)}"


def test_default_port_comes_from_the_environment_for_both_ends(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(gate, port=0) as probe:
        port = port_of(probe)
    monkeypatch.delenv("PYRPC_ENDPOINTS", raising=False)
    monkeypatch.setenv("PYRPC_PORT", str(port))
    with Server(gate) as server, Client() as client:
        assert port_of(server) == port
        assert client.endpoints == (server.endpoint,)
        assert client.call("Gate.quick") == 1


def test_taken_port_is_told_with_what_to_do(gate: Gate) -> None:
    with Server(gate, port=0) as server, pytest.raises(ConfigError, match="cannot listen on") as caught:
        Server(gate, port=port_of(server)).start()
    assert "port=0" in str(caught.value.help)


def test_server_may_be_started_again_when_its_port_was_taken(gate: Gate) -> None:
    with Server(gate, port=0) as first:
        second = Server(gate, port=port_of(first))
        with pytest.raises(ConfigError):
            second.start()
    with second.start(), Client(second.endpoint) as client:
        assert client.call("Gate.quick") == 1


def test_second_start_is_refused(gate: Gate) -> None:
    with Server(gate, port=0) as server, pytest.raises(ConfigError, match="started already"):
        server.start()


def test_stopped_server_cannot_be_started(gate: Gate) -> None:
    server = Server(gate, port=0)
    server.stop()
    with pytest.raises(ConfigError, match="new Server"):
        server.start()


def test_host_of_another_machine_is_refused_with_what_to_do(gate: Gate) -> None:
    with pytest.raises(ConfigError, match="cannot listen") as caught:
        Server(gate, host="192.0.2.1", port=0, insecure=True).start()
    assert "address of this machine" in str(caught.value.help)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.org", ""])
def test_host_beyond_loopback_must_be_said_to_be_insecure(gate: Gate, host: str) -> None:
    with pytest.raises(ConfigError, match="everybody") as caught:
        Server(gate, host=host, port=0)
    assert "insecure=True" in str(caught.value.help)


def test_insecure_server_listens_beyond_loopback(gate: Gate) -> None:
    server = Server(gate, host="0.0.0.0", port=0, insecure=True).start()
    with server, Client(f"127.0.0.1:{port_of(server)}") as client:
        assert client.call("Gate.quick") == 1


def test_ipv6_loopback_is_served(gate: Gate) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    with Server(gate, host="::1", port=0) as server, Client(server.endpoint) as client:
        assert server.endpoint.startswith("[::1]:")
        assert client.call("Gate.quick") == 1


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("threads", 0),
        ("threads", 2.5),
        ("max_connections", 0),
        ("max_frame_bytes", -1),
        ("max_queued", -1),
        ("port", 70_000),
        ("port", -1),
        ("port", "9090"),
    ],
)
def test_option_that_makes_no_sense_is_named(gate: Gate, option: str, value: object) -> None:
    options: dict[str, object] = {"port": 0, option: value}
    with pytest.raises(ConfigError, match=option):
        Server(gate, **options)  # type: ignore[arg-type]


# -- stop


def test_call_in_flight_gets_its_result_and_new_ones_are_refused(gate: Gate) -> None:
    with Server(gate, port=0) as server, Client(server.endpoint) as client:
        future = client.submit("Gate.wait")
        assert gate.entered.acquire(timeout=10)
        # A connection that is open before the port closes, to hear the refusal.
        other = NodeHandle(Endpoint.parse(server.endpoint), 5)
        other.request("ping", Deadline(10))
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        assert call_until_refused(other, "Gate.quick").endpoint == server.endpoint
        assert not future.done()
        gate.let.set()
        assert future.result(10) == "done"
        stopping.join(10)
        assert not stopping.is_alive()
        other.pool.close()


def test_grace_is_a_limit(gate: Gate) -> None:
    with Server(gate, port=0) as server, Client(server.endpoint) as client:
        future = client.submit("Gate.wait")
        assert gate.entered.acquire(timeout=10)
        began = time.monotonic()
        server.stop(grace_s=0.1)
        assert time.monotonic() - began < 5
        with pytest.raises(ConnectionError):
            future.result(10)


def test_port_may_be_bound_again_as_soon_as_stop_returns(gate: Gate) -> None:
    server = Server(gate, port=0).start()
    port = port_of(server)
    for _ in range(20):
        server.stop()
        server = Server(gate, port=port).start()
    server.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 1)


def test_stop_may_be_called_twice(gate: Gate) -> None:
    server = Server(gate, port=0).start()
    server.stop()
    server.stop()


def test_stop_lets_the_threads_end(gate: Gate) -> None:
    before = set(threading.enumerate())
    with Server(gate, port=0) as server, Client(server.endpoint) as client:
        [future.result() for future in [client.submit("Gate.quick") for _ in range(20)]]
        ours = {thread for thread in set(threading.enumerate()) - before if thread.name.startswith("pyrpc-")}
        assert ours
    for thread in ours:
        if "submit" not in thread.name and "job" not in thread.name:
            thread.join(10)
            assert not thread.is_alive(), thread.name


def test_client_survives_a_restart_in_good_order_without_an_error(gate: Gate) -> None:
    """Also a client whose connection was in use a moment ago, which it does not look at before it sends."""
    server = Server(gate, port=0).start()
    port = port_of(server)
    with Client(server.endpoint) as client:
        for _ in range(5):
            assert client.call("Gate.quick") == 1
            server.stop()
            server = Server(gate, port=port).start()
            assert client.call("Gate.quick") == 1
        server.stop()
        with pytest.raises(UnreachableError):
            client.call("Gate.quick")


def test_serve_blocks_until_stop(gate: Gate) -> None:
    server = Server(gate, port=0).start()
    serving = threading.Thread(target=server.serve)
    serving.start()
    with Client(server.endpoint) as client:
        assert client.call("Gate.quick") == 1
    assert serving.is_alive()
    server.stop()
    serving.join(10)
    assert not serving.is_alive()


# -- signals: a process of its own

PROGRAM = """
import signal, threading, time
from pyrpc import Server

class Slow:
    def __init__(self): self.let = threading.Event()
    def wait(self):
        print("runs", flush=True)
        self.let.wait(30)
        return "done"
    def open(self): self.let.set()
    def quick(self): return 1

def announce():
    # Not before serve() has taken over the signals.
    while signal.getsignal(signal.SIGTERM) is signal.SIG_DFL or signal.getsignal(signal.SIGINT) is usual:
        time.sleep(0.001)
    print(server.endpoint, flush=True)

usual = signal.getsignal(signal.SIGINT)
server = Server(Slow, port=0).start()
threading.Thread(target=announce, daemon=True).start()
server.serve(grace_s=20)
print("served", flush=True)
"""


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def read_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_lets_finish_what_runs_and_a_second_one_does_not(
    process: subprocess.Popen[str], number: signal.Signals
) -> None:
    with Client(read_line(process)) as client:
        future = client.submit("Slow.wait")
        assert read_line(process) == "runs"
        other = NodeHandle(Endpoint.parse(client.endpoints[0]), 5)
        other.request("ping", Deadline(10))
        process.send_signal(number)
        call_until_refused(other, "Slow.quick")
        # What runs is not cut off ...
        assert not future.done()
        assert process.poll() is None
        # ... but a second signal does not wait for it.
        process.send_signal(number)
        assert process.wait(10) == 128 + number
        with pytest.raises(ConnectionError):
            future.result(10)
        other.pool.close()


def test_sigterm_ends_an_idle_server_in_good_order(process: subprocess.Popen[str]) -> None:
    with Client(read_line(process)) as client:
        assert client.call("Slow.quick") == 1
        process.send_signal(signal.SIGTERM)
        assert read_line(process) == "served"
        assert process.wait(10) == 0
