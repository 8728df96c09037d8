"""docs/errors.md tells of each error class what the code says of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pyrpc import errors
from pyrpc.cli.failures import exit_code
from pyrpc.wire.status import ErrorCode, code_of, from_wire, to_wire

TEXT = (Path(__file__).resolve().parents[2] / "docs/errors.md").read_text()
_ROW = re.compile(r"\| `(\w+(?:Error|Exceeded))` \|(.*)\|$", re.MULTILINE)
ROWS = {name: [cell.strip("` ") for cell in cells.split("|")] for name, cells in _ROW.findall(TEXT)}
AGAIN = {"A": "yes", "B": "if idempotent", "C": "no"}


def leaves(cls: type[errors.PyrpcError]) -> list[type[errors.PyrpcError]]:
    """The classes of the tree that pyrpc.errors defines and that nothing is derived from."""
    below = [each for each in cls.__subclasses__() if each.__module__ == errors.__name__]
    return [leaf for each in below for leaf in leaves(each)] if below else [cls]


LEAVES = leaves(errors.PyrpcError)


def test_each_error_has_a_row() -> None:
    assert sorted(ROWS) == sorted(cls.__name__ for cls in LEAVES)


@pytest.mark.parametrize("cls", LEAVES, ids=lambda cls: cls.__name__)
def test_row_says_what_the_class_says(cls: type[errors.PyrpcError]) -> None:
    builtin = next((base.__name__ for base in cls.__mro__ if base.__module__ == "builtins"), "")
    error = cls("what happened")
    travels = isinstance(from_wire(to_wire(error)), cls)
    assert ROWS[cls.__name__][:6] == [
        "" if builtin == "Exception" else builtin,
        cls.fault.value,
        "yes" if cls.may_have_run else "no",
        AGAIN[cls.failure_class.value],
        code_of(error).name if travels else "",
        str(exit_code(error)),
    ]


def test_each_code_of_the_wire_is_named() -> None:
    assert [code.name for code in ErrorCode if f"`{code.name}`" not in TEXT] == []
