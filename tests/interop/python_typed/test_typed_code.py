"""A class with type hints is called by generated clients, in every protocol, plain and multiplexed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from tests.idl import samples
from tests.idl.samples import Region
from thrift.Thrift import TApplicationException
from thrift.transport.TTransport import HARD_MAX_FRAME_SIZE

import pyrpc
from pyrpc import Batch, Client, Server

from .conftest import PROTOCOLS, Bindings, opened


def double(x):
    return x * 2


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(samples.Vision, double, port=0) as server:
        yield server


@pytest.fixture(params=PROTOCOLS)
def protocol(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(params=[None, "Vision"], ids=["plain", "multiplexed"])
def client(server: Server, bindings: Bindings, protocol: str, request: pytest.FixtureRequest) -> Iterator[Any]:
    with opened(server.endpoint, protocol, request.param) as made:
        yield bindings.Vision.Client(made)


def test_numbers_texts_and_bytes_arrive(client: Any) -> None:
    assert client.add(1, 2) == 3
    assert client.add(-(2**63), 0) == -(2**63)
    assert client.delete_(b"\0\xff", ["a", "ü"]) == b"\0\xffa\xc3\xbc"
    assert client.narrow(-3, 2**31 - 1, 0.5) == pytest.approx(-3 * (2**31 - 1) * 0.5)


def test_false_and_empty_are_results(client: Any) -> None:
    assert client.is_empty([]) is True
    assert client.delete_(b"", []) == b""
    assert client.colors([], {}) == []


def test_argument_that_does_not_come_is_the_default(client: Any) -> None:
    assert client.add(5, None) == 7


def test_arrays_arrive_as_numpy_and_come_back(client: Any, bindings: Bindings) -> None:
    x = np.random.default_rng(7).random((10, 3)).astype(np.float32)
    got = client.norm(bindings.tensor(x), 2.0)
    np.testing.assert_array_equal(np.frombuffer(got.data, np.float32), samples.Vision().norm(x, 2.0))
    left, right = client.swap(bindings.tensor(np.arange(3.0)), bindings.tensor(np.zeros(3)))
    assert np.frombuffer(left.data).tolist() == [0, 0, 0]
    assert np.frombuffer(right.data).tolist() == [0, 1, 2]


def test_structs_enums_and_none_arrive(client: Any, bindings: Bindings) -> None:
    t = bindings.types
    inner = t.Region(x=2, y=3.5, tags=["a"], parts=[], color=t.Color.GREEN)
    outer = t.Region(x=1, y=1.5, label="l", tags=[], parts=[inner], inside=inner, color=t.Color.RED)
    outer.pixels = bindings.tensor(np.arange(4, dtype=np.uint8))
    assert client.find([outer], t.Level.HIGH).value == outer
    assert client.find([], t.Level.LOW).value is None
    boxes = [t.OptionalI64(1), t.OptionalI64(), t.OptionalI64(-5)]
    assert client.holes(boxes) == boxes[::-1]
    assert client.colors({t.Color.GREEN, t.Color.RED}, {t.Level.HIGH: True}) == [
        t.Color.GREEN,
        t.Color.RED,
        t.Color.RED,
    ]


def test_containers_arrive_as_what_the_hints_say(client: Any, bindings: Bindings) -> None:
    pair = bindings.types.Pair(first=1, second="b")
    assert client.pair(pair, [1, 2], {"x", "y"}, {"k": [1.5]}) == [
        "Pair(first=1, second='b')",
        "(1, 2)",
        "['x', 'y']",
        "{'k': [1.5]}",
    ]
    assert client.configure(bindings.types.Settings(depth=3), True) == {"depth": True}


def test_values_and_open_arguments_arrive(client: Any, bindings: Bindings) -> None:
    value = bindings.shared.Value
    got = client.anything(value(string_value="x"), 4, [1, 2], {"k": 0.5}).list_value
    assert got[0] == value(string_value="x")
    assert [each.int_value for each in got[2].list_value] == [1, 2]
    assert got[3].map_value["k"].double_value == 0.5


def test_nothing_is_void(client: Any, bindings: Bindings) -> None:
    assert client.nothing(bindings.tensor(np.zeros(1, np.float32)), None) is None


def test_failures_are_the_declared_error(client: Any, bindings: Bindings) -> None:
    code, region = bindings.shared.ErrorCode, bindings.types.Region
    shape = bindings.tensor(np.zeros((2, 2), np.float32))
    cases = [
        (lambda: client.fail("on purpose"), code.STAGE_FAILED, "on purpose"),
        (lambda: client.add(None, 1), code.BAD_ARGUMENT, "Vision.add was called without 'a'"),
        (lambda: client.norm(shape, 1.0), code.CONTRACT_VIOLATED, "wrong shape"),
        (lambda: client.find([], 77), code.BAD_ARGUMENT, "enum Level has no such number"),
        (lambda: client.find([region(y=1.0)], 1), code.BAD_ARGUMENT, "Region cannot be made"),
    ]
    for call, expected, message in cases:
        with pytest.raises(bindings.shared.RpcError) as caught:
            call()
        assert caught.value.code == expected
        assert message in caught.value.message
    # The connection goes on.
    assert client.add(1, 1) == 2


def test_result_that_is_not_of_its_type_is_told(bindings: Bindings) -> None:
    class Vision(samples.Vision):
        def add(self, a: int, b: int = 2) -> int:
            return "three"  # type: ignore[return-value]

        def find(
            self, regions: list[samples.Region], level: samples.Level = samples.Level.LOW
        ) -> samples.Region | None:
            return Region(x="one")  # type: ignore[arg-type]

    with Server(Vision, port=0) as server, opened(server.endpoint) as made:
        client = bindings.Vision.Client(made)
        with pytest.raises(bindings.shared.RpcError) as caught:
            client.add(1, 2)
        assert caught.value.code == bindings.shared.ErrorCode.BAD_RESULT
        assert caught.value.expected == "an int of 64 bits"
        with pytest.raises(bindings.shared.RpcError, match=r"in Region\.x"):
            client.find([], 1)


def test_unknown_names_are_told(server: Server, bindings: Bindings) -> None:
    for service, told in (("Visoin", "here are Vision, Node"), ("Vision:x", "here are Vision, Node")):
        with opened(server.endpoint, service=service) as made:
            with pytest.raises(TApplicationException, match=told) as caught:
                bindings.Vision.Client(made).add(1, 2)
            assert caught.value.type == TApplicationException.UNKNOWN_METHOD


def test_plain_name_is_refused_where_several_services_are(bindings: Bindings) -> None:
    with Server(samples.Vision, {"Other": samples.Vision()}, port=0) as server:
        with opened(server.endpoint) as made, pytest.raises(TApplicationException, match="say which"):
            bindings.Vision.Client(made).add(1, 2)
        with opened(server.endpoint, service="Other") as made:
            assert bindings.Vision.Client(made).add(1, 2) == 3


def test_service_node_answers_its_multiplexed_name_too(server: Server) -> None:
    from pyrpc.wire.gen import Node

    with opened(server.endpoint, service="Node") as made:
        assert Node.Client(made).ping().threads == 8


def test_large_arrays_arrive_and_large_results_need_no_more_than_a_larger_limit(
    server: Server, bindings: Bindings
) -> None:
    x = np.arange(3 * 2**20, dtype=np.float32).reshape(-1, 3)
    with opened(server.endpoint, max_bytes=HARD_MAX_FRAME_SIZE) as made:
        got = bindings.Vision.Client(made).norm(bindings.tensor(x), 1.0)
    np.testing.assert_array_equal(np.frombuffer(got.data, np.float32), samples.Vision().norm(x))


def test_result_above_the_frame_of_stock_libraries_is_refused(bindings: Bindings) -> None:
    class Vision(samples.Vision):
        def delete(self, data: bytes, text: Any) -> bytes:
            return bytes(17_000_000)

    Vision.delete.__annotations__["text"] = list[str]
    with Server(Vision, port=0) as server, opened(server.endpoint) as made:
        client = bindings.Vision.Client(made)
        with pytest.raises(bindings.shared.RpcError) as caught:
            client.delete_(b"", [])
        assert caught.value.code == bindings.shared.ErrorCode.TOO_LARGE
        assert client.add(1, 1) == 2


def test_frame_above_the_limit_is_the_declared_error(bindings: Bindings) -> None:
    with Server(samples.Vision, port=0, max_frame_bytes=100_000) as server, opened(server.endpoint) as made:
        with pytest.raises(bindings.shared.RpcError) as caught:
            bindings.Vision.Client(made).delete_(bytes(200_000), [])
        assert caught.value.code == bindings.shared.ErrorCode.TOO_LARGE


def test_lists_may_be_longer_than_in_a_value(server: Server, bindings: Bindings) -> None:
    with opened(server.endpoint) as made:
        assert bindings.Vision.Client(made).delete_(b"", ["x"] * 30_000) == b"x" * 30_000


def test_typed_calls_are_stages_like_others(bindings: Bindings) -> None:
    with Server(samples.Vision, port=0) as server:
        with opened(server.endpoint, service="Vision") as made:
            client = bindings.Vision.Client(made)
            client.add(1, 2)
            with pytest.raises(bindings.shared.RpcError):
                client.fail("x")
        with Client(server.endpoint) as generic:
            assert generic.call("Vision.add", 1, 2) == 3
            x = np.ones((100, 3), np.float32)
            np.testing.assert_array_equal(generic.map("Vision.norm", x), samples.Vision().norm(x))
            (stats,) = generic.stats().values()
        assert stats.stages["Vision.add"].calls == 2
        assert stats.stages["Vision.fail"].errors == 1
        assert stats.errors == {"STAGE_FAILED": 1}


def test_typed_calls_share_batches(bindings: Bindings) -> None:
    class Vision(samples.Vision):
        def __init__(self) -> None:
            self.sizes: list[int] = []
            self.began, self.gate = threading.Event(), threading.Event()

        @pyrpc.stage(takes="float32[n,3]", gives="float32[n]", batch=Batch(max_rows=4, max_delay_ms=20_000))
        def norm(self, x, scale: float = 1.0):
            self.sizes.append(len(x))
            self.began.set()
            assert self.gate.wait(20)
            return x[:, 0]

    def call(number: int) -> list[float]:
        with opened(server.endpoint, service="Vision") as made:
            x = np.full((1, 3), number, np.float32)
            got = bindings.Vision.Client(made).norm(bindings.tensor(x), 1.0)
            return list(np.frombuffer(got.data, np.float32))

    service = Vision()
    with Server(service, port=0) as server, ThreadPoolExecutor(5) as pool:
        first = pool.submit(call, 0)
        assert service.began.wait(20)
        # While that one runs these fill a batch.
        others = [pool.submit(call, number) for number in range(1, 5)]
        wait_for(server, 5)
        service.gate.set()
        assert [each.result(20) for each in (first, *others)] == [[0], [1], [2], [3], [4]]
    assert service.sizes == [1, 4]


def wait_for(server: Server, calls: int) -> None:
    """Until so many calls are in batches."""
    (collector,) = server._dispatcher.batching._collectors.values()
    until = time.monotonic() + 20
    while collector._inside < calls:
        assert time.monotonic() < until, f"{collector._inside} calls came"
        time.sleep(0.005)
