"""Bytes that change inside the data of an array: found where checksums are asked for, done again, the result equal."""

from __future__ import annotations

import itertools
import threading
from typing import Any

import numpy as np
import pytest

import pyrpc
from pyrpc import Client
from pyrpc.errors import CallChecksumError, ReplyChecksumError
from pyrpc.testing.proxy import FaultProxy, Faults
from pyrpc.wire import tensor

X = np.arange(96 * 2000, dtype=np.float64).reshape(96, 2000)
# Of calls and replies with one array the first 1,000 bytes or less are not data.
INSIDE = Faults(corrupt_at=5_000)


class Work:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.calls = 0

    def double(self, x: Any) -> Any:
        with self.lock:
            self.calls += 1
        return 2 * x

    @pyrpc.stage(idempotent=True)
    def again(self, x: np.ndarray) -> np.ndarray:
        return self.double(x)

    @pyrpc.stage(idempotent=False)
    def once(self, x: np.ndarray) -> np.ndarray:
        return self.double(x)

    def scale(self, x: np.ndarray, by: np.ndarray) -> np.ndarray:
        return x * by


@pytest.fixture
def work() -> Work:
    return Work()


def client_of(proxies: list[FaultProxy], **options: Any) -> Client:
    return Client([proxy.endpoint for proxy in proxies], **{"checksums": True, **options})


def test_byte_that_changes_in_an_array_of_a_reply_is_found_and_the_chunk_done_again(proxies: list[FaultProxy]) -> None:
    proxies[0].afflict(to_client=INSIDE, connections=2)
    with client_of(proxies) as client:
        job = client.map_async("Work.double", X, chunk_rows=4)
        assert np.array_equal(job.result(), 2 * X)
        assert any("changed on its way" in str(entry.error) for entry in job.receipt.entries)


def test_byte_that_changes_in_an_array_of_a_chunk_is_found_before_it_runs(
    work: Work, proxies: list[FaultProxy]
) -> None:
    proxies[0].afflict(to_node=INSIDE, connections=2)
    with client_of(proxies) as client:
        job = client.map_async("Work.once", X, chunk_rows=4)
        assert np.array_equal(job.result(), 2 * X)
        assert any("changed on its way" in str(entry.error) for entry in job.receipt.entries)
    assert work.calls == 24


def test_byte_that_changes_in_a_shared_array_is_found(proxies: list[FaultProxy]) -> None:
    weights = np.arange(200_000.0)
    rows = np.ones((8, 1))
    for proxy in proxies:
        proxy.afflict(to_node=Faults(corrupt_at=1_000_000), connections=1)
    with client_of(proxies) as client:
        got = client.map("Work.scale", rows, by=pyrpc.broadcast(weights), chunk_rows=1)
    assert np.array_equal(got, rows * weights)


def test_byte_that_changes_in_an_array_of_a_call_is_found_and_the_call_made_again(
    work: Work, proxies: list[FaultProxy]
) -> None:
    proxies[0].afflict(to_node=INSIDE, connections=1)
    with client_of(proxies[:1]) as client:
        assert np.array_equal(client.call("Work.once", X), 2 * X)
    assert work.calls == 1


@pytest.mark.parametrize("array", [X, X[0, :700]], ids=["large", "small"])
def test_byte_that_changes_in_a_reply_to_a_call_is_found(work: Work, proxies: list[FaultProxy], array) -> None:
    faults = Faults(corrupt_at=array.nbytes // 2)
    proxies[0].afflict(to_client=faults, connections=1)
    with client_of(proxies[:1]) as client, pytest.raises(ReplyChecksumError, match="changed on its way"):
        client.call("Work.double", array)
    assert work.calls == 1
    proxies[0].afflict(to_client=faults, connections=2)
    with client_of(proxies[:1]) as client:
        client.stages()
        assert np.array_equal(client.call("Work.again", array), 2 * array)
        assert np.array_equal(client.submit("Work.again", array).result(), 2 * array)


def test_call_that_changes_on_every_way_fails_by_name(
    work: Work, proxies: list[FaultProxy], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No two counts agree, which is what a way looks like that changes all that passes."""
    counts = itertools.count()
    monkeypatch.setattr(tensor, "crc32c", lambda data: next(counts))
    with client_of(proxies) as client, pytest.raises(CallChecksumError) as caught:
        client.call("Work.again", X)
    assert caught.value.attempt == 3
    assert caught.value.endpoint in {proxy.endpoint for proxy in proxies}
    assert work.calls == 0


def test_changed_array_without_checksums_is_not_noticed(proxies: list[FaultProxy]) -> None:
    """Which is what they are for; were it noticed in another way, they would be of no use."""
    proxies[0].afflict(to_client=INSIDE, connections=1)
    with client_of(proxies[:1], checksums=False) as client:
        got = client.call("Work.double", X)
    assert np.count_nonzero(got != 2 * X) == 1
