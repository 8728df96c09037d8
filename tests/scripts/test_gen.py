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
JAVA_GEN = "java-client/src/main/java/io/pyrpc/gen"

needs_compiler = pytest.mark.skipif(shutil.which("thrift") is None, reason="the Thrift compiler is missing")
both_checks = pytest.mark.parametrize("check", ["--check-stamp", pytest.param("--check", marks=needs_compiler)])


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the IDL and of what was generated from it, free to be spoilt."""
    shutil.copytree(TOP / "thrift", tmp_path / "thrift")
    for folder in (GEN, JAVA_GEN):
        shutil.copytree(TOP / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
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
@pytest.mark.parametrize(
    "path",
    [
        *(f"{GEN}/{name}.py" for name in ("ttypes", "constants", "Node", "__init__")),
        *(f"{JAVA_GEN}/{name}.java" for name in ("Node", "Value")),
    ],
)
def test_one_changed_byte_fails_and_names_the_file(tree: Path, check: str, path: str) -> None:
    change_one_byte(tree / path)
    done = gen(tree, check)
    assert done.returncode == 1
    assert path in done.stdout
    assert "make gen" in done.stdout


@both_checks
@pytest.mark.parametrize("path", [f"{GEN}/constants.py", f"{JAVA_GEN}/DType.java"])
def test_missing_file_fails_and_is_named(tree: Path, check: str, path: str) -> None:
    (tree / path).unlink()
    done = gen(tree, check)
    assert done.returncode == 1
    assert f"{path}: missing" in done.stdout


@both_checks
@pytest.mark.parametrize("path", [f"{GEN}/extra.py", f"{JAVA_GEN}/Extra.java"])
def test_file_that_was_not_generated_fails_and_is_named(tree: Path, check: str, path: str) -> None:
    (tree / path).touch()
    done = gen(tree, check)
    assert done.returncode == 1
    assert path in done.stdout


def test_changed_idl_without_a_new_run_fails_and_is_named(tree: Path) -> None:
    with (tree / IDL).open("a") as idl:
        idl.write("struct Later {}\n")
    done = gen(tree, "--check-stamp")
    assert done.returncode == 1
    assert done.stdout.count(IDL) == 1


@needs_compiler
def test_changed_idl_needs_a_new_run_and_then_is_up_to_date(tree: Path) -> None:
    with (tree / IDL).open("a") as idl:
        idl.write("struct Later {}\n")
    assert gen(tree, "--check").returncode == 1
    assert gen(tree).returncode == 0
    assert gen(tree, "--check").returncode == 0
    assert gen(tree, "--check-stamp").returncode == 0
    assert "class Later" in (tree / GEN / "ttypes.py").read_text()
    assert "class Later" in (tree / JAVA_GEN / "Later.java").read_text()


def test_missing_compiler_is_told_as_such(tree: Path) -> None:
    done = gen(tree, "--check", "--compiler", "no-such-compiler")
    assert done.returncode == 2
    assert "no-such-compiler" in done.stderr
    assert "help: " in done.stderr


@needs_compiler
@pytest.mark.parametrize("folder", [GEN, JAVA_GEN])
def test_code_of_another_compiler_version_is_told_as_such(tree: Path, folder: str) -> None:
    stamp = tree / folder / "STAMP"
    stamp.write_text(stamp.read_text().replace("# Thrift version", "# Thrift version 9."))
    done = gen(tree, "--check")
    assert done.returncode == 2
    assert "another compiler" in done.stderr


@needs_compiler
def test_idl_that_does_not_compile_changes_nothing(tree: Path) -> None:
    (tree / IDL).write_text("struct {")
    before = contents(tree)
    assert gen(tree).returncode == 2
    assert contents(tree) == before


def contents(tree: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for folder in (GEN, JAVA_GEN) for path in (tree / folder).iterdir()}


@pytest.mark.parametrize("folder", [GEN, JAVA_GEN])
def test_missing_stamp_is_told_as_such(tree: Path, folder: str) -> None:
    (tree / folder / "STAMP").unlink()
    done = gen(tree, "--check-stamp")
    assert done.returncode == 2
    assert "STAMP" in done.stderr
