"""The cases for other languages hold for the Python client, and what compares them notices what differs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from tests.interop.cases import Cases, cases, look

from pyrpc import Client, Server
from pyrpc.errors import StageFailedError


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with Server(Cases, port=0) as server, Client(server.endpoint) as client:
        yield client


def test_every_case_comes_back_bit_for_bit(client: Client) -> None:
    names = client.call("Cases.names")
    assert names == list(cases())
    for name in names:
        value = client.call("Cases.give", name)
        seen = client.call("Cases.tell", name)
        assert (look(value) if isinstance(value, np.ndarray) else None) == seen, name
        assert client.call("Cases.take", name, value), name


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128", "float16"])
def test_one_bit_that_differs_is_noticed(client: Client, dtype: str) -> None:
    name = f"array: {dtype}, two dims"
    value = client.call("Cases.give", name)
    value.view(np.uint8)[0, 0] ^= 1
    with pytest.raises(StageFailedError, match="bits of the value differs"):
        client.call("Cases.take", name, value)


def test_every_kind_of_value_is_among_the_cases() -> None:
    kinds = {array.dtype.kind for array in cases().values() if isinstance(array, np.ndarray)}
    assert kinds >= set("biufcmMSUT")
    others = {type(value) for value in cases().values()}
    assert others >= {type(None), bool, int, float, str, bytes, list, dict, tuple}
    sizes = [value.nbytes for value in cases().values() if isinstance(value, np.ndarray)]
    assert max(sizes) == 64 * 2**20
