"""Python with Apache Thrift and NumPy, by the bindings that pyrpc makes; nothing of pyrpc is installed there."""

from __future__ import annotations

import dataclasses

import pytest
from tests.interop.checks import PROTOCOLS
from tests.interop.program import Built, Outcome, Program
from tests.interop.rules import (  # noqa: F401
    test_an_idl_with_everything_in_it_builds,
    test_it_passes_each_check_but_those_that_it_cannot,
    test_the_first_call_of_its_readme_works,
)

from pyrpc.bindings import LANGUAGES

PROGRAM = Program(
    name="python",
    title="Python without pyrpc",
    runtime=LANGUAGES["python"].runtime,
    bindings="python",
    files={"interop.py": "interop.py", "without_c.py": "without_c.py"},
    build=(".venv/bin/pip install --quiet 'ml_dtypes>=0.5'", ".venv/bin/python -m compileall -q interop_client"),
    run=".venv/bin/python interop.py",
)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_same_without_the_c_code_of_thrift(
    built: Built, node: str, secure: dict[str, str], outcomes: dict[str, dict[str, Outcome]], protocol: str
) -> None:
    host, port = node.rsplit(":", 1)
    slower = dataclasses.replace(PROGRAM, run=".venv/bin/python without_c.py")
    found = dataclasses.replace(built, program=slower).checks(host, port, protocol, secure)
    assert found == outcomes[protocol]


def test_pyrpc_is_not_installed_where_it_runs(built: Built) -> None:
    command = "import importlib.util as u; print(u.find_spec('thrift') is not None, u.find_spec('pyrpc'))"
    assert built.shell(f'.venv/bin/python -I -c "{command}"', 60).split() == ["True", "None"]
