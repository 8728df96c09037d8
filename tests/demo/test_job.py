"""The job gives the same bits on nodes and in one process, however the rows are cut."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from pyrpc import Client, Server

pytest.importorskip("sklearn")

from pyrpc.client.progress import Progress
from pyrpc.demo import data
from pyrpc.demo.in_process import InProcess
from pyrpc.demo.job import STAGES, Result, comparison, run_job
from pyrpc.demo.on_nodes import OnNodes
from pyrpc.demo.stages import Digits
from pyrpc.demo.timeline import Timeline

ITERATIONS = 3
PICTURES = data.load(1)


class Progresses:
    """What the stages tell of their progress."""

    def __init__(self) -> None:
        self.told: dict[str, list[tuple[int, int]]] = {}

    @contextlib.contextmanager
    def __call__(self, label: str) -> Iterator[Progress]:
        told = self.told.setdefault(label, [])
        yield lambda done, total: told.append((done, total))

    def check(self) -> None:
        """Every stage goes up to all of its rows."""
        assert tuple(self.told) == STAGES
        for told in self.told.values():
            assert told == sorted(told)
            assert told[-1][0] == told[-1][1]


@pytest.fixture(scope="module")
def expected() -> Result:
    progresses = Progresses()
    result = run_job(PICTURES, InProcess(Timeline(), progresses), ITERATIONS)
    progresses.check()
    return result


@pytest.mark.parametrize("count", [1, 3])
def test_nodes_give_the_bits_of_one_process(expected: Result, count: int) -> None:
    progresses, timeline = Progresses(), Timeline()
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(Server(Digits, port=0)) for _ in range(count)]
        client = stack.enter_context(Client([server.endpoint for server in servers]))
        result = run_job(PICTURES, OnNodes(client, timeline, progresses), ITERATIONS)
    assert comparison(result, expected) == dict.fromkeys(("images", "features", "weights", "predictions"), True)
    progresses.check()
    for run in timeline.stages:
        assert sum(receipt.rows for _, receipt in run.receipts) == run.rows
    assert [run.label for run in timeline.stages] == list(STAGES)


def test_size_of_blocks_in_one_process_changes_no_bit(expected: Result) -> None:
    result = run_job(PICTURES, InProcess(Timeline(), Progresses(), block_rows=97), ITERATIONS)
    assert all(comparison(result, expected).values())


def test_it_learns(expected: Result) -> None:
    assert expected.accuracy > 3 * PICTURES.majority


def test_comparison_sees_a_single_bit(expected: Result) -> None:
    features = expected.features.copy()
    features[features == 0] = -0.0
    weights = {**expected.weights, "output_bias": np.nextafter(expected.weights["output_bias"], np.float32(9))}
    other = replace(expected, features=features, weights=weights)
    assert comparison(expected, other) == {"images": True, "features": False, "weights": False, "predictions": True}


def test_comparison_sees_another_dtype_or_shape(expected: Result) -> None:
    wider = replace(expected, images=expected.images.astype(np.int16), scores=expected.scores[:-1])
    assert comparison(expected, wider) == {"images": False, "features": True, "weights": True, "predictions": False}
