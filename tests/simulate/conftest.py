"""What the tests of simulated jobs share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pyrpc.plan.window import FIRST, most_window
from pyrpc.simulate import AttemptTrace, Outcome, Scenario, simulate


def entry_of(attempt: AttemptTrace, index: int) -> dict[str, Any]:
    """As a receipt has it."""
    return {
        "chunk": index,
        "start_row": attempt.start_row,
        "stop_row": attempt.stop_row,
        "node": attempt.node,
        "attempt": attempt.attempt_no,
        "sent_s": attempt.sent_s,
        "done_s": attempt.done_s,
        "queued_s": attempt.queued_s,
        "service_s": attempt.service_s,
        "outcome": attempt.outcome,
        "error_type": attempt.error_type,
    }


def receipt(scenario: Scenario, outcome: Outcome) -> dict[str, Any]:
    """What Receipt.to_dict would give for a job that went like the simulated one."""
    return {
        "version": 1,
        "rows": outcome.rows,
        "row_bytes": scenario.job.row_bytes,
        "makespan_s": outcome.makespan_s,
        "policy": outcome.policy,
        "window": scenario.job.window or FIRST,
        "most_window": 0 if scenario.job.window else most_window(len(scenario.nodes)),
        "idempotent": scenario.job.idempotent,
        "is_divisible": scenario.job.is_divisible,
        "nodes": [node.name for node in scenario.nodes],
        "entries": [entry_of(attempt, index) for index, attempt in enumerate(outcome.attempts)],
        "probes": [{"node": node, "at_s": at_s, "is_up": is_up} for node, at_s, is_up in outcome.probes],
    }


@pytest.fixture
def receipt_of() -> Callable[[Scenario], dict[str, Any]]:
    """The receipt of a simulated job."""
    return lambda scenario: receipt(scenario, simulate(scenario, keep_attempts=True))
