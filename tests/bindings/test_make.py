"""The files of bindings in memory; a shell script stands for the compiler."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from pyrpc.bindings.compiler import Compiler
from pyrpc.bindings.language import Language
from pyrpc.bindings.languages import LANGUAGES
from pyrpc.bindings.make import Bindings, filled, make_bindings
from pyrpc.bindings.project import make_project
from pyrpc.errors import ConfigError

# Writes the IDL to a file with the name that the comment in its first line has.
_SCRIPT = """#!/bin/sh
for idl; do :; done
while [ "$1" != -out ]; do shift; done
name=$(sed -n 's,^// ,,p;q' "$idl")
cp "$idl" "$2/${name:-pyrpc.rb}"
"""
LANGUAGE = replace(LANGUAGES["ruby"], mend=lambda folder: None, before=())


def made(folder: Path, *stems: str, version: tuple[int, ...] = (0, 17, 0), language: Language = LANGUAGE) -> Bindings:
    script = folder / "thrift"
    script.write_text(_SCRIPT)
    script.chmod(0o755)
    project = make_project([folder / f"{stem}.thrift" for stem in stems], [])
    return make_bindings(language, project, Compiler(str(script), version), [], "module:Class")


@pytest.fixture
def idls(tmp_path: Path) -> Path:
    """Two that become same.rb, one of them twice; and one that becomes other.rb."""
    (tmp_path / "one.thrift").write_text("// same.rb\nservice One { i64 add(1: i64 a, 2: i64 b) }\n")
    (tmp_path / "copy.thrift").write_text("// same.rb\nservice One { i64 add(1: i64 a, 2: i64 b) }\n")
    (tmp_path / "two.thrift").write_text("// same.rb\nservice Two { i64 add(1: i64 a, 2: i64 b) }\n")
    (tmp_path / "three.thrift").write_text("// other.rb\nservice Three { i64 add(1: i64 a, 2: i64 b) }\n")
    return tmp_path


def test_all_idls_are_compiled_and_added(idls: Path) -> None:
    bindings = made(idls, "one", "three")
    assert bindings.code == "gen"
    assert {path for path in bindings.files if path.startswith(("gen/", "idl/"))} == {
        *("gen/same.rb", "gen/other.rb", "gen/pyrpc.rb", "idl/one.thrift", "idl/three.thrift", "idl/pyrpc.thrift"),
    }
    assert bindings.files["gen/same.rb"] == bindings.files["idl/one.thrift"] == (idls / "one.thrift").read_bytes()


def test_two_idls_that_become_the_same_file_are_refused(idls: Path) -> None:
    with pytest.raises(ConfigError, match=r"one\.thrift and two\.thrift both become same\.rb") as caught:
        made(idls, "one", "two")
    assert caught.value.help == "give each a namespace of its own: namespace rb NAME"


def test_the_same_file_may_be_made_twice(idls: Path) -> None:
    assert "gen/same.rb" in made(idls, "one", "copy").files


def test_a_compiler_that_is_too_old_is_refused_and_a_newer_one_named(idls: Path) -> None:
    needed = replace(LANGUAGE, since=(0, 14))
    with pytest.raises(ConfigError, match=r"the Thrift compiler 0\.9\.3 is too old for Ruby") as caught:
        made(idls, "one", version=(0, 9, 3), language=needed)
    assert caught.value.expected == "0.14 or later"
    readme = made(idls, "one", version=(0, 22, 0), language=needed).files["README.md"].decode()
    assert "what the Thrift compiler 0.22.0 wrote" in readme


def test_a_compiler_whose_code_the_library_does_not_run_is_refused(idls: Path) -> None:
    limited = replace(LANGUAGE, before=(0, 18))
    assert "gen/same.rb" in made(idls, "one", version=(0, 17, 9), language=limited).files
    message = rf"the Thrift compiler 0\.25\.0 writes Ruby that does not work with {re.escape(LANGUAGE.runtime)}"
    with pytest.raises(ConfigError, match=message) as caught:
        made(idls, "one", version=(0, 25, 0), language=limited)
    assert caught.value.expected == "a version before 0.18"


def test_the_readme_has_the_first_call_and_says_what_each_file_is(idls: Path) -> None:
    files = made(idls, "one").files
    readme = files["README.md"].decode()
    assert files["bin/first_call.rb"].decode().strip() in readme
    assert "| `lib/pyrpc/tensors.rb` | Tensors of Arrays, and back |" in readme
    assert "for service One, made by `pyrpc bindings ruby`" in readme
    assert not any(path.endswith(".in") for path in files)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("a @ONE@ @TWO@ b\n", "a 1 2\n3 b\n"),
        ("  @TWO@\nnext\n", "  2\n  3\nnext\n"),
        ("\t@NONE@\nnext\n", "next\n"),
        ("a@NONE@b\n", "ab\n"),
        ("mail@example @Lower@ @ONE\n", "mail@example @Lower@ @ONE\n"),
    ],
)
def test_placeholders_are_replaced(text: str, result: str) -> None:
    assert filled(text, {"ONE": "1", "TWO": "2\n3", "NONE": ""}, "here") == result


def test_a_placeholder_that_nothing_stands_for_names_its_file() -> None:
    with pytest.raises(KeyError, match=r"first_call\.in has the placeholder @THREE@"):
        filled("@THREE@", {}, "first_call.in")
