"""What PHP cannot have is refused with its place; the rest is tried by tests/interop/php."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from tests.bindings.built import bindings_of

from pyrpc.bindings.languages.php import LANGUAGE
from pyrpc.errors import ConfigError

pytestmark = pytest.mark.skipif(shutil.which("thrift") is None, reason="the Thrift compiler is missing")


def first_call(folder: Path, idl: str) -> str:
    (folder / "probe.thrift").write_text(f'include "pyrpc.thrift"\n{idl}')
    return bindings_of(LANGUAGE, folder / "probe.thrift").files["bin/first_call.php"].decode()


@pytest.mark.parametrize(
    ("idl", "what"),
    [
        ("struct Final { 1: i64 a }", "a type called 'Final'"),
        ("enum Kind { CLASS, FUNCTION }", "a member called 'CLASS'"),
        ("exception Bad { 1: i64 line }", "a field of an exception called 'line'"),
        ("struct Checked { 1: bool isValidate }", "a field called 'isValidate'"),
        ("service Probe { void f(1: bool isValidate) }", "a parameter called 'isValidate'"),
    ],
)
def test_names_that_do_not_build_are_refused(tmp_path: Path, idl: str, what: str) -> None:
    with pytest.raises(ConfigError, match=rf"probe\.thrift, line 2: PHP cannot have {what}"):
        first_call(tmp_path, idl)


@pytest.mark.parametrize(
    ("idl", "kind"),
    [
        ("struct Point { 1: i64 a }\nenum POINT { A }", "types"),
        ("service Probe {\nvoid readAll()\nvoid readall()\n}", "methods"),
    ],
)
def test_names_that_differ_in_capitals_only_are_refused(tmp_path: Path, idl: str, kind: str) -> None:
    with pytest.raises(ConfigError, match=rf"line [34]: the {kind} .* are one in PHP"):
        first_call(tmp_path, idl)


def test_the_first_call_names_the_class_that_the_compiler_writes(tmp_path: Path) -> None:
    program = first_call(tmp_path, "namespace php a.b\nservice Probe { bool is_on(1: string name, 2: bool on) }")
    assert "use a\\b\\ProbeClient;\nuse Pyrpc\\Connection;" in program
    assert 'service(ProbeClient::class)->is_on("name", true);' in program
    # A class without a namespace is not imported.
    program = first_call(tmp_path, "service Probe { pyrpc.Tensor f(1: pyrpc.Tensor x) }")
    assert "use ProbeClient" not in program
    assert "f(Arrays::zeros(DType::FLOAT64, [2, 3]));" in program


def test_without_a_service_the_first_call_is_ping_alone(tmp_path: Path) -> None:
    program = first_call(tmp_path, "struct Point { 1: i64 a }")
    assert "->ping()" in program
    assert "->service(" not in program


@pytest.mark.skipif(shutil.which("php") is None, reason="PHP is missing")
def test_constants_are_read_without_a_warning(tmp_path: Path) -> None:
    (tmp_path / "probe.thrift").write_text(
        "namespace php ProbeIdl\nconst i64 MOST = 12\nconst list<i64> ODD = [1, 3]\n"
    )
    code = bindings_of(LANGUAGE, tmp_path / "probe.thrift").files["gen/ProbeIdl/Constant.php"].decode()
    # The library's class, as far as this uses it.
    (tmp_path / "probe.php").write_text(
        f"{code}\nnamespace Thrift\\Type;\nabstract class TConstant {{}}\n"
        "echo json_encode([\\ProbeIdl\\Constant::get('MOST'), \\ProbeIdl\\Constant::get('ODD')]);\n"
    )
    command = ["php", "-d", "error_reporting=-1", "-d", "display_errors=1", str(tmp_path / "probe.php")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == "[12,[1,3]]"
