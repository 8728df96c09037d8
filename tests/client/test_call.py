"""Single calls: threads, connections, several nodes, time."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import pyrpc
from pyrpc import Client, Server
from pyrpc.errors import (
    ConfigError,
    ConnectionLostError,
    DeadlineExceeded,
    DrainingError,
    StageFailedError,
    UnreachableError,
)
from pyrpc.testing.proxy import FaultProxy, Faults
from pyrpc.wire.messages import NodeState


class Service:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.let = threading.Event()
        self.entered = threading.Semaphore(0)
        self.calls = 0

    def add(self, a: Any, b: Any = 0) -> Any:
        with self.lock:
            self.calls += 1
        return a + b

    def echo(self, *args: Any, **kwargs: Any) -> Any:
        return [list(args), kwargs]

    def double(self, x: np.ndarray) -> np.ndarray:
        return 2 * x

    def wait(self) -> int:
        with self.lock:
            self.calls += 1
        self.entered.release()
        self.let.wait(30)
        return 1

    @pyrpc.stage(idempotent=True)
    def wait_idempotent(self) -> int:
        return self.wait()

    def fail(self) -> None:
        with self.lock:
            self.calls += 1
        raise ValueError("bad")


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    yield service
    service.let.set()


@pytest.fixture
def dead_endpoint() -> Iterator[str]:
    """A port that is taken and at which nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{sock.getsockname()[1]}"


@pytest.fixture
def silent_endpoint() -> Iterator[str]:
    """A node that takes connections and never answers, like a stopped process."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield f"127.0.0.1:{sock.getsockname()[1]}"


def connections_of(client: Client) -> int:
    return sum(stats.connections for stats in client.stats().values())


# -- values


@pytest.mark.parametrize(
    "value",
    [None, True, 0, -(2**63), 2**63 - 1, 1.5, "", "ä\0€", b"\0\xff", [], {}, [1, [2, {"a": None}]], {"k": [1.0, "x"]}],
    ids=repr,
)
def test_value_comes_back_as_it_went(cluster: Callable[..., Client], service: Service, value: Any) -> None:
    client = cluster(1, service)
    assert client.call("Service.echo", value, key=value) == [[value], {"key": value}]


def test_tuples_arrive_as_lists_and_arrays_as_arrays(cluster: Callable[..., Client], service: Service) -> None:
    client = cluster(1, service)
    (args, _) = client.call("Service.echo", (1, 2), np.arange(3), np.float32(2))
    assert args[0] == [1, 2]
    assert args[1].flags.writeable
    assert args[2].dtype == np.float32


# -- threads and connections


def test_client_is_thread_safe(cluster: Callable[..., Client], service: Service) -> None:
    client = cluster(2, service)
    x = np.arange(1000)
    failures: list[BaseException] = []

    def work(seed: int) -> None:
        try:
            for number in range(200):
                assert client.call("Service.add", seed, number) == seed + number
                if number % 50 == 0:
                    np.testing.assert_array_equal(client.map("Service.double", x + seed), 2 * (x + seed))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failures
    assert service.calls == 1600
    # Each thread of calls and each attempt of a map needs one at a time.
    assert connections_of(client) <= 2 * (8 + 8 * 4)


def test_calls_one_after_the_other_share_a_connection(cluster: Callable[..., Client], service: Service) -> None:
    client = cluster(1, service)
    for number in range(100):
        client.call("Service.add", number)
    assert connections_of(client) == 1


def test_connection_goes_on_after_an_error_of_the_stage(cluster: Callable[..., Client], service: Service) -> None:
    client = cluster(1, service)
    for _ in range(10):
        with pytest.raises(StageFailedError):
            client.call("Service.fail")
    assert connections_of(client) == 1
    assert service.calls == 10


def test_closed_client_closes_its_connections_and_refuses_calls(service: Service) -> None:
    with Server(service, port=0) as server:
        client = Client(server.endpoint)
        client.call("Service.add", 1)
        client.close()
        client.close()
        with Client(server.endpoint) as other:
            until = time.monotonic() + 60
            while connections_of(other) > 1:
                assert time.monotonic() < until
        for call in (client.call, client.submit):
            with pytest.raises(ConfigError, match="closed"):
                call("Service.add", 1)
        with pytest.raises(ConfigError, match="closed"):
            client.ping()


# -- time


def test_time_out_of_a_hung_stage_names_the_node(cluster: Callable[..., Client], service: Service) -> None:
    client = cluster(1, service)
    with pytest.raises(DeadlineExceeded) as caught:
        client.call("Service.wait", timeout_s=0.1)
    assert isinstance(caught.value, TimeoutError)
    assert caught.value.endpoint == client.endpoints[0]
    assert service.calls == 1


@pytest.mark.parametrize("timeout_s", [0.3, 1.2])
def test_time_out_comes_when_the_time_is_over(
    cluster: Callable[..., Client], service: Service, timeout_s: float, own_time: Callable[[], float]
) -> None:
    client = cluster(1, service)
    began, began_at = own_time(), time.monotonic()
    with pytest.raises(DeadlineExceeded):
        client.call("Service.wait", timeout_s=timeout_s)
    assert time.monotonic() - began_at >= timeout_s - 0.01
    assert own_time() - began < timeout_s + 0.2


def test_timeout_of_the_client_holds_for_each_call(cluster: Callable[..., Client], service: Service) -> None:
    client = cluster(1, service, timeout_s=0.1)
    with pytest.raises(DeadlineExceeded):
        client.call("Service.wait")
    assert client.call("Service.add", 1, timeout_s=30) == 1


def test_client_may_have_no_limit_at_all(cluster: Callable[..., Client], service: Service) -> None:
    client = cluster(1, service, timeout_s=None)
    assert client.call("Service.add", 1, 2) == 3
    assert client.submit("Service.add", 1, 2).result(30) == 3
    with pytest.raises(DeadlineExceeded):
        client.call("Service.wait", timeout_s=0.05)


def test_late_reply_never_answers_another_call(cluster: Callable[..., Client], service: Service) -> None:
    client = cluster(1, service)
    for _ in range(3):
        with pytest.raises(DeadlineExceeded):
            client.call("Service.wait", timeout_s=0.05)
    service.let.set()
    assert [client.call("Service.add", 10, number) for number in range(20)] == list(range(10, 30))


@pytest.mark.parametrize("stage", ["Service.wait", "Service.wait_idempotent"])
def test_time_out_asks_no_node_for_more(silent_endpoint: str, stage: str, own_time: Callable[[], float]) -> None:
    """Neither whether the stage may be repeated (the node that hangs would not tell), nor for another try."""
    with Client(silent_endpoint) as client:
        began = own_time()
        with pytest.raises(DeadlineExceeded):
            client.call(stage, timeout_s=0.1)
        assert own_time() - began < 1.5


def test_job_asks_another_node_where_one_hangs(silent_endpoint: str, service: Service) -> None:
    with Server(service, port=0) as server, Client([silent_endpoint, server.endpoint]) as client:
        assert [info.name for info in client.stages()]
        np.testing.assert_array_equal(client.map("Service.double", np.arange(10), timeout_s=30), 2 * np.arange(10))


# -- several nodes


def test_calls_are_shared_between_the_nodes(cluster: Callable[..., Client], service: Service) -> None:
    client = cluster(3, service)
    for number in range(30):
        client.call("Service.add", number)
    shares = [stats.stages["Service.add"].calls for stats in client.stats().values()]
    assert sum(shares) == 30
    assert min(shares) >= 3


def test_dead_node_is_passed_over_without_an_error(dead_endpoint: str, service: Service) -> None:
    with Server(service, port=0) as server, Client([dead_endpoint, server.endpoint]) as client:
        assert [client.call("Service.add", number) for number in range(20)] == list(range(20))
        assert list(client.ping()) == [server.endpoint]
        assert client.ping()[server.endpoint].state is NodeState.SERVING


def test_when_no_node_can_be_reached_all_are_named(dead_endpoint: str) -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        other = f"127.0.0.1:{sock.getsockname()[1]}"
        with Client([dead_endpoint, other]) as client:
            for call in (
                lambda: client.call("Service.add", 1),
                lambda: client.submit("Service.add", 1).result(30),
                lambda: client.map("Service.double", np.arange(3)),
                lambda: client.stages(),
            ):
                with pytest.raises(UnreachableError) as caught:
                    call()
                assert dead_endpoint in str(caught.value)
                assert other in str(caught.value)
                assert "pyrpc serve" in str(caught.value.help)
            with pytest.raises(UnreachableError):
                client.ping()


def test_single_dead_node_is_told_with_what_to_do(dead_endpoint: str) -> None:
    with Client(dead_endpoint) as client, pytest.raises(UnreachableError, match="cannot be reached") as caught:
        client.call("Service.add", 1)
    assert caught.value.endpoint == dead_endpoint
    assert "pyrpc serve" in str(caught.value.help)
    assert "refused" in str(caught.value.got)


def test_node_that_comes_up_while_the_client_tries_is_found(service: Service) -> None:
    with Server(service, port=0) as server:
        port = int(server.endpoint.rpartition(":")[2])
    with Client(f"127.0.0.1:{port}") as client:
        with pytest.raises(UnreachableError):
            client.call("Service.add", 1)
        with Server(service, port=port):
            assert client.call("Service.add", 1) == 1


def test_node_that_comes_back_gets_calls_again(service: Service) -> None:
    other = Service()
    first, second = Server(service, port=0).start(), Server(other, port=0).start()
    port = int(first.endpoint.rpartition(":")[2])
    with second, Client([first.endpoint, second.endpoint]) as client:
        for number in range(4):
            client.call("Service.add", number)
        first.stop()
        assert [client.call("Service.add", number) for number in range(10)] == list(range(10))
        with Server(service, port=port):
            before = service.calls
            until = time.monotonic() + 15
            while service.calls == before:
                assert client.call("Service.add", 1) == 1
                assert time.monotonic() < until


def test_node_that_goes_away_refuses_and_another_one_does_it_at_once(service: Service) -> None:
    """The refusing node is not waited for, and its connections, which it will close, are not used again."""
    leaving, staying = Server(service, port=0).start(), Server(service, port=0).start()
    with staying, leaving, Client([leaving.endpoint, staying.endpoint]) as client:
        for number in range(4):
            assert client.call("Service.add", number) == number
        with Client(leaving.endpoint) as other:
            future = other.submit("Service.wait")
            assert service.entered.acquire(timeout=10)
            stopping = threading.Thread(target=leaving.stop)
            stopping.start()
            assert [client.call("Service.add", number) for number in range(20)] == list(range(20))
            assert client.ping()[staying.endpoint].state is NodeState.SERVING
            service.let.set()
            assert future.result(10) == 1
            stopping.join(10)
        assert [client.call("Service.add", number) for number in range(20)] == list(range(20))


def test_draining_node_alone_is_told_as_such(service: Service) -> None:
    with Server(service, port=0) as server, Client(server.endpoint) as client:
        future = client.submit("Service.wait")
        assert service.entered.acquire(timeout=10)
        server._dispatcher.state = NodeState.DRAINING
        with pytest.raises(DrainingError, match="going away"):
            client.call("Service.add", 1)
        service.let.set()
        assert future.result(10) == 1


# -- lost connections


def test_call_that_may_have_run_is_not_repeated(service: Service) -> None:
    service.let.set()
    with Server(service, port=0) as server, FaultProxy(server.endpoint) as proxy, Client(proxy.endpoint) as client:
        proxy.afflict(to_client=Faults(after_bytes=0, then="reset"), connections=1)
        with pytest.raises(ConnectionLostError) as caught:
            client.call("Service.wait")
        assert caught.value.endpoint == proxy.endpoint
        assert caught.value.may_have_run
    assert service.calls == 1


def test_call_declared_idempotent_is_repeated(service: Service) -> None:
    service.let.set()
    with Server(service, port=0) as server, FaultProxy(server.endpoint) as proxy, Client(proxy.endpoint) as client:
        proxy.afflict(to_client=Faults(after_bytes=0, then="reset"), connections=1)
        assert client.call("Service.wait_idempotent") == 1
    assert service.calls == 2


def test_call_that_was_not_sent_whole_is_repeated(service: Service) -> None:
    """The node hears the first bytes of a large call and then nothing: it cannot have run."""
    with Server(service, port=0) as server, FaultProxy(server.endpoint) as proxy, Client(proxy.endpoint) as client:
        proxy.afflict(to_node=Faults(after_bytes=100_000, then="reset"), connections=1)
        x = np.ones(4_000_000)
        assert client.call("Service.add", x).size == x.size
    assert service.calls == 1


def test_calls_go_on_when_the_network_was_cut(service: Service) -> None:
    with Server(service, port=0) as server, FaultProxy(server.endpoint) as proxy, Client(proxy.endpoint) as client:
        for number in range(3):
            assert client.call("Service.add", number) == number
            # The connection rests for longer than it is trusted without a look.
            time.sleep(0.06)
            proxy.cut()
    assert service.calls == 3


# -- options


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"timeout_s": 0}, "timeout_s"),
        ({"timeout_s": True}, "timeout_s"),
        ({"connect_timeout_s": -1}, "connect_timeout_s"),
        ({"window": 0}, "window"),
        ({"window": 1.5}, "window"),
        ({"policy": "best"}, "policy"),
        ({"endpoints": ""}, "no endpoint"),
        ({"endpoints": []}, "no endpoint"),
        ({"endpoints": "host:port"}, "port"),
        ({"endpoints": "a b:1"}, "cannot be read"),
        ({"endpoints": "h:99999"}, "0 to 65535"),
    ],
)
def test_option_that_makes_no_sense_is_refused_before_anything_is_connected(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError, match=text) as caught:
        Client(**options)
    assert caught.value.expected or caught.value.help


def test_endpoints_may_be_a_text_or_a_list_and_each_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Client("a:1, b:2,a:1").endpoints == ("a:1", "b:2")
    assert Client(["a:1", "[::1]:2"]).endpoints == ("a:1", "[::1]:2")
    monkeypatch.setenv("PYRPC_ENDPOINTS", "x:1,y:2")
    assert Client().endpoints == ("x:1", "y:2")
    monkeypatch.delenv("PYRPC_ENDPOINTS")
    monkeypatch.setenv("PYRPC_PORT", "1234")
    assert Client().endpoints == ("127.0.0.1:1234",)
    monkeypatch.delenv("PYRPC_PORT")
    assert Client().endpoints == ("127.0.0.1:9090",)
    monkeypatch.setenv("PYRPC_PORT", "many")
    with pytest.raises(ConfigError, match="PYRPC_PORT"):
        Client()
