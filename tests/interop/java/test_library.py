"""The library for Java with a node that answers with anything."""

from __future__ import annotations

import random
import shutil

import pytest
from tests.interop import hostile
from tests.interop.java.test_program import PROGRAM as _PROGRAM
from tests.interop.program import Built

PROGRAM = _PROGRAM
MUTATIONS = 400
# The first call of each client.
SEQID = 1
_REFUSED = ("refused TTransportException", "refused TProtocolException")
# As the README says: how bad replies look, and arrays that are none.
_DOCUMENTED = {"TTransportException", "TProtocolException", "TApplicationException", "RpcError"}


@pytest.fixture(scope="module")
def library(built: Built) -> Built:
    """The bindings, with the program of this module."""
    shutil.copyfile(hostile.HERE / "java/Hostile.java", built.folder / "Hostile.java")
    built.shell("javac -cp 'target/bindings.jar:target/lib/*' -d hostile Hostile.java", 300)
    return built


def outcomes(library: Built, protocol: str, replies: list[bytes]) -> list[str]:
    run = "java -cp 'target/bindings.jar:target/lib/*:hostile' Hostile"
    return hostile.outcomes(library, run, protocol, replies, SEQID, timeout_s=300)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("protocol", hostile.PROTOCOLS)
def test_malformed_replies_are_refused_and_the_connection_is_closed(library: Built, protocol: str) -> None:
    cases = hostile.malformed(protocol, SEQID)
    lines = outcomes(library, protocol, [*cases.values(), hostile.frame(hostile.good(protocol, SEQID))])
    assert lines.pop().startswith("ok / refused TTransportException")
    for name, line in zip(cases, lines, strict=True):
        assert line.startswith(_REFUSED), f"{name}: {line}"
        assert " / refused TTransportException" in line, f"{name}: {line}"


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("protocol", hostile.PROTOCOLS)
def test_replies_with_other_bytes_are_no_crash(library: Built, protocol: str) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    for line in outcomes(library, protocol, list(hostile.mutated(protocol, MUTATIONS, seed, SEQID))):
        word, kind = line.split(" / ")[0].split()[:2] if line.startswith("refused") else ("ok", "")
        is_array = kind == "IllegalArgumentException" and "of the array" in line
        assert word == "ok" or kind in _DOCUMENTED or is_array, line
