"""C++, by the bindings that pyrpc makes and the Thrift library of Apache."""

from __future__ import annotations

from tests.interop.program import Program
from tests.interop.rules import (  # noqa: F401
    test_an_idl_with_everything_in_it_builds,
    test_it_passes_each_check_but_those_that_it_cannot,
    test_the_first_call_of_its_readme_works,
)

from pyrpc.bindings import LANGUAGES


def compiled(name: str, standard: int, sources: str) -> str:
    """The command that builds a program, from its source and others or a library."""
    flags = f"-std=c++{standard} -O1 -Wall -Wextra -Werror -I."
    return f"c++ {flags} {name}.cpp -o build/{name} {sources} $(pkg-config --cflags --libs thrift)"


PROGRAM = Program(
    name="cpp",
    title="C++",
    runtime=LANGUAGES["cpp"].runtime,
    bindings="cpp",
    files={"interop.cpp": "interop.cpp"},
    build=(compiled("interop", 20, "build/libinterop-client.a"),),
    run="build/interop",
)
