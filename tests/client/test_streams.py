"""Jobs whose rows come from iterators and memory-mapped files, with a bound on what is held."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import pyrpc
from pyrpc import Client, Server
from pyrpc.errors import ArgumentError, ConfigError, ContractError, DeadlineExceeded, LengthMismatchError, PyrpcError


class Work:
    """Stages over rows."""

    def __init__(self) -> None:
        self.rows = 0
        self.go_on = threading.Event()
        self.go_on.set()

    def double(self, x: np.ndarray) -> np.ndarray:
        self.go_on.wait(30)
        self.rows += len(x)
        return 2 * x

    def both(self, x: np.ndarray, y: np.ndarray, factor: int) -> tuple[np.ndarray, np.ndarray]:
        return x + y, factor * x

    @pyrpc.stage(takes="float64[n,3]", gives="float64[n]")
    def norms(self, x: np.ndarray) -> np.ndarray:
        return np.sqrt((x * x).sum(1))

    def total(self, x: np.ndarray) -> np.float32:
        return x.sum(dtype=np.float32)

    def names(self, x: np.ndarray) -> np.ndarray:
        return np.array(["n" * (int(i) % 7 + 1) for i in x])

    def fails(self, x: np.ndarray) -> np.ndarray:
        if (x > 900).any():
            raise ValueError("too large")
        return x


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def client(work: Work) -> Iterator[Client]:
    with Server(work, port=0) as a, Server(work, port=0) as b, Client([a.endpoint, b.endpoint], seed=1) as client:
        yield client


def blocks(x: np.ndarray, *sizes: int) -> Iterator[np.ndarray]:
    """The rows of an array in blocks of these sizes, over and over."""
    start = 0
    for size in itertools.cycle(sizes):
        if start >= len(x):
            return
        yield x[start : start + size]
        start += size


X = np.arange(3000.0)


@pytest.mark.parametrize("sizes", [(1,), (7, 0, 100), (3000,), (2999, 1)])
@pytest.mark.parametrize("options", [{}, {"chunk_rows": 64}, {"chunk_bytes": 800}, {"chunk_s": 0.001}])
def test_map_over_an_iterator_gives_the_rows_of_map_over_the_array(
    client: Client, sizes: tuple[int, ...], options: dict[str, int]
) -> None:
    np.testing.assert_array_equal(client.map("Work.double", blocks(X, *sizes), **options), 2 * X)


def test_chunk_rows_hold_across_blocks(client: Client) -> None:
    job = client.map_async("Work.double", blocks(X, 7, 100), chunk_rows=64)
    np.testing.assert_array_equal(job.result(30), 2 * X)
    sizes = {entry.stop_row - entry.start_row for entry in job.receipt.entries}
    assert sizes == {64, 3000 % 64}
    assert job.receipt.rows == 3000


def test_several_iterators_and_arrays_are_split_at_the_same_rows(client: Client) -> None:
    total, scaled = client.map("Work.both", blocks(X, 50), X + 1, 3)
    np.testing.assert_array_equal(total, 2 * X + 1)
    np.testing.assert_array_equal(scaled, 3 * X)
    total, _ = client.map("Work.both", blocks(X, 50), blocks(X, 50), 3)
    np.testing.assert_array_equal(total, 2 * X)


def test_text_of_any_width_is_joined(client: Client) -> None:
    names = client.map("Work.names", blocks(X[:50], 3))
    assert names.tolist() == ["n" * (i % 7 + 1) for i in range(50)]


def test_a_reduction_over_an_iterator_has_the_same_bits_for_any_blocks_and_nodes(client: Client, work: Work) -> None:
    x = np.random.default_rng(1).normal(size=(5000, 3)).astype(np.float32)
    with Server(work, port=0) as server, Client(server.endpoint) as one:
        results = [
            c.reduce("Work.total", blocks(x, *sizes), chunk_rows=70)
            for c in (client, one)
            for sizes in [(5000,), (13, 400), (1,)]
        ]
    assert {np.float32(result).tobytes() for result in results} == {
        np.float32(client.reduce("Work.total", x, chunk_rows=70)).tobytes()
    }
    np.testing.assert_allclose(
        client.reduce("Work.total", blocks(x, 99), op="mean", chunk_rows=100), x.sum() / 50, 1e-4
    )
    assert np.isfinite(client.reduce("Work.total", blocks(x, 99)))


def test_imap_yields_the_rows_in_order(client: Client) -> None:
    for source in (blocks(X, 10), X):
        parts = list(client.imap("Work.double", source))
        assert len(parts) > 1
        np.testing.assert_array_equal(np.concatenate(parts), 2 * X)
    pairs = list(client.imap("Work.both", X, X, 2))
    np.testing.assert_array_equal(np.concatenate([first for first, _ in pairs]), 2 * X)


def test_a_source_is_read_no_further_than_results_are_taken(client: Client) -> None:
    read = itertools.count()

    def endless() -> Iterator[np.ndarray]:
        while True:
            yield np.full((10, 2), float(next(read)))

    results = client.imap("Work.double", endless(), chunk_rows=10)
    for number in range(200):
        np.testing.assert_array_equal(next(results), np.full((10, 2), 2.0 * number))
    time.sleep(0.1)  # time to read on, if there were no bound
    # 2 nodes x window 2 are in flight, and up to as many again are being put in place: that, four times over.
    assert next(read) <= 200 + 4 * 8 + 1
    results.close()  # type: ignore[attr-defined]


def test_results_are_held_no_further_than_they_are_taken_while_one_chunk_hangs(client: Client, work: Work) -> None:
    read = itertools.count()
    work.go_on.clear()
    results = client.imap("Work.double", (np.ones(10) for _ in iter(lambda: next(read), -1)), chunk_rows=10)
    time.sleep(0.2)
    assert next(read) <= 10
    work.go_on.set()
    assert len(next(results)) == 10
    results.close()  # type: ignore[attr-defined]


def test_closing_the_results_ends_the_job(client: Client, work: Work) -> None:
    results = client.imap("Work.double", (np.ones(10) for _ in itertools.count()))
    next(results)
    results.close()  # type: ignore[attr-defined]
    end = time.monotonic() + 60
    done = -1
    while work.rows != done:  # What was on its way when the job ended is still done.
        assert time.monotonic() < end, "it goes on"
        done = work.rows
        time.sleep(0.1)


def test_a_memory_mapped_file_is_worked_through_in_order(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "rows.bin"
    X.tofile(path)
    source = np.memmap(path, X.dtype, "r")
    out = np.memmap(tmp_path / "out.bin", X.dtype, "w+", shape=X.shape)
    row = 0
    for part in client.imap("Work.double", source):
        out[row : row + len(part)] = part
        row += len(part)
    np.testing.assert_array_equal(out, 2 * X)


def test_a_source_may_be_slow(client: Client) -> None:
    def slow() -> Iterator[np.ndarray]:
        for start in range(0, 100, 10):
            time.sleep(0.01)
            yield X[start : start + 10]

    np.testing.assert_array_equal(client.map("Work.double", slow()), 2 * X[:100])


def test_progress_does_not_know_the_end_before_the_source_does(client: Client) -> None:
    seen: list[tuple[int, int | None]] = []
    has_seen, before_the_end = threading.Event(), 0

    def source() -> Iterator[np.ndarray]:
        nonlocal before_the_end
        yield from blocks(X, 100)
        assert has_seen.wait(10)
        before_the_end = len(seen)

    def progress(done: int, total: int | None) -> None:
        seen.append((done, total))
        has_seen.set()

    client.map("Work.double", source(), progress=progress)
    assert before_the_end > 0
    assert {total for _, total in seen[:before_the_end]} == {None}
    assert seen[-1] == (3000, 3000)


def test_a_node_that_dies_costs_no_rows(work: Work) -> None:
    with Server(work, port=0) as a, Server(Work(), port=0) as b, Client([a.endpoint, b.endpoint]) as client:

        def source() -> Iterator[np.ndarray]:
            for number, block in enumerate(blocks(X, 30)):
                if number == 20:
                    b.stop(grace_s=0.0)
                yield block

        np.testing.assert_array_equal(client.map("Work.double", source()), 2 * X)


# -- what is refused


def test_an_error_of_the_source_ends_the_job_as_it_is(client: Client) -> None:
    def broken() -> Iterator[np.ndarray]:
        yield X[:10]
        raise OSError("disk gone")

    with pytest.raises(OSError, match="disk gone"):
        client.map("Work.double", broken())
    with pytest.raises(OSError, match="disk gone"):
        list(client.imap("Work.double", broken()))


def test_an_error_of_the_stage_ends_the_results(client: Client) -> None:
    taken: list[np.ndarray] = []
    results = client.imap("Work.fails", X, chunk_rows=100)
    with pytest.raises(PyrpcError, match="too large"):
        taken.extend(results)
    assert all((part <= 900).all() for part in taken)


@pytest.mark.parametrize(
    ("source", "error", "match"),
    [
        (lambda: iter([]), ArgumentError, "no rows"),
        (lambda: iter([np.ones((0, 3))]), ArgumentError, "no rows"),
        (lambda: iter([[1.0, 2.0]]), ArgumentError, "no array with rows"),
        (lambda: iter([np.ones((2, 3)), None, np.ones((2, 3))]), ArgumentError, "NoneType"),
        (lambda: iter([np.float64(3)]), ArgumentError, "no array with rows"),
        (lambda: iter([np.ones((2, 3)), np.ones((2, 4))]), ArgumentError, "differ"),
        (lambda: iter([np.ones((2, 3)), np.ones((2, 3), "f4")]), ArgumentError, "differ"),
        (lambda: iter([np.ones((2, 4))]), ContractError, "norms"),
    ],
)
def test_a_block_that_does_not_fit_is_refused(client: Client, source, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        client.map("Work.norms", source())


def test_blocks_of_different_lengths_are_refused(client: Client) -> None:
    for first, second in ((blocks(X, 50), blocks(X, 60)), (blocks(X, 50), X[:-1]), (blocks(X[:-1], 50), X)):
        with pytest.raises(LengthMismatchError):
            client.map("Work.both", first, second, 3)
    with pytest.raises(ArgumentError, match="the end"):
        client.map("Work.both", blocks(X, 50), blocks(X[:100], 50), 3)


def test_sizes_without_sense_are_refused_before_the_source_is_read(client: Client) -> None:
    def never() -> Iterator[np.ndarray]:
        raise AssertionError("read")
        yield

    for options in (
        {"chunk_rows": 0},
        {"chunk_bytes": -1},
        {"chunk_s": 0},
        {"chunk_s": 1, "chunk_rows": 5},
        {"policy": "x"},
    ):
        for run in (client.map, client.imap):
            with pytest.raises(ConfigError):
                run("Work.double", never(), **options)


def test_a_source_that_hangs_does_not_outlast_the_deadline(client: Client) -> None:
    let_go = threading.Event()

    def hangs() -> Iterator[np.ndarray]:
        yield X[:10]
        let_go.wait(30)

    with pytest.raises(DeadlineExceeded, match="read so far"):
        client.map("Work.double", hangs(), timeout_s=0.3)
    let_go.set()
