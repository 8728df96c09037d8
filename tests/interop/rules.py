"""What holds for the program of every language; a test module imports these tests and defines PROGRAM."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from tests.interop.checks import CHECKS, PROTOCOLS
from tests.interop.program import TOP, Built, Outcome, Program

EVERYTHING = TOP / "tests/idl/everything.thrift"


@pytest.mark.timeout(1800)
def test_the_first_call_of_its_readme_works(built: Built, node: str) -> None:
    if built.program.bindings is None:
        assert not (built.folder / "README.md").exists()
        return
    output = built.first_call(*node.rsplit(":", 1))
    assert re.search(r"\b3\b", output.splitlines()[-1]), output
    readme = (built.folder / "README.md").read_text()
    assert "@" not in re.sub(r"@[a-z]+/", "", readme.partition("## What is here")[0]), "a placeholder was not filled"


@pytest.mark.timeout(1800)
def test_an_idl_with_everything_in_it_builds(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    program_of(request).make_bindings(tmp_path / "everything", str(EVERYTHING))


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_it_passes_each_check_but_those_that_it_cannot(
    outcomes: dict[str, dict[str, Outcome]], built: Built, protocol: str, check: str
) -> None:
    outcome = outcomes[protocol].get(check)
    assert outcome is not None, "the program said nothing of it"
    expected = "ok" if built.program.lack(protocol, check) is None else "none"
    assert outcome.word == expected, outcome.note


def results_folder() -> Path | None:
    """Where the rows of the table go, if somebody wants them."""
    folder = os.environ.get("PYRPC_INTEROP_RESULTS")
    return Path(folder) if folder else None


def program_of(request: pytest.FixtureRequest) -> Program:
    """The program that the test module is about."""
    return request.module.PROGRAM  # type: ignore[no-any-return]
