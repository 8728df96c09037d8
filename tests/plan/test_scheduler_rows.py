"""Jobs whose rows are cut on demand, on a virtual clock: each row is taken once, and all nodes end together."""

from __future__ import annotations

import heapq
import random
from collections.abc import Sequence

import pytest

from pyrpc.errors import ConfigError, FailureClass
from pyrpc.plan.actions import Action, CancelAttempt, Fail, Finish, Probe, Send, WaitUntil
from pyrpc.plan.partition import Chunk, plan_chunks
from pyrpc.plan.prng import SplitMix64
from pyrpc.plan.retry import JobBudget, RetryPolicy
from pyrpc.plan.scheduler import POLICIES, Scheduler
from pyrpc.plan.work import DivisibleWork, FixedWork, Work, plan_work

LATENCY_S = 0.0003


class Run:
    """One job: nodes of so many seconds a row, which may hang, lose replies or refuse."""

    def __init__(
        self,
        work: Work,
        row_s: Sequence[float],
        *,
        seed: int = 1,
        jitter: float = 0.02,
        hangs_at: dict[int, float] | None = None,
        breaks: float = 0.0,
        refuses: float = 0.0,
        policy: str = "min_max",
        window: int = 2,
        latency_s: float = LATENCY_S,
    ) -> None:
        self.row_s, self.jitter, self.hangs_at = row_s, jitter, hangs_at or {}
        self.latency_s = latency_s
        self.breaks, self.refuses = breaks, refuses
        self.random = random.Random(seed)
        self.names = [f"n{index}" for index in range(len(row_s))]
        self.free_at = [0.0] * len(row_s)
        self.scheduler = Scheduler(
            work,
            self.names,
            window=window,
            retry=RetryPolicy(10),
            idempotent=True,
            prng=SplitMix64(seed),
            policy=policy,
        )
        self.events: list[tuple[float, int, str, int | str, float]] = []
        self.count = self.sends = 0
        self.now = 0.0
        self.count_of_wake = 0
        self.chunks: dict[int, Chunk] = {}
        self.taken: list[Chunk] = []
        self.by_node: dict[str, int] = {}
        self.nodes_of: dict[int, str] = {}
        self.fail: Fail | None = None

    def run(self) -> Run:
        self.take(self.scheduler.start(0.0))
        while not self.scheduler.is_over:
            assert self.count < 200_000
            self.now, _, kind, what, service_s = heapq.heappop(self.events)
            self.happen(kind, what, service_s)
        return self

    def happen(self, kind: str, what: int | str, service_s: float) -> None:
        scheduler = self.scheduler
        if kind == "done":
            if scheduler.is_wanted(what):
                self.taken.append(self.chunks[what])
                node = self.nodes_of[what]
                self.by_node[node] = self.by_node.get(node, 0) + self.chunks[what].rows
            self.take(scheduler.done(what, self.now, service_s=service_s))
        elif kind == "broke":
            self.take(scheduler.failed(what, FailureClass.UNKNOWN, self.now))
        elif kind == "refused":
            self.take(scheduler.failed(what, FailureClass.NOT_EXECUTED, self.now, retry_after_ms=50))
        elif kind == "probed":
            self.take(scheduler.node_down(what, self.now))
        elif what == self.count_of_wake:
            self.take(scheduler.timer(self.now))

    def at(self, when: float, kind: str, what: int | str, service_s: float = 0.0) -> None:
        self.count += 1
        heapq.heappush(self.events, (when, self.count, kind, what, service_s))

    def take(self, actions: list[Action]) -> None:
        for action in actions:
            if isinstance(action, Send):
                self.send(action)
            elif isinstance(action, CancelAttempt):
                self.at(self.now + 0.001, "broke", action.attempt_id)
            elif isinstance(action, Probe):
                self.at(self.now + 1.0, "probed", action.node)
            elif isinstance(action, WaitUntil):
                assert action.at > self.now
                self.count_of_wake = self.count + 1
                self.at(action.at, "timer", self.count_of_wake)
            elif isinstance(action, Finish):
                assert self.scheduler.rows_left == 0
            else:
                self.fail = action

    def send(self, send: Send) -> None:
        index = self.names.index(send.node)
        self.sends += 1
        self.chunks[send.attempt_id] = send.chunk
        self.nodes_of[send.attempt_id] = send.node
        if self.random.random() < self.refuses:
            self.at(self.now + self.latency_s, "refused", send.attempt_id)
            return
        starts = max(self.now + self.latency_s / 2, self.free_at[index])
        noise = 1 + self.jitter * self.random.uniform(-1, 1)
        ends = starts + self.row_s[index] * send.chunk.rows * noise
        if ends >= self.hangs_at.get(index, float("inf")):
            return
        self.free_at[index] = ends
        kind = "broke" if self.random.random() < self.breaks else "done"
        self.at(ends + self.latency_s / 2, kind, send.attempt_id, ends - starts)

    def check(self, rows: int) -> None:
        assert self.fail is None
        spans = sorted((chunk.start, chunk.stop) for chunk in self.taken)
        assert [0, *(stop for _, stop in spans)] == [*(start for start, _ in spans), rows]


@pytest.mark.parametrize("policy", POLICIES)
def test_each_row_is_taken_once_whatever_goes_wrong(policy: str):
    for seed in range(150):
        chance = random.Random(seed)
        nodes = chance.randint(2, 6)
        rows = chance.choice([1, 2, 7, 100, 3000])
        run = Run(
            DivisibleWork(rows, nodes=nodes, max_rows=chance.choice([None, 1 + rows // 3])),
            [chance.choice([0.0001, 0.001, 0.005]) for _ in range(nodes)],
            seed=seed,
            jitter=chance.choice([0.0, 0.3]),
            hangs_at={index: chance.random() * 0.3 for index in range(1, nodes) if chance.random() < 0.3},
            breaks=chance.choice([0.0, 0.0, 0.1]),
            refuses=chance.choice([0.0, 0.0, 0.1]),
            policy=policy,
            window=chance.randint(1, 3),
        )
        try:
            run.run().check(rows)
        except Exception as error:
            pytest.fail(f"seed {seed}: {error!r} at {run.now}")


@pytest.mark.parametrize("slow", [1, 2])
def test_uneven_nodes_end_together(slow: int):
    row_s = [0.001] * (4 - slow) + [0.005] * slow
    ideal_s = 2000 / sum(1 / each for each in row_s)
    spans = [Run(DivisibleWork(2000, nodes=4), row_s, seed=seed).run().now for seed in range(20)]
    assert max(spans) <= 1.03 * ideal_s


@pytest.mark.parametrize(("slow", "best_s"), [(1, 0.64), (2, 0.84)])
def test_a_slow_node_gets_no_chunk_that_would_end_last(slow: int, best_s: float):
    row_s = [0.02] * (4 - slow) + [0.1] * slow
    ideal_s = 100 / sum(1 / each for each in row_s)
    for seed in range(20):
        run = Run(FixedWork(plan_chunks(100, 1, 4, chunk_rows=1)), row_s, seed=seed).run()
        assert best_s * 0.97 <= run.now <= 1.05 * ideal_s


def test_a_hung_node_costs_little_more_than_its_share():
    whole_s = Run(DivisibleWork(8000, nodes=7), [0.001] * 7).run().now
    run = Run(DivisibleWork(8000, nodes=8), [0.001] * 8, hangs_at={3: 0.45 * whole_s}).run()
    run.check(8000)
    assert run.now <= 1.3 * whole_s


def test_half_of_the_calls_refused_stays_within_the_budget():
    for chunks in (20, 100, 400):
        run = Run(FixedWork(plan_chunks(chunks, 1, 4, chunk_rows=1)), [0.02] * 4, refuses=0.5).run()
        run.check(chunks)
        assert run.sends <= 1.2 * chunks + 10 * run.now + 1


def test_pieces_get_smaller_towards_the_end():
    run = Run(DivisibleWork(20_000, nodes=4), [0.001] * 4, jitter=0.0).run()
    sizes = [run.chunks[attempt].rows for attempt in sorted(run.chunks)]
    assert max(sizes[8:]) <= 60  # the target is 50 ms; the first ones only tell what rows cost
    assert max(sizes[-4:]) <= 10


def test_the_costs_that_were_learned_are_told():
    run = Run(DivisibleWork(2000, nodes=2), [0.001, 0.004], jitter=0.0).run()
    fast, slow = run.scheduler.fits()
    assert (fast.row_s, slow.row_s) == pytest.approx((0.001, 0.004), rel=0.1)


def test_an_unknown_policy_is_refused_and_the_others_are_named():
    with pytest.raises(ConfigError, match="min_max, pull, round_robin, random_priority"):
        Run(DivisibleWork(1), [0.1], policy="best")


def test_a_size_makes_a_grid_and_a_time_does_not():
    assert isinstance(plan_work(10, 8, 2, chunk_rows=3), FixedWork)
    assert isinstance(plan_work(10, 8, 2, chunk_s=0.1), DivisibleWork)
    with pytest.raises(ConfigError):
        plan_work(10, 8, 2, chunk_rows=3, chunk_s=0.1)
    with pytest.raises(ConfigError):
        plan_work(10, 8, 2, chunk_s=0.0)


def test_no_piece_is_larger_than_a_frame_takes():
    work = plan_work(1000, 2**20, 2)
    while work.rows_left:
        assert work.take(10**9).rows <= 8


def test_a_job_budget_allows_a_few_at_once_and_then_its_rate():
    budget = JobBudget()
    budget.start(100.0)
    assert sum(budget.try_spend(100.0) for _ in range(20)) == 5
    assert sum(budget.try_spend(102.0) for _ in range(40)) == 14


@pytest.mark.parametrize(
    ("seed", "rows", "target_s", "row_us"),
    [
        (117, 400, 0.005, (22, 300, 22)),
        (236, 2401, 0.05, (17, 300, 22, 80)),
        (395, 2401, 0.005, (22, 17, 80, 17)),
        (506, 2401, 0.05, (300, 80, 22, 22, 300)),
    ],
)
def test_idle_nodes_do_not_wait_for_each_other(seed: int, rows: int, target_s: float, row_us: tuple[int, ...]):
    # Found by tests.simulation: each was sooner with pieces of another size, so the last rows went to neither.
    work = DivisibleWork(rows, target_s=target_s, nodes=len(row_us))
    row_s = [us / 1e6 for us in row_us]
    run = Run(work, row_s, seed=seed, jitter=0.2, window=4, latency_s=0.0).run()
    run.check(rows)
    assert run.now < 0.1


def test_a_piece_of_a_straggler_never_goes_to_the_node_where_that_runs():
    # Found by tests.simulation: with all other nodes down, a piece went where its rows were in flight already.
    scheduler = Scheduler(
        DivisibleWork(12), list("abc"), retry=RetryPolicy(), idempotent=True, prng=SplitMix64(1), policy="pull"
    )
    sends = _sends(scheduler.start(0.0))
    straggler = sends.pop(0)
    assert (straggler.node, straggler.chunk.rows) == ("a", 2)
    while sends:
        sends += _sends(scheduler.done(sends.pop(0).attempt_id, 0.01))
    pieces = _sends(scheduler.timer(0.5))
    assert sorted(send.node for send in pieces) == ["b", "c"]
    for piece in pieces:
        pieces += _sends(scheduler.failed(piece.attempt_id, FailureClass.UNKNOWN, 0.6, node_lost=True))
    assert "a" not in {piece.node for piece in pieces}
    assert _sends(scheduler.timer(9.0)) == []
    assert scheduler.done(straggler.attempt_id, 9.0)[-1] == Finish()


def _sends(actions: list[Action]) -> list[Send]:
    return [action for action in actions if isinstance(action, Send)]
