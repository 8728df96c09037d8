"""What arguments mean, and how results are shown and saved."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyrpc.cli import output
from pyrpc.cli.failures import in_words_of_the_command, printable
from pyrpc.cli.parser import byte_count
from pyrpc.cli.progress import TenthsLog
from pyrpc.cli.tables import byte_text, time_text
from pyrpc.cli.values import parse_named, parse_value, read_array
from pyrpc.errors import CallerError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("-2.5e3", -2500.0),
        ("null", None),
        ("true", True),
        ('"1"', "1"),
        ('"@x"', "@x"),
        ("[1, [2]]", [1, [2]]),
        ("two words", "two words"),
        ("", ""),
        ("true story", "true story"),
        ("@some.json", {"a": [1, None]}),
        ("@lab.py", None),
    ],
)
def test_word_means_json_a_file_or_itself(
    folder: Path, monkeypatch: pytest.MonkeyPatch, text: str, value: object
) -> None:
    monkeypatch.chdir(folder)
    expected = (folder / "lab.py").read_bytes() if text == "@lab.py" else value
    assert parse_value(text) == expected
    assert type(parse_value(text)) is type(expected)


def test_named_values_keep_equals_signs(folder: Path) -> None:
    assert parse_named(["a=1", "b=x=y", "c="]) == {"a": 1, "b": "x=y", "c": ""}


@pytest.mark.parametrize("item", ["a", "=1", "a b=1", "1=2"])
def test_named_value_without_a_name_is_refused(item: str) -> None:
    with pytest.raises(CallerError):
        parse_named([item])


def test_arrays_in_files_are_mapped_and_not_loaded(folder: Path) -> None:
    array = read_array(str(folder / "images.npy"))
    assert isinstance(array.base, np.memmap) and not array.flags.owndata and not array.flags.writeable


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("é", '"é"'),
        ([1, None, 2.5, True], "[1, null, 2.5, true]"),
        (b"\x00a", "b'\\x00a'"),
        (np.zeros((2, 2), np.int8), "int8[2,2]\n[[0 0]\n [0 0]]"),
        (np.array(2.5, np.float32), "float32 2.5"),
        ([np.arange(2), "x"], '[0]: int64[2]\n[0 1]\n[1]: "x"'),
        ({"a": {"b": [np.ones(1)]}}, "a.b[0]: float64[1]\n[1.]"),
    ],
)
def test_results_are_readable(value: object, text: str) -> None:
    assert output.text_of(value) == text


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (np.array([[1, 2]]), [[1, 2]]),
        (np.float32(0.5), 0.5),
        (b"ab", "YWI="),
        (np.array(["2026-01-02"], "M8[D]"), ["2026-01-02"]),
        (np.array([1 + 2j]), ["(1+2j)"]),
        (np.array(["é"]), ["é"]),
    ],
)
def test_everything_has_a_form_in_json(value: object, plain: object) -> None:
    assert json.loads(output.json_of(value)) == plain


@pytest.mark.parametrize(
    ("name", "value", "files"),
    [
        ("x.npy", np.arange(3), {"x.npy": [0, 1, 2]}),
        ("x.npy", 2.5, {"x.npy": 2.5}),
        ("x.npy", [1, 2], {"x.npy": [1, 2]}),
        ("x.npy", (np.arange(2), np.ones(1)), {"x_0.npy": [0, 1], "x_1.npy": [1.0]}),
        ("x.npy", {"a": np.arange(2), "b": 1}, {"x_a.npy": [0, 1], "x_b.npy": 1}),
        ("x.npy", np.array(["a", "bcd"], np.dtypes.StringDType()), {"x.npy": ["a", "bcd"]}),
    ],
    ids=["array", "number", "list", "tuple", "dict", "strings"],
)
def test_results_are_saved_as_npy(tmp_path: Path, name: str, value: Any, files: dict[str, object]) -> None:
    output.save(str(tmp_path / name), value)
    assert {path.name: np.load(path).tolist() for path in tmp_path.iterdir()} == files


def test_npz_takes_any_names(tmp_path: Path) -> None:
    output.save(str(tmp_path / "x.npz"), {"file": np.arange(2), "allow_pickle": np.ones(1)})
    with np.load(tmp_path / "x.npz") as saved:
        assert {name: saved[name].tolist() for name in saved} == {"file": [0, 1], "allow_pickle": [1.0]}


def test_result_that_cannot_be_saved_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    path.write_text("old")
    with pytest.raises(CallerError, match=r"save it as \.json"):
        output.save(str(path), {"a": None})
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("x.npy", "old")]


@pytest.mark.parametrize(
    ("text", "count"), [("7", 7), ("2K", 2048), ("8M", 8 << 20), ("1gib", 1 << 30), ("3 kb", 3072)]
)
def test_bytes_are_counted_in_units(text: str, count: int) -> None:
    assert byte_count(text) == count


def test_sizes_and_times_are_short() -> None:
    assert [byte_text(n) for n in (0, 999, 1500, 2_500_000)] == ["0 B", "999 B", "1.5 kB", "2.5 MB"]
    assert [time_text(s) for s in (3e-6, 0.0123, 4.2, 185, 7440)] == [
        "3 us",
        "12.3 ms",
        "4.2 s",
        "3 min 5 s",
        "2 h 4 min",
    ]


def test_log_of_progress_has_a_line_for_each_tenth(capsys: pytest.CaptureFixture[str]) -> None:
    show = TenthsLog("S")
    for done in range(1, 31):
        show(done, 30)
    lines = capsys.readouterr().err.splitlines()
    assert (lines[0], lines[-1], len(lines)) == ("S: 3/30 rows (10%)", "S: 30/30 rows (100%)", 10)


def test_text_of_a_node_cannot_drive_the_terminal() -> None:
    assert printable("a\n b\x1b[2J\u202ec") == "a b\\x1b[2J\\u202ec"


@pytest.mark.parametrize(
    ("library", "command"),
    [
        ("give more time with timeout_s", "give more time with --timeout"),
        ("or say insecure=True (--insecure) in", "or say --insecure in"),
        ("choose one with port=, or port=0 for", "choose one with --port, or --port 0 for"),
        ("or start it with tracebacks=True", "or start it with --tracebacks"),
        ("raise the node's max_frame_bytes", "raise the node's --max-frame-bytes"),
    ],
)
def test_help_speaks_of_options(library: str, command: str) -> None:
    assert in_words_of_the_command(library) == command
