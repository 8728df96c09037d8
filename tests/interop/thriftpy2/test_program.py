"""Python with thriftpy2, which reads the IDL itself: no code is generated, and nothing of pyrpc is imported."""

from __future__ import annotations

from tests.interop.program import SERVICE, Program
from tests.interop.rules import (  # noqa: F401
    test_it_passes_each_check_but_those_that_it_cannot,
    test_the_first_call_of_its_readme_works,
)

PROGRAM = Program(
    name="thriftpy2",
    title="Python with thriftpy2",
    runtime="thriftpy2 0.7 (PyPI)",
    files={"interop.py": "interop.py"},
    build=(f'"$PYTHON" -m pyrpc idl "{SERVICE}:Interop" -o interop.thrift',),
    run='"$PYTHON" interop.py',
)
