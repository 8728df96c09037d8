"""``pyrpc idl``: prints, locks, and refuses what old callers would notice."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pyrpc.cli.main import main

CODE = "class Sums:\n    def add(self, {}) -> int:\n        return 0\n"


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], str]]:
    """Writes the service with other parameters; what to call it on the command line."""
    path = tmp_path / "sums_of_tests.py"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def write_(parameters: str) -> str:
        sys.modules.pop(path.stem, None)
        path.write_text(CODE.format(parameters))
        return f"{path}:Sums"

    yield write_
    sys.modules.pop(path.stem, None)


def test_idl_is_printed_and_its_numbers_locked(
    write: Callable[[str], str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["idl", write("a: int, b: int = 2")]) == 0
    out = capsys.readouterr().out
    assert "i64 add(1: i64 a, 2: i64 b = 2) throws (1: pyrpc.RpcError error)" in out
    assert 'include "pyrpc.thrift"' in out
    assert "namespace java sums_idl" in out
    assert (tmp_path / "sums_of_tests.idl.lock").is_file()
    assert main(["idl", write("b: int = 2, a: int = 1"), "--no-lock"]) == 0
    assert "add(1: i64 b = 2, 2: i64 a = 1)" in capsys.readouterr().out
    assert main(["idl", write("b: int = 2, a: int = 1")]) == 0
    assert "add(2: i64 b = 2, 1: i64 a = 1)" in capsys.readouterr().out


def test_output_has_the_interface_beside_it(write: Callable[[str], str], tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    options = ["-o", str(folder / "sums.thrift"), "--namespace", "java=com.example.sums", "--name", "Adder"]
    assert main(["idl", write("a: int"), *options]) == 0
    text = (folder / "sums.thrift").read_text()
    assert "namespace java com.example.sums" in text
    assert "service Adder {" in text
    assert "service Node {" in (folder / "pyrpc.thrift").read_text()


def test_check_passes_while_nothing_changes_and_writes_nothing(write: Callable[[str], str], tmp_path: Path) -> None:
    assert main(["idl", write("a: int")]) == 0
    before = (tmp_path / "sums_of_tests.idl.lock").read_bytes()
    assert main(["idl", write("a: int"), "--check"]) == 0
    assert (tmp_path / "sums_of_tests.idl.lock").read_bytes() == before


def test_check_fails_on_what_old_callers_notice_and_says_which(
    write: Callable[[str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["idl", write("a: int")]) == 0
    capsys.readouterr()
    assert main(["idl", write("a: float"), "--check"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "parameter 'a' of Sums.add was i64 and is double" in captured.err


def test_check_fails_on_a_lock_that_is_behind(
    write: Callable[[str], str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["idl", write("a: int"), "--check"]) == 2
    assert "the method Sums.add is new" in capsys.readouterr().err
    assert not (tmp_path / "sums_of_tests.idl.lock").exists()
    assert main(["idl", write("a: int")]) == 0
    assert main(["idl", write("a: int, b: int = 0"), "--check"]) == 2
    assert "parameter 'b' of Sums.add is new" in capsys.readouterr().err


def test_breaking_change_is_locked_only_when_accepted(
    write: Callable[[str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["idl", write("a: int, b: int")]) == 0
    assert main(["idl", write("a: int, renamed: int")]) == 2
    assert "'renamed' of Sums.add is new, and has no default" in capsys.readouterr().err
    assert main(["idl", write("a: int, renamed: int"), "--accept"]) == 0
    assert "add(1: i64 a, 3: i64 renamed)" in capsys.readouterr().out
    assert main(["idl", write("a: int, renamed: int"), "--check"]) == 0


def test_hint_that_cannot_be_said_is_the_callers_fault(
    write: Callable[[str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["idl", write("a: complex")]) == 2
    assert "parameter 'a' of Sums.add: the type complex cannot be said in an IDL" in capsys.readouterr().err


def test_namespace_that_cannot_be_read_is_told(write: Callable[[str], str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["idl", write("a: int"), "--namespace", "java"]) == 2
    assert "LANG=NAME" in capsys.readouterr().err
