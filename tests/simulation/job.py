"""The job of a seed: its rows, nodes and options."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.simulation.chance import Chance

from pyrpc.plan.balance import Balancer, NodeView
from pyrpc.plan.partition import plan_chunks
from pyrpc.plan.placement import POLICIES
from pyrpc.plan.prng import SplitMix64
from pyrpc.plan.retry import RetryPolicy
from pyrpc.plan.work import DivisibleWork, FixedWork, StreamGrid, StreamRows, Work

FAULTS = (
    "dies", "hangs", "loses_reply", "delays_reply", "duplicates_reply", "slow", "slow_for_a_while", "overloaded",
    "drains", "raises", "probe_lost", "wrong_news", "idle_timer", "clock_jumps",
)  # fmt: skip
# One stage error ends a job, and so does a policy that picks no node: few jobs have them, or few would get far.
RARE = {"raises": 0.04}
WRONG_POLICY = 0.02
OWN_POLICY = 0.08
FOREVER = float("inf")


class OwnPolicy:
    """A user's own: any free node, but after so many picks one that there is not."""

    def __init__(self, picks: int) -> None:
        self.left = picks

    def pick(self, nodes: Sequence[NodeView], prng: SplitMix64) -> int:
        self.left -= 1
        return prng.below(len(nodes)) if self.left >= 0 else len(nodes)


@dataclass
class Job:
    """What is asked of the scheduler, and what may happen to it."""

    rows: int = 0
    chunk_rows: int | None = 1
    max_rows: int | None = None
    target_s: float = 0.05
    nodes: int = 1
    row_s: list[float] = field(default_factory=list)
    policy: str | Balancer = "min_max"
    window: int = 1
    most_window: int = 0
    idempotent: bool = True
    hedge: bool = True
    deadline_s: float = FOREVER
    cancel_s: float = FOREVER
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    give_up_s: float = 5.0
    down: list[int] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    fault_rate: float = 0.0
    faults_end_s: float = 1.0
    # Where the rows come as a stream: how many at a time, and how long each block takes to come.
    blocks: list[tuple[float, int]] = field(default_factory=list)
    is_stream: bool = False
    # Share of the chunks that all nodes turn away until the faults end.
    refuses: float = 0.0

    @property
    def is_grid(self) -> bool:
        """Whether its chunks are fixed."""
        return self.chunk_rows is not None

    def work(self) -> Work:
        """Its rows for the scheduler."""
        if self.is_stream:
            if self.chunk_rows is None:
                return StreamRows(target_s=self.target_s, nodes=self.nodes)
            return StreamGrid(chunk_rows=self.chunk_rows)
        if self.chunk_rows is None:
            return DivisibleWork(self.rows, max_rows=self.max_rows, target_s=self.target_s, nodes=self.nodes)
        return FixedWork(plan_chunks(self.rows, 4, 1, chunk_rows=self.chunk_rows) if self.rows else [])


def draw_job(chance: Chance) -> Job:
    """A random one."""
    nodes = 1 + chance.below(8)
    job = Job(nodes=nodes, window=1 + chance.below(4))
    piece_s = chance.choice((0.001, 0.01, 0.05, 0.3))
    _draw_rows(job, chance)
    rows_a_piece = job.chunk_rows or max(1, job.rows // 40)
    job.row_s = [piece_s * chance.choice((1.0, 1.0, 1.0, 1.3, 5.0, 20.0)) / rows_a_piece for _ in range(nodes)]
    job.policy = chance.choice(("min_max", "min_max", *POLICIES))
    if chance.happens(OWN_POLICY):
        job.policy = OwnPolicy(chance.below(60) if chance.happens(WRONG_POLICY / OWN_POLICY) else 10**9)
    job.idempotent = chance.happens(0.8)
    job.hedge = chance.happens(0.8)
    job.retry = RetryPolicy(chance.choice((1, 2, 3, 10)), chance.choice((0.0, 0.1, 0.5)), chance.choice((0.5, 1.0)))
    job.give_up_s = chance.choice((0.0, 0.5, 5.0, 5.0))
    if chance.happens(0.1):
        job.down = [node for node in range(nodes) if chance.happens(0.5)]
    about_s = max(0.3, piece_s * job.rows / rows_a_piece / nodes)
    if chance.happens(0.15):
        _draw_stream(job, chance, about_s)
    _draw_faults(job, chance, about_s)
    job.most_window = chance.choice((0, 0, 4, 16))
    return job


def _draw_stream(job: Job, chance: Chance, about_s: float) -> None:
    job.is_stream = True
    left = job.rows
    pause_s = about_s * chance.choice((0.0, 0.05, 0.5))
    while left:
        rows = 1 + chance.below(left)
        job.blocks.append((pause_s * chance.uniform(), rows))
        left -= rows


def _draw_rows(job: Job, chance: Chance) -> None:
    chunks = chance.choice((0, 1, 2, 3, 5, 8, 13, 20, 30, 60))
    if chance.happens(0.65):
        job.chunk_rows = chance.choice((1, 1, 3, 10))
        job.rows = max(0, chunks * job.chunk_rows - chance.below(job.chunk_rows)) if chunks else 0
        return
    job.chunk_rows = None
    job.rows = 1 + chunks * chance.choice((1, 7, 40))
    job.max_rows = chance.choice((None, None, max(1, job.rows // 8)))
    job.target_s = chance.choice((0.005, 0.05, 0.2))


def _draw_faults(job: Job, chance: Chance, about_s: float) -> None:
    """Some kinds of faults for each job: where all kinds mix, each hides the others."""
    if chance.happens(0.1):
        job.deadline_s = about_s * chance.between(0.0, 3.0)
    if chance.happens(0.05):
        job.cancel_s = about_s * chance.between(0.0, 2.0)
    job.faults_end_s = about_s * chance.between(0.1, 4.0)
    if chance.happens(0.05):
        return
    if chance.happens(0.08):
        job.refuses = chance.choice((0.3, 0.6, 0.9))
    share = chance.choice((0.15, 0.4, 1.0))
    job.faults = [fault for fault in FAULTS if chance.happens(RARE.get(fault, share))]
    job.fault_rate = chance.choice((0.02, 0.1, 0.4))
