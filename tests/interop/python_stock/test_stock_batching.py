"""Unmodified clients of generated code share batches without knowing of them, in either protocol."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import pyrpc
from pyrpc import Batch, Server
from pyrpc.wire.gen.ttypes import CallOptions, ErrorCode, RpcError, Value

CALLERS = 16


class Model:
    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.began = threading.Event()
        self.gate = threading.Event()

    @pyrpc.stage(takes="float64[n,3]", gives="float64[n]", batch=Batch(max_rows=64, max_delay_ms=20_000))
    def total(self, x: np.ndarray) -> np.ndarray:
        self.sizes.append(len(x))
        self.began.set()
        assert self.gate.wait(20)
        if (x < 0).any():
            raise ValueError("a negative row")
        return np.asarray(x.sum(axis=1))


@pytest.fixture
def model() -> Iterator[Model]:
    model = Model()
    yield model
    model.gate.set()


def test_stock_clients_share_a_batch_and_get_their_own_rows(
    model: Model, stock_client: Any, protocol: str, by_hand: Callable[[np.ndarray], Value]
) -> None:
    inputs = [np.random.default_rng(seed).random((4, 3)) for seed in range(CALLERS)]
    inputs[5][2, 1] = -1

    def call(number: int) -> Value | RpcError:
        with stock_client(server.endpoint, protocol) as client:
            value, options = by_hand(inputs[number]), CallOptions()
            try:
                if number % 2:
                    return client.call("Model.total", [value], {}, options).value
                return client.run("Model.total", [value], {}, 4, options).value
            except RpcError as error:
                # Generated exceptions cannot be raised through a context manager.
                return error

    with Server(model, port=0) as server, ThreadPoolExecutor(CALLERS + 1) as pool:
        # While this one runs the others come together, until they fill a batch.
        first = pool.submit(call, 0)
        assert model.began.wait(20)
        calls = [pool.submit(call, number) for number in range(CALLERS)]
        wait_for(server, CALLERS + 1)
        model.gate.set()
        assert first.result(20) == by_hand(inputs[0].sum(axis=1))
        for number, future in enumerate(calls):
            got = future.result(20)
            if number == 5:
                assert isinstance(got, RpcError)
                assert got.code == ErrorCode.STAGE_FAILED
                assert "a negative row" in got.message
            else:
                assert got == by_hand(inputs[number].sum(axis=1))
        # 64 rows as one; then, as one of them is bad, each call by itself.
        assert model.sizes == [4, 64, *[4] * CALLERS]
        with stock_client(server.endpoint, protocol) as client:
            batches = client.stats(CallOptions()).stages["Model.total"].batches
        assert (batches.calls, batches.full, batches.ran_singly) == (CALLERS + 1, 1, CALLERS)


def wait_for(server: Server, calls: int) -> None:
    """Until so many calls are in batches."""
    (collector,) = server._dispatcher.batching._collectors.values()
    until = time.monotonic() + 20
    while collector._inside < calls:
        assert time.monotonic() < until, f"{collector._inside} calls came"
        time.sleep(0.005)
