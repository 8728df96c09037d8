"""call, map, reduce, ls, stats and ping, against a real node."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pyrpc


@pytest.mark.parametrize(
    ("values", "out"),
    [
        (["1"], "1\n"),
        (["-1e5"], "-100000.0\n"),
        (["word"], '"word"\n'),
        (['{"a": [true, null, 2.5]}'], '{"a": [true, null, 2.5]}\n'),
        (["@two.npz"], "a: int64[3]\n[0 1 2]\nb: float64[2]\n[1. 1.]\n"),
        (["-k", "n=1", "7", "--timeout", "9"], '{"x": 7, "n": 1}\n'),
    ],
    ids=["number", "negative", "word", "json", "arrays", "options in between"],
)
def test_call_prints_what_the_method_gives(here: Any, endpoint: str, values: list[str], out: str) -> None:
    done = here("call", endpoint, "Lab.echo", *values)
    assert (done.code, done.out, done.err) == (0, out, "")


def test_arrays_pass_through_pipes(pyrpc_command: Any, endpoint: str, folder: Path) -> None:
    few = folder / "few.npy"
    done = pyrpc_command("call", endpoint, "Lab.extract", "@-", "-o", "features.npy", input=few.read_bytes())
    assert (done.code, done.err) == (0, "saved float32[10,64] in features.npy\n")
    assert np.array_equal(np.load(folder / "features.npy"), np.load(few).reshape(10, 64).astype(np.float32))


def test_call_as_json_has_arrays_as_lists(here: Any, endpoint: str) -> None:
    done = here("call", endpoint, "Lab.echo", "@two.npz", "--json")
    assert json.loads(done.out) == {"a": [0, 1, 2], "b": [1.0, 1.0]}


def test_map_of_a_file_equals_the_local_result(pyrpc_command: Any, endpoint: str, folder: Path) -> None:
    done = pyrpc_command("map", endpoint, "Lab.extract", "images.npy", "-k", "scale=0.5", "-o", "out.npy")
    assert done.code == 0
    local = np.load(folder / "images.npy").reshape(1000, 64).astype(np.float32) * np.float32(0.5)
    result = np.load(folder / "out.npy")
    assert result.dtype == local.dtype and np.array_equal(result, local)
    assert done.out == ""
    assert done.lines[0].startswith("Lab.extract: 1000 rows in ")
    assert done.lines[1:] == ["saved float32[1000,64] in out.npy"]


def test_map_may_replace_its_own_input(here: Any, endpoint: str, folder: Path) -> None:
    np.save(folder / "same.npy", np.load(folder / "images.npy"))
    assert here("map", endpoint, "Lab.extract", "same.npy", "-o", "same.npy").code == 0
    assert np.load(folder / "same.npy").shape == (1000, 64)


def test_map_of_no_rows_gives_no_rows(here: Any, endpoint: str, folder: Path) -> None:
    assert here("map", endpoint, "Lab.extract", "none.npy", "-o", "no.npy").code == 0
    assert np.load(folder / "no.npy").shape == (0, 64)


def test_several_outputs_go_to_numbered_files(here: Any, endpoint: str, folder: Path) -> None:
    assert here("map", endpoint, "Lab.pair", "images.npy", "-o", "pair.npy").code == 0
    images = np.load(folder / "images.npy")
    assert np.array_equal(np.load(folder / "pair_0.npy"), images.sum(axis=(1, 2)))
    assert np.array_equal(np.load(folder / "pair_1.npy"), images.mean(axis=(1, 2)))


def test_progress_and_receipt_are_told_on_stderr(here: Any, endpoint: str) -> None:
    options = ["--progress", "--receipt", "--chunk-rows", "100", "-o", "out.npy"]
    done = here("map", endpoint, "Lab.extract", *options, "images.npy")
    assert done.code == 0
    assert "Lab.extract: 1000/1000 rows (100%)" in done.lines
    assert any(line.split()[:4] == [endpoint, "1000", "100%", "10"] for line in done.lines)


def test_reduce_folds_what_the_stage_gives(here: Any, endpoint: str, folder: Path) -> None:
    done = here("reduce", endpoint, "Lab.total", "images.npy")
    assert (done.code, json.loads(done.out)) == (0, {"sum": int(np.load(folder / "images.npy").sum()), "rows": 1000})


def test_ls_shows_signatures_and_the_first_paragraph(here: Any, endpoint: str) -> None:
    done = here("ls", endpoint)
    line = "Lab.extract(images: uint8[n,8,8], scale: float = ...) -> float32[n,64]"
    assert f"\n{line}\n    Features of each picture.\n    (idempotent)\n\n" in done.out
    assert "second paragraph" not in done.out
    assert "    The second paragraph." in here("ls", endpoint, "Lab.extract").out


def test_ls_as_json_has_every_stage(here: Any, endpoint: str) -> None:
    stages = {stage["name"]: stage for stage in json.loads(here("ls", endpoint, "Lab", "--json").out)}
    assert stages["Lab.extract"]["idempotent"] is True
    assert stages["Lab.pid"]["signature"] == "Lab.pid() -> int"


def test_stats_tell_why_batches_were_sent(here: Any, start_node: Any, folder: Path) -> None:
    endpoint = start_node("lab:Lab").endpoint
    assert "batched" not in here("stats", endpoint).out
    images = np.load(folder / "few.npy")
    with pyrpc.Client(endpoint) as client:
        for _ in range(3):
            client.call("Lab.halve", images)
    lines = here("stats", endpoint).out.splitlines()
    titles = next(line for line in lines if line.startswith("batched stage"))
    assert titles.split()[4:] == ["calls", "rows", "full", "delay", "nobody", "else", "drain", "incompatible", "singly"]
    assert lines[-1].split() == ["Lab.halve", endpoint, "3", "3", "30", "0", "0", "3", "0", "0", "0"]


def test_stats_count_calls(here: Any, start_node: Any) -> None:
    endpoint = start_node("lab:double").endpoint
    here("call", endpoint, "double", 1)
    done = here("stats", endpoint)
    assert done.code == 0
    assert done.out.splitlines()[0].split()[:3] == ["node", "state", "pid"]
    assert done.out.splitlines()[-1].split()[:4] == ["double", endpoint, "1", "0"]
    assert json.loads(here("stats", endpoint, "--json").out)[endpoint]["stages"]["double"]["calls"] == 1


def test_ping_shows_who_answers_and_fails_for_who_does_not(here: Any, endpoint: str) -> None:
    assert here("ping", endpoint).code == 0
    done = here("ping", f"{endpoint},127.0.0.1:1")
    assert done.code == 3
    assert endpoint in done.out and "127.0.0.1:1" not in done.out.replace(endpoint, "")
    assert done.lines[0].startswith("pyrpc: error: ") and "127.0.0.1:1" in done.lines[0]


def test_dash_asks_the_environment(here: Any, endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYRPC_ENDPOINTS", endpoint)
    assert here("call", "-", "Lab.echo", "1").out == "1\n"


def test_reader_that_leaves_is_no_error(pyrpc_command: Any, endpoint: str) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    process = pyrpc_command.start("ls", endpoint, stdout=write_end)
    os.close(write_end)
    assert (process.communicate()[1], process.returncode) == ("", 141)


def test_on_a_terminal_tables_and_bars_are_drawn(pyrpc_command: Any, endpoint: str) -> None:
    pytest.importorskip("rich")
    assert "───" in pyrpc_command.on_terminal("ping", endpoint).out
    shown = pyrpc_command.on_terminal("map", endpoint, "Lab.extract", "images.npy", "-o", "out.npy").out
    assert "━" in shown and "1000/1000 rows" in shown


def test_on_a_terminal_without_rich_all_is_plain_text(pyrpc_command: Any, endpoint: str) -> None:
    assert "───" not in pyrpc_command.on_terminal("ping", endpoint, without="rich").out
    done = pyrpc_command.on_terminal("map", endpoint, "Lab.extract", "images.npy", "-o", "out.npy", without="rich")
    assert "\rLab.extract: 1000/1000 rows (100%)" in done.out
    assert "━" not in done.out


def test_version_is_the_packages(pyrpc_command: Any) -> None:
    assert pyrpc_command("--version").out == f"pyrpc {pyrpc.__version__}\n"
