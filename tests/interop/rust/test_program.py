"""Rust, by the bindings that pyrpc makes and the Thrift library of Apache."""

from __future__ import annotations

from tests.interop.program import Program
from tests.interop.rules import (  # noqa: F401
    test_it_passes_each_check_but_those_that_it_cannot,
    test_the_first_call_of_its_readme_works,
)

from pyrpc.bindings import LANGUAGES

_FEATURES = "--example interop --features ndarray,half"
PROGRAM = Program(
    name="rust",
    title="Rust",
    runtime=LANGUAGES["rust"].runtime,
    bindings="rust",
    files={"interop.rs": "examples/interop.rs"},
    build=(f"cargo build --quiet {_FEATURES}",),
    run=f"cargo run --quiet {_FEATURES} --",
    environment={"CARGO_TARGET_DIR": "{cache}/target"},
)
