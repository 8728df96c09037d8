"""Where the time between the lower bound and the makespan went, on receipts whose answer is known."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyrpc.client.receipt import CAUSES, ChunkRecord, ProbeRecord, Receipt
from pyrpc.plan.terms import JobTerms

DIVISIBLE = JobTerms("min_max", 2, True, True)


def attempt(node: str, sent_s: float, done_s: float, rows: int = 10, **more: Any) -> ChunkRecord:
    """An attempt that ran from its sending to its end, unless more tells otherwise."""
    values: dict[str, Any] = {"service_s": done_s - sent_s, "outcome": "ok", **more}
    return ChunkRecord(0, 0, rows, node, values.pop("attempt", 0), 0, sent_s, done_s, **values)


def receipt(makespan_s: float, *entries: ChunkRecord, probes: Any = (), terms: JobTerms = DIVISIBLE) -> Receipt:
    nodes = tuple(dict.fromkeys(entry.node for entry in entries))
    rows = sum(entry.rows for entry in entries if entry.outcome == "ok")
    return Receipt("stage", rows, nodes, makespan_s, list(entries), terms=terms, state="done", probes=list(probes))


def lost(job: Receipt) -> dict[str, float]:
    """The causes that are above 0, to the microsecond; their sum is checked on the way."""
    assert math.fsum(job.causes.values()) == pytest.approx(job.gap_s, abs=1e-12)
    return {cause: round(seconds, 6) for cause, seconds in job.causes.items() if seconds > 1e-9}


def test_nodes_that_work_from_start_to_end_lose_nothing() -> None:
    job = receipt(2.0, attempt("a", 0.0, 1.0), attempt("a", 1.0, 2.0), attempt("b", 0.0, 2.0))
    assert job.lower_bound_s == pytest.approx(2.0)
    assert lost(job) == {}


def test_node_that_waits_for_the_last_chunk_is_lost_to_the_straggler_by_its_share_of_the_speed() -> None:
    # a: 30 rows/s, b: 10 rows/s. a is idle for 1 s of 2: that is 3/4 of the speed.
    job = receipt(2.0, attempt("a", 0.0, 1.0, rows=30), attempt("b", 0.0, 2.0, rows=20))
    assert job.lower_bound_s == pytest.approx(50 / 40)
    assert lost(job) == {"straggler": 0.75}


def test_bytes_on_their_way_are_transfer_where_nothing_ran_meanwhile() -> None:
    # Half a second to get there and a quarter back, once with a known beginning of the reply.
    job = receipt(2.0, attempt("a", 0.0, 2.0, service_s=1.25, replied_s=1.75))
    assert lost(job) == {"transfer": 0.75}
    assert job.lower_bound_s == pytest.approx(1.25)


def test_bytes_on_their_way_are_hidden_by_another_chunk_that_runs() -> None:
    hidden = attempt("a", 0.0, 2.0, service_s=1.0, replied_s=2.0)
    job = receipt(2.0, attempt("a", 0.0, 1.0), hidden)
    assert lost(job) == {}


def test_transfer_is_shared_out_by_bytes_where_the_beginning_of_the_reply_is_not_known() -> None:
    # 0.4 s on the way, three quarters of the bytes back: it ran from 0.1 to 0.7, and hides nothing of the other one.
    job = receipt(1.0, attempt("a", 0.0, 1.0, service_s=0.6, bytes_out=100, bytes_in=300))
    assert lost(job) == {"transfer": 0.4}
    both = receipt(1.0, *job.entries, attempt("a", 0.0, 0.2, service_s=0.2))
    assert both.work[0].busy_s == pytest.approx(0.7)


def test_waiting_on_the_node_is_queue_also_where_bytes_of_another_chunk_move() -> None:
    # On the node from 0 to 0.5 behind others.
    waits = attempt("a", 0.0, 1.0, service_s=0.5, queued_s=0.5, replied_s=1.0)
    assert lost(receipt(1.0, waits)) == {"queue": 0.5}
    moves = attempt("a", 0.0, 1.0, service_s=0.5, replied_s=1.0)
    assert lost(receipt(1.0, waits, moves)) == {"queue": 0.5}


def test_node_that_refused_a_chunk_and_is_left_alone_is_queue() -> None:
    refused = attempt("a", 1.0, 1.25, outcome="failed", error="busy", error_type="OverloadedError", service_s=0.0)
    job = receipt(3.0, attempt("a", 0.0, 1.0), refused, attempt("a", 2.0, 3.0, attempt=1))
    assert lost(job) == {"retries": 0.25, "queue": 0.75}


def test_time_the_client_needs_before_it_sends_is_serialization() -> None:
    job = receipt(1.0, attempt("a", 0.0, 1.0, service_s=0.5, prepare_s=0.25, replied_s=1.0))
    assert lost(job) == {"serialization": 0.25, "transfer": 0.25}


def test_preparing_is_hidden_by_bytes_that_move() -> None:
    prepared = attempt("a", 0.0, 1.0, service_s=0.5, prepare_s=0.5, replied_s=1.0)
    moved = attempt("a", 0.0, 1.0, service_s=0.5, replied_s=1.0)
    assert lost(receipt(1.0, prepared, moved)) == {"transfer": 0.5}


def test_work_that_came_too_late_is_retries() -> None:
    # b did the same rows as a, later: it shows its speed, and all its work was for nothing.
    job = receipt(2.0, attempt("a", 0.0, 2.0, rows=20), attempt("b", 1.0, 2.0, rows=20, attempt=1, outcome="late"))
    assert job.lower_bound_s == pytest.approx(20 / 30)
    assert lost(job) == {"retries": round(2 / 3, 6), "other": round(2 / 3, 6)}


@pytest.mark.parametrize("outcome", ["failed", "cancelled"])
def test_time_of_an_attempt_that_came_to_nothing_is_retries(outcome: str) -> None:
    broken = attempt("a", 1.0, 1.5, outcome=outcome, error="broke", error_type="WorkerLostError", service_s=0.0)
    job = receipt(2.5, attempt("a", 0.0, 1.0), broken, attempt("a", 1.5, 2.5, attempt=1))
    assert lost(job) == {"retries": 0.5}


def test_attempt_that_came_to_nothing_while_another_chunk_ran_costs_nothing() -> None:
    broken = attempt("a", 0.0, 0.5, outcome="failed", error="broke", error_type="WorkerLostError", service_s=0.0)
    assert lost(receipt(1.0, attempt("a", 0.0, 1.0), broken)) == {}


def test_lost_node_is_down_until_the_end_or_until_it_gets_work_again() -> None:
    broken = attempt("a", 1.0, 1.5, outcome="failed", error="gone", error_type="ConnectionLostError", service_s=0.0)
    assert lost(receipt(3.0, attempt("a", 0.0, 1.0), broken, attempt("b", 0.0, 3.0, rows=30))) == {
        "retries": 0.25,
        "down": 0.75,
    }
    back = receipt(3.0, attempt("a", 0.0, 1.0), broken, attempt("a", 2.0, 3.0))
    assert lost(back) == {"retries": 0.5, "down": 0.5}


def test_node_that_hung_is_down_once_it_is_probed() -> None:
    hung = attempt("a", 1.0, 2.0, outcome="cancelled", service_s=0.0)
    entries = (attempt("a", 0.0, 1.0), hung, attempt("b", 0.0, 3.0, rows=30))
    assert lost(receipt(3.0, *entries)) == {"retries": 0.5, "straggler": 0.5}
    assert lost(receipt(3.0, *entries, probes=[ProbeRecord("a", 2.5, False)])) == {"retries": 0.5, "down": 0.5}
    assert lost(receipt(3.0, *entries, probes=[ProbeRecord("b", 2.5, True)])) == {"retries": 0.5, "straggler": 0.5}


def failed(sent_s: float, done_s: float, error_type: str) -> ChunkRecord:
    return attempt("a", sent_s, done_s, outcome="failed", error="went away", error_type=error_type, service_s=0.0)


@pytest.mark.parametrize("first", ["ConnectionLostError", "DrainingError"])
def test_node_that_goes_away_is_down_whichever_of_its_chunks_ends_last(first: str) -> None:
    second = {"ConnectionLostError": "DrainingError", "DrainingError": "ConnectionLostError"}[first]
    ends = (failed(1.0, 1.25, first), failed(1.125, 1.5, second))
    job = receipt(3.0, attempt("a", 0.0, 1.0), *ends, attempt("b", 0.0, 3.0, rows=30))
    assert lost(job) == {"retries": 0.25, "down": 0.75}


@pytest.mark.parametrize(("error_type", "cause"), [("ConnectionLostError", "down"), ("OverloadedError", "queue")])
def test_loss_and_refusal_keep_a_node_from_work_also_where_another_chunk_ends_well_after_it(
    error_type: str, cause: str
) -> None:
    ends = (failed(0.5, 0.75, error_type), attempt("a", 0.0, 1.0))
    assert lost(receipt(3.0, *ends, attempt("b", 0.0, 3.0, rows=30))) == {cause: 1.0}
    # Once it was given another chunk, that is over.
    again = attempt("a", 1.5, 2.0, rows=5)
    assert lost(receipt(3.0, *ends, again, attempt("b", 0.0, 3.0, rows=30))) == {cause: 0.25, "straggler": 0.5}


@pytest.mark.parametrize("refusal", ["DrainingError", "OverloadedError"])
def test_node_that_refused_and_was_then_taken_for_down_is_down(refusal: str) -> None:
    entries = (attempt("a", 0.0, 1.0), failed(1.0, 1.5, refusal), attempt("b", 0.0, 3.0, rows=30))
    assert lost(receipt(3.0, *entries)) == {"retries": 0.25, "queue": 0.75}
    assert lost(receipt(3.0, *entries, probes=[ProbeRecord("a", 2.0, False)])) == {"retries": 0.25, "down": 0.75}


@pytest.mark.parametrize(("refusal", "cause"), [("DrainingError", "down"), ("OverloadedError", "queue")])
def test_node_that_was_draining_and_cannot_be_reached_next_was_down_meanwhile(refusal: str, cause: str) -> None:
    gone = failed(2.0, 2.5, "UnreachableError")
    entries = (attempt("a", 0.0, 1.0), failed(1.0, 1.5, refusal), gone, attempt("b", 0.0, 2.5, rows=25))
    assert lost(receipt(2.5, *entries)) == {"retries": 0.5, cause: 0.25}


def test_before_the_first_chunk_and_after_the_last_one_is_other() -> None:
    assert lost(receipt(2.0, attempt("a", 0.25, 1.5))) == {"other": 0.75}


def test_pause_is_other_while_there_are_chunks_left_and_straggler_when_there_are_none() -> None:
    late = attempt("a", 3.0, 4.0, attempt=1)
    job = receipt(4.0, attempt("a", 0.0, 1.0), attempt("b", 0.0, 2.0, rows=20), attempt("b", 2.0, 4.0, rows=20), late)
    # b was handed its last chunk at 2 s. The bound of a: 10 rows/s, as b; 60 rows in 3 s.
    assert lost(job) == {"other": 0.5, "straggler": 0.5}


def test_what_whole_chunks_make_unavoidable_is_no_cause() -> None:
    fixed = JobTerms("min_max", 1, True, False)
    entries = [attempt("a", 0.0, 1.0), attempt("b", 0.0, 1.0), attempt("a", 1.0, 2.0)]
    assert lost(receipt(2.0, *entries, terms=fixed)) == {}
    assert lost(receipt(2.5, *entries, terms=fixed)) == {"other": 0.5}
    assert lost(receipt(2.0, *entries)) == {"straggler": 0.5}


def test_node_that_answered_nothing_counts_neither_in_the_bound_nor_in_the_causes() -> None:
    dead = attempt("b", 0.0, 1.0, outcome="failed", error="gone", error_type="UnreachableError", service_s=0.0)
    job = receipt(1.0, attempt("a", 0.0, 1.0), dead)
    assert job.lower_bound_s == pytest.approx(1.0)
    assert lost(job) == {}


def test_node_that_tells_no_times_counts_as_running_all_the_while() -> None:
    job = receipt(2.0, attempt("a", 0.0, 2.0, service_s=0.0))
    assert (job.lower_bound_s, lost(job)) == (2.0, {})


def test_work_of_each_node() -> None:
    job = receipt(
        2.0,
        attempt("a", 0.0, 1.0, rows=30, bytes_out=5, bytes_in=7),
        attempt("a", 0.5, 1.5, rows=30),
        attempt("b", 0.0, 2.0, rows=20),
        attempt("b", 0.0, 2.0, rows=30, outcome="cancelled", service_s=0.0),
    )
    a, b = job.work
    assert (a.node, a.rows, a.chunks, a.share) == ("a", 60, 2, 0.75)
    # The time with at least one chunk, and the sum over both.
    assert (a.busy_s, a.service_s, a.rows_per_s) == (1.5, 2.0, 40.0)
    assert (a.bytes_out, a.bytes_in, a.outcomes) == (5, 7, {"ok": 2})
    assert (b.rows, b.rows_per_s, b.outcomes) == (20, 10.0, {"ok": 1, "cancelled": 1})


MOMENTS = st.floats(0.0, 3.0)
ATTEMPTS = st.builds(
    lambda node, first, second, **more: attempt(node, min(first, second), max(first, second), **more),
    st.sampled_from("abc"),
    MOMENTS,
    MOMENTS,
    rows=st.integers(0, 50),
    attempt=st.integers(0, 2),
    outcome=st.sampled_from(["ok", "ok", "late", "failed", "cancelled"]),
    service_s=MOMENTS,
    queued_s=st.floats(0.0, 1.0) | st.just(0.0),
    prepare_s=st.floats(0.0, 1.0) | st.just(0.0),
    replied_s=MOMENTS | st.just(0.0),
    bytes_in=st.integers(0, 100),
    bytes_out=st.integers(0, 100),
    error_type=st.sampled_from([None, "OverloadedError", "ConnectionLostError"]),
)
PROBES = st.lists(st.builds(ProbeRecord, st.sampled_from("abc"), MOMENTS, st.booleans()), max_size=3)


@given(st.lists(ATTEMPTS, max_size=12), PROBES, st.floats(0.0, 4.0), st.booleans())
def test_causes_add_up_whatever_was_written_down(
    entries: list[ChunkRecord], probes: list[ProbeRecord], makespan_s: float, is_divisible: bool
) -> None:
    job = receipt(makespan_s, *entries, probes=probes, terms=JobTerms(is_divisible=is_divisible))
    assert 0.0 <= job.lower_bound_s <= job.ended_s
    assert list(job.causes) == list(CAUSES)
    assert all(seconds >= 0.0 for seconds in job.causes.values())
    assert math.fsum(job.causes.values()) == pytest.approx(job.gap_s, abs=1e-9)
