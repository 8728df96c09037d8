"""The committed generated code is what the compiler wrote, and can live where it is."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
GEN = TOP / "py/pyrpc/wire/gen"


def test_generated_code_is_as_stamped() -> None:
    done = subprocess.run([sys.executable, TOP / "scripts/gen.py", "--check-stamp"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", sorted(GEN.glob("*.py")), ids=lambda path: path.name)
def test_generated_code_imports_its_own_modules_relatively_only(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 1 or node.module.split(".")[0] == "thrift"
        elif isinstance(node, ast.Import):
            assert {alias.name for alias in node.names} <= {"sys", "logging"}


def test_generated_package_holds_no_remote_script() -> None:
    names = {path.name for path in GEN.iterdir() if path.name != "__pycache__"}
    assert names == {"__init__.py", "Node.py", "constants.py", "ttypes.py", "STAMP"}


@pytest.mark.parametrize("folder", ["thrift", "py"])
def test_top_level_folder_is_no_package(folder: str) -> None:
    # Run from the top, an __init__.py there would hide the thrift library or pytest's module py.
    assert (TOP / folder).is_dir()
    assert not (TOP / folder / "__init__.py").exists()
