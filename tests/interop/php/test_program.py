"""PHP, by the bindings that pyrpc makes and the Thrift library of Apache."""

from __future__ import annotations

from tests.interop.program import Program
from tests.interop.rules import (  # noqa: F401
    test_an_idl_with_everything_in_it_builds,
    test_it_passes_each_check_but_those_that_it_cannot,
    test_the_first_call_of_its_readme_works,
)

from pyrpc.bindings import LANGUAGES

PROGRAM = Program(
    name="php",
    title="PHP",
    runtime=LANGUAGES["php"].runtime,
    bindings="php",
    files={"interop.php": "bin/interop.php"},
    build=("php -l bin/interop.php",),
    run="php -d memory_limit=512M bin/interop.php",
)
