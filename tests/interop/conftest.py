"""A node for the programs of other languages, and which of them take part."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.interop.checks import PROTOCOLS
from tests.interop.program import SERVICE, TOP, Built, Outcome, write_results
from tests.interop.rules import program_of, results_folder

HERE = Path(__file__).parent
# Each needs the tools of a language, so each has an environment of tox to itself.
LANGUAGES = sorted(path.parent.name for path in HERE.glob("*/test_program.py"))
CHOSEN = os.environ.get("PYRPC_INTEROP", "").removeprefix("interop-")
if CHOSEN:
    collect_ignore = [path.name for path in HERE.iterdir() if path.name != CHOSEN]
else:
    collect_ignore = LANGUAGES


@pytest.fixture(scope="session")
def node() -> Iterator[str]:
    """Endpoint of a node that hosts service Interop."""
    yield from serve(f"{SERVICE}:Interop")


@pytest.fixture(scope="session")
def cases_node() -> Iterator[str]:
    """Endpoint of a node that has the values of cases.py."""
    yield from serve(f"{HERE / 'cases.py'}:Cases")


def serve(service: str) -> Iterator[str]:
    """Endpoint of a node that is started as a user would."""
    command = [sys.executable, "-m", "pyrpc", "serve", service, "--port", "0"]
    process = subprocess.Popen(command, cwd=TOP, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        listening = re.search(r"listening on (\S+)", line)
        assert listening is not None, line
        yield listening[1]
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()


@pytest.fixture(scope="module")
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The program of the module, built once."""
    program = program_of(request)
    return program.make(tmp_path_factory.mktemp("interop") / program.name)


@pytest.fixture(scope="module")
def outcomes(built: Built, node: str) -> dict[str, dict[str, Outcome]]:
    """How each check ended, by protocol; they are written down where somebody asks for them."""
    found = {protocol: built.checks(*node.rsplit(":", 1), protocol) for protocol in PROTOCOLS}
    folder = results_folder()
    if folder is not None:
        write_results(built.program, found, folder)
    return found
