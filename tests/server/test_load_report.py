"""What replies and ``stats`` tell of a node's load."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from pyrpc import Client, Server
from pyrpc.client.node import NodeHandle
from pyrpc.deadline import Deadline
from pyrpc.server.counters import Counters
from pyrpc.transport.endpoint import Endpoint


def double(x: np.ndarray) -> np.ndarray:
    return 2 * x


@pytest.fixture
def node() -> Iterator[NodeHandle]:
    with Server(double, port=0, threads=3) as server:
        node = NodeHandle(Endpoint.parse(server.endpoint), 5)
        yield node
        node.pool.close()


def test_reply_to_a_chunk_tells_slots_and_the_time_of_a_row(node: NodeHandle) -> None:
    load = node.invoke("double", [np.zeros(100)], {}, Deadline(10), rows=100).load
    assert load is not None
    assert load.slots == 3
    assert load.ms_per_row == pytest.approx(load.service_us / 1000 / 100)


def test_reply_to_a_call_does_without(node: NodeHandle) -> None:
    load = node.invoke("double", [np.zeros(100)], {}, Deadline(10)).load
    assert load is not None
    assert (load.in_flight, load.slots, load.ms_per_row) == (1, None, None)


def test_stats_tell_both_too() -> None:
    with Server(double, port=0, threads=3) as server, Client(server.endpoint) as client:
        client.call("double", np.zeros(4))
        before = client.stats()[server.endpoint]
        assert before.load.slots == 3
        assert before.stages["double"].ms_per_row is None
        client.map("double", np.zeros(1000))
        after = client.stats()[server.endpoint].stages["double"]
        assert after.ms_per_row is not None and 0 <= after.ms_per_row < 1000


def test_time_of_a_row_is_a_moving_average_of_chunks_that_went_well() -> None:
    counters = Counters()
    counters.ran("f", 1000, 10, False)
    assert counters.ms_per_row("f") == pytest.approx(0.1)
    counters.ran("f", 2000, 10, False)
    assert counters.ms_per_row("f") == pytest.approx(0.12)
    counters.ran("f", 9_000_000, 10, True)
    counters.ran("f", 9_000_000, 0, False)
    assert counters.ms_per_row("f") == pytest.approx(0.12)
    for _ in range(100):
        counters.ran("f", 2000, 10, False)
    assert counters.ms_per_row("f") == pytest.approx(0.2)
    assert counters.ms_per_row("g") is None
