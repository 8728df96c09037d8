"""Compilers that are missing, broken, old or angry; shell scripts stand for them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pyrpc.bindings.compiler import HOW_TO_GET_IT, Compiler, find_compiler
from pyrpc.errors import ConfigError

FakeCompiler = Callable[[str], str]
needs_compiler = pytest.mark.skipif(shutil.which("thrift") is None, reason="the Thrift compiler is missing")


@pytest.fixture
def fake(tmp_path: Path) -> FakeCompiler:
    """A compiler that a line of shell stands for."""

    def made(line: str) -> str:
        path = tmp_path / "thrift"
        path.write_text(f"#!/bin/sh\n{line}\n")
        path.chmod(0o755)
        return str(path)

    return made


@pytest.mark.parametrize(
    ("said", "version", "is_tested"),
    [
        ("0.17.0", (0, 17, 0), True),
        ("0.17", (0, 17), True),
        ("0.13.0", (0, 13, 0), False),
        ("0.22.0-dev", (0, 22, 0), False),
        ("0.170.0", (0, 170, 0), False),
        ("1.0.0", (1, 0, 0), False),
    ],
)
def test_each_version_is_known(fake: FakeCompiler, said: str, version: tuple[int, ...], is_tested: bool) -> None:
    compiler = find_compiler(fake(f'[ "$1" = -version ] && echo "Thrift version {said}"'))
    assert compiler.version == version
    assert compiler.version_text == ".".join(map(str, version))
    assert compiler.is_tested is is_tested


def test_versions_are_compared_as_numbers() -> None:
    assert Compiler("thrift", (0, 9, 3)).version < Compiler("thrift", (0, 13)).version < (0, 17, 0)


def test_a_missing_compiler_is_one_line_that_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        find_compiler(str(tmp_path / "no-thrift"))
    assert str(caught.value).startswith(f"the Thrift compiler ({tmp_path / 'no-thrift'}) is missing")
    assert caught.value.help == HOW_TO_GET_IT
    assert "\n" not in HOW_TO_GET_IT


def test_what_is_no_program_does_not_run(tmp_path: Path) -> None:
    (tmp_path / "thrift").write_text("no program")
    with pytest.raises(ConfigError, match="does not run") as caught:
        find_compiler(str(tmp_path / "thrift"))
    assert "ermission denied" in str(caught.value.got)


@pytest.mark.parametrize(
    ("line", "got"),
    [
        ("echo 'thrift 3.2 of somebody else'", "thrift 3.2 of somebody else"),
        ("echo 'unknown option' >&2; exit 1", "unknown option"),
        ("exit 3", "exit code 3"),
        (r"printf '\377\376'", "\ufffd\ufffd"),
    ],
)
def test_another_program_of_the_name_is_not_taken_for_it(fake: FakeCompiler, line: str, got: str) -> None:
    with pytest.raises(ConfigError, match="is not the Thrift compiler") as caught:
        find_compiler(fake(line))
    assert caught.value.got == got
    assert caught.value.help == HOW_TO_GET_IT


@pytest.mark.parametrize(
    ("line", "got"),
    [
        # What 0.17 prints, and what else there may be.
        (
            "printf '[WARNING:a:1] old\n[ERROR:/x/a.thrift:3] (last token was a)\nsyntax error\nmore' >&2;false",
            "[ERROR:/x/a.thrift:3] (last token was a) syntax error",
        ),
        ("echo '[FAILURE:/x/a.thrift:2] no such type'; exit 1", "[FAILURE:/x/a.thrift:2] no such type"),
        ("echo 'out of memory' >&2; exit 2", "out of memory"),
        ("exit 2", "exit code 2"),
        ("kill -9 $$", "exit code -9"),
    ],
)
def test_a_refused_idl_shows_what_the_compiler_says(fake: FakeCompiler, tmp_path: Path, line: str, got: str) -> None:
    (tmp_path / "a.thrift").write_text("struct A { 1: i32 x }\n")
    compiler = Compiler(fake(line), (0, 18, 1))
    with pytest.raises(ConfigError, match=r"the Thrift compiler 0\.18\.1 refuses a\.thrift") as caught:
        compiler.check(tmp_path / "a.thrift", [])
    assert caught.value.got == got


def test_it_gets_generator_folders_and_idl(fake: FakeCompiler, tmp_path: Path) -> None:
    compiler = Compiler(fake(f'echo "$@" > {tmp_path}/arguments'), (0, 17))
    compiler.generate("go:x=y", tmp_path / "a.thrift", tmp_path / "out", [Path("one"), Path("two")])
    expected = f"-I one -I two --gen go:x=y -out {tmp_path}/out {tmp_path}/a.thrift\n"
    assert (tmp_path / "arguments").read_text() == expected


@needs_compiler
def test_the_real_one_shows_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "wrong.thrift").write_text("struct A { 1: i32 x }\nservice B { void c(1: i32 a 2 i32 b) }\n")
    with pytest.raises(ConfigError) as caught:
        find_compiler().check(tmp_path / "wrong.thrift", [])
    assert "wrong.thrift:2]" in str(caught.value.got)
    assert "syntax error" in str(caught.value.got)


@needs_compiler
def test_of_a_name_that_means_nothing_the_line_is_shown_though_the_compiler_does_not(tmp_path: Path) -> None:
    (tmp_path / "wrong.thrift").write_text("struct A { 1: i32 x }\nservice B { NoSuchType c() }\n")
    with pytest.raises(ConfigError, match=r"wrong\.thrift, line 2: .*NoSuchType"):
        find_compiler().check(tmp_path / "wrong.thrift", [])


@needs_compiler
def test_the_real_one_finds_included_files(tmp_path: Path) -> None:
    (tmp_path / "includes").mkdir()
    (tmp_path / "includes/other.thrift").write_text("struct A { 1: i32 x }\n")
    (tmp_path / "right.thrift").write_text('include "other.thrift"\nservice B { other.A c() }\n')
    find_compiler().check(tmp_path / "right.thrift", [tmp_path / "includes"])
