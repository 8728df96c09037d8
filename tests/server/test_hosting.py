"""What a server hosts, called by a client over a socket."""

from __future__ import annotations

import types

import numpy as np
import pytest

import pyrpc
from pyrpc import Client, Server
from pyrpc.errors import ConfigError, UnknownMethodError


class Counter:
    def __init__(self, start: int = 0) -> None:
        self.value = start

    def count(self) -> int:
        self.value += 1
        return self.value

    @staticmethod
    def negate(x: int) -> int:
        return -x

    @classmethod
    def name(cls) -> str:
        return cls.__name__

    def _hidden(self) -> int:
        return 0


class Doubler:
    def double(self, x: np.ndarray) -> np.ndarray:
        return 2 * x


def triple(x: int) -> int:
    return 3 * x


def halves() -> types.ModuleType:
    module = types.ModuleType("package.halves")
    exec("def half(x): return x / 2\ndef _third(x): return x / 3", module.__dict__)
    return module


def test_class_is_made_once_and_its_methods_share_the_object() -> None:
    with Server(Counter, port=0) as server, Client(server.endpoint) as client:
        assert [client.call("Counter.count") for _ in range(3)] == [1, 2, 3]
        assert client.call("Counter.negate", 4) == -4
        assert client.call("Counter.name") == "Counter"


def test_instance_keeps_its_state() -> None:
    counter = Counter(40)
    with Server(counter, port=0) as server, Client(server.endpoint) as client:
        assert client.call("Counter.count") == 41
    assert counter.value == 41


def test_several_services_live_on_one_port() -> None:
    with Server(Counter, Doubler(), triple, halves(), port=0) as server, Client(server.endpoint) as client:
        assert client.call("Counter.count") == 1
        assert client.call("Doubler.double", 1.5) == 3.0
        assert client.call("triple", 5) == 15
        assert client.call("halves.half", 5) == 2.5


def test_dict_names_its_services() -> None:
    services = {"a": Counter(10), "b": Counter(20), "three": triple, "square": lambda x: x * x}
    with Server(services, port=0) as server, Client(server.endpoint) as client:
        assert (client.call("a.count"), client.call("b.count")) == (11, 21)
        assert (client.call("three", 2), client.call("square", 7)) == (6, 49)


def test_private_methods_are_not_hosted() -> None:
    with Server(Counter, port=0) as server, Client(server.endpoint) as client:
        with pytest.raises(UnknownMethodError):
            client.call("Counter._hidden")
        with pytest.raises(UnknownMethodError):
            client.call("Counter.__init__")


def test_stages_are_told_with_signatures_and_docstrings() -> None:
    @pyrpc.stage(takes="float32[n,2]", gives="float32[n]", idempotent=True)
    def norms(points: np.ndarray) -> np.ndarray:
        """Length of each row."""
        return np.linalg.norm(points, axis=1).astype(np.float32)

    with Server(norms, triple, port=0) as server, Client(server.endpoint) as client:
        told = {info.name: info for info in client.stages()}
    assert sorted(told) == ["norms", "triple"]
    assert told["norms"].doc == "Length of each row."
    assert told["norms"].idempotent is True
    assert told["norms"].gives == (pyrpc.TensorSpec(("float32",), ("n",)),)
    assert [param.name for param in told["triple"].params] == ["x"]
    assert server.stages == tuple(told.values())


def test_server_without_services_is_refused() -> None:
    with pytest.raises(ConfigError, match="without services"):
        Server(port=0)


def test_same_name_twice_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"two stages are called 'Counter\.count'"):
        Server(Counter, Counter(), port=0)
