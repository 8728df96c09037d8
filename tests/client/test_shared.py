"""Large arrays that are not split travel once to each node."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from pyrpc import Client, Server, broadcast
from pyrpc.client.shared import SHARED_BYTES

WEIGHTS = np.random.default_rng(1).random(SHARED_BYTES // 4, dtype="f4")
ROWS = np.arange(64, dtype="f4").reshape(64, 1)


class Model:
    def predict(self, x: np.ndarray, weights: np.ndarray) -> np.ndarray:
        return x * weights[:8]

    def total(self, x: np.ndarray, weights: np.ndarray) -> float:
        return float(x.sum() * weights[0])

    def is_writable(self, x: np.ndarray, weights: np.ndarray) -> np.ndarray:
        return np.full(len(x), weights.flags.writeable)


@pytest.fixture
def servers() -> Iterator[list[Server]]:
    nodes = [Server(Model, port=0).start() for _ in range(2)]
    yield nodes
    for node in nodes:
        node.stop(0)


@pytest.fixture
def client(servers: list[Server]) -> Iterator[Client]:
    with Client([server.endpoint for server in servers]) as it:
        yield it


def test_a_large_broadcast_array_travels_once_to_each_node(client: Client) -> None:
    job = client.map_async("Model.predict", ROWS, broadcast(WEIGHTS), chunk_rows=2)
    assert np.array_equal(job.result(), ROWS * WEIGHTS[:8])
    received = sum(stats.bytes_received for stats in client.stats().values())
    assert 2 * WEIGHTS.nbytes <= received < 3 * WEIGHTS.nbytes
    # Hedges may come on top of them, where the machine gives a node no turn for a while.
    outcomes = [entry.outcome for entry in job.receipt.entries]
    assert outcomes.count("ok") == 32
    assert "failed" not in outcomes


def test_a_large_named_array_is_shared_too(client: Client) -> None:
    assert np.array_equal(client.map("Model.predict", ROWS, weights=WEIGHTS, chunk_rows=2), ROWS * WEIGHTS[:8])
    received = sum(stats.bytes_received for stats in client.stats().values())
    assert received < 3 * WEIGHTS.nbytes


def test_reductions_share_as_well(client: Client) -> None:
    expected = sum(float(ROWS[i : i + 1].sum() * WEIGHTS[0]) for i in range(64))
    assert client.reduce("Model.total", ROWS, broadcast(WEIGHTS), chunk_rows=1) == expected


def test_a_shared_array_is_read_only_on_the_node(client: Client) -> None:
    assert not client.map("Model.is_writable", ROWS, broadcast(WEIGHTS)).any()


def test_a_node_that_does_not_know_the_reference_gets_the_array(client: Client, servers: list[Server]) -> None:
    store = servers[0]._dispatcher._store
    store.get, kept = lambda ref: _unknown(ref), store.get  # type: ignore[method-assign]
    try:
        result = client.map("Model.predict", ROWS, broadcast(WEIGHTS), chunk_rows=2)
    finally:
        store.get = kept  # type: ignore[method-assign]
    assert np.array_equal(result, ROWS * WEIGHTS[:8])
    assert all(stats.stages["Model.predict"].calls > 0 for stats in client.stats().values())


def _unknown(ref: object) -> None:
    from pyrpc.errors import UnknownRefError

    raise UnknownRefError("the node does not hold this reference", got=str(ref))


def test_a_node_that_keeps_nothing_so_large_gets_the_array_with_each_chunk(
    client: Client, servers: list[Server]
) -> None:
    for server in servers:
        server._dispatcher._store._max_bytes = 1000
    assert np.array_equal(client.map("Model.predict", ROWS, broadcast(WEIGHTS)), ROWS * WEIGHTS[:8])
