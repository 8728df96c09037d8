"""Whole jobs: the scheduler says what the vectors say, and the vectors keep the rules."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pyrpc.plan.scheduler import POLICIES

HERE = Path(__file__).resolve().parent
Case = dict[str, Any]


@pytest.fixture(scope="module")
def jobs() -> list[Case]:
    content = json.loads((HERE / "scheduler.json").read_text())
    assert (content["kind"], content["version"]) == ("scheduler", 1)
    return content["cases"]


@pytest.fixture
def beside(monkeypatch: pytest.MonkeyPatch) -> None:
    """The modules beside this one can be imported."""
    monkeypatch.syspath_prepend(str(HERE))


def test_scheduler_says_what_the_vectors_say(jobs: list[Case], beside: None) -> None:
    from replay import Replay

    for index, case in enumerate(jobs):
        replay = Replay(case)
        where = f"scheduler.json, scenario {index}, seed {case['seed']}"
        for number, (event, said) in enumerate(zip(case["events"], replay.actions(), strict=True)):
            assert said == event[-1], f"{where}, event {number}: {event[:-1]}"
        assert replay.counts() == case["end"], where


def test_recorded_jobs_keep_the_rules(jobs: list[Case], beside: None) -> None:
    from reference.check_scheduler import BrokenError, check

    for index, case in enumerate(jobs):
        try:
            check(case)
        except BrokenError as error:
            raise AssertionError(f"scheduler.json, scenario {index}, seed {case['seed']}: {error}") from error


def test_vectors_are_those_of_the_generator() -> None:
    run = subprocess.run([sys.executable, str(HERE / "generate.py"), "--check"], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


# -- the jobs are of all kinds


def said(case: Case) -> list[list]:
    return [action for event in case["events"] for action in event[-1]]


def test_jobs_are_of_every_work_and_policy(jobs: list[Case]) -> None:
    seen = Counter((case["work"][0], case["policy"]) for case in jobs)
    for policy in POLICIES:
        assert seen["chunks", policy] >= 20 and seen["rows", policy] >= 20, policy
    assert {kind for kind, _ in seen} == {"chunks", "rows", "stream_rows", "stream_grid"}


def test_jobs_have_every_event_action_and_end(jobs: list[Case]) -> None:
    events = Counter(event[0] for case in jobs for event in case["events"])
    failed = Counter((*event[3:5], event[6]) for case in jobs for event in case["events"] if event[0] == "failed")
    actions = Counter(action[0] for case in jobs for action in said(case))
    ends = Counter(action[2] for case in jobs for action in said(case) if action[0] == "fail")
    assert set(events) == {"start", "done", "failed", "up", "down", "timer", "more", "no_more", "cancel"}
    assert set(actions) == {"send", "cancel", "probe", "wait", "finish", "fail"}
    assert min(events.values()) >= 20 and min(actions.values()) >= 20
    assert set(ends) == {"final", "unknown", "exhausted", "no_nodes"} and min(ends.values()) >= 5
    for failure in ("UNKNOWN", "NOT_EXECUTED"):
        assert failed[failure, True, True] >= 20 and failed[failure, False, True] >= 20


def test_jobs_have_hedges_and_take_overs(jobs: list[Case]) -> None:
    hedged = [case for case in jobs if case["work"][0] == "chunks" and case["end"][2]]
    # A piece that is sent for the first time under its number, though its rows were sent before.
    taken_over = [
        case for case in jobs if any(action[0] == "send" and action[7] and action[6] for action in said(case))
    ]
    assert len(hedged) >= 100 and len(taken_over) >= 100


# -- the checker sees what is wrong


def actions_of(case: Case, kind: str) -> list[tuple[int, list]]:
    return [(at, action) for at, event in enumerate(case["events"]) for action in event[-1] if action[0] == kind]


def spoilt_by(rule: str, case: Case) -> bool:
    """Change the job so that it breaks a rule; whether that was possible."""
    sends, ends = actions_of(case, "send"), actions_of(case, "finish")
    done = [event for event in case["events"] if event[0] == "done" and event[5]]
    if rule == "finish too early" and ends and len(done) > 1:
        case["events"][ends[0][0] - 1][-1].append(["finish"])
    elif rule == "never finish" and ends:
        case["events"][ends[0][0]][-1].remove(["finish"])
    elif rule == "row lost" and done and ends:
        next(action for _, action in sends if action[1] == done[-1][2])[4] -= 1
    elif rule == "reply taken twice" and any(event[0] == "done" and not event[5] for event in case["events"]):
        next(event for event in case["events"] if event[0] == "done" and not event[5])[5] = True
    elif rule == "cancel forgotten" and actions_of(case, "cancel"):
        at, action = actions_of(case, "cancel")[0]
        case["events"][at][-1].remove(action)
    elif rule == "wait in the past" and actions_of(case, "wait"):
        at, action = actions_of(case, "wait")[0]
        action[1] = case["events"][at][1]
    elif rule == "window" and sends:
        case["window"] = case["most_window"] = 0
    elif rule == "hedge not said" and any(action[7] for _, action in sends):
        next(action for _, action in sends if action[7])[7] = False
    elif rule == "hedge where none may be" and any(action[7] for _, action in sends):
        case["hedge"] = False
    elif rule == "node that is down" and case["events"][0][2] == [] and case["nodes"] > 1 and sends:
        case["events"].insert(1, ["down", case["events"][0][1], sends[-1][1][5], []])
        return sends[-1][0] > 0 and not any(event[0] == "up" for event in case["events"])
    else:
        return False
    return True


RULES = (
    "finish too early", "never finish", "row lost", "reply taken twice", "cancel forgotten", "wait in the past",
    "window", "hedge not said", "hedge where none may be", "node that is down",
)  # fmt: skip


@pytest.mark.parametrize("rule", RULES)
def test_job_that_breaks_a_rule_is_refused(jobs: list[Case], beside: None, rule: str) -> None:
    from reference.check_scheduler import BrokenError, check

    spoilt = []
    for case in jobs:
        other = copy.deepcopy(case)
        if spoilt_by(rule, other):
            spoilt.append(other)
        if len(spoilt) == 10:
            break
    assert len(spoilt) == 10
    for case in spoilt:
        with pytest.raises(BrokenError):
            check(case)
