"""Whole jobs on a virtual clock, with faults drawn from a seed, and every invariant checked at every action.

The simulated driver keeps the contract of client/scatter.py: it reports each attempt, answers each probe, keeps
one wake-up time. The nodes keep no contract at all: they are slow, die, come back, hang, refuse, lose replies and
send them twice.
"""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyrpc.errors import FailureClass
from pyrpc.plan.actions import Action, CancelAttempt, Fail, Finish, Probe, Send, WaitUntil
from pyrpc.plan.partition import plan_chunks
from pyrpc.plan.prng import SplitMix64
from pyrpc.plan.retry import RetryPolicy
from pyrpc.plan.scheduler import POLICIES, Scheduler

FINAL, UNKNOWN, NOT_EXECUTED = FailureClass.FINAL, FailureClass.UNKNOWN, FailureClass.NOT_EXECUTED
SEEDS_A_BATCH = 250
BATCHES = 12


@dataclass
class Node:
    """What is true of a node, whatever the scheduler believes."""

    name: str
    service_s: float
    dies_at: float = float("inf")
    returns_at: float = float("inf")
    hangs_at: float = float("inf")
    wakes_at: float = float("inf")
    refuses: float = 0.0
    breaks: float = 0.0
    loses_reply: float = 0.0
    free_at: float = 0.0

    def is_dead(self, now: float) -> bool:
        return self.dies_at <= now < self.returns_at

    def is_hung(self, now: float) -> bool:
        return self.hangs_at <= now < self.wakes_at


@dataclass
class World:
    """A job with its nodes."""

    chunks: int
    nodes: list[Node]
    window: int
    idempotent: bool
    hedge: bool
    retry: RetryPolicy
    duplicates: float = 0.0
    policy: str = "min_max"


@dataclass
class Outcome:
    """How a simulated job ended."""

    makespan_s: float = 0.0
    sends: int = 0
    hedges: int = 0
    done: list[int] = field(default_factory=list)
    by_node: dict[str, int] = field(default_factory=dict)
    fail: Fail | None = None
    finished: bool = False


class Simulation:
    """Drives a scheduler through one world."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.random = random.Random(seed)
        self.nodes = {node.name: node for node in world.nodes}
        self.scheduler = Scheduler(
            plan_chunks(world.chunks, 4, 1, chunk_rows=1) if world.chunks else [],
            list(self.nodes),
            window=world.window,
            retry=world.retry,
            idempotent=world.idempotent,
            prng=SplitMix64(seed),
            hedge=world.hedge,
            policy=world.policy,
        )
        self.events: list[tuple[float, int, str, tuple]] = []
        self.count = 0
        self.now = 0.0
        self.wake_at: float | None = None
        self.in_flight: dict[int, Send] = {}
        self.load = dict.fromkeys(self.nodes, 0)
        # What the scheduler was told of the nodes: how often one went down, and since when it is.
        self.epochs = dict.fromkeys(self.nodes, 0)
        self.sent_in_epoch: dict[int, int] = {}
        self.sent_at: dict[int, float] = {}
        self.answered_at = dict.fromkeys(self.nodes, -1.0)
        self.cancelled: set[int] = set()
        self.down_since: dict[str, float] = {}
        self.down_at_end: dict[str, float] = {}
        self.sends_of: dict[int, int] = {}
        self.failures_of: dict[int, dict[str, int]] = {}
        self.outcome = Outcome()

    # -- the driver --------------------------------------------------------------------------------------

    def run(self, until_s: float = 10_000.0) -> Outcome:
        self.take(self.scheduler.start(0.0))
        while self.events and self.events[0][0] <= until_s:
            self.now, _, kind, what = heapq.heappop(self.events)
            assert self.count < 100_000, "too many events for so small a job"
            self.happen(kind, what)
        return self.outcome

    def happen(self, kind: str, what: tuple) -> None:
        if kind == "timer":
            if self.wake_at == self.now:
                self.wake_at = None
                self.take(self.scheduler.timer(self.now))
        elif kind == "done":
            self.report_done(*what)
        elif kind == "failed":
            self.report_failed(*what)
        elif kind == "probed":
            self.answer_probe(*what)

    def report_done(self, attempt_id: int) -> None:
        wanted = self.scheduler.is_wanted(attempt_id)
        send = self.in_flight.pop(attempt_id, None)
        if send is not None:
            self.load[send.node] -= 1
            self.answered_at[send.node] = self.now
        if wanted:
            assert send is not None and send.chunk.index not in self.outcome.done
            self.outcome.done.append(send.chunk.index)
            self.outcome.by_node[send.node] = self.outcome.by_node.get(send.node, 0) + 1
        late = self.scheduler.late
        self.take(self.scheduler.done(attempt_id, self.now))
        assert self.scheduler.late == late + (not wanted)

    def report_failed(self, attempt_id: int, failure: FailureClass, lost: bool, retry_after_ms: int | None) -> None:
        send = self.in_flight.pop(attempt_id, None)
        if send is not None:
            self.load[send.node] -= 1
            silent = attempt_id in self.cancelled and self.answered_at[send.node] < self.sent_at[attempt_id]
            if (lost or silent) and self.sent_in_epoch[attempt_id] == self.epochs[send.node]:
                self.goes_down(send.node)
            if self.scheduler.is_wanted(attempt_id):
                counts = self.failures_of.setdefault(send.chunk.index, {})
                kind = f"{failure.name}{' lost' if lost else ''}"
                counts[kind] = counts.get(kind, 0) + 1
        actions = self.scheduler.failed(attempt_id, failure, self.now, node_lost=lost, retry_after_ms=retry_after_ms)
        self.take(actions)

    def answer_probe(self, name: str) -> None:
        node = self.nodes[name]
        self.report_node(name, is_up=not node.is_dead(self.now) and not node.is_hung(self.now))

    def report_node(self, name: str, *, is_up: bool) -> None:
        if is_up:
            self.down_since.pop(name, None)
            self.take(self.scheduler.node_up(name, self.now))
        else:
            self.goes_down(name)
            self.take(self.scheduler.node_down(name, self.now))

    def goes_down(self, name: str) -> None:
        if name not in self.down_since:
            self.down_since[name] = self.now
            self.epochs[name] += 1

    def at(self, when: float, kind: str, *what: object) -> None:
        self.count += 1
        heapq.heappush(self.events, (when, self.count, kind, what))

    # -- actions, each checked ---------------------------------------------------------------------------

    def take(self, actions: list[Action]) -> None:
        for place, action in enumerate(actions):
            assert not self.outcome.finished and self.outcome.fail is None, f"{action} after the end"
            if isinstance(action, Send):
                self.take_send(action)
            elif isinstance(action, CancelAttempt):
                self.take_cancel(action)
            elif isinstance(action, Probe):
                self.take_probe(action)
            elif isinstance(action, WaitUntil):
                assert action.at > self.now
                self.wake_at = action.at
                self.at(action.at, "timer")
            else:
                assert place == len(actions) - 1
                self.take_end(action)

    def take_send(self, send: Send) -> None:
        index = send.chunk.index
        twins = [other.node for other in self.in_flight.values() if other.chunk.index == index]
        self.in_flight[send.attempt_id] = send
        self.sent_at[send.attempt_id] = self.now
        self.sent_in_epoch[send.attempt_id] = self.epochs[send.node]
        self.load[send.node] += 1
        assert send.node not in self.down_since
        assert self.load[send.node] <= self.world.window
        assert index not in self.outcome.done
        assert send.attempt_no == self.sends_of.get(index, 0)
        assert send.hedge == bool(twins) and send.node not in twins
        assert not send.hedge or (self.world.hedge and self.world.idempotent)
        self.sends_of[index] = send.attempt_no + 1
        self.outcome.sends += 1
        self.outcome.hedges += send.hedge
        self.run_on_node(send)

    def take_cancel(self, cancel: CancelAttempt) -> None:
        assert self.in_flight[cancel.attempt_id].node == cancel.node
        self.cancelled.add(cancel.attempt_id)
        # Some drivers tear the connection down, some wait for the reply, and from a hung node none comes.
        if self.random.random() < 0.5:
            self.at(self.now + self.random.random() / 10, "failed", cancel.attempt_id, FINAL, False, None)

    def take_probe(self, probe: Probe) -> None:
        node = self.nodes[probe.node]
        delay_s = 2.0 if node.is_hung(self.now) else self.random.random() / 100
        self.at(self.now + delay_s, "probed", probe.node)

    def take_end(self, end: Action) -> None:
        self.outcome.makespan_s = self.now
        self.down_at_end = self.down_since.copy()
        if isinstance(end, Finish):
            self.outcome.finished = True
            assert sorted(self.outcome.done) == list(range(self.world.chunks))
        else:
            assert isinstance(end, Fail)
            self.outcome.fail = end

    # -- the node ----------------------------------------------------------------------------------------

    def run_on_node(self, send: Send) -> None:
        node, chance, now = self.nodes[send.node], self.random.random, self.now
        if node.is_dead(now):
            self.at(now + chance() / 1000, "failed", send.attempt_id, NOT_EXECUTED, True, None)
            return
        if chance() < node.refuses:
            asked_ms = None if chance() < 0.3 else int(chance() * 200)
            self.at(now + 0.001, "failed", send.attempt_id, NOT_EXECUTED, False, asked_ms)
            return
        starts = max(now, node.free_at)
        ends = starts + node.service_s * (0.8 + 0.4 * chance())
        if node.hangs_at < ends and now < node.wakes_at:
            if node.wakes_at == float("inf"):
                return  # no reply, ever
            ends = max(ends, node.wakes_at + node.service_s)
        node.free_at = ends
        if now < node.dies_at < ends:
            self.at(node.dies_at + chance() / 10, "failed", send.attempt_id, UNKNOWN, True, None)
        elif chance() < node.breaks:
            self.at(ends, "failed", send.attempt_id, UNKNOWN, False, None)
        elif chance() < node.loses_reply:
            self.at(ends, "failed", send.attempt_id, UNKNOWN, chance() < 0.5, None)
        else:
            self.at(ends, "done", send.attempt_id)
            if chance() < self.world.duplicates:
                self.at(ends + chance(), "done", send.attempt_id)
            if chance() < self.world.duplicates:
                self.at(ends + chance(), "failed", send.attempt_id, FailureClass.UNKNOWN, False, None)


def draw_world(seed: int) -> World:
    """A world in which at least the first node is there, sooner or later, and does not hang for ever."""
    chance = random.Random(seed ^ 0x5EED)
    nodes = []
    for index in range(chance.randint(1, 6)):
        node = Node(f"n{index}", service_s=chance.choice([0.001, 0.01, 0.02, 0.1, 1.0]))
        if chance.random() < 0.3:
            node.dies_at = chance.random() * 0.3 - 0.05
            if index == 0 or chance.random() < 0.5:
                node.returns_at = node.dies_at + chance.random() * 4
        if chance.random() < 0.25:
            node.hangs_at = chance.random() * 0.3
            if index == 0 or chance.random() < 0.3:
                node.wakes_at = node.hangs_at + chance.random() * 10
        if chance.random() < 0.2:
            node.refuses = chance.random() * 0.6
        if chance.random() < 0.15:
            node.breaks = chance.random() * 0.3
        if chance.random() < 0.15:
            node.loses_reply = chance.random() * 0.3
        nodes.append(node)
    return World(
        chunks=chance.choice([0, 1, 2, 7, 20, 50]),
        nodes=nodes,
        window=chance.randint(1, 3),
        idempotent=chance.random() < 0.85,
        hedge=chance.random() < 0.9,
        retry=RetryPolicy(max_attempts=chance.choice([1, 3, 10])),
        duplicates=chance.choice([0.0, 0.2]),
        policy=chance.choice(["min_max", "min_max", *POLICIES]),
    )


def check_end(simulation: Simulation) -> None:
    world, outcome = simulation.world, simulation.outcome
    fail = outcome.fail
    # The slowest node takes a second a chunk, and hedges wait for some medians: nothing here may take minutes.
    assert outcome.makespan_s < 120
    hangs = any(node.wakes_at == float("inf") > node.hangs_at for node in world.nodes)
    if fail is None:
        # Without hedges nothing saves the chunks that a node holds for ever.
        assert outcome.finished or (hangs and not (world.hedge and world.idempotent))
        return
    assert fail.reason != "final", "no stage answered with an error"
    if fail.reason == "unknown":
        assert not world.idempotent
    elif fail.reason == "exhausted":
        assert fail.attempt_id is not None
        worst = max(
            max(counts.get("UNKNOWN", 0) / world.retry.max_attempts, counts.get("UNKNOWN lost", 0) / 3)
            for counts in simulation.failures_of.values()
        )
        assert worst >= 1
    else:
        assert fail == Fail(None, "no_nodes")
        assert simulation.down_at_end.keys() == simulation.nodes.keys()
        assert outcome.makespan_s - max(simulation.down_at_end.values()) >= 5.0


@pytest.mark.parametrize("batch", range(BATCHES))
def test_every_job_ends_and_gathers_each_chunk_once(batch: int):
    for seed in range(batch * SEEDS_A_BATCH, (batch + 1) * SEEDS_A_BATCH):
        simulation = Simulation(draw_world(seed), seed)
        try:
            simulation.run()
            check_end(simulation)
        except Exception as error:
            pytest.fail(f"seed {seed}: {error!r} at {simulation.now} in {simulation.world}")


def test_a_seed_replays():
    first, second = (Simulation(draw_world(41), 41).run() for _ in range(2))
    assert first == second


# -- what a job costs under one fault, in virtual time ---------------------------------------------------------


def job(chunks: int, nodes: list[Node], seed: int = 1, **options) -> Outcome:
    defaults = {"window": 2, "idempotent": True, "hedge": True, "retry": RetryPolicy()}
    return Simulation(World(chunks, nodes, **{**defaults, **options}), seed).run()


def alike(count: int, **faults: float) -> list[Node]:
    """Nodes of 20 ms a chunk; the faults are the last one's."""
    nodes = [Node(f"n{index}", 0.02) for index in range(count)]
    for name, value in faults.items():
        setattr(nodes[-1], name, value)
    return nodes


def test_nodes_that_are_alike_share_alike():
    outcome = job(400, alike(4))
    assert outcome.finished and outcome.hedges == 0
    assert all(90 <= rows <= 110 for rows in outcome.by_node.values())
    assert outcome.makespan_s < 2.0 * 1.05


def test_a_node_five_times_slower_gets_a_fifth():
    outcome = job(420, alike(4, service_s=0.1))
    assert 24 <= outcome.by_node["n3"] <= 28  # 420 / (3 x 5 + 1)
    assert outcome.makespan_s < 420 * 0.02 / 3.2 * 1.08


def test_a_node_that_dies_costs_only_its_window():
    outcome = job(400, alike(4, dies_at=0.5))
    assert outcome.finished
    # Its window, and what is sent before the last of its connections has told.
    assert outcome.sends - outcome.hedges <= 400 + 2
    assert outcome.makespan_s < 0.5 + (400 - 100) * 0.02 / 3 * 1.1


def test_a_node_that_hangs_costs_about_one_hedge():
    outcome = job(400, alike(8, hangs_at=0.5))
    assert outcome.finished
    assert 2 <= outcome.hedges <= 6
    assert outcome.makespan_s < 400 * 0.02 / 7 + 0.2


@pytest.mark.parametrize("hung", [1, 2, 3])
def test_a_job_ends_as_long_as_one_node_works(hung: int):
    nodes = [Node("good", 0.02), *(Node(f"hung{i}", 0.02, hangs_at=0.05 * i) for i in range(hung))]
    assert job(60, nodes).finished


def test_half_of_the_calls_refused_is_survived_without_a_storm():
    nodes = alike(4)
    for node in nodes:
        node.refuses = 0.5
    outcome = job(400, nodes)
    assert outcome.finished
    assert outcome.sends <= 400 * 2.2
    assert (outcome.sends - 400) / outcome.makespan_s < 4 * 11


def test_a_rolling_restart_loses_nothing():
    nodes = [Node(f"n{i}", 0.02, dies_at=0.3 + 0.5 * i, returns_at=0.6 + 0.5 * i) for i in range(4)]
    outcome = job(600, nodes, retry=RetryPolicy(max_attempts=1))
    assert outcome.finished
    assert all(outcome.by_node[node.name] > 60 for node in nodes)


def test_a_thousand_nodes_finish_too():
    assert job(5000, alike(1000, hangs_at=0.0)).finished


# -- a driver that keeps no contract ---------------------------------------------------------------------------

chaos = st.lists(
    st.tuples(
        st.sampled_from(["done", "done", "done", "unknown", "refused", "lost", "unreached", "down", "up", "timer"]),
        st.integers(0, 40),
        st.floats(0, 2),
    ),
    max_size=150,
)


@settings(max_examples=200, deadline=None)
@given(chaos, st.integers(1, 4), st.integers(1, 3), st.integers(0, 15), st.booleans())
def test_no_order_of_events_breaks_an_invariant(
    events: list[tuple[str, int, float]], nodes: int, window: int, chunks: int, idempotent: bool
):
    world = World(chunks, alike(nodes), window, idempotent, True, RetryPolicy())
    simulation = Simulation(world, 1)
    simulation.take(simulation.scheduler.start(0.0))
    for kind, number, step_s in events:
        simulation.now += step_s
        node = f"n{number % nodes}"
        if kind == "done":
            simulation.report_done(number)
        elif kind == "unknown":
            simulation.report_failed(number, UNKNOWN, False, None)
        elif kind == "refused":
            simulation.report_failed(number, NOT_EXECUTED, False, number * 10)
        elif kind == "lost":
            simulation.report_failed(number, UNKNOWN, True, None)
        elif kind == "unreached":
            simulation.report_failed(number, NOT_EXECUTED, True, None)
        elif kind == "timer":
            simulation.take(simulation.scheduler.timer(simulation.now))
        else:
            simulation.report_node(node, is_up=kind == "up")
    assert simulation.scheduler.chunks_left == chunks - len(simulation.outcome.done)
