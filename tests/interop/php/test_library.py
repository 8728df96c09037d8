"""The library for PHP with a node that answers with anything, and with arrays that are none."""

from __future__ import annotations

import random

import pytest
from tests.interop import hostile
from tests.interop.php.test_program import PROGRAM as _PROGRAM
from tests.interop.program import Built

PROGRAM = _PROGRAM
MUTATIONS = 400


@pytest.fixture(scope="module")
def library(built: Built) -> Built:
    """The bindings, with the programs of this module."""
    for name in ("hostile.php", "bad_input.php", "cases.php"):
        (built.folder / "bin" / name).write_text((hostile.HERE / "php" / name).read_text())
    return built


def outcomes(library: Built, protocol: str, replies: list[bytes]) -> list[str]:
    return hostile.outcomes(library, "php -d memory_limit=256M bin/hostile.php", protocol, replies)


@pytest.mark.parametrize("protocol", hostile.PROTOCOLS)
def test_malformed_replies_are_refused_and_the_connection_is_closed(library: Built, protocol: str) -> None:
    cases = hostile.malformed(protocol)
    lines = outcomes(library, protocol, [*cases.values(), hostile.frame(hostile.good(protocol))])
    assert lines.pop().startswith("ok / refused Thrift")
    for name, line in zip(cases, lines, strict=True):
        expected = "TTransportException" if name == "a frame that is cut" else "TProtocolException"
        assert line.startswith(f"refused Thrift\\Exception\\{expected}"), f"{name}: {line}"
        assert " / refused Thrift\\Exception\\TTransportException" in line, f"{name}: {line}"


@pytest.mark.parametrize("protocol", hostile.PROTOCOLS)
def test_every_value_comes_back_bit_for_bit(library: Built, cases_node: str, protocol: str) -> None:
    host, port = cases_node.rsplit(":", 1)
    lines = library.shell(f"php -d memory_limit=512M bin/cases.php {host} {port} {protocol}", 120).splitlines()
    assert lines == ["done"], "\n".join(lines)


@pytest.mark.parametrize("protocol", hostile.PROTOCOLS)
def test_replies_with_other_bytes_are_no_crash(library: Built, protocol: str) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    lines = outcomes(library, protocol, list(hostile.mutated(protocol, MUTATIONS, seed)))
    assert {line.split()[0].strip(",") for line in lines} == {"ok", "refused"}


def test_arrays_that_do_not_fit_are_refused_with_what_is_wrong(library: Built) -> None:
    lines = library.shell("php bin/bad_input.php", 60).splitlines()
    assert lines[-1] == "done", lines
    assert lines[:-1] == [], "\n".join(lines)
