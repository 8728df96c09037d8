"""The library for C++ with a node that answers with anything, and with arrays that are none."""

from __future__ import annotations

import random
import shutil

import pytest
from tests.interop import hostile
from tests.interop.cpp.test_program import PROGRAM as _PROGRAM
from tests.interop.cpp.test_program import compiled
from tests.interop.program import Built

PROGRAM = _PROGRAM
MUTATIONS = 400
# Reads and writes out of bounds, and what C++ does not define, end the program; but Thrift itself reads the types of
# fields into an enum that has not so many.
_CHECKED = "-g -fsanitize=address,undefined -fno-sanitize=enum -fno-sanitize-recover=all -Wno-maybe-uninitialized"
# The compiler's code is as it was built: what it does to memory is noticed by the others, too.
_LIBRARY = "build/checked/*.o build/libinterop-client.a"


@pytest.fixture(scope="module")
def library(built: Built) -> Built:
    """The bindings, with the programs of this module, and all of it with sanitizers."""
    built.shell(
        f"mkdir build/checked && cd build/checked && c++ -std=c++17 -O1 {_CHECKED} -I../.. -c ../../pyrpc/*.cpp"
        " $(pkg-config --cflags thrift)",
        600,
    )
    for name in ("hostile", "bad_input"):
        shutil.copyfile(hostile.HERE / "cpp" / f"{name}.cpp", built.folder / f"{name}.cpp")
        built.shell(compiled(name, 17, f"{_CHECKED} {_LIBRARY}"), 600)
    return built


def outcomes(library: Built, protocol: str, replies: list[bytes], pause_s: float = 0.0) -> list[str]:
    # More memory than that would be of a claim, not of a reply.
    options = "ASAN_OPTIONS=allocator_may_return_null=0:max_allocation_size_mb=256"
    return hostile.outcomes(library, f"{options} build/hostile", protocol, replies, pause_s=pause_s)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("protocol", hostile.PROTOCOLS)
def test_malformed_replies_are_refused_and_the_connection_is_closed(library: Built, protocol: str) -> None:
    cases = hostile.malformed(protocol)
    lines = outcomes(library, protocol, [*cases.values(), hostile.frame(hostile.good(protocol))])
    assert lines.pop().startswith("ok / refused TTransportException")
    for name, line in zip(cases, lines, strict=True):
        assert line.startswith(("refused TTransportException", "refused TProtocolException")), f"{name}: {line}"
        assert " / refused TTransportException" in line, f"{name}: {line}"


@pytest.mark.timeout(1800)
def test_a_reply_that_comes_byte_by_byte_is_given_up_in_time(library: Built) -> None:
    # Each byte is in time for a read, all of them are not for a call.
    (line,) = outcomes(library, "binary", [hostile.frame(hostile.good("binary"))], pause_s=0.3)
    assert line.startswith("refused TTransportException the call did not end within 5000 ms / refused"), line


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("protocol", hostile.PROTOCOLS)
def test_replies_with_other_bytes_are_no_crash(library: Built, protocol: str) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    lines = outcomes(library, protocol, list(hostile.mutated(protocol, MUTATIONS, seed)))
    assert {line.split()[0].strip(",") for line in lines} == {"ok", "refused"}


@pytest.mark.timeout(1800)
def test_arrays_that_do_not_fit_are_refused_with_what_is_wrong(library: Built) -> None:
    lines = library.shell("build/bad_input", 60).splitlines()
    assert lines[-1] == "done", lines
    assert lines[:-1] == [], "\n".join(lines)
