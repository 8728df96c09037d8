"""The library for Node.js and TypeScript with a node that answers with anything, and with arrays that are none."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from tests.conftest import Authority
from tests.interop import hostile
from tests.interop.node.test_program import PROGRAM as _PROGRAM
from tests.interop.program import Built
from tests.interop.python_typed.everyone import Handler
from tests.interop.rules import EVERYTHING
from tests.interop.service import Interop

import pyrpc.idl
from pyrpc import Server, Tls

PROGRAM = _PROGRAM
MUTATIONS = 400
# The first call of a connection is release.
RELEASE, ECHO = 1, 2


@pytest.fixture(scope="module")
def library(built: Built) -> Built:
    """The bindings, with the programs of this module."""
    for name in ("hostile.js", "library.test.js", "secure.test.js"):
        (built.folder / name).write_text((hostile.HERE / "node" / name).read_text())
    return built


def outcomes(library: Built, protocol: str, replies: list[bytes]) -> list[str]:
    return hostile.outcomes(library, "node hostile.js", protocol, replies, RELEASE)


@pytest.mark.parametrize("protocol", hostile.PROTOCOLS)
def test_malformed_replies_are_refused_and_the_connection_is_closed(library: Built, protocol: str) -> None:
    cases = hostile.malformed(protocol, ECHO)
    lines = outcomes(library, protocol, [*cases.values(), hostile.frame(hostile.good(protocol, ECHO))])
    assert lines.pop().startswith("ok / refused ConnectionLostError")
    for name, line in zip(cases, lines, strict=True):
        expected = "ConnectionLostError" if name == "a frame that is cut" else "ProtocolError"
        assert line.startswith(f"refused {expected} "), f"{name}: {line}"
        assert " / refused ConnectionLostError " in line, f"{name}: {line}"


@pytest.mark.parametrize("protocol", hostile.PROTOCOLS)
def test_replies_with_other_bytes_are_no_crash(library: Built, protocol: str) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    lines = outcomes(library, protocol, list(hostile.mutated(protocol, MUTATIONS, seed, ECHO)))
    assert {line.split()[0].strip(",") for line in lines} == {"ok", "refused"}


def test_the_rules_of_the_library_hold(library: Built) -> None:
    library.shell("node --test library.test.js", 60)


def test_the_rules_of_tls_and_tokens_hold(library: Built, authority: Authority, tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text("somebody s3cret\n")
    (tmp_path / "tokens").chmod(0o600)
    issued = authority.issue("127.0.0.1")
    tls = Tls(cert=issued.cert, key=issued.key)
    with Server(Interop, port=0, tls=tls, tokens=tmp_path / "tokens") as server:
        host, port = server.endpoint.rsplit(":", 1)
        told = f"NODE_HOST={host} NODE_PORT={port} NODE_AUTHORITY={authority.file}"
        library.shell(f"{told} node --test secure.test.js", 120)


def test_code_for_an_idl_with_everything_in_it_works(tmp_path: Path) -> None:
    built = PROGRAM.make_bindings(tmp_path / "everything", str(EVERYTHING))
    (built.folder / "everything.test.js").write_text((hostile.HERE / "node/everything.test.js").read_text())
    types = pyrpc.idl.load(EVERYTHING)
    handler = Handler(types, types.shared)
    with Server.from_idl(types, "Everyone", handler, port=0) as server:
        host, port = server.endpoint.rsplit(":", 1)
        built.shell(f"NODE_HOST={host} NODE_PORT={port} node --test everything.test.js", 120)
        # Nobody waits for the last ones.
        end = time.monotonic() + 10
        while len(handler.noted) < 6 and time.monotonic() < end:
            time.sleep(0.01)
    assert sorted(map(str, handler.noted)) == ["7", "7", "binary", "compact", "ping", "ping"]
