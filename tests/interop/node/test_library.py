"""The library for Node.js and TypeScript with a node that answers with anything, and with arrays that are none."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import trustme
from tests.interop import hostile
from tests.interop.node.test_program import PROGRAM as _PROGRAM
from tests.interop.program import Built
from tests.interop.rules import EVERYTHING
from tests.interop.service import Interop

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
    with hostile.hostile_node(protocol, replies, RELEASE) as (host, port):
        output = library.shell(f"node hostile.js {host} {port} {protocol} {len(replies)}", 120)
    lines = output.splitlines()
    assert len(lines) == len(replies), output[-2000:]
    return lines


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


def test_the_rules_of_tls_and_tokens_hold(library: Built, tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "node.pem"))
    (tmp_path / "tokens").write_text("somebody s3cret\n")
    (tmp_path / "tokens").chmod(0o600)
    tls = Tls(cert=tmp_path / "node.pem", key=tmp_path / "node.pem")
    with Server(Interop, port=0, tls=tls, tokens=tmp_path / "tokens") as server:
        host, port = server.endpoint.rsplit(":", 1)
        told = f"NODE_HOST={host} NODE_PORT={port} NODE_AUTHORITY={tmp_path}/authority.pem"
        library.shell(f"{told} node --test secure.test.js", 120)


def test_all_that_the_compiler_writes_is_javascript(tmp_path: Path) -> None:
    built = PROGRAM.make_bindings(tmp_path / "everything", str(EVERYTHING))
    files = sorted(path.name for path in (built.folder / "gen").glob("*.js"))
    assert {"Everyone.js", "Base.js", "Node.js", "everything_types.js"} <= set(files)
    built.shell(" && ".join(f"node -e 'require(\"./gen/{name}\")'" for name in files), 60)
