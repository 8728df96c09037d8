"""A node for the programs of other languages, and which of them take part."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import Authority
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


@contextlib.contextmanager
def served(*options: str, hosted: str = f"{SERVICE}:Interop") -> Iterator[str]:
    """Endpoint of a node, of service Interop unless another one is hosted, started as a user would."""
    command = [sys.executable, "-m", "pyrpc", "serve", hosted, "--port", "0", *options]
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


@pytest.fixture(scope="session")
def node() -> Iterator[str]:
    """Endpoint of a node that everybody may call."""
    with served() as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def cases_node() -> Iterator[str]:
    """Endpoint of a node that gives any value, and compares what comes back."""
    with served(hosted=f"{HERE / 'cases.py'}:Cases") as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def secure(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What a program is told of a node with TLS and tokens, as environment variables."""
    tokens = tmp_path_factory.mktemp("tokens") / "tokens.txt"
    token = secrets.token_hex(24)
    tokens.write_text(f"tester {token}\n")
    tokens.chmod(0o600)
    tls = authority.issue("localhost")
    with served("--tls-cert", str(tls.cert), "--tls-key", str(tls.key), "--tokens", str(tokens)) as endpoint:
        yield {
            "PYRPC_TLS_PORT": endpoint.rpartition(":")[2],
            "PYRPC_TLS_CA": str(authority.file),
            "PYRPC_TLS_TOKEN": token,
        }


@pytest.fixture(scope="module")
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The program of the module, built once."""
    program = program_of(request)
    return program.make(tmp_path_factory.mktemp("interop") / program.name)


@pytest.fixture(scope="module")
def outcomes(built: Built, node: str, secure: dict[str, str]) -> dict[str, dict[str, Outcome]]:
    """How each check ended, by protocol; they are written down where somebody asks for them."""
    found = {protocol: built.checks(*node.rsplit(":", 1), protocol, secure) for protocol in PROTOCOLS}
    folder = results_folder()
    if folder is not None:
        write_results(built.program, found, folder)
    return found
