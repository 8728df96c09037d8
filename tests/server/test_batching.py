"""Concurrent calls of one stage run as one call, and nobody can tell from what comes back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import pyrpc
from pyrpc import Batch, Client, Server
from pyrpc.errors import (
    BadResultError,
    CancelledError,
    ContractError,
    DeadlineExceeded,
    ExpiredError,
    OverloadedError,
    StageFailedError,
)
from pyrpc.testing import assert_same
from pyrpc.wire.messages import BatchStats

LONG_MS = 20_000
CALLERS = 32
# Every call of a test that needs them together is there by then, and none waits for longer.
PATIENCE_S = 20.0


class Model:
    """Keeps what it ran; ``gate`` closed: a call runs until it opens."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.seen: list[Any] = []
        self.gate = threading.Event()
        self.gate.set()
        self.pause_s = 0.0
        self.entered = threading.Semaphore(0)

    def _run(self, x: np.ndarray) -> None:
        self.sizes.append(len(x))
        self.entered.release()
        assert self.gate.wait(PATIENCE_S)
        time.sleep(self.pause_s)

    @pyrpc.stage(takes="float64[n,3]", gives="float64[n,2]", idempotent=True, batch=Batch(64, LONG_MS))
    def classify(self, x: np.ndarray, scale: float = 1.0) -> np.ndarray:
        self._run(x)
        self.seen.append(scale)
        return np.stack([x.sum(axis=1) * scale, x.max(axis=1)], axis=1)

    @pyrpc.stage(takes={"x": "float64[n,3]", "y": "int64[n]"}, batch=Batch(64, LONG_MS))
    def pair(self, x: np.ndarray, table: Any = None, *, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self._run(x)
        return x * y[:, None], y + 1

    @pyrpc.stage(batch=Batch(64, LONG_MS))
    def poison(self, x: np.ndarray) -> np.ndarray:
        self._run(x)
        if (x < 0).any():
            raise ValueError("a negative row")
        if (x > 1e6).any():
            raise SystemExit(3)
        return 2 * x

    @pyrpc.stage(idempotent=False, batch=Batch(64, LONG_MS))
    def once(self, x: np.ndarray) -> np.ndarray:
        self._run(x)
        if (x < 0).any():
            raise ValueError("a negative row")
        return 2 * x

    @pyrpc.stage(batch=Batch(64, LONG_MS))
    def short(self, x: np.ndarray) -> np.ndarray:
        self._run(x)
        return x[1:]

    @pyrpc.stage(batch=Batch(64, LONG_MS))
    def busy(self, x: np.ndarray) -> np.ndarray:
        self._run(x)
        if len(x) > 1:
            raise OverloadedError("not now", retry_after_ms=7)
        return x

    @pyrpc.stage(batch=Batch(64, LONG_MS))
    def watch(self, x: np.ndarray) -> np.ndarray:
        self._run(x)
        call = pyrpc.current_call()
        self.seen.append((call.method, call.remaining_s))
        until = time.monotonic() + 1
        while len(x) > 1 and time.monotonic() < until:
            if call.cancelled:
                raise CancelledError("nobody waits")
            time.sleep(0.002)
        return x

    @pyrpc.stage(batch=Batch(4, 5))
    def small(self, x: np.ndarray, *more: Any) -> Any:
        self._run(x)
        return x


@pytest.fixture
def model() -> Iterator[Model]:
    model = Model()
    yield model
    model.gate.set()


@pytest.fixture
def server(model: Model) -> Iterator[Server]:
    with Server(model, port=0, threads=2) as server:
        yield server
        model.gate.set()


def stats_of(server: Server, method: str) -> BatchStats:
    return server._dispatcher.batching.stats()[f"Model.{method}"]


def waiting(server: Server) -> int:
    """Calls that are in a batch, running or not."""
    return sum(collector._inside for collector in server._dispatcher.batching._collectors.values())


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.001)


class Crowd:
    """Callers, each with a client and so a connection of its own, whose calls wait in one batch until ``go``."""

    def __init__(self, server: Server, model: Model, stack: list[Client], method: str, blocker: Any) -> None:
        self.server = server
        self.model = model
        self.method = f"Model.{method}"
        self.clients = stack
        self.pool = ThreadPoolExecutor(64)
        self.results: list[Any] = []
        model.gate.clear()
        # While one runs the others wait for it to come back.
        self.first = self.send(*blocker[0], **blocker[1])
        assert model.entered.acquire(timeout=PATIENCE_S)

    def send(self, *args: Any, timeout_s: float | None = None, **kwargs: Any) -> Any:
        before = waiting(self.server)
        client = Client(self.server.endpoint, timeout_s=timeout_s)
        self.clients.append(client)
        future = self.pool.submit(client.call, self.method, *args, **kwargs)
        until(lambda: waiting(self.server) > before or future.done())
        return future

    def go(self) -> None:
        # So long those that wait have waited at least.
        self.waited_ms = 20
        time.sleep(self.waited_ms / 1000)
        self.model.gate.set()
        self.first.result(PATIENCE_S)


@pytest.fixture
def crowd(server: Server, model: Model) -> Iterator[Callable[..., Crowd]]:
    clients: list[Client] = []
    crowds: list[Crowd] = []

    def gather(method: str, *args: Any, **kwargs: Any) -> Crowd:
        crowds.append(Crowd(server, model, clients, method, (args, kwargs)))
        return crowds[-1]

    yield gather
    model.gate.set()
    for each in crowds:
        each.pool.shutdown()
    for client in clients:
        client.close()


def rows(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((count, 3))


# -- results


def test_calls_that_wait_run_as_one_and_get_their_own_rows(
    crowd: Callable[..., Crowd], server: Server, model: Model
) -> None:
    gathered = crowd("classify", rows(1))
    calls = [rows(1 + i % 3, seed=i) for i in range(CALLERS - 2)]
    futures = [gathered.send(x) for x in calls]
    # The last one fills it.
    total = sum(map(len, calls))
    last = rows(64 - total, seed=99)
    futures.append(gathered.send(last))
    gathered.go()
    for x, future in zip([*calls, last], futures, strict=True):
        assert_same(future.result(PATIENCE_S), np.stack([x.sum(axis=1) * 1.0, x.max(axis=1)], axis=1))
    assert model.sizes == [1, 64]
    stats = stats_of(server, "classify")
    assert (stats.batches, stats.calls, stats.rows, stats.full, stats.nobody_else) == (2, CALLERS, 65, 1, 1)


@pytest.mark.parametrize("way", ["call", "run"])
def test_callers_at_the_same_time_get_the_bits_of_an_unbatched_stage(server: Server, model: Model, way: str) -> None:
    errors: list[BaseException] = []
    start = threading.Barrier(CALLERS)

    def work(number: int) -> None:
        rng = np.random.default_rng(number)
        try:
            with Client(server.endpoint) as client:
                start.wait(PATIENCE_S)
                for _ in range(20):
                    x = rng.random((rng.integers(0, 9), 3))
                    scale = float(rng.integers(1, 3))
                    call = client.call if way == "call" else client.map
                    got = call("Model.classify", x, scale=scale)
                    assert_same(got, np.stack([x.sum(axis=1) * scale, x.max(axis=1, initial=-np.inf)], axis=1))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(CALLERS)]
    # Callers leave at different times, and the last of them are waited for: not for long here.
    with_short_delay(server)
    model.pause_s = 0.003
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert not errors, errors[0]
    assert max(model.sizes) > 8
    assert sum(model.sizes) == stats_of(server, "classify").rows


def with_short_delay(server: Server) -> None:
    for stage in server._registry._stages.values():
        if stage.batch is not None:
            stage.batch.max_delay_s = 0.003


def test_chunks_of_a_map_share_batches(server: Server, model: Model) -> None:
    with_short_delay(server)
    model.pause_s = 0.003
    x = rows(300)
    with Client(server.endpoint, window=16) as client:
        got = client.map("Model.classify", x, chunk_rows=3)
    assert_same(got, np.stack([x.sum(axis=1) * 1.0, x.max(axis=1)], axis=1))
    assert stats_of(server, "classify").rows == 300
    assert len(model.sizes) < 100


def test_tuples_and_arrays_by_name_are_merged_too(crowd: Callable[..., Crowd], model: Model) -> None:
    gathered = crowd("pair", rows(1), "table", y=np.arange(1))
    calls = [(rows(8, seed=i), np.arange(8) + i) for i in range(8)]
    futures = [gathered.send(x, "table", y=y) for x, y in calls]
    gathered.go()
    for (x, y), future in zip(calls, futures, strict=True):
        product, plus = future.result(PATIENCE_S)
        assert_same(product, x * y[:, None])
        assert_same(plus, y + 1)
    assert model.sizes == [1, 64]


def test_calls_that_differ_in_more_than_rows_never_share_a_batch(crowd: Callable[..., Crowd], model: Model) -> None:
    gathered = crowd("classify", rows(1))
    # The first of its kind, which takes the second turn.
    other = gathered.send(rows(1), scale=2.0)
    assert model.entered.acquire(timeout=PATIENCE_S)
    calls = [(rows(32, seed=i), 1.0 + i % 2) for i in range(4)]
    futures = [gathered.send(x, scale=scale) if scale != 1.0 else gathered.send(x) for x, scale in calls]
    gathered.go()
    other.result(PATIENCE_S)
    for (x, scale), future in zip(calls, futures, strict=True):
        assert_same(future.result(PATIENCE_S)[:, 0], x.sum(axis=1) * scale)
    assert model.sizes == [1, 1, 64, 64]


def test_call_of_another_kind_does_not_wait(crowd: Callable[..., Crowd], server: Server, model: Model) -> None:
    gathered = crowd("classify", rows(1))
    model.entered.release()
    future = gathered.send(rows(1), scale=2.0)
    until(lambda: len(model.sizes) == 2)
    gathered.go()
    assert future.result(PATIENCE_S).shape == (1, 2)
    assert stats_of(server, "classify").incompatible == 1


@pytest.mark.parametrize("count", [0, 4, 5, 1000])
def test_call_without_rows_or_with_too_many_runs_alone(server: Server, model: Model, count: int) -> None:
    x = rows(count)
    with Client(server.endpoint) as client:
        assert_same(client.call("Model.small", x), x)
    assert model.sizes == [count]
    stats = stats_of(server, "small")
    assert (stats.full, stats.incompatible) == ((1, 0) if count else (0, 1))


def test_several_arrays_without_a_contract_are_not_merged(server: Server, model: Model) -> None:
    with Client(server.endpoint) as client:
        assert_same(client.call("Model.small", rows(2), rows(2)), rows(2))
    assert stats_of(server, "small").incompatible == 1


def test_reduction_is_not_merged(server: Server, model: Model) -> None:
    with Client(server.endpoint, window=8) as client:
        total = client.reduce("Model.small", np.ones((64, 3)), op="sum", chunk_rows=2)
    assert_same(total, np.full((2, 3), 32.0))
    assert stats_of(server, "small").incompatible == 32


def test_contract_is_checked_before_a_batch_is_joined(server: Server, model: Model) -> None:
    with Client(server.endpoint) as client, pytest.raises(ContractError):
        client.call("Model.classify", rows(2)[:, :2])
    assert model.sizes == []


def test_each_call_is_counted_with_its_share_of_the_time(crowd: Callable[..., Crowd], server: Server) -> None:
    gathered = crowd("classify", rows(1))
    futures = [gathered.send(rows(32)) for _ in range(2)]
    gathered.go()
    for future in futures:
        future.result(PATIENCE_S)
    with Client(server.endpoint) as client:
        stats = client.stats()[server.endpoint].stages["Model.classify"]
    assert (stats.calls, stats.rows, stats.errors) == (3, 65, 0)
    assert stats.batches is not None
    assert (stats.batches.calls, stats.batches.rows) == (3, 65)


# -- errors


@pytest.mark.parametrize(("bad", "remote_type"), [(-1.0, "ValueError"), (1e7, "SystemExit")])
def test_bad_row_fails_its_own_call_only(
    crowd: Callable[..., Crowd], server: Server, model: Model, bad: float, remote_type: str
) -> None:
    gathered = crowd("poison", np.ones(1))
    good = [gathered.send(np.full(21, float(i))) for i in range(2)]
    culprit = gathered.send(np.full(22, bad))
    gathered.go()
    for number, future in enumerate(good):
        assert_same(future.result(PATIENCE_S), np.full(21, 2.0 * number))
    with pytest.raises(StageFailedError) as caught:
        culprit.result(PATIENCE_S)
    assert caught.value.remote_type == remote_type
    assert "poison" in str(caught.value.remote_traceback)
    assert sorted(model.sizes) == [1, 21, 21, 22, 64]
    assert stats_of(server, "poison").ran_singly == 3
    # What they waited in the batch counts: all but the first, which found nobody there.
    with Client(server.endpoint) as client:
        queue = client.stats()[server.endpoint].stages["Model.poison"].queue
    assert queue is not None and queue.p95_us >= 1000 * gathered.waited_ms


def test_batch_of_a_stage_that_may_not_run_twice_fails_whole(crowd: Callable[..., Crowd], model: Model) -> None:
    gathered = crowd("once", np.ones(1))
    futures = [gathered.send(np.ones(32)), gathered.send(np.full(32, -1.0))]
    gathered.go()
    errors = []
    for future in futures:
        with pytest.raises(StageFailedError, match="a negative row") as caught:
            future.result(PATIENCE_S)
        errors.append(caught.value)
    assert errors[0] is not errors[1]
    assert model.sizes == [1, 64]


def test_wrong_number_of_rows_fails_all(crowd: Callable[..., Crowd], model: Model) -> None:
    model.entered.release()
    with pytest.raises(BadResultError):
        crowd("short", np.ones(1)).go()
    model.sizes.clear()
    gathered = crowd("short", np.ones(2))
    futures = [gathered.send(np.ones(32)) for _ in range(2)]
    model.gate.set()
    for future in (gathered.first, *futures):
        with pytest.raises(BadResultError, match="is batched"):
            future.result(PATIENCE_S)
    assert model.sizes == [2, 64]


@pytest.mark.parametrize("count", [64, 65])
def test_wrong_number_of_rows_is_noticed_in_a_call_by_itself_too(server: Server, count: int) -> None:
    with Client(server.endpoint) as client, pytest.raises(BadResultError):
        client.call("Model.short", np.ones(count))


def test_stage_that_is_busy_says_so_to_all(crowd: Callable[..., Crowd], model: Model) -> None:
    gathered = crowd("busy", np.ones(1))
    calls = [gathered.send(np.ones(32), timeout_s=1.0) for _ in range(2)]
    gathered.go()
    for future in calls:
        with pytest.raises((OverloadedError, DeadlineExceeded)):
            future.result(PATIENCE_S)
    assert 64 in model.sizes


# -- calls that nobody waits for


def test_call_whose_time_is_over_leaves_the_batch(crowd: Callable[..., Crowd], server: Server, model: Model) -> None:
    gathered = crowd("classify", rows(1))
    leader = gathered.send(rows(32))
    late = gathered.send(rows(31), timeout_s=0.1)
    with pytest.raises((DeadlineExceeded, ExpiredError)):
        late.result(PATIENCE_S)
    until(lambda: waiting(server) == 2)
    rest = gathered.send(rows(32))
    gathered.go()
    assert leader.result(PATIENCE_S).shape == rest.result(PATIENCE_S).shape == (32, 2)
    assert model.sizes == [1, 64]


def test_leader_that_nobody_waits_for_still_leads_and_is_left_out(
    crowd: Callable[..., Crowd], server: Server, model: Model
) -> None:
    gathered = crowd("classify", rows(1))
    leader = gathered.send(rows(32), timeout_s=0.1)
    with pytest.raises((DeadlineExceeded, ExpiredError)):
        leader.result(PATIENCE_S)
    others = [gathered.send(rows(16)) for _ in range(2)]
    gathered.go()
    for future in others:
        assert future.result(PATIENCE_S).shape == (16, 2)
    assert model.sizes == [1, 32]


def test_caller_that_closes_takes_its_rows_back(crowd: Callable[..., Crowd], server: Server, model: Model) -> None:
    gathered = crowd("classify", rows(1))
    leader = gathered.send(rows(32))
    with Client(server.endpoint) as client:
        job = client.map_async("Model.classify", rows(20), chunk_rows=20)
        until(lambda: waiting(server) == 3)
        job.cancel()
        until(lambda: waiting(server) == 2)
    rest = gathered.send(rows(32))
    gathered.go()
    assert leader.result(PATIENCE_S).shape == rest.result(PATIENCE_S).shape == (32, 2)
    assert model.sizes == [1, 64]


def test_batch_that_nobody_waits_for_leaves_the_queue(server: Server, model: Model) -> None:
    with_short_delay(server)
    model.gate.clear()
    with ThreadPoolExecutor(8) as pool, Client(server.endpoint, timeout_s=30) as client:
        # All turns are taken.
        running = [pool.submit(client.call, "Model.poison", np.full(64, float(i))) for i in range(2)]
        until(lambda: server._admission.in_flight == 2)
        jobs = [client.map_async("Model.classify", rows(3)) for _ in range(2)]
        until(lambda: waiting(server) == 2 and server._admission.queued == 1)
        for job in jobs:
            job.cancel()
        until(lambda: waiting(server) == 0 and server._admission.queued == 0)
        model.gate.set()
        for future in running:
            future.result(PATIENCE_S)
    assert model.sizes == [64, 64]


def test_merged_stage_is_cancelled_when_all_callers_are_gone(crowd: Callable[..., Crowd], model: Model) -> None:
    gathered = crowd("watch", np.ones(1))
    stays = gathered.send(np.ones(32), timeout_s=None)
    gone = gathered.send(np.ones(32), timeout_s=0.5)
    gathered.go()
    assert_same(stays.result(PATIENCE_S), np.ones(32))
    with pytest.raises(DeadlineExceeded):
        gone.result(PATIENCE_S)
    # One of them has no end.
    assert model.seen[-1] == ("Model.watch", float("inf"))


# -- turns


def test_batch_takes_one_turn_and_calls_while_it_waits_for_it(server: Server, model: Model) -> None:
    with_short_delay(server)
    model.gate.clear()
    with ThreadPoolExecutor(16) as pool, Client(server.endpoint) as client:
        running = [pool.submit(client.call, "Model.poison", np.full(64, float(i))) for i in range(2)]
        until(lambda: server._admission.in_flight == 2)
        futures = []
        for number in range(8):
            futures.append(pool.submit(client.call, "Model.classify", rows(8, seed=number)))
            until(lambda number=number: waiting(server) == number + 1)  # type: ignore[misc]
        assert (server._admission.in_flight, server._admission.queued) == (2, 1)
        model.gate.set()
        for future in [*running, *futures]:
            future.result(PATIENCE_S)
    assert sorted(model.sizes) == [64, 64, 64]


def test_full_node_refuses_the_whole_batch(model: Model) -> None:
    model.gate.clear()
    with Server(model, port=0, threads=1, max_queued=0) as server, ThreadPoolExecutor(8) as pool:
        with_short_delay(server)
        with Client(server.endpoint, timeout_s=0.5) as client, Client(server.endpoint) as patient:
            running = pool.submit(patient.call, "Model.poison", np.full(64, 1.0))
            until(lambda: server._admission.in_flight == 1)
            futures = [pool.submit(client.call, "Model.classify", rows(8)) for _ in range(4)]
            for future in futures:
                with pytest.raises((OverloadedError, DeadlineExceeded)):
                    future.result(PATIENCE_S)
            model.gate.set()
            running.result(PATIENCE_S)
            assert patient.stats()[server.endpoint].errors["OVERLOADED"] >= 4
    assert waiting(server) == 0


def test_drain_sends_what_waits_for_others(crowd: Callable[..., Crowd], server: Server, model: Model) -> None:
    gathered = crowd("classify", rows(1))
    future = gathered.send(rows(2))
    stopping = threading.Thread(target=server.stop)
    stopping.start()
    until(lambda: len(model.sizes) == 2)
    model.gate.set()
    assert future.result(PATIENCE_S).shape == (2, 2)
    stopping.join(PATIENCE_S)
    assert stats_of(server, "classify").drain == 1


def test_caller_by_itself_never_waits_for_others(server: Server) -> None:
    began = time.monotonic()
    with Client(server.endpoint) as client:
        for _ in range(20):
            client.call("Model.classify", rows(1))
    assert time.monotonic() - began < LONG_MS / 1000 / 4
    assert stats_of(server, "classify").nobody_else == 20
