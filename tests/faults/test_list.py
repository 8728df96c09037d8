"""README.md lists the faults, and each has a test that exists."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
TEXT = Path(__file__).with_name("README.md").read_text()
ROWS = {
    fault.strip(): re.findall(r"`([\w/]+\.py)::(\w+)`", tests)
    for fault, tests in re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", TEXT, re.MULTILINE)
    if fault not in ("fault", "---")
}
# So many are promised, by the heading they stand under: a row may be added, and none lost.
PROMISED = {"Process": 15, "Network": 11, "Bytes": 20, "Trust": 4, "Time": 1}


@cache
def names_in(path: str) -> set[str]:
    tree = ast.parse((TOP / path).read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("fault", ROWS)
def test_each_fault_has_a_test_that_exists(fault: str) -> None:
    assert ROWS[fault], "a fault without a test"
    for path, name in ROWS[fault]:
        assert name.startswith("test_")
        assert name in names_in(path), f"{path} has no {name}"


def test_no_fault_is_lost() -> None:
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL))
    found = {name: len(re.findall(r"^\| (?!fault |---)", text, re.MULTILINE)) for name, text in sections.items()}
    assert found.keys() == PROMISED.keys()
    assert all(found[name] >= count for name, count in PROMISED.items()), found
    assert len(ROWS) == sum(found.values()), "two faults of one name"


def test_tests_are_named_in_full() -> None:
    """So that a line that is broken or a typing error is not taken for no test."""
    assert TEXT.count("::") == sum(map(len, ROWS.values()))
