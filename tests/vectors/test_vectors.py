"""The planner gives the answers of the vectors; whole jobs are in test_scheduler_vectors.py."""

from __future__ import annotations

import json
import math
from itertools import groupby
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from pyrpc.client.fold import FoldGather
from pyrpc.errors import ConfigError, FailureClass
from pyrpc.plan.balance import BALANCERS, NodeView, balancer, timed_pick
from pyrpc.plan.balance.peak_ewma import observed
from pyrpc.plan.call_hedge import CallBudget, Latencies
from pyrpc.plan.cost import JobCost, NodeCost
from pyrpc.plan.health import NodeHealth
from pyrpc.plan.hedge import Stragglers
from pyrpc.plan.job_state import Attempt, ChunkState, NodeState
from pyrpc.plan.outlier import Outliers
from pyrpc.plan.partition import Chunk, leaf_grid, plan_chunks
from pyrpc.plan.ping import PingPlan
from pyrpc.plan.prng import SplitMix64
from pyrpc.plan.retry import JobBudget, RetryBudget, RetryPolicy
from pyrpc.plan.window import NodeWindow
from pyrpc.plan.work import DivisibleWork, FixedWork, plan_work, stream_leaves, stream_work

HERE = Path(__file__).resolve().parent
Case = dict[str, Any]


def same(got: Any, wanted: Any, where: object = "") -> None:
    """Equal to the last bit; where: what was asked."""
    got, wanted = exact(got), exact(wanted)
    assert got == wanted, f"{where}: got {got}, expected {wanted}"


def exact(value: Any) -> Any:
    """Doubles by their bits, so that -0.0 is not 0.0; infinities are texts in JSON."""
    if isinstance(value, list | tuple):
        return [exact(item) for item in value]
    if value in ("Infinity", "-Infinity"):
        return float(value).hex()
    return value.hex() if isinstance(value, float) else value


# -- one check a kind


def check_prng(case: Case) -> None:
    prng = SplitMix64(int(case["prng"]))
    same([str(prng.next_u64()) for _ in case["u64"]], case["u64"])
    same([[n, str(prng.below(int(n)))] for n, _ in case["below"]], case["below"])
    same([prng.uniform() for _ in case["uniform"]], case["uniform"])


def runs_of(chunks: list[Chunk]) -> list[list[int]]:
    assert [chunk.index for chunk in chunks] == list(range(len(chunks)))
    assert [chunk.start for chunk in chunks[1:]] == [chunk.stop for chunk in chunks[:-1]]
    return [[len(list(group)), rows] for rows, group in groupby(chunk.rows for chunk in chunks)]


def check_partition(case: Case) -> None:
    names = ("rows", "row_bytes", "nodes", "chunk_rows", "chunk_bytes", "max_chunk_bytes", "chunks_per_node")
    check_sizes(plan_chunks, {name: case[name] for name in names}, case["sizes"])


def check_leaf_grid(case: Case) -> None:
    names = ("rows", "row_bytes", "chunk_rows", "chunk_bytes", "max_chunk_bytes", "leaves")
    check_sizes(leaf_grid, {name: case[name] for name in names}, case["sizes"])


def check_sizes(cut: Any, arguments: Case, sizes: list[list[int]] | None) -> None:
    if sizes is None:
        with pytest.raises(ConfigError):
            cut(**arguments)
    else:
        same(runs_of(cut(**arguments)), sizes)


def check_work(case: Case) -> None:
    names = ("rows", "row_bytes", "nodes", "chunk_rows", "chunk_bytes", "chunk_s")
    arguments = {name: case[name] for name in names}
    if case["work"] is None:
        with pytest.raises(ConfigError):
            plan_work(**arguments)
        return
    work = plan_work(**arguments)
    assert type(work) is {"fixed": FixedWork, "divisible": DivisibleWork}[case["work"]]
    if isinstance(work, DivisibleWork):
        same([work.max_rows, work.first_rows, work.target_s], [case["max_rows"], case["first_rows"], case["target_s"]])
    for asked, *wanted in case["takes"]:
        piece = work.take(asked)
        same([piece.index, piece.start, piece.stop, work.rows_left, work.pieces_left], wanted, asked)


def check_stream(case: Case) -> None:
    sizes = {"chunk_rows": case["chunk_rows"], "chunk_bytes": case["chunk_bytes"]}
    is_map = case["for"] == "map"
    work = stream_work(case["nodes"], **sizes, chunk_s=case["chunk_s"]) if is_map else stream_leaves(**sizes)
    for what, *rest, state in case["steps"]:
        if what == "add":
            work.add(*rest)
        elif what == "close":
            work.close()
        else:
            piece = work.take(rest[0])
            same([piece.index, piece.start, piece.stop], rest[1:], rest)
        same([None if work.is_open else work.rows_left, work.pieces_left], state, (what, rest))


def check_balance(case: Case) -> None:
    pick, prng = timed_pick(balancer(case["policy"])), SplitMix64(int(case["prng"]))
    nodes = [list(node) for node in case["nodes"]]
    for step in case["steps"]:
        for place, *fields in step["set"]:
            nodes[place][1:] = fields
        seen = [nodes[place] for place in step["of"]]
        views = [NodeView(name, flying, weight, 0.0, peak, slow, at) for name, flying, weight, peak, slow, at in seen]
        picked = pick(views, prng, step["now"])
        same(picked, step["pick"], f"{case['policy']} at {step['now']}")
        seen[picked][1] += 1


def check_peak_ewma(case: Case) -> None:
    peak_s = seen_at = 0.0
    for now, took_s, wanted in case["steps"]:
        peak_s = observed(peak_s, seen_at, took_s, now)
        seen_at = now
        # exp differs in the last bit from library to library.
        assert math.isclose(peak_s, wanted, rel_tol=1e-12), (now, peak_s, wanted)


def check_retry(case: Case) -> None:
    policy = RetryPolicy(case["max_attempts"], case["backoff_s"], case["backoff_max_s"])
    prng = SplitMix64(int(case["prng"]))
    for failure, attempt, idempotent, asked_ms, *wanted in case["steps"]:
        decision = policy.decide(
            FailureClass[failure], attempt, idempotent=idempotent, prng=prng, retry_after_ms=asked_ms
        )
        same([decision.retry, decision.delay_s, decision.reason], wanted, (failure, attempt))


def check_retry_budget(case: Case) -> None:
    budget = RetryBudget(case["ratio"], case["per_second"], case["window_s"])
    for what, *rest in case["steps"]:
        if what == "calls":
            budget.on_calls(*rest)
        else:
            same(budget.try_spend(rest[0]), rest[1], rest)


def check_call_budget(case: Case) -> None:
    budget = CallBudget()
    for what, count, now, *allowed in case["steps"]:
        if what == "calls":
            budget.on_calls(count, now)
        else:
            ask = budget.try_retry if what == "retry" else budget.try_hedge
            same([sum(ask(now) for _ in range(count))], allowed, (what, now))


def check_job_budget(case: Case) -> None:
    budget = JobBudget(case["ratio"], case["per_second"])
    for what, *rest in case["steps"]:
        if what == "start":
            budget.start(rest[0])
        elif what == "chunk":
            budget.on_chunk()
        else:
            same(budget.next_at(rest[0]) if what == "next_at" else budget.try_spend(rest[0]), rest[1], (what, rest))


def check_health(case: Case) -> None:
    health = NodeHealth(case["backoff_s"], case["backoff_max_s"])
    for what, now, ask, usable, down_until in case["steps"]:
        if what == "call":
            health.on_call(now)
        elif what == "ok":
            health.on_success()
        elif what == "hold":
            health.hold(now)
        else:
            health.on_failure(now)
        same(health.usable(ask), usable, (what, now))
        same(None if health.is_up else health.down_until, down_until, (what, now))


def check_outlier(case: Case) -> None:
    count = case["nodes"]
    outliers, prng = Outliers([NodeHealth() for _ in range(count)]), SplitMix64(int(case["prng"]))
    for what, *rest, state in case["steps"]:
        if what == "call":
            outliers.on_call(*rest)
        elif what == "ping":
            outliers.on_ping(*rest)
        elif what == "ok":
            for _ in range(rest[2]):
                outliers.on_success(rest[0], rest[1])
        elif what == "fail":
            for _ in range(rest[3]):
                outliers.on_failure(rest[0], rest[1], is_lost=rest[2])
        elif what == "usable":
            same(outliers.usable(rest[0], prng), rest[1], (what, rest))
        else:
            same([outliers.share(node, rest[0]) for node in range(count)], rest[1], (what, rest))
        same([outliers.is_calm, [node for node in range(count) if outliers.is_ejected(node)]], state, (what, rest))


def check_ping(case: Case) -> None:
    healths = [NodeHealth() for _ in range(case["nodes"])]
    plan, replied = PingPlan(healths, every_s=case["every_s"]), [0.0] * case["nodes"]
    for what, *rest in case["steps"]:
        if what == "start":
            plan.start(rest[0])
        elif what == "idle":
            same(plan.is_idle(*rest[:2]), rest[2], rest)
        elif what == "due":
            same(plan.due(rest[0], replied), rest[1], (what, rest))
        elif what == "wake":
            same(plan.wake_at(replied), rest[0], (what, rest))
        else:
            node, now = rest[:2]
            if what == "ok" or rest[2:] == [True]:
                healths[node].on_success()
            else:
                healths[node].on_failure(now)
            if what == "ok":
                replied[node] = now
            elif what == "ended":
                plan.ended(*rest)


def check_call_hedge(case: Case) -> None:
    latencies, known = Latencies(), dict(case["idempotent"])
    figures = []
    for count in range(len(case["latencies"]) + 1):
        if count:
            latencies.add(case["latencies"][count - 1])
        if count in known:
            latencies.allow(known[count])
        if count in case["ask"]:
            figures.append([latencies.median_s, latencies.p95_s, latencies.hedge_after_s])
    same(figures, case["figures"])


def check_stragglers(case: Case) -> None:
    queues = Stragglers()
    nodes: dict[str, NodeState] = {}
    chunks: dict[int, ChunkState] = {}
    for what, *rest in case["steps"]:
        if what == "took":
            queues.add_duration(rest[0])
            same(queues.wait_s(), rest[1], rest)
        elif what == "ask":
            free = [nodes.setdefault(name, NodeState(name, 0.1, JobCost(), NodeWindow(2, 0))) for name in rest[0]]
            got = [[at, chunk.chunk.index, node.name] for at, chunk, node in queues.candidates(free)]
            same(got, rest[1], rest[0])
        else:
            chunk, name, now = rest
            state = chunks.setdefault(chunk, ChunkState(Chunk(chunk, chunk, chunk + 1)))
            node = nodes.setdefault(name, NodeState(name, 0.1, JobCost(), NodeWindow(2, 0)))
            happen(queues, what, state, node, now)


def happen(queues: Stragglers, what: str, state: ChunkState, node: NodeState, now: float) -> None:
    """What a scheduler does to a chunk and tells the queues."""
    if what in ("send", "hedge"):
        state.live.append(Attempt(0, state, node, now))
        state.last_sent = now
        if what == "send":
            queues.add(state)
        else:
            queues.hedge_sent(state)
    elif what == "remove":
        queues.remove(state)
        state.live.clear()
    else:
        state.live = [attempt for attempt in state.live if attempt.node is not node]
        if what == "lost":
            queues.hedge_lost(state)
        else:
            state.failed_on.add(node)


def check_cost(case: Case) -> None:
    job = JobCost()
    nodes = [NodeCost(job, NodeWindow(case["window"], 0)) for _ in range(case["nodes"])]
    for place, rows, added_s, elapsed_s, service_s, queued_s, was_alone, wanted in case["steps"]:
        node = nodes[place]
        node.add(rows, added_s, elapsed_s, service_s, queued_s, was_alone)
        fit = node.fit("n")
        figures = [fit.samples, fit.piece_s, fit.row_s, fit.service_row_s, fit.overhead_s]
        window = node._window
        same([*figures, node.last_row_s, node.most_rows, window.lanes, window.width], wanted)
    for rows, seconds in case["others"]:
        same(NodeCost(job, NodeWindow(1, 0)).line.predict_s(rows), seconds, rows)


def check_window(case: Case) -> None:
    window = NodeWindow(case["size"], case["most"])
    for what, *rest, wanted in case["steps"]:
        if what == "again":
            window = window.again()
        elif what == "beside":
            window.ran_beside(*rest)
        else:
            window.done(*rest[:3], waited=rest[3])
        same([window.size, window.is_settled, window.lanes, window.width], wanted)


def check_reduction(case: Case) -> None:
    leaves = leaf_grid(case["rows"], case["row_bytes"], chunk_rows=case["chunk_rows"])
    gather = FoldGather(case["op"], case["rows"])
    dtype = DTYPES.get(case["dtype"]) or np.dtype(case["dtype"])
    values = [from_bits(leaf, dtype) for leaf in case["values"]]
    with np.errstate(all="ignore"):
        for place in case["arrival"]:
            gather.put(leaves[place], 0, values[place])
        result = gather.finish()
    same(to_bits(result), case["result"])


DTYPES = {"bfloat16": np.dtype(ml_dtypes.bfloat16)}


def from_bits(texts: list[str], dtype: np.dtype[Any]) -> np.ndarray:
    """Elements from their bits, highest first; of complex ones the real part first."""
    part = dtype.itemsize // 2 if dtype.kind == "c" else dtype.itemsize
    numbers = [bytes.fromhex(text[at : at + 2 * part])[::-1] for text in texts for at in range(0, len(text), 2 * part)]
    return np.frombuffer(b"".join(numbers), dtype)


def to_bits(array: np.ndarray) -> list[str]:
    parts = 2 if array.dtype.kind == "c" else 1
    part = array.dtype.itemsize // parts
    data = array.tobytes()
    numbers = [data[at : at + part][::-1].hex() for at in range(0, len(data), part)]
    return ["".join(numbers[at : at + parts]) for at in range(0, len(numbers), parts)]


CHECKS = {name.removeprefix("check_"): check for name, check in globals().items() if name.startswith("check_")}
del CHECKS["sizes"]


@pytest.mark.parametrize("kind", sorted(CHECKS))
def test_planner_gives_the_answers_of(kind: str) -> None:
    for index, case in enumerate(read(kind)):
        try:
            CHECKS[kind](case)
        except Exception as error:
            raise AssertionError(f"{kind}.json, scenario {index}, seed {case['seed']}: {error}") from error


def read(kind: str) -> list[Case]:
    content = json.loads((HERE / f"{kind}.json").read_text())
    assert (content["kind"], content["version"]) == (kind, 1)
    return content["cases"]


def test_each_file_has_a_reader() -> None:
    # Whole jobs have a file of tests of their own.
    assert {path.stem for path in HERE.glob("*.json")} == {*CHECKS, "scheduler"}


def test_each_balancer_has_vectors() -> None:
    assert {case["policy"] for case in read("balance")} == set(BALANCERS)


def test_there_are_ten_thousand_scenarios() -> None:
    seeds = [case["seed"] for path in HERE.glob("*.json") for case in read(path.stem)]
    assert len(seeds) == len(set(seeds)) >= 10_000
