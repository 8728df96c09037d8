"""docs/limits.md: each limit has an error that exists, a test that exists, and options that the command has."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest

from pyrpc import errors
from pyrpc.cli import limits
from pyrpc.cli import serve as command
from pyrpc.server import Patience

TOP = Path(__file__).resolve().parents[2]
TEXT = (TOP / "docs/limits.md").read_text()
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in TEXT.splitlines()
    if line.startswith("|") and "::" in line
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_row_names_a_test_and_errors_that_exist(row: list[str]) -> None:
    path, _, name = row[4].strip("`").partition("::")
    assert re.search(rf"^def {name}\(", (TOP / path).read_text(), re.MULTILINE)
    assert [name for name in re.findall(r"`(\w+Error)`", row[3]) if not hasattr(errors, name)] == []


def test_options_are_those_of_the_command() -> None:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    known = {option for action in parser._actions for option in action.option_strings}
    named = set(re.findall(r"`(--[\w-]+)`", TEXT))
    assert named <= known
    only_limits = argparse.ArgumentParser(add_help=False)
    limits.add_limits(only_limits)
    assert {option for action in only_limits._actions for option in action.option_strings} <= named


def test_times_are_those_of_the_code() -> None:
    patience = Patience()
    for name, text in (
        ("idle_s", f"{patience.idle_s:g} s"),
        ("header_s", f"{patience.header_s:g} s"),
        ("stalled_s", f"{patience.stalled_s:g} s"),
        ("min_bytes_per_s", f"{patience.min_bytes_per_s // 1024} KiB/s"),
        ("handshake_s", f"{patience.handshake_s:g} s"),
    ):
        row = next(row for row in ROWS if f"Patience({name}=)" in row[2])
        assert row[1].startswith(text)
