"""The library for Node.js and TypeScript with a node that answers with anything, and with arrays that are none."""

from __future__ import annotations

import random

import pytest
from tests.interop import hostile
from tests.interop.node.test_program import PROGRAM as _PROGRAM
from tests.interop.program import Built

PROGRAM = _PROGRAM
MUTATIONS = 400
# The first call of a connection is release.
RELEASE, ECHO = 1, 2


@pytest.fixture(scope="module")
def library(built: Built) -> Built:
    """The bindings, with the programs of this module."""
    for name in ("hostile.js", "library.test.js"):
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
