"""Pings in the background, with real nodes: what died or hung while nobody called it is not called."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest

import pyrpc
from pyrpc import Client, Server
from pyrpc.client.pinger import Pinger
from pyrpc.errors import ConfigError
from pyrpc.plan.balance import NodeView
from pyrpc.plan.call_hedge import CallBudget
from pyrpc.plan.prng import SplitMix64
from pyrpc.testing import FaultProxy
from pyrpc.wire.messages import NodeState


def name() -> str:
    return "a name"


@pyrpc.stage(idempotent=True)
def read() -> str:
    return "a name"


class Last:
    """A policy that always takes the last node."""

    def pick(self, nodes: Sequence[NodeView], prng: SplitMix64, now: float) -> int:
        return len(nodes) - 1


def until(holds: Callable[[], bool]) -> None:
    """Wait for other threads."""
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.002)


def quick_pinger(client: Client) -> Pinger:
    """Periods short enough for a test, in the place of the client's own."""
    assert client._pinger is not None
    client._pinger.close()
    pinger = client._pinger = client._caller.pinger(0.1, timeout_s=0.2, idle_s=30.0)
    return pinger


def is_up(client: Client, place: int) -> bool:
    return client._nodes[place].health.is_up


@pytest.fixture
def servers() -> Iterator[list[Server]]:
    running = [Server(name, port=0).start() for _ in range(3)]
    yield running
    for server in running:
        server.stop(0.1)


def connect(servers: list[Server], **options: object) -> Client:
    return Client([server.endpoint for server in servers], policy="round_robin", **options)  # type: ignore[arg-type]


def test_node_that_died_unnoticed_is_not_called_and_one_that_came_back_is(servers: list[Server]) -> None:
    with connect(servers) as client:
        quick_pinger(client)
        client.call("name")
        until(lambda: all(node.pool._idle for node in client._nodes))
        port = int(servers[1].endpoint.rpartition(":")[2])
        servers[1].stop(0.1)
        until(lambda: not is_up(client, 1))
        # None of these finds out: the pings did.
        refused = client._nodes[1].seen_at
        for _ in range(30):
            client.call("name")
        assert client._nodes[1].seen_at == refused
        servers[1] = Server(name, port=port).start()
        until(lambda: is_up(client, 1))
        for _ in range(3):
            client.call("name")
        assert client._nodes[1].seen_at > refused


def test_node_that_hangs_costs_no_call_its_time(servers: list[Server], own_time: Callable[[], float]) -> None:
    with (
        FaultProxy(servers[1].endpoint) as proxy,
        Client([servers[0].endpoint, proxy.endpoint], policy="round_robin") as client,
    ):
        quick_pinger(client)
        for _ in range(4):
            client.call("name")
        proxy.hold()
        until(lambda: not is_up(client, 1))
        longest_s, began = 0.0, own_time()
        while own_time() - began < 1.5:
            before = own_time()
            client.call("name", timeout_s=5.0)
            longest_s = max(longest_s, own_time() - before)
        assert longest_s < 0.5
        assert not is_up(client, 1)
        proxy.release()
        until(lambda: is_up(client, 1))


def test_node_that_only_loses_to_hedges_is_asked_too() -> None:
    """A call that was given up since another node replied tells nothing of the first one."""
    with (
        Server({"read": read}, port=0) as first,
        Server({"read": read}, port=0) as second,
        FaultProxy(second.endpoint) as proxy,
        Client([first.endpoint, proxy.endpoint], policy=Last()) as client,
    ):
        # The hedges find a connection to the other node: a busy machine may take longer than they do to make one.
        in_turn = client.options(policy="round_robin")
        assert [in_turn.call("read") for _ in range(2)] == ["a name", "a name"]
        # So many that the budget allows for 50 hedges.
        for _ in range(1000):
            client.call("read")
        until(lambda: client._caller._methods["read"].hedge_after_s < 1)
        quick_pinger(client)
        # On a busy machine calls were late for other reasons, and the budget for hedges is spent.
        client._caller._budget._plan = CallBudget()
        client._caller._budget._plan.on_calls(1000, time.monotonic())
        proxy.hold()
        calls = 0
        while is_up(client, 1):
            calls += 1
            assert calls < 50, "it was never asked"
            client.call("read", timeout_s=5.0)
            time.sleep(0.02)
        assert not client._caller._outliers.in_doubt(1)


def test_node_that_drains_counts_as_leaving(servers: list[Server]) -> None:
    with connect(servers) as client:
        quick_pinger(client)
        client.call("name")
        servers[2]._dispatcher.state = NodeState.DRAINING
        until(lambda: not is_up(client, 2))
        assert not client._nodes[2].pool._idle
        servers[2]._dispatcher.state = NodeState.SERVING
        until(lambda: is_up(client, 2))


def test_pings_begin_with_a_call_and_end_when_nobody_calls(servers: list[Server]) -> None:
    with connect(servers) as client:
        assert client._pinger is not None
        client._pinger.close()
        pinger = client._caller.pinger(0.1, timeout_s=0.2, idle_s=0.3)
        assert not pinger.is_running
        client.call("name")
        assert pinger.is_running
        until(lambda: not pinger.is_running)
        client.call("name")
        assert pinger.is_running


def test_pings_go_on_while_a_call_is_on_its_way(servers: list[Server]) -> None:
    go_on = threading.Event()
    stages = {"wait": lambda: go_on.wait(20), "wait_not": lambda: None}
    with Server(stages, port=0) as waiting, connect([servers[0], waiting]) as client:
        assert client._pinger is not None
        client._pinger.close()
        pinger = client._caller.pinger(0.1, timeout_s=0.2, idle_s=0.2)
        client.options(policy=Last()).call("wait_not")
        answer = client.options(policy=Last()).submit("wait")
        until(lambda: pinger.is_running)
        time.sleep(0.6)
        assert pinger.is_running
        go_on.set()
        assert answer.result(10) is True
        until(lambda: not pinger.is_running)


def test_pings_end_with_the_client(servers: list[Server]) -> None:
    client = connect(servers)
    pinger = quick_pinger(client)
    client.call("name")
    assert pinger.is_running
    client.close()
    until(lambda: not pinger.is_running)
    assert not any(node.pool._idle for node in client._nodes)


def test_nobody_is_pinged_where_there_is_no_choice_or_no_wish(servers: list[Server]) -> None:
    with connect(servers[:1]) as alone, connect(servers, ping_s=None) as silent:
        assert (alone._pinger, silent._pinger) == (None, None)
        assert (alone.call("name"), silent.call("name")) == ("a name", "a name")


@pytest.mark.parametrize("ping_s", [0, -1.0, "10", float("nan"), True])
def test_period_that_makes_no_sense_is_refused(ping_s: object) -> None:
    with pytest.raises(ConfigError, match="ping_s"):
        Client("127.0.0.1:1,127.0.0.1:2", ping_s=ping_s)  # type: ignore[arg-type]
