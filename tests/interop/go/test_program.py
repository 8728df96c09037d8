"""Go, by the bindings that pyrpc makes and the Thrift library of Apache.

``library_test.go`` has the rules of the library that need no node; here a node answers it with anything.
"""

from __future__ import annotations

import random

import pytest
from tests.interop import hostile
from tests.interop.program import Built, Program
from tests.interop.rules import (  # noqa: F401
    test_an_idl_with_everything_in_it_builds,
    test_it_passes_each_check_but_those_that_it_cannot,
    test_the_first_call_of_its_readme_works,
)

from pyrpc.bindings import LANGUAGES

PROGRAM = Program(
    name="go",
    title="Go",
    runtime=LANGUAGES["go"].runtime,
    bindings="go",
    files={
        "interop.go": "cmd/interop/main.go",
        "hostile.go": "cmd/hostile/main.go",
        "library_test.go": "node/library_test.go",
    },
    build=(
        "go vet ./node ./cmd/...",
        "go test ./node",
        "go build -o interop ./cmd/interop",
        "go build -o hostile ./cmd/hostile",
    ),
    run="./interop",
)
MUTATIONS = 400
# The first call of each client.
SEQID = 1


def outcomes(built: Built, protocol: str, replies: list[bytes]) -> list[str]:
    return hostile.outcomes(built, "./hostile", protocol, replies, SEQID)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("protocol", hostile.PROTOCOLS)
def test_malformed_replies_are_refused_and_the_connection_is_closed(built: Built, protocol: str) -> None:
    cases = hostile.malformed(protocol, SEQID)
    lines = outcomes(built, protocol, [*cases.values(), hostile.frame(hostile.good(protocol, SEQID))])
    assert lines.pop().startswith('ok "abcd" / refused ')
    for name, line in zip(cases, lines, strict=True):
        # What goes wrong in the transport is wrapped by the protocol in Go.
        assert line.startswith("refused Protocol"), f"{name}: {line}"
        assert " / refused Closed" in line, f"{name}: {line}"


@pytest.mark.parametrize("protocol", hostile.PROTOCOLS)
def test_replies_to_other_calls_are_refused(built: Built, protocol: str) -> None:
    (line,) = outcomes(built, protocol, [hostile.frame(hostile.good(protocol, SEQID + 1))])
    assert line.startswith("refused Application")
    assert " / refused Closed" in line


@pytest.mark.parametrize("protocol", hostile.PROTOCOLS)
def test_replies_with_other_bytes_are_no_crash(built: Built, protocol: str) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    lines = outcomes(built, protocol, list(hostile.mutated(protocol, MUTATIONS, seed, SEQID)))
    assert {line.split()[0].strip(",") for line in lines} == {"ok", "refused"}
    refused = {line.split()[1] for line in lines if line.startswith("refused")}
    assert {"Protocol", "Tensor"} <= refused <= {"Protocol", "Tensor", "Transport", "Application"}
