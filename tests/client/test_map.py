"""map: what comes back, for every kind of argument and size."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import pyrpc
from pyrpc import Client, broadcast
from pyrpc.client.job import Job
from pyrpc.errors import (
    ArgumentError,
    BadResultError,
    CallerError,
    ConfigError,
    ContractError,
    DeadlineExceeded,
    LengthMismatchError,
    PyrpcError,
    StageFailedError,
    UnknownMethodError,
    UnsupportedTypeError,
)


class Work:
    def __init__(self) -> None:
        self.let = threading.Event()

    def double(self, x: np.ndarray) -> np.ndarray:
        return 2 * x

    def add(self, a: np.ndarray, b: Any, c: Any = 0) -> np.ndarray:
        return a + b + c

    def both(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return x.sum(axis=1), (x * 2).astype(np.float32)

    def pair_list(self, x: np.ndarray) -> list[np.ndarray]:
        return [x, x]

    def weigh(self, x: np.ndarray, weights: np.ndarray, *, bias: Any = None) -> np.ndarray:
        return x @ weights + (0 if bias is None else bias)

    def describe(self, x: np.ndarray, *, flag: bool, name: str, mapping: dict[str, Any], rows: Any) -> np.ndarray:
        text = f"{flag} {name} {mapping['k']} {np.shape(rows)}"
        return np.full(len(x), text)

    def words(self, x: np.ndarray) -> np.ndarray:
        return np.array(["w" * int(n) for n in x])

    def raw(self, x: np.ndarray) -> np.ndarray:
        return np.array([b"w" * int(n) for n in x])

    def strings(self, x: np.ndarray) -> np.ndarray:
        return np.array(["w" * int(n) for n in x], np.dtypes.StringDType())

    def upper(self, x: np.ndarray) -> np.ndarray:
        return np.strings.upper(x)

    def short(self, x: np.ndarray) -> np.ndarray:
        return x[:-1]

    def total(self, x: np.ndarray) -> Any:
        return x.sum()

    def number(self, x: np.ndarray) -> int:
        return len(x)

    def moody(self, x: np.ndarray) -> np.ndarray:
        return x.astype(np.float32) if x[0] == 0 else x.astype(np.float64)

    def wide(self, x: np.ndarray) -> np.ndarray:
        return np.zeros((len(x), int(x[0]) + 1))

    def raising(self, x: np.ndarray, at: int) -> np.ndarray:
        if at in x:
            raise ValueError(f"row {at} is bad")
        return x

    def doubled_rows(self, x: np.ndarray) -> np.ndarray:
        return np.repeat(x, 2)

    @pyrpc.stage(takes="float32[n,3]", gives="float32[n]")
    def norms(self, x: np.ndarray) -> np.ndarray:
        return np.linalg.norm(x, axis=1)

    @pyrpc.stage(takes=["float64[n,k]"], gives=("float64[n,k]", "int64[n]"))
    def sorted_rows(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.sort(x, axis=1), np.argmax(x, axis=1)

    @pyrpc.stage(splittable=False)
    def whole(self, x: np.ndarray) -> np.ndarray:
        return x - x.mean()

    def wait(self, x: np.ndarray) -> np.ndarray:
        self.let.wait(30)
        return x


@pytest.fixture
def work() -> Iterator[Work]:
    work = Work()
    yield work
    work.let.set()


@pytest.fixture
def client(cluster: Callable[..., Client], work: Work) -> Client:
    """Of three nodes that share one object."""
    return cluster(3, work)


# -- rows


@pytest.mark.parametrize("rows", [1, 2, 3, 47, 48, 49, 1000])
def test_result_has_the_rows_in_order(client: Client, rows: int) -> None:
    x = np.arange(rows * 2).reshape(rows, 2)
    np.testing.assert_array_equal(client.map("Work.double", x), 2 * x)


@pytest.mark.parametrize(
    "x",
    [
        np.arange(10.0)[::-1],
        np.arange(60).reshape(6, 10).T,
        np.arange(60).reshape(10, 6)[:, ::2],
        np.asfortranarray(np.arange(60.0).reshape(10, 6)),
        np.arange(10, dtype=">i4"),
        np.broadcast_to(np.arange(3), (10, 3)),
        np.arange(10).astype(np.complex64),
        np.zeros((10, 0)),
        np.zeros((5, 1, 2, 1)),
    ],
    ids=lambda x: f"{x.dtype.str}{x.shape}",
)
def test_layout_of_the_input_does_not_matter(client: Client, x: np.ndarray) -> None:
    result = client.map("Work.double", x)
    np.testing.assert_array_equal(result, 2 * x)
    assert result.flags.c_contiguous
    assert result.flags.writeable


def test_input_is_not_changed(client: Client) -> None:
    x = np.arange(100.0)
    client.map("Work.double", x)
    np.testing.assert_array_equal(x, np.arange(100.0))


def test_result_belongs_to_the_caller(client: Client) -> None:
    x = np.ones((400, 1000))
    first = client.map("Work.double", x)
    first[...] = -1
    second = client.map("Work.double", x)
    np.testing.assert_array_equal(second, 2 * x)
    np.testing.assert_array_equal(first, np.full_like(x, -1))


def chunk_sizes(job: Job) -> list[int]:
    """Rows of each chunk; how often it was sent does not count (on a busy machine some are sent twice)."""
    return [stop - start for start, stop in sorted({(e.start_row, e.stop_row) for e in job.receipt.entries})]


def test_million_tiny_rows_go_in_few_chunks(client: Client) -> None:
    x = np.arange(1_000_000, dtype=np.uint8)
    job = client.map_async("Work.double", x)
    np.testing.assert_array_equal(job.result(60), 2 * x)
    assert len(chunk_sizes(job)) <= 100


def test_rows_larger_than_a_chunk_may_be_go_one_by_one(client: Client) -> None:
    x = np.arange(3 * 9 * 2**20, dtype=np.uint8).reshape(3, -1)
    job = client.map_async("Work.double", x)
    np.testing.assert_array_equal(job.result(60), 2 * x)
    assert chunk_sizes(job) == [1, 1, 1]


def test_row_larger_than_a_stock_frame_travels(client: Client) -> None:
    x = np.ones((1, 17_000_000), np.uint8)
    assert client.map("Work.double", x).sum() == 34_000_000


def test_chunk_rows_are_kept(client: Client) -> None:
    job = client.map_async("Work.double", np.arange(10), chunk_rows=4)
    job.result(60)
    assert chunk_sizes(job) == [4, 4, 2]


def test_long_texts_go_in_chunks_of_a_size_that_travels(client: Client) -> None:
    """What NumPy calls the size of such an array is that of its references alone."""
    x = np.array(["x" * 2_000_000] * 9, np.dtypes.StringDType())
    result = client.map("Work.upper", x)
    assert [len(text) for text in result.tolist()] == [2_000_000] * 9
    job = client.map_async("Work.upper", x, chunk_bytes=8_000_000)
    job.result(60)
    assert set(chunk_sizes(job)) <= {2, 3}


def test_chunk_bytes_are_a_limit(client: Client) -> None:
    job = client.map_async("Work.double", np.zeros((100, 10)), chunk_bytes=800)
    job.result(60)
    assert chunk_sizes(job) == [10] * 10


# -- no rows


def test_no_rows_have_the_shape_that_the_contract_tells_and_cost_no_call(client: Client) -> None:
    result = client.map("Work.norms", np.empty((0, 3), np.float32))
    assert (result.shape, result.dtype) == ((0,), np.float32)
    values, places = client.map("Work.sorted_rows", np.empty((0, 4)))
    assert (values.shape, values.dtype, places.shape, places.dtype) == ((0, 4), np.float64, (0,), np.int64)
    assert all("Work.norms" not in stats.stages for stats in client.stats().values())


def test_no_rows_without_a_contract_ask_the_stage(client: Client) -> None:
    result = client.map("Work.double", np.empty((0, 5), np.int16))
    assert (result.shape, result.dtype) == ((0, 5), np.int16)


def test_no_rows_against_the_contract_are_refused(client: Client) -> None:
    with pytest.raises(ContractError):
        client.map("Work.norms", np.empty((0, 4), np.float32))


# -- arguments


def test_several_arrays_are_split_at_the_same_rows(client: Client) -> None:
    a, b, c = np.arange(50), np.arange(50) * 100, np.arange(50) * 10_000
    np.testing.assert_array_equal(client.map("Work.add", a, b, c), a + b + c)


@pytest.mark.parametrize("whole", [7, 2.5, np.float32(0.5), np.array(3), broadcast(np.array([1, 2]))])
def test_scalars_0d_arrays_and_broadcasts_go_whole(client: Client, whole: Any) -> None:
    x = np.arange(40).reshape(20, 2)
    value = whole.value if isinstance(whole, type(broadcast(1))) else whole
    np.testing.assert_array_equal(client.map("Work.add", x, whole), x + value)


def test_broadcast_may_have_any_number_of_rows(client: Client) -> None:
    x, weights = np.arange(80.0).reshape(20, 4), np.arange(12.0).reshape(4, 3)
    np.testing.assert_allclose(client.map("Work.weigh", x, broadcast(weights)), x @ weights)


def test_large_broadcast_travels_once_to_each_node(client: Client) -> None:
    x, weights = np.ones((300, 1024)), np.ones((1024, 256))
    job = client.map_async("Work.weigh", x, broadcast(weights), chunk_rows=1)
    np.testing.assert_array_equal(job.result(60), x @ weights)
    assert job.receipt.bytes_out < x.nbytes + 3 * weights.nbytes + 2**20
    sent = sum(stats.bytes_received for stats in client.stats().values())
    assert sent < x.nbytes + 4 * weights.nbytes


def test_keyword_arguments_go_whole_even_if_they_have_rows(client: Client) -> None:
    x = np.arange(30.0).reshape(10, 3)
    bias = np.arange(2.0)
    weights = np.ones((3, 2))
    np.testing.assert_allclose(client.map("Work.weigh", x, broadcast(weights), bias=bias), x @ weights + bias)
    result = client.map(
        "Work.describe", x, flag=True, name="a b", mapping={"k": [1, None]}, rows=broadcast(np.zeros((10, 2)))
    )
    assert set(result) == {"True a b [1, None] (10, 2)"}


def test_tuple_of_results_is_a_tuple_of_arrays(client: Client) -> None:
    x = np.arange(120.0).reshape(60, 2)
    result = client.map("Work.both", x, chunk_rows=7)
    assert isinstance(result, tuple)
    np.testing.assert_array_equal(result[0], x.sum(axis=1))
    np.testing.assert_array_equal(result[1], (x * 2).astype(np.float32))
    assert result[1].dtype == np.float32
    assert len(client.map("Work.pair_list", x)) == 2


@pytest.mark.parametrize("stage", ["Work.words", "Work.raw", "Work.strings"])
def test_text_may_differ_in_width_from_chunk_to_chunk(client: Client, stage: str) -> None:
    lengths = np.array([1, 9, 2, 30, 0, 5])
    result = client.map(stage, lengths, chunk_rows=1)
    assert [len(text) for text in result.tolist()] == lengths.tolist()


def test_text_is_split_too(client: Client) -> None:
    x = np.array(["a", "bcd", "ä"] * 10)
    assert client.map("Work.upper", x).tolist() == ["A", "BCD", "Ä"] * 10
    y = x.astype(np.dtypes.StringDType())
    assert client.map("Work.upper", y).tolist() == ["A", "BCD", "Ä"] * 10


# -- what cannot work: the class, and what it tells


def check_told(error: PyrpcError) -> None:
    assert error.message
    assert error.expected or error.help
    assert error.got or error.help


@pytest.mark.parametrize(
    ("stage", "args", "kwargs", "error", "text"),
    [
        ("Work.dubble", (np.zeros(3),), {}, UnknownMethodError, "did you mean 'Work.double'"),
        ("Wrok.double", (np.zeros(3),), {}, UnknownMethodError, "did you mean 'Work.double'|Work"),
        ("Work.add", (np.zeros(3),), {}, ArgumentError, "missing b"),
        ("Work.add", (np.zeros(3), 1), {"d": 1}, ArgumentError, "unexpected d"),
        ("Work.norms", (np.zeros((3, 3)),), {}, ContractError, r"float32\[n,3\].*float64\[3,3\]"),
        ("Work.norms", (np.zeros((3, 4), "f4"),), {}, ContractError, r"float32\[n,3\].*float32\[3,4\]"),
        ("Work.add", (np.zeros(3), np.zeros(4)), {}, LengthMismatchError, "3 and 4.*broadcast"),
        ("Work.double", (), {}, ArgumentError, "nothing to split"),
        ("Work.double", ([1, 2, 3],), {}, ArgumentError, "asarray"),
        ("Work.double", (np.array(5),), {}, ArgumentError, "nothing to split"),
        ("Work.whole", (np.zeros(3),), {}, ConfigError, "splittable=False.*call"),
        ("Work.double", (np.array([1, "a", None], object),), {}, UnsupportedTypeError, "object.*astype"),
        ("Work.double", (np.zeros(3, "i4,f4"),), {}, UnsupportedTypeError, "cannot travel.*field"),
        ("Work.double", (np.ma.zeros(3),), {}, UnsupportedTypeError, "mask"),
        ("Work.add", (np.zeros(3), {1, 2}), {}, UnsupportedTypeError, "set"),
    ],
)
def test_bad_call_is_told_with_what_to_do(
    client: Client, stage: str, args: Any, kwargs: Any, error: type[PyrpcError], text: str
) -> None:
    with pytest.raises(error, match=f"(?s){text}") as caught:
        client.map(stage, *args, **kwargs)
    assert isinstance(caught.value, CallerError)
    check_told(caught.value)
    np.testing.assert_array_equal(client.map("Work.double", np.arange(3)), [0, 2, 4])


@pytest.mark.parametrize(
    ("stage", "text"),
    [
        ("Work.short", "wrong number of rows"),
        ("Work.doubled_rows", "wrong number of rows"),
        ("Work.total", "wrong number of rows"),
        ("Work.number", "wrong number of rows"),
        ("Work.moody", "differ from chunk to chunk"),
        ("Work.wide", "differ from chunk to chunk"),
    ],
)
def test_bad_result_is_told_with_the_node(client: Client, stage: str, text: str) -> None:
    with pytest.raises(BadResultError, match=text) as caught:
        client.map(stage, np.arange(64))
    assert caught.value.expected
    assert caught.value.got
    assert caught.value.help
    assert caught.value.endpoint in client.endpoints
    np.testing.assert_array_equal(client.map("Work.double", np.arange(3)), [0, 2, 4])


def test_failing_stage_names_the_rows_and_is_not_tried_again(client: Client) -> None:
    job = client.map_async("Work.raising", np.arange(64), 33, chunk_rows=4)
    with pytest.raises(StageFailedError, match=r"row 33 is bad \(rows 32 to 36\)") as caught:
        job.result(60)
    assert caught.value.endpoint in client.endpoints
    assert "ValueError" in str(caught.value.remote_traceback)
    assert sum(entry.outcome == "failed" for entry in job.receipt.entries) == 1


def test_failed_job_stops_what_it_has_not_sent() -> None:
    gate = threading.Event()
    chunks: list[int] = []

    def slow_moody(x: np.ndarray) -> np.ndarray:
        gate.wait(0.01)
        chunks.append(len(x))
        return x.astype(np.float32) if x[0] == 0 else x

    with pyrpc.Server({"slow": slow_moody}, port=0) as server, Client(server.endpoint) as other:
        with pytest.raises(BadResultError):
            other.map("slow", np.arange(500), chunk_rows=1)
        other.call("slow", np.arange(1))
        assert len(chunks) < 50


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("chunk_rows", 0),
        ("chunk_rows", 1.5),
        ("chunk_bytes", -1),
        ("timeout_s", 0),
        ("timeout_s", -1),
        ("timeout_s", "1"),
        ("timeout_s", float("nan")),
        ("progress", 5),
    ],
)
def test_option_that_makes_no_sense_is_named(client: Client, option: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=option):
        client.map("Work.double", np.arange(3), **{option: value})


@pytest.mark.parametrize("method", [5, None, b"Work.double", Work.double])
def test_method_is_named_by_a_text(client: Client, method: Any) -> None:
    for call in (client.call, client.map, client.reduce):
        with pytest.raises(ArgumentError, match="by its name"):
            call(method, np.arange(3))


# -- time and progress


def test_time_is_for_the_whole_job(client: Client) -> None:
    with pytest.raises(DeadlineExceeded, match=r"Work\.wait was not done in time|took longer") as caught:
        client.map("Work.wait", np.arange(10), timeout_s=0.2)
    assert isinstance(caught.value, TimeoutError)
    assert client.call("Work.number", np.arange(3)) == 3


@pytest.mark.parametrize("timeout_s", [1e10, float("inf"), np.float64(30)])
def test_long_time_is_no_limit(client: Client, timeout_s: float) -> None:
    assert client.map("Work.double", np.arange(3), timeout_s=timeout_s)[2] == 4
    assert client.call("Work.number", np.arange(3), timeout_s=timeout_s) == 3


def test_progress_is_told_in_this_thread_and_ends_with_all_rows(client: Client) -> None:
    told: list[tuple[int, int, int]] = []
    client.map(
        "Work.double",
        np.arange(100),
        chunk_rows=3,
        progress=lambda done, total: told.append((done, total, threading.get_ident())),
    )
    done = [entry[0] for entry in told]
    assert done == sorted(done)
    assert done[-1] == 100
    assert {entry[1:] for entry in told} == {(100, threading.get_ident())}


def test_progress_true_writes_a_line(client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    client.map("Work.double", np.arange(100), progress=True)
    written = capsys.readouterr()
    assert written.out == ""
    assert "Work.double: 100/100 rows (100%)" in written.err
    assert written.err.endswith("\n")


def test_without_progress_nothing_is_written(client: Client, capfd: pytest.CaptureFixture[str]) -> None:
    client.map("Work.double", np.arange(100))
    client.map("Work.double", np.arange(100), progress=False)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("at", [1, 100])
def test_what_progress_raises_ends_the_job(client: Client, at: int) -> None:
    def progress(done: int, total: int) -> None:
        if done >= at:
            raise LookupError("of the caller")

    with pytest.raises(LookupError, match="of the caller"):
        client.map("Work.double", np.arange(100), progress=progress)
    assert client.map("Work.double", np.arange(2)).tolist() == [0, 2]


def test_interrupt_ends_the_job_and_leaves_the_client_in_order(client: Client) -> None:
    def progress(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        client.map("Work.wait", np.arange(100), progress=progress)
    assert client.map("Work.double", np.arange(2)).tolist() == [0, 2]


def test_closed_client_refuses_a_map(client: Client) -> None:
    client.map("Work.double", np.arange(3))
    client.close()
    with pytest.raises(ConfigError, match="closed"):
        client.map("Work.double", np.arange(3))
