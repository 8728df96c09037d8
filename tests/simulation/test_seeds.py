"""Random jobs under random faults at every event: every rule holds, and each failure can be seen again.

PYRPC_SEEDS is how many are run. ``make nightly`` runs more.
"""

from __future__ import annotations

import datetime
import itertools
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from tests.simulation import __main__ as command
from tests.simulation.mutants import MUTANTS, DropsRetry
from tests.simulation.seeds import Planner, SeedFailed, run_seed, run_seeds, seed_count
from tests.simulation.world import World

TOP = Path(__file__).resolve().parents[2]
BLOCKS = 40
# Within so many seeds every broken planner must be noticed.
MUTANT_SEEDS = 400


@pytest.mark.parametrize("block", range(BLOCKS))
def test_every_rule_holds_whatever_goes_wrong(block: int):
    count = seed_count()
    seeds = range(count * block // BLOCKS, count * (block + 1) // BLOCKS)
    assert sum(run_seeds(seeds).values()) == len(seeds)


def test_every_kind_of_end_is_reached():
    ends = run_seeds(range(600))
    assert ends.keys() >= {"finish", "final", "unknown", "exhausted", "no_nodes", "deadline", "held by a hung node"}
    assert ends["finish"] > 400


@pytest.mark.parametrize("name", MUTANTS)
def test_a_planner_that_breaks_a_rule_is_noticed(name: str):
    with pytest.raises(SeedFailed):
        run_seeds(range(MUTANT_SEEDS), MUTANTS[name])


def test_a_seed_replays():
    traces: list[list[str]] = [[], []]
    for trace in traces:
        World(7, trace=trace.append).run()
    assert traces[0] == traces[1] and len(traces[0]) > 10


def test_a_failure_tells_its_seed_and_how_to_replay_it():
    with pytest.raises(SeedFailed) as caught:
        run_seeds(range(MUTANT_SEEDS), Planner(scheduler=DropsRetry))
    first, *_, last = str(caught.value).splitlines()
    seed = first.split()[1].rstrip(":")
    assert last == f"replay it: python -m tests.simulation {seed} --trace"
    with pytest.raises(SeedFailed, match=f"seed {seed}: "):
        run_seed(int(seed), Planner(scheduler=DropsRetry))


def test_the_command_that_a_failure_names_prints_the_trace():
    done = subprocess.run(
        [sys.executable, "-m", "tests.simulation", "7", "--trace"], cwd=TOP, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "job Job(" in lines[0] and any("Send(attempt_id=1" in line for line in lines)
    assert lines[-1].startswith("seed 7: every rule holds; the job ended by: ")


def test_many_seeds_are_run_by_all_cores():
    arguments = ["-m", "tests.simulation", "--count", "540", "--first", "9000", "--minutes", "1"]
    done = subprocess.run([sys.executable, *arguments], cwd=TOP, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    first, last = done.stdout.splitlines()
    assert first == "540 seeds from 9000 on" and last.startswith("540 of 540 seeds run, 0 failed; ")


def test_a_run_goes_on_after_a_failure_and_tells_of_it_at_the_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(command, "run_seeds", _fails_at_9002)
    assert command.main(["--count", "4", "--first", "9000", "--minutes", "1"]) == 1
    assert capsys.readouterr().out.splitlines()[1:] == [
        "seed 9002: no",
        "4 of 4 seeds run, 1 failed; jobs ended by: {'finish': 3}",
    ]


def _fails_at_9002(seeds: list[int]) -> Counter[str]:
    if 9002 in seeds:
        raise SeedFailed("seed 9002: no")
    return Counter(finish=len(seeds))


def test_the_time_bounds_a_run_of_any_size():
    arguments = ["-m", "tests.simulation", "--count", "100000000", "--minutes", "0.02"]
    done = subprocess.run([sys.executable, *arguments], cwd=TOP, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert 0 <= int(done.stdout.splitlines()[-1].split(" of 100000000 seeds run, 0 failed")[0]) < 100_000


def test_each_day_has_seeds_of_its_own():
    days = [datetime.date(2026, 1, 1) + datetime.timedelta(number) for number in range(400)]
    firsts = [command.first_of_the_day(day) for day in days]
    assert min(firsts) >= 20_000
    assert all(later - earlier >= 1_000_000 for earlier, later in itertools.pairwise(firsts))
