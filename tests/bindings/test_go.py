"""Names of Go are those that the compiler writes."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.bindings.built import bindings_of

from pyrpc.bindings.languages.go import LANGUAGE, _public
from pyrpc.errors import ConfigError

NAMES = (
    *("get_id", "url", "new_thing", "newer", "load_args", "do_result", "fooBar", "a__b", "x_1", "ID", "json2"),
    *("http_api_call", "New", "x_", "my_ids", "getId", "url_", "id_url"),
)


pytestmark = pytest.mark.skipif(shutil.which("thrift") is None, reason="the Thrift compiler is missing")


def test_names_are_those_of_the_compiler(tmp_path: Path) -> None:
    functions = "".join(f"i64 {name}()\n" for name in NAMES)
    (tmp_path / "names.thrift").write_text(f"service Names {{\n{functions}}}\n")
    command = ["thrift", "--gen", "go:skip_remote", "-out", str(tmp_path), str(tmp_path / "names.thrift")]
    subprocess.run(command, check=True)
    code = (tmp_path / "names/names.go").read_text()
    assert [_public(name) for name in NAMES] == re.findall(r"\*NamesClient\) (\w+)\(ctx", code)


def test_names_that_do_not_build_are_refused_with_their_place(tmp_path: Path) -> None:
    (tmp_path / "clash.thrift").write_text("service Clash {\n  i64 power(\n    1: i64 p)\n}\n")
    with pytest.raises(
        ConfigError, match=r"clash\.thrift, line 3: Go cannot have a parameter called 'p' \(in Clash\.power"
    ):
        bindings_of(LANGUAGE, tmp_path / "clash.thrift")
    (tmp_path / "no-module.thrift").write_text("service Plain { i64 power(1: i64 a) }\n")
    with pytest.raises(ConfigError, match="package no-module, which Go cannot have") as caught:
        bindings_of(LANGUAGE, tmp_path / "no-module.thrift")
    assert caught.value.help == "say in it: namespace go NAME"
