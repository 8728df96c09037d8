"""``pyrpc simulate``: tables, JSON, pictures, and what it says of wrong input."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from pyrpc.plan.scheduler import POLICIES

SLOW = """
seed = 1
[job]
rows = 40
chunk_rows = 1
row_s = 0.02
[[nodes]]
name = "fast"
count = 3
[[nodes]]
name = "slow"
speed = 0.2
"""


@pytest.fixture
def slow(folder: Path) -> str:
    (folder / "slow.toml").write_text(SLOW)
    return "slow.toml"


@pytest.fixture
def trace(folder: Path) -> str:
    """What a receipt saved: ten chunks of 20 ms on one node."""
    whole = {"node": "h1:9090", "attempt": 0, "outcome": "ok", "service_s": 0.02}
    entries = [
        whole | {"chunk": n, "start_row": n, "stop_row": n + 1, "sent_s": n * 0.021, "done_s": n * 0.021 + 0.021}
        for n in range(10)
    ]
    job = {"rows": 10, "row_bytes": 4, "makespan_s": 0.215, "policy": "pull", "window": 1, "idempotent": True}
    data = {**job, "is_divisible": False, "nodes": ["h1:9090"], "entries": entries, "probes": []}
    (folder / "trace.json").write_text(json.dumps({"traceEvents": [], "pyrpc": data}))
    return "trace.json"


def rows(out: str) -> dict[str, list[str]]:
    """The lines of a table by their first cell."""
    lines = [line.split("  ") for line in out.splitlines()]
    return {cells[0]: [cell.strip() for cell in cells[1:] if cell.strip()] for cells in lines if cells[0]}


def test_table_compares_all_policies_and_no_hedging(here: Any, slow: str) -> None:
    done = here("simulate", slow)
    assert (done.code, done.err) == (0, "")
    table = rows(done.out)
    assert table["policy"] == ["makespan", "lower bound", "x bound", "p99", "extra load", "hedges", "resends"]
    assert set(table) == {"policy", "min_max/no_hedge", *POLICIES}
    assert table["min_max"] == ["260.0 ms", "260.0 ms", "1.000", "200.0 ms", "0.0%", "0", "0"]
    assert float(table["round_robin"][2]) > 2


def test_policies_are_chosen_and_stand_in_their_order(here: Any, slow: str) -> None:
    out = here("simulate", slow, "--policy", "pull,min_max/no_hedge").out
    assert [line.split()[0] for line in out.splitlines()] == ["policy", "pull", "min_max/no_hedge"]


def test_scenario_may_say_what_is_compared(here: Any, slow: str, folder: Path) -> None:
    (folder / "two.toml").write_text('policies = ["pull", "min_max"]\n' + SLOW)
    assert list(rows(here("simulate", "two.toml").out)) == ["policy", "pull", "min_max"]
    assert len(rows(here("simulate", "two.toml", "--policy", "all").out)) == len(POLICIES) + 2


def test_several_numbers_of_nodes_have_a_column(here: Any, slow: str) -> None:
    done = here("simulate", slow, "--policy", "min_max", "--nodes", "1", "4", "8")
    lines = [line.split() for line in done.out.splitlines()]
    assert [line[:2] for line in lines] == [["nodes", "policy"], ["1", "min_max"], ["4", "min_max"], ["8", "min_max"]]
    assert lines[1][2:4] == ["800.0", "ms"]


def test_json_has_the_work_of_each_node(here: Any, slow: str) -> None:
    done = here("simulate", slow, "--policy", "min_max,pull", "--json")
    best, pulled = json.loads(done.out)
    assert (best["policy"], pulled["policy"]) == ("min_max", "pull")
    assert best["makespan_s"] == pytest.approx(0.26) and best["ratio"] == pytest.approx(1.0)
    assert [node["node"] for node in best["by_node"]] == ["fast-0", "fast-1", "fast-2", "slow"]
    assert sum(node["rows"] for node in best["by_node"]) == 40


def test_seed_of_the_command_wins_and_gives_the_same_again(here: Any, folder: Path) -> None:
    (folder / "luck.toml").write_text(SLOW.replace("speed = 0.2", "speed = 0.2\njitter = 0.5"))
    command = ["simulate", "luck.toml", "--policy", "random", "--json"]
    first, again, other = (here(*command, "--seed", seed).out for seed in (7, 7, -8))
    assert first == again != other
    assert json.loads(other)[0]["seed"] == -8


def test_job_that_is_not_done_is_told_and_ends_with_3(here: Any, folder: Path) -> None:
    (folder / "gone.toml").write_text(SLOW.replace("count = 3", "count = 3\ndies_at_s = 0.1") + "dies_at_s = 0.1\n")
    done = here("simulate", "gone.toml", "--policy", "min_max")
    assert done.code == 3
    assert rows(done.out)["min_max"][:3] == ["failed: no_nodes", "never", "-"]
    assert done.lines == ["pyrpc: error: the job is not done under min_max (failed: no_nodes)"]


def test_trace_gives_scenario_and_what_was_measured(here: Any, trace: str) -> None:
    done = here("simulate", "--trace", trace)
    table = rows(done.out)
    assert done.out.startswith("measured: 215.0 ms\n\npolicy")
    # First under the policy of the job itself.
    assert list(table)[:4] == ["measured: 215.0 ms", "policy", "pull", "min_max"]
    assert float(table["pull"][0].removesuffix(" ms")) == pytest.approx(215.0, rel=0.05)


def test_trace_of_one_node_tells_what_four_would_take(here: Any, trace: str) -> None:
    data = json.loads(here("simulate", "--trace", trace, "--policy", "min_max", "--nodes", "1", "4", "--json").out)
    assert [each["nodes"] for each in data] == [1, 4]
    assert data[1]["makespan_s"] < 0.4 * data[0]["makespan_s"]
    assert data[0]["measured_s"] == 0.215


@pytest.mark.parametrize(("name", "begins"), [("sim.png", b"\x89PNG"), ("sim.svg", b"<?xml"), ("sim.pdf", b"%PDF")])
def test_plot_writes_a_picture(here: Any, slow: str, folder: Path, name: str, begins: bytes) -> None:
    pytest.importorskip("matplotlib")
    done = here("simulate", slow, "--policy", "min_max,round_robin", "--plot", name)
    assert (done.code, done.err) == (0, "")
    assert (folder / name).read_bytes().startswith(begins)


def test_plot_shows_jobs_that_failed_and_traces_too(here: Any, trace: str, folder: Path) -> None:
    pytest.importorskip("matplotlib")
    (folder / "hung.toml").write_text(SLOW + "hangs_at_s = 0.1\n")
    assert here("simulate", "hung.toml", "--plot", "hung.png").code == 3
    assert here("simulate", "--trace", trace, "--nodes", "1", "50", "--plot", "trace.png").code == 0
    assert (folder / "hung.png").stat().st_size > 10_000 < (folder / "trace.png").stat().st_size


def test_plot_without_matplotlib_names_the_extra_before_any_work(
    here: Any, slow: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    done = here("simulate", slow, "--plot", "sim2.png")
    assert (done.code, done.out) == (2, "")
    assert "matplotlib" in done.lines[0] and "pip install 'pyrpc-thrift[plot]'" in done.lines[1]


def test_nothing_but_a_plot_needs_matplotlib(here: Any, slow: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert here("simulate", slow, "--policy", "pull").code == 0


FILES = {
    "broken.toml": "rows = = 3",
    "binary.toml": b"\xff\xfe",
    "unknown.toml": SLOW + "latncy_s = 1\n",
    "zero.toml": SLOW.replace("rows = 40", "rows = 0"),
    "negative.toml": SLOW.replace("speed = 0.2", "speed = -1"),
    "policy.toml": 'policies = ["fastest"]\n' + SLOW,
    "empty.toml": "",
    "broken.json": "{",
    "other.json": '{"traceEvents": []}',
    "list.json": "[1, 2]",
}
# Command line, what the error names, and what the help says.
WRONG = [
    (["broken.toml"], "broken.toml is no TOML", "line 1", None),
    (["binary.toml"], "binary.toml is no TOML", "decode", None),
    (["no.toml"], "cannot read no.toml", "No such file", None),
    (["."], "cannot read .", "directory", None),
    (["unknown.toml"], "no key nodes[1].latncy_s", "", "did you mean nodes[1].latency_s?"),
    (["zero.toml"], "job.rows", "at least 1", None),
    (["negative.toml"], "nodes[1].speed", "a number above 0", None),
    (["policy.toml"], "no such policy", "min_max, pull", None),
    (["empty.toml"], "job of a scenario is no table", "[job]", None),
    (["slow.toml", "--policy", "fastest"], "no such policy", "min_max, pull", None),
    (["slow.toml", "--policy", "pull,pull"], "named twice", "", None),
    (["slow.toml", "--policy", ""], "no such policy", "min_max, pull", None),
    (["slow.toml", "--nodes", "0"], "'0' is not a whole number, at least 1", "", "pyrpc simulate --help"),
    (["slow.toml", "--seed", "x"], "'x' is not a whole number", "", "pyrpc simulate --help"),
    (["slow.toml", "--plot", "sim.gif"], "picture", ".png", None),
    (["slow.toml", "--plot", "no/sim.png"], "no folder no", "", None),
    ([], "what is to be simulated", "neither", None),
    (["slow.toml", "--trace", "trace.json"], "what is to be simulated", "both", None),
    (["--trace", "no.json"], "cannot read no.json", "No such file", None),
    (["--trace", "broken.json"], "broken.json is no JSON", "", None),
    (["--trace", "other.json"], "this is no receipt", "Receipt.to_dict", "receipt.save"),
    (["--trace", "list.json"], "this is no receipt", "Receipt.to_dict", "receipt.save"),
]


@pytest.mark.parametrize(("line", "wrong", "more", "help"), WRONG, ids=[" ".join(case[0]) for case in WRONG])
def test_wrong_input_is_told_in_one_line(
    here: Any, slow: str, folder: Path, line: list[str], wrong: str, more: str, help: str | None
) -> None:
    for name, text in FILES.items():
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    done = here("simulate", *line)
    assert (done.code, done.out) == (2, "")
    assert done.lines[0].startswith("pyrpc: error: ") and wrong in done.lines[0] and more in done.lines[0]
    assert len(done.lines) <= 2 and (help is None or help in done.lines[1])
