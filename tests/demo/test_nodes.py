"""Node processes of the demo start on free ports, and none is left behind."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pyrpc import Client
from pyrpc.demo.nodes import Nodes
from pyrpc.errors import ConfigError

Alive = Callable[[int], bool]
SERVICE = "pyrpc.demo.stages:Digits"


def pids_of(nodes: Nodes) -> list[int]:
    return [node.process.pid for node in nodes]


def test_nodes_answer_and_end_with_the_block(is_alive: Alive) -> None:
    with Nodes(SERVICE, 2) as nodes:
        pids = pids_of(nodes)
        with Client(nodes.endpoints) as client:
            assert sorted(info.pid for info in client.ping().values()) == sorted(pids)
        assert list(nodes.names.values()) == ["node 1", "node 2"]
    assert not any(map(is_alive, pids))


def test_nodes_end_with_an_error_in_the_block(is_alive: Alive) -> None:
    pids: list[int] = []

    def fail() -> None:
        with Nodes(SERVICE, 2) as nodes:
            pids.extend(pids_of(nodes))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert len(pids) == 2
    assert not any(map(is_alive, pids))


def test_killed_node_is_gone_and_the_others_answer() -> None:
    with Nodes(SERVICE, 2) as nodes:
        nodes.kill(0)
        nodes[0].process.wait()
        with Client(nodes[1].endpoint) as client:
            assert client.ping()


def test_node_that_does_not_start_tells_why_and_leaves_none_behind(is_alive: Alive) -> None:
    nodes = Nodes("pyrpc.demo.stages:Nothing", 2)
    with pytest.raises(ConfigError, match="Nothing"):
        nodes.__enter__()
    assert not any(is_alive(process.pid) for process in nodes._processes)
