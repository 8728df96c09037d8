"""``pyrpc bindings``: writes what builds, says what comes next, and refuses in one line what cannot be."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyrpc.bindings import LANGUAGES
from pyrpc.cli.main import main

CODE = '''
class Sums:
    """Adds."""

    def add(self, {}) -> int:
        return 0
'''
needs_compiler = pytest.mark.skipif(shutil.which("thrift") is None, reason="the Thrift compiler is missing")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with sums_to_bind.py in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    write(tmp_path, "a: int, b: int = 2")
    yield tmp_path
    sys.modules.pop("sums_to_bind", None)


def write(folder: Path, parameters: str) -> None:
    sys.modules.pop("sums_to_bind", None)
    (folder / "sums_to_bind.py").write_text(CODE.format(parameters))


def test_languages_are_listed_with_what_they_need(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bindings", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()[1:]
    assert [line.split()[0] for line in lines] == list(LANGUAGES)
    assert all(language.needs in line for language, line in zip(LANGUAGES.values(), lines, strict=True))


@needs_compiler
def test_bindings_of_a_class_are_written_and_what_comes_next_is_told(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bindings", "go", "sums_to_bind.py:Sums", "-o", "out"]) == 0
    out = capsys.readouterr().out
    assert "files of Go bindings to out" in out
    assert "  go build ./..." in out
    assert "func (p *SumsClient) Add(" in (here / "out/gen/sums_idl/sums.go").read_text()
    assert "pyrpc serve sums_to_bind.py:Sums" in (here / "out/README.md").read_text()
    assert "service Sums {" in (here / "out/idl/sums.thrift").read_text()


@needs_compiler
def test_the_readme_hosts_all_services_that_it_was_made_of(here: Path) -> None:
    (here / "other_to_bind.py").write_text("class Other:\n    def ask(self) -> int:\n        return 1\n")
    assert main(["bindings", "python", "sums_to_bind.py:Sums", "other_to_bind.py:Other", "-o", "out"]) == 0
    assert "`pyrpc serve sums_to_bind.py:Sums other_to_bind.py:Other`" in (here / "out/README.md").read_text()


@needs_compiler
def test_numbers_are_locked_and_a_change_that_callers_notice_is_refused(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["bindings", "go", "sums_to_bind.py:Sums", "-o", "out"]
    assert main([*command, "--no-lock"]) == 0
    assert not list(here.glob("*.lock"))
    assert main(command) == 0
    write(here, "b: int = 2, a: int = 1")
    assert main(command) == 0
    assert "add(2: i64 b = 2, 1: i64 a = 1)" in (here / "out/idl/sums.thrift").read_text()
    write(here, "a: str")
    capsys.readouterr()
    assert main(command) == 2
    error = capsys.readouterr().err
    assert "callers with the old IDL would notice" in error
    assert "pyrpc idl: --accept" in error


@needs_compiler
def test_what_is_refused_locks_nothing(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "a.thrift").write_text("service Power { double power(1: double p) }\n")
    assert main(["bindings", "go", "sums_to_bind.py:Sums", "a.thrift", "-o", "out"]) == 2
    assert "Go cannot have a parameter called 'p'" in capsys.readouterr().err
    assert not list(here.glob("*.lock"))


@needs_compiler
def test_what_was_changed_by_hand_is_kept_and_named(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["bindings", "go", "sums_to_bind.py:Sums", "-o", "out"]
    assert main(command) == 0
    (here / "out/go.mod").write_text("module mine\n")
    capsys.readouterr()
    assert main(command) == 0
    assert "kept go.mod: it was changed by hand" in capsys.readouterr().out
    assert (here / "out/go.mod").read_text() == "module mine\n"
    assert main([*command, "--force"]) == 0
    assert "kept" not in capsys.readouterr().out
    assert (here / "out/go.mod").read_text().startswith("module sums-client\n")


@needs_compiler
def test_without_a_source_they_are_for_any_node(here: Path) -> None:
    assert main(["bindings", "go", "-o", "out", "--package", "any-node"]) == 0
    assert (here / "out/go.mod").read_text().startswith("module any-node\n")
    assert "Go bindings for any node" in (here / "out/README.md").read_text()


@needs_compiler
def test_an_idl_with_an_error_shows_the_compilers_line(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "wrong.thrift").write_text("service Wrong {\n  i64 add(1: i64 a 2 i64 b)\n}\n")
    assert main(["bindings", "go", "wrong.thrift", "-o", "out"]) == 2
    error = capsys.readouterr().err
    assert "refuses wrong.thrift" in error
    assert "wrong.thrift:2" in error
    assert not (here / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["bindings"], "the language is not said"),
        (["bindings", "go"], "where the bindings go is not said"),
        (["bindings", "golang", "-o", "out"], "did you mean go?"),
        (["bindings", "cobol", "-o", "out"], "there are no bindings for 'cobol'"),
        (["bindings", "go", "-o", "out", "--compiler", "no-such-thrift"], "apt-get install thrift-compiler"),
        (["bindings", "go", "absent.thrift", "-o", "out"], "there is no file absent.thrift"),
        (["bindings", "go", "absent.py:Sums", "-o", "out"], "there is no file absent.py"),
        (["bindings", "go", "-o", "out", "--package", "Not This"], "the package name 'Not This'"),
        (["bindings", "go", "sums_to_bind.py:Sums", "-o", "out", "--namespace", "go"], "LANG=NAME"),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_do(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert said in error
    assert len(error.splitlines()) <= 2
    assert not (here / "out").exists()


def test_a_folder_that_cannot_be_written_is_said(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if shutil.which("thrift") is None:
        pytest.skip("the Thrift compiler is missing")
    (here / "out").write_text("a file")
    assert main(["bindings", "go", "-o", "out"]) == 2
    assert "cannot write bindings to out" in capsys.readouterr().err


@needs_compiler
def test_a_compiler_of_another_version_works_and_says_so(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = here / "newer-thrift"
    script.write_text('#!/bin/sh\n[ "$1" = -version ] && exec echo "Thrift version 0.22.0"\nexec thrift "$@"\n')
    script.chmod(0o755)
    assert main(["bindings", "go", "-o", "out", "--compiler", str(script)]) == 0
    assert "note: the Thrift compiler is 0.22.0; the bindings are tested with 0.17" in capsys.readouterr().err
    assert main(["bindings", "go", "-o", "out"]) == 0
    assert "note:" not in capsys.readouterr().err


@needs_compiler
def test_what_is_not_made_any_more_but_was_changed_is_named(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bindings", "go", "sums_to_bind.py:Sums", "-o", "out"]) == 0
    (here / "out/idl/sums.thrift").write_text("mine")
    capsys.readouterr()
    assert main(["bindings", "go", "-o", "out"]) == 0
    out = capsys.readouterr().out
    assert "kept idl/sums.thrift: it is not made any more, but was changed by hand; --force removes it" in out
    assert "removed gen/sums_idl/sums.go: it is not made any more" in out
