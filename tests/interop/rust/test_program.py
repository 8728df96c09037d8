"""Rust, by the bindings that pyrpc makes and the Thrift library of Apache.

``library.rs`` has the rules of the library that need no node; here a node answers it with anything.
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

_FEATURES = "--features ndarray,half,tls"
PROGRAM = Program(
    name="rust",
    title="Rust",
    runtime=LANGUAGES["rust"].runtime,
    bindings="rust",
    files={
        "interop.rs": "examples/interop.rs",
        "hostile.rs": "examples/hostile.rs",
        "library.rs": "tests/library.rs",
    },
    build=(
        f"cargo build --quiet --examples {_FEATURES}",
        f"cargo test --quiet --test library {_FEATURES}",
    ),
    run=f"cargo run --quiet --example interop {_FEATURES} --",
    environment={"CARGO_TARGET_DIR": "{cache}/target", "CARGO_PROFILE_DEV_DEBUG": "0"},
)
MUTATIONS = 400
# The first call of each client.
SEQID = 1


def _outcomes(built: Built, protocol: str, replies: list[bytes], pause_s: float = 0.0) -> list[str]:
    run = f"cargo run --quiet --example hostile {_FEATURES} --"
    return hostile.outcomes(built, run, protocol, replies, SEQID, pause_s=pause_s, timeout_s=300)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("protocol", hostile.PROTOCOLS)
def test_malformed_replies_are_refused_and_the_connection_is_closed(built: Built, protocol: str) -> None:
    cases = hostile.malformed(protocol, SEQID)
    lines = _outcomes(built, protocol, [*cases.values(), hostile.frame(hostile.good(protocol, SEQID))])
    assert lines.pop().startswith("ok / refused Transport")
    for name, line in zip(cases, lines, strict=True):
        assert line.startswith(("refused Protocol", "refused Transport")), f"{name}: {line}"
        assert " / refused Transport" in line, f"{name}: {line}"


@pytest.mark.parametrize("protocol", hostile.PROTOCOLS)
def test_replies_to_other_calls_are_refused(built: Built, protocol: str) -> None:
    (line,) = _outcomes(built, protocol, [hostile.frame(hostile.good(protocol, SEQID + 1))])
    assert line.startswith("refused Application")
    assert " / refused Transport" in line


def test_a_reply_that_comes_byte_by_byte_is_given_up_in_time(built: Built) -> None:
    # Each byte is in time for a read, all of them are not for a call.
    (line,) = _outcomes(built, "binary", [hostile.frame(hostile.good("binary", SEQID))], pause_s=0.3)
    assert line.startswith("refused Transport timed out / refused Transport"), line


@pytest.mark.parametrize("protocol", hostile.PROTOCOLS)
def test_replies_with_other_bytes_are_no_crash(built: Built, protocol: str) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    lines = _outcomes(built, protocol, list(hostile.mutated(protocol, MUTATIONS, seed, SEQID)))
    assert {line.split()[0].strip(",") for line in lines} == {"ok", "refused"}
    refused = {line.split()[1] for line in lines if line.startswith("refused")}
    assert {"Protocol", "Transport"} <= refused
