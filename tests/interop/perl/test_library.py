"""The library for Perl with a node that answers with anything, and with arrays that are none."""

from __future__ import annotations

import random

import pytest
from tests.interop import hostile
from tests.interop.perl.test_program import PROGRAM as _PROGRAM
from tests.interop.program import Built

PROGRAM = _PROGRAM
MUTATIONS = 400


@pytest.fixture(scope="module")
def library(built: Built) -> Built:
    """The bindings, with the programs of this module."""
    for name in ("hostile.pl", "bad_input.pl", "cases.pl"):
        (built.folder / "bin" / name).write_text((hostile.HERE / "perl" / name).read_text())
    return built


def outcomes(library: Built, protocol: str, replies: list[bytes]) -> list[str]:
    return hostile.outcomes(library, "perl bin/hostile.pl", protocol, replies)


@pytest.mark.parametrize("protocol", hostile.PROTOCOLS)
def test_malformed_replies_are_refused_and_the_connection_is_closed(library: Built, protocol: str) -> None:
    cases = hostile.malformed(protocol)
    lines = outcomes(library, protocol, [*cases.values(), hostile.frame(hostile.good(protocol))])
    assert lines.pop().startswith("ok / refused Thrift")
    for name, line in zip(cases, lines, strict=True):
        expected = "TTransportException" if name == "a frame that is cut" else "TProtocolException"
        assert line.startswith(f"refused Thrift::{expected}"), f"{name}: {line}"
        assert " / refused Thrift::TTransportException" in line, f"{name}: {line}"


@pytest.mark.parametrize("protocol", hostile.PROTOCOLS)
def test_every_value_comes_back_bit_for_bit(library: Built, cases_node: str, protocol: str) -> None:
    host, port = cases_node.rsplit(":", 1)
    lines = library.shell(f"perl bin/cases.pl {host} {port} {protocol}", 120).splitlines()
    assert lines == ["done"], "\n".join(lines)


@pytest.mark.parametrize("protocol", hostile.PROTOCOLS)
def test_replies_with_other_bytes_are_no_crash(library: Built, protocol: str) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    lines = outcomes(library, protocol, list(hostile.mutated(protocol, MUTATIONS, seed)))
    assert {line.split()[0].strip(",") for line in lines} == {"ok", "refused"}


def test_arrays_that_do_not_fit_are_refused_with_what_is_wrong(library: Built) -> None:
    lines = library.shell("perl bin/bad_input.pl", 60).splitlines()
    assert lines[-1] == "done", lines
    assert lines[:-1] == [], "\n".join(lines)
