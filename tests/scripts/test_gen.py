"""The checks of generated code notice what they are there for."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
IDL = "thrift/pyrpc.thrift"
GEN = "py/pyrpc/wire/gen"

needs_compiler = pytest.mark.skipif(shutil.which("thrift") is None, reason="the Thrift compiler is missing")
both_checks = pytest.mark.parametrize("check", ["--check-stamp", pytest.param("--check", marks=needs_compiler)])


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the IDL and of what was generated from it, free to be spoilt."""
    shutil.copytree(TOP / "thrift", tmp_path / "thrift")
    shutil.copytree(TOP / GEN, tmp_path / GEN, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def gen(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(TOP / "scripts/gen.py"), "--top", str(tree), *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def change_one_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@both_checks
def test_untouched_tree_is_up_to_date(tree: Path, check: str) -> None:
    done = gen(tree, check)
    assert (done.returncode, done.stdout) == (0, "up to date\n")


@both_checks
@pytest.mark.parametrize("name", ["ttypes.py", "constants.py", "Node.py", "__init__.py"])
def test_one_changed_byte_fails_and_names_the_file(tree: Path, check: str, name: str) -> None:
    change_one_byte(tree / GEN / name)
    done = gen(tree, check)
    assert done.returncode == 1
    assert f"{GEN}/{name}" in done.stdout
    assert "make gen" in done.stdout


@both_checks
def test_missing_file_fails_and_is_named(tree: Path, check: str) -> None:
    (tree / GEN / "constants.py").unlink()
    done = gen(tree, check)
    assert done.returncode == 1
    assert f"{GEN}/constants.py: missing" in done.stdout


@both_checks
def test_file_that_was_not_generated_fails_and_is_named(tree: Path, check: str) -> None:
    (tree / GEN / "extra.py").touch()
    done = gen(tree, check)
    assert done.returncode == 1
    assert f"{GEN}/extra.py" in done.stdout


def test_changed_idl_without_a_new_run_fails_and_is_named(tree: Path) -> None:
    with (tree / IDL).open("a") as idl:
        idl.write("struct Later {}\n")
    done = gen(tree, "--check-stamp")
    assert done.returncode == 1
    assert IDL in done.stdout


@needs_compiler
def test_changed_idl_needs_a_new_run_and_then_is_up_to_date(tree: Path) -> None:
    with (tree / IDL).open("a") as idl:
        idl.write("struct Later {}\n")
    assert gen(tree, "--check").returncode == 1
    assert gen(tree).returncode == 0
    assert gen(tree, "--check").returncode == 0
    assert gen(tree, "--check-stamp").returncode == 0
    assert "class Later" in (tree / GEN / "ttypes.py").read_text()


def test_missing_compiler_is_told_as_such(tree: Path) -> None:
    done = gen(tree, "--check", "--compiler", "no-such-compiler")
    assert done.returncode == 2
    assert "no-such-compiler" in done.stderr
    assert "help: " in done.stderr


@needs_compiler
def test_code_of_another_compiler_version_is_told_as_such(tree: Path) -> None:
    stamp = tree / GEN / "STAMP"
    stamp.write_text(stamp.read_text().replace("# Thrift version", "# Thrift version 9."))
    done = gen(tree, "--check")
    assert done.returncode == 2
    assert "another compiler" in done.stderr


@needs_compiler
def test_idl_that_does_not_compile_changes_nothing(tree: Path) -> None:
    (tree / IDL).write_text("struct {")
    before = {path.name: path.read_bytes() for path in (tree / GEN).iterdir()}
    assert gen(tree).returncode == 2
    assert {path.name: path.read_bytes() for path in (tree / GEN).iterdir()} == before


def test_missing_stamp_is_told_as_such(tree: Path) -> None:
    (tree / GEN / "STAMP").unlink()
    done = gen(tree, "--check-stamp")
    assert done.returncode == 2
    assert "STAMP" in done.stderr
