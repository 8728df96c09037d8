"""What is simulated: nodes that are fast or slow, near or far, whole or broken, and the job that they are given.

An attempt of ``r`` rows takes, if nothing is in its way,

    latency_s + bytes / bytes_per_s + (piece_s + r x row_s) x luck

Half of the latency lies before the stage runs and half after it. The link of a node carries one message at a time each
way, and each of its threads runs one piece at a time; what comes meanwhile waits in order. ``luck`` is drawn for each
piece: a factor with mean 1, times ``straggler_factor`` for a ``straggler_share`` of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from pyrpc.errors import ConfigError
from pyrpc.plan.partition import plan_chunks
from pyrpc.plan.placement import check_policy
from pyrpc.plan.work import FixedWork, Work, plan_work
from pyrpc.simulate import rules
from pyrpc.simulate.luck import KINDS

NODE_RULES = {
    "name": rules.TEXT,
    "row_s": rules.ABOVE_0,
    "piece_s": rules.FROM_0,
    "threads": rules.COUNT,
    "latency_s": rules.FROM_0,
    "bytes_per_s": rules.ABOVE_0_OR_INF,
    "jitter": rules.FROM_0,
    "jitter_kind": rules.one_of(*KINDS),
    "jitter_factors": rules.FACTORS,
    "straggler_share": rules.SHARE,
    "straggler_factor": rules.AT_LEAST_1,
    "fails": rules.SHARE,
    "overloaded": rules.SHARE,
    "retry_after_s": rules.optional(rules.FROM_0),
    "dies_at_s": rules.FROM_0_OR_INF,
    "returns_at_s": rules.FROM_0_OR_INF,
    "hangs_at_s": rules.FROM_0_OR_INF,
    "wakes_at_s": rules.FROM_0_OR_INF,
}
JOB_RULES = {
    "rows": rules.COUNT,
    "row_bytes": rules.COUNT_OR_0,
    "result_row_bytes": rules.COUNT_OR_0,
    "chunk_rows": rules.optional(rules.COUNT),
    "chunks": rules.optional(rules.COUNT),
    "chunk_s": rules.optional(rules.ABOVE_0),
    "idempotent": rules.YES_NO,
    "hedge": rules.YES_NO,
    "window": rules.optional(rules.COUNT),
    "client_s": rules.FROM_0,
    "start_s": rules.FROM_0,
    "timeout_s": rules.ABOVE_0,
}
_SIZES = ("chunk_rows", "chunks", "chunk_s")
DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class NodeModel:
    """One node; see the module's docstring for what its numbers do.

    Parameters
    ----------
    name : str
        Different for each node.
    row_s : float
        Seconds that a row runs on one of its threads.
    piece_s : float
        Seconds that a thread is busy with a piece whatever its rows.
    threads : int
        Pieces that run at the same time.
    latency_s : float
        Seconds of a round trip.
    bytes_per_s : float
        Of its link, each way.
    jitter : float
        Standard deviation of the luck, relative to its mean; 0: none.
    jitter_kind : str
        Its distribution: "lognormal", "uniform" or "exponential" (whose deviation is 1 whatever ``jitter`` says).
    jitter_factors : tuple of float
        Measured factors of luck, each as often as the others; they take the place of ``jitter``.
    straggler_share, straggler_factor : float
        Which share of the pieces takes how many times as long.
    fails : float
        Share of the attempts that break after they ran (failure class UNKNOWN; the node stays up).
    overloaded : float
        Share of the attempts that are turned away at once (OVERLOADED).
    retry_after_s : float or None
        What the node asks for when it turns one away.
    dies_at_s, returns_at_s : float
        When connections to it break and are refused, and when it is there again; seconds since the job began.
    hangs_at_s, wakes_at_s : float
        When it stops as by SIGSTOP, and goes on where it was.

    Raises
    ------
    ConfigError
        A number that makes no sense.
    """

    name: str
    row_s: float = 0.001
    piece_s: float = 0.0
    threads: int = 1
    latency_s: float = 0.0
    bytes_per_s: float = math.inf
    jitter: float = 0.0
    jitter_kind: str = "lognormal"
    jitter_factors: tuple[float, ...] = ()
    straggler_share: float = 0.0
    straggler_factor: float = 10.0
    fails: float = 0.0
    overloaded: float = 0.0
    retry_after_s: float | None = None
    dies_at_s: float = math.inf
    returns_at_s: float = math.inf
    hangs_at_s: float = math.inf
    wakes_at_s: float = math.inf

    def __post_init__(self) -> None:
        rules.check("", {each.name: getattr(self, each.name) for each in fields(self)}, NODE_RULES)
        for end, begin in (("returns_at_s", "dies_at_s"), ("wakes_at_s", "hangs_at_s")):
            if getattr(self, end) < getattr(self, begin):
                raise ConfigError(
                    f"{end} of a scenario makes no sense",
                    expected=f"no less than {begin} = {getattr(self, begin)}",
                    got=repr(getattr(self, end)),
                )

    def piece_runs_s(self, rows: int) -> float:
        """Seconds that a thread is busy with so many rows, on average."""
        return (self.piece_s + rows * self.row_s) * (1.0 + self.straggler_share * (self.straggler_factor - 1.0))

    def up_s(self, until_s: float) -> float:
        """Seconds of the first ``until_s`` in which it works."""
        down_s = sum(
            max(0.0, min(end, until_s) - min(begin, until_s))
            for begin, end in ((self.dies_at_s, self.returns_at_s), (self.hangs_at_s, self.wakes_at_s))
        )
        return max(0.0, until_s - down_s)


@dataclass(frozen=True, slots=True)
class JobModel:
    """One map.

    Parameters
    ----------
    rows : int
    row_bytes, result_row_bytes : int
        Of a row that is sent, and of what comes back for it.
    chunk_rows : int, optional
        A fixed grid of so many rows a chunk.
    chunks : int, optional
        A fixed grid of so many chunks of about the same size.
    chunk_s : float, optional
        Rows are cut on demand, into pieces of so many seconds; without any of the three, of the default.
    idempotent : bool
        Whether a chunk may run twice.
    hedge : bool
        Whether stragglers are sent a second time.
    window : int, optional
        Attempts in flight on one node; by default as many as it finds out to be of use, as the client does.
    client_s : float
        Seconds of the client itself for each attempt; one at a time.
    start_s : float
        Seconds before the first and after the last attempt, together.
    timeout_s : float
        When the caller gives up; a day by default.

    Raises
    ------
    ConfigError
        A number that makes no sense, or two sizes.
    """

    rows: int
    row_bytes: int = 0
    result_row_bytes: int = 0
    chunk_rows: int | None = None
    chunks: int | None = None
    chunk_s: float | None = None
    idempotent: bool = True
    hedge: bool = True
    window: int | None = None
    client_s: float = 0.0
    start_s: float = 0.0
    timeout_s: float = DAY_S

    def __post_init__(self) -> None:
        rules.check("", {each.name: getattr(self, each.name) for each in fields(self)}, JOB_RULES)
        given = [name for name in _SIZES if getattr(self, name) is not None]
        if len(given) > 1:
            raise ConfigError(
                "a job of a scenario has one size of chunks",
                expected=f"one of {', '.join(_SIZES)}",
                got=" and ".join(given),
            )

    @property
    def is_divisible(self) -> bool:
        """Whether rows may be cut anywhere."""
        return self.chunk_rows is None and self.chunks is None

    def work(self, nodes: int) -> Work:
        """The rows as the planner wants them."""
        if self.chunks is not None:
            return FixedWork(plan_chunks(self.rows, self.row_bytes, 1, chunks_per_node=min(self.chunks, self.rows)))
        return plan_work(self.rows, self.row_bytes, nodes, chunk_rows=self.chunk_rows, chunk_s=self.chunk_s)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A job, the nodes it runs on, and how it is handed out.

    Parameters
    ----------
    job : JobModel
    nodes : tuple of NodeModel
        In the order in which the planner gets them.
    policy : str
        Who gets the next piece; one of ``pyrpc.plan.scheduler.POLICIES``.
    seed : int
        Of all that is drawn: the same seed gives the same outcome.

    Raises
    ------
    ConfigError
        No nodes, two of the same name, or an unknown policy.
    """

    job: JobModel
    nodes: tuple[NodeModel, ...]
    policy: str = "min_max"
    seed: int = 0

    def __post_init__(self) -> None:
        rules.check("", {"seed": self.seed}, {"seed": rules.WHOLE})
        names = [node.name for node in self.nodes]
        if not names:
            raise ConfigError("a scenario has no nodes", expected="at least one table [[nodes]]")
        if len(set(names)) != len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ConfigError("a node of a scenario is named twice", expected="different names", got=twice)
        check_policy(self.policy)

    def with_nodes(self, count: int) -> Scenario:
        """The same with so many nodes, the kinds of nodes in about the same proportion.

        Nodes that differ in nothing but the name are of one kind. Each kind gets its share, rounded down, and those
        that lose most by that get one more.
        """
        kinds: dict[NodeModel, int] = {}
        for node in self.nodes:
            kind = replace(node, name="-")
            kinds[kind] = kinds.get(kind, 0) + 1
        exact = [count * had / len(self.nodes) for had in kinds.values()]
        counts = [int(share) for share in exact]
        by_loss = sorted(range(len(exact)), key=lambda place: (counts[place] - exact[place], place))
        for place in by_loss[: count - sum(counts)]:
            counts[place] += 1
        models = [kind for kind, wanted in zip(kinds, counts, strict=True) for _ in range(wanted)]
        return replace(self, nodes=named(models))


def named(models: Sequence[NodeModel], names: Sequence[str] = ()) -> tuple[NodeModel, ...]:
    """The models under those names, or n0, n1 ..."""
    return tuple(replace(model, name=names[place] if names else f"n{place}") for place, model in enumerate(models))
