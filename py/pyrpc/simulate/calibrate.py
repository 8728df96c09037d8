"""A scenario from the receipt of a job that was run.

For each node, from its attempts that were answered:

threads
    As many as ran at the same time for a good part of the time in which any ran.
row_s, piece_s
    The least-squares line through (rows, seconds it ran), or through the origin where all pieces have about the same
    rows. To piece_s is added what a thread loses between two pieces: the median of the time from one end to the next,
    without its running, while another piece was waiting.
jitter_factors
    Seconds it ran over those of the line. A piece counts by its length: what a tiny one loses to a cold start says
    nothing of a long one.
latency_s
    The median of what was neither running nor waiting, moving the bytes included: the link has no rate of its own.
dies_at_s, returns_at_s, hangs_at_s, wakes_at_s
    A node whose connections broke died then. One that left attempts unanswered, which were given up, hung: from the
    middle of the piece after its last reply. A probe that found it up ends either.
fails, overloaded, retry_after_s
    Shares of the attempts, and the shortest pause after a refusal.

A node that answered nothing is taken to be like the others. The client's own time is within latency_s; start_s is what
lies before the first attempt and after the last. So what one run can tell is in the scenario, and its makespan is met
within a few percent as long as the planner meets about the same luck.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median
from typing import Any

from pyrpc.plan.scheduler import POLICIES
from pyrpc.plan.work import TARGET_S
from pyrpc.simulate.measured import Entry, MeasuredJob, measured_job
from pyrpc.simulate.scenario import JobModel, NodeModel, Scenario

# Of the time in which any piece ran, the share for which so many must have run that they count as threads.
_SHARE_OF_THREADS = 0.2
# Below this variance of the rows, relative to the square of their mean, no slope is fitted.
_SPREAD = 0.02
_MOST_FACTORS = 1024
# How many times longer than it should a piece must have been in flight for its node to count as hung.
_HUNG = 2.0
_LEAST_S = 1e-9


@dataclass(frozen=True, slots=True)
class Calibrated:
    """What was found in a receipt.

    Attributes
    ----------
    scenario : Scenario
        Under the policy of the job, or min_max if that was the caller's own.
    makespan_s : float
        What the job took, to compare with.
    """

    scenario: Scenario
    makespan_s: float


def calibrate(data: Any, *, seed: int = 0) -> Calibrated:
    """The scenario that explains a receipt.

    Parameters
    ----------
    data : dict
        From Receipt.to_dict, or what json reads from the file that Receipt.save wrote.
    seed : int
        Of the scenario.

    Raises
    ------
    ConfigError
        It is no receipt, or nothing was done in the job.
    """
    job = measured_job(data)
    models = [_node(job, name) for name in job.nodes]
    known = [model for model in models if model is not None]
    usual = replace(known[0], row_s=median(model.row_s for model in known), **_whole()) if known else NodeModel("-")
    nodes = tuple(
        _with_faults(job, replace(usual, name=name) if model is None else model)
        for name, model in zip(job.nodes, models, strict=True)
    )
    policy = job.policy if job.policy in POLICIES else "min_max"
    return Calibrated(Scenario(_job(job, nodes), nodes, policy=policy, seed=seed), job.makespan_s)


def _whole() -> dict[str, Any]:
    return {"fails": 0.0, "overloaded": 0.0, "retry_after_s": None}


# -- the job


def _job(job: MeasuredJob, nodes: Sequence[NodeModel]) -> JobModel:
    first_s = min(entry.sent_s for entry in job.entries)
    last_s = max(entry.done_s for entry in job.entries if entry.outcome == "ok")
    model = JobModel(
        job.rows,
        row_bytes=job.row_bytes,
        window=None if job.most_window else max(1, job.window),
        idempotent=job.idempotent,
        start_s=max(0.0, first_s + job.makespan_s - last_s),
    )
    if job.is_divisible:
        return replace(model, chunk_s=_target_s(job, nodes))
    sizes = Counter(entry.rows for entry in job.entries if entry.outcome == "ok")
    count, (size, same) = sum(sizes.values()), sizes.most_common(1)[0]
    # All alike but for a shorter last one: a size that was asked for. Else the grid is an even one.
    if same >= count - 1 and size == max(sizes):
        return replace(model, chunk_rows=size)
    return replace(model, chunks=count)


def _target_s(job: MeasuredJob, nodes: Sequence[NodeModel]) -> float | None:
    """How long a piece was to take: what most of the longer ones did, where that is more than the default.

    The planner counts what a piece adds to its node: with several threads that is as many times less than it runs.
    """
    threads = {node.name: node.threads for node in nodes}
    by_length = sorted(entry.service_s / threads[entry.node] for entry in job.entries if entry.outcome == "ok")
    long_s = by_length[len(by_length) * 3 // 4]
    return long_s if long_s > 1.5 * TARGET_S else None


# -- a node


def _node(job: MeasuredJob, name: str) -> NodeModel | None:
    """The node as it is when nothing goes wrong; None: it has answered nothing."""
    entries = job.of(name)
    done = [entry for entry in entries if entry.is_answered]
    if not done:
        return None
    threads = _threads(done)
    piece_s, row_s = _line([entry.rows for entry in done], [max(entry.service_s, _LEAST_S) for entry in done])
    expected = [piece_s + row_s * entry.rows for entry in done]
    between_s = _between_s(done) if threads == 1 else 0.0
    refused = [entry for entry in entries if entry.is_refused]
    broken = [entry for entry in entries if entry.outcome == "failed" and not entry.is_refused and not entry.is_loss]
    return NodeModel(
        name,
        row_s=row_s,
        piece_s=piece_s + between_s,
        threads=threads,
        latency_s=max(0.0, median(entry.outside_s for entry in done) - between_s),
        jitter_factors=_factors(done, expected),
        fails=len(broken) / len(entries),
        overloaded=len(refused) / len(entries),
        retry_after_s=_pause_s(entries, refused),
    )


def _threads(done: Sequence[Entry]) -> int:
    """How many ran at the same time, for a good part of the time."""
    changes = sorted(
        change for entry in done for change in ((entry.ran_to_s - entry.service_s, 1), (entry.ran_to_s, -1))
    )
    spent: dict[int, float] = {}
    running, since_s = 0, 0.0
    for moment_s, change in changes:
        for count in range(1, running + 1):
            spent[count] = spent.get(count, 0.0) + moment_s - since_s
        running, since_s = running + change, moment_s
    return max((count for count, seconds in spent.items() if seconds > _SHARE_OF_THREADS * spent[1]), default=1)


def _line(rows: Sequence[int], seconds: Sequence[float]) -> tuple[float, float]:
    """Seconds of a piece and of each row, by least squares; neither is negative."""
    count, x, y = len(rows), math.fsum(rows), math.fsum(seconds)
    spread = count * math.fsum(row * row for row in rows) - x * x
    through_origin = y / x
    if count > 2 and spread > _SPREAD * x * x:
        products = math.fsum(row * second for row, second in zip(rows, seconds, strict=True))
        slope = (count * products - x * y) / spread
        if 0.0 < slope < through_origin:
            return (y - slope * x) / count, slope
    return 0.0, through_origin


def _between_s(done: Sequence[Entry]) -> float:
    """What the only thread loses between two pieces while there is work."""
    in_order = sorted(done, key=lambda entry: entry.ran_to_s)
    lost = [
        max(0.0, entry.ran_to_s - before.ran_to_s - entry.service_s)
        for before, entry in pairwise(in_order)
        # It was there long before: there was nothing to wait for.
        if entry.queued_s > entry.outside_s and entry.sent_s < before.ran_to_s - entry.outside_s
    ]
    return median(lost) if lost else 0.0


def _factors(done: Sequence[Entry], expected: Sequence[float]) -> tuple[float, ...]:
    """By which factors pieces took longer than expected: as many quantiles as pieces, weighted by expected length."""
    pairs = sorted(
        (max(entry.service_s, _LEAST_S) / long_s, long_s) for entry, long_s in zip(done, expected, strict=True)
    )
    whole_s = math.fsum(expected)
    count = min(len(pairs), _MOST_FACTORS)
    factors, place, passed_s = [], 0, pairs[0][1]
    for step in range(count):
        while passed_s < whole_s * (step + 0.5) / count and place < len(pairs) - 1:
            place += 1
            passed_s += pairs[place][1]
        factors.append(pairs[place][0])
    mean = math.fsum(factors) / len(factors)
    return tuple(factor / mean for factor in factors)


def _pause_s(entries: Sequence[Entry], refused: Sequence[Entry]) -> float | None:
    """The shortest time for which a node was left alone after it had turned an attempt away."""
    pauses = []
    for refusal in refused:
        later = [entry.sent_s - refusal.done_s for entry in entries if entry.sent_s > refusal.done_s]
        pauses += [min(later)] if later else []
    return min(pauses) if pauses else None


# -- what went wrong


def _with_faults(job: MeasuredJob, model: NodeModel) -> NodeModel:
    entries = job.of(model.name)
    ups = [probe.at_s for probe in job.probes if probe.node == model.name and probe.is_up]
    losses = [entry.done_s for entry in entries if entry.is_loss]
    if losses:
        died_s = min(losses)
        return replace(model, dies_at_s=died_s, returns_at_s=min((at for at in ups if at > died_s), default=math.inf))
    last_s = max((entry.done_s for entry in entries if entry.is_answered), default=0.0)
    silent = [
        entry
        for entry in entries
        if not entry.is_answered
        and entry.outcome != "failed"
        and entry.done_s - max(entry.sent_s, _before(entries, entry)) > _HUNG * model.piece_runs_s(entry.rows)
    ]
    if not silent:
        return model
    first = silent[0]
    hung_s = max(first.sent_s, _before(entries, first)) + model.piece_runs_s(first.rows) / 2
    woke_s = min((at for at in [*ups, last_s] if at > hung_s), default=math.inf)
    return replace(model, hangs_at_s=hung_s, wakes_at_s=woke_s)


def _before(entries: Sequence[Entry], entry: Entry) -> float:
    """When the node gave the last reply before an attempt ended."""
    return max((each.done_s for each in entries if each.is_answered and each.done_s < entry.done_s), default=0.0)
