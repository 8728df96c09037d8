"""Kotlin, by the bindings that pyrpc makes and the Thrift library of Apache."""

from __future__ import annotations

from tests.interop.program import Program
from tests.interop.rules import (  # noqa: F401
    test_an_idl_with_everything_in_it_builds,
    test_it_passes_each_check_but_those_that_it_cannot,
    test_the_first_call_of_its_readme_works,
)

from pyrpc.bindings import LANGUAGES

PROGRAM = Program(
    name="kotlin",
    title="Kotlin",
    runtime=LANGUAGES["kotlin"].runtime,
    bindings="kotlin",
    files={"InteropChecks.kt": "src/main/kotlin/InteropChecks.kt"},
    build=("mvn -q -B -o package",),
    run="java -cp 'target/bindings.jar:target/lib/*' InteropChecksKt",
    # The compiler runs once a build: what only pays for long runs is left out.
    environment={"MAVEN_OPTS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"},
)
