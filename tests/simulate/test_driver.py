"""The engine keeps the contract of a driver, told by a planner that says what the test wants."""

from __future__ import annotations

from typing import Any

import pytest

from pyrpc.plan.actions import Action, CancelAttempt, Finish, Probe, Send, WaitUntil
from pyrpc.plan.partition import Chunk
from pyrpc.simulate import JobModel, NodeModel, Outcome, Scenario, engine, simulate


class Scripted:
    """A planner whose answers stand in a script: actions by event."""

    hedges = resends = late = 0
    script: dict[str, list[Action]]
    unwanted: set[int]
    heard: list[tuple[str, float]]

    def __init__(self, *args: Any, **options: Any) -> None:
        type(self).heard = []

    def _hear(self, event: str, now: float) -> list[Action]:
        self.heard.append((event, round(now, 6)))
        return self.script.get(event, [])

    def start(self, now: float) -> list[Action]:
        return self._hear("start", now)

    def is_wanted(self, attempt_id: int) -> bool:
        return attempt_id not in self.unwanted

    def done(self, attempt_id: int, now: float, **told: float) -> list[Action]:
        return self._hear(f"done {attempt_id}", now)

    def failed(self, attempt_id: int, failure: Any, now: float, **told: Any) -> list[Action]:
        lost = " lost" if told["node_lost"] else ""
        return self._hear(f"failed {attempt_id} {failure.name}{lost}", now)

    def node_up(self, node: str, now: float) -> list[Action]:
        return self._hear(f"up {node}", now)

    def node_down(self, node: str, now: float) -> list[Action]:
        return self._hear(f"down {node}", now)

    def timer(self, now: float) -> list[Action]:
        return self._hear("timer", now)


def send(attempt_id: int, node: str = "n0", attempt_no: int = 0) -> Send:
    return Send(attempt_id, Chunk(attempt_id, attempt_id, attempt_id + 1), node, attempt_no, attempt_no > 0)


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a script on nodes of 20 ms a chunk; what the planner heard, and the outcome."""

    def run(
        script: dict[str, list[Action]], *numbers: dict[str, Any], unwanted: tuple[int, ...] = ()
    ) -> tuple[list[tuple[str, float]], Outcome]:
        planner = type("Planner", (Scripted,), {"script": script, "unwanted": set(unwanted)})
        monkeypatch.setattr(engine, "Scheduler", planner)
        nodes = [NodeModel(f"n{place}", **{"row_s": 0.02, **each}) for place, each in enumerate(numbers or ({},))]
        scenario = Scenario(JobModel(10, chunk_rows=1, timeout_s=60.0), tuple(nodes))
        outcome = simulate(scenario, keep_attempts=True)
        return planner.heard, outcome

    return run


def test_replies_come_in_the_order_in_which_a_node_works(play: Any) -> None:
    heard, _ = play({"start": [send(1), send(2)], "done 2": [Finish()]})
    assert heard == [("start", 0.0), ("done 1", 0.02), ("done 2", 0.04)]


def test_attempt_that_is_cancelled_while_it_waits_never_runs(play: Any) -> None:
    script = {"start": [send(1), send(2), send(3)], "done 1": [CancelAttempt(3, "n0")], "done 2": [send(4)]}
    heard, outcome = play({**script, "done 4": [Finish()]})
    assert heard[1:] == [("done 1", 0.02), ("failed 3 UNKNOWN", 0.02), ("done 2", 0.04), ("done 4", 0.06)]
    assert outcome.by_node[0].busy_s == pytest.approx(0.06)


def test_attempt_next_in_line_is_skipped_once_it_is_cancelled(play: Any) -> None:
    script = {"start": [send(1), send(2), send(3), WaitUntil(0.01)], "timer": [CancelAttempt(2, "n0")]}
    heard, _ = play({**script, "done 3": [Finish()]})
    assert heard[1:] == [("timer", 0.01), ("failed 2 UNKNOWN", 0.01), ("done 1", 0.02), ("done 3", 0.04)]


def test_attempt_that_is_cancelled_while_it_runs_keeps_its_thread_and_is_told_of_once(play: Any) -> None:
    script = {"start": [send(1), send(2), WaitUntil(0.01)], "timer": [CancelAttempt(1, "n0")], "done 2": [Finish()]}
    heard, outcome = play(script)
    assert heard[1:] == [("timer", 0.01), ("failed 1 UNKNOWN", 0.01), ("done 2", 0.04)]
    assert [each.outcome for each in outcome.attempts] == ["cancelled", "ok"]
    assert outcome.by_node[0].busy_s == pytest.approx(0.04)


def test_reply_that_is_not_wanted_is_late_and_counts_for_nobody(play: Any) -> None:
    _, outcome = play({"start": [send(1), send(2)], "done 2": [Finish()]}, unwanted=(1,))
    assert [each.outcome for each in outcome.attempts] == ["late", "ok"]
    assert (outcome.by_node[0].rows, outcome.chunks) == (1, 1)


def test_newer_wake_up_time_takes_the_place_of_the_older(play: Any) -> None:
    script = {"start": [send(1), WaitUntil(0.005), WaitUntil(0.015)], "done 1": [Finish()]}
    heard, _ = play(script)
    assert heard[1:] == [("timer", 0.015), ("done 1", 0.02)]


def test_reply_comes_before_a_timer_of_the_same_moment(play: Any) -> None:
    heard, _ = play({"start": [send(1), WaitUntil(0.02)], "timer": [Finish()]})
    assert [event for event, _ in heard] == ["start", "done 1", "timer"]


def test_death_breaks_what_was_in_flight_and_nothing_of_it_comes_later(play: Any) -> None:
    node = {"dies_at_s": 0.01, "returns_at_s": 0.012, "latency_s": 0.002}
    script = {"start": [send(1), send(2)], "failed 2 UNKNOWN lost": [send(3), send(4)], "done 4": [Finish()]}
    heard, outcome = play(script, node)
    assert heard[1:3] == [("failed 1 UNKNOWN lost", 0.011), ("failed 2 UNKNOWN lost", 0.011)]
    # The dead node takes no connection; then it works from nothing, one piece at a time.
    assert heard[3:] == [("failed 3 NOT_EXECUTED lost", 0.013), ("failed 4 NOT_EXECUTED lost", 0.013)]
    assert outcome.state == "timed out"


def test_thread_of_a_dead_node_is_not_freed_twice(play: Any) -> None:
    script = {"start": [send(1), WaitUntil(0.012)], "timer": [send(2), send(3)], "done 3": [Finish()]}
    heard, _ = play(script, {"dies_at_s": 0.01, "returns_at_s": 0.011})
    assert heard[-2:] == [("done 2", 0.032), ("done 3", 0.052)]


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ({"latency_s": 0.004}, ("up n0", 0.004)),
        ({"dies_at_s": 0.0}, ("down n0", 0.001)),
        ({"hangs_at_s": 0.0}, ("down n0", 2.001)),
        ({"hangs_at_s": 0.0, "wakes_at_s": 1.5}, ("up n0", 1.5)),
        ({"hangs_at_s": 0.0, "wakes_at_s": 3.0}, ("down n0", 2.001)),
    ],
)
def test_probe_is_answered_as_the_node_is(play: Any, numbers: dict[str, Any], expected: tuple[str, float]) -> None:
    begins = 0.0 if "latency_s" in numbers else 0.001
    script = {"start": [WaitUntil(begins)], "timer": [Probe("n0")], "up n0": [Finish()], "down n0": [Finish()]}
    heard, outcome = play(script, numbers)
    assert heard[-1] == expected
    assert outcome.probes == [("n0", pytest.approx(expected[1]), expected[0].startswith("up"))]


def test_nothing_is_heard_after_the_end(play: Any) -> None:
    heard, outcome = play({"start": [send(1), send(2)], "done 1": [Finish()]})
    assert [event for event, _ in heard] == ["start", "done 1"]
    assert [each.outcome for each in outcome.attempts] == ["ok", "cancelled"]


def test_planner_that_waits_for_nothing_is_given_up_by_the_caller(play: Any) -> None:
    _, outcome = play({})
    assert (outcome.state, outcome.makespan_s) == ("timed out", 60.0)


def test_latency_of_rows_that_were_taken_over_counts_from_their_first_sending(play: Any) -> None:
    whole, part = Chunk(1, 0, 4), Chunk(2, 2, 4)
    script = {
        "start": [Send(1, whole, "n0", 0, False), WaitUntil(0.03)],
        "timer": [Send(2, part, "n1", 1, True)],
        "done 2": [Finish()],
    }
    _, outcome = play(script, {"hangs_at_s": 0.0}, {})
    assert outcome.latency_s["max"] == pytest.approx(0.03 + 2 * 0.02)
