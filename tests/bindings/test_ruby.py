"""What the compiler writes for Ruby is mended where Ruby would not take it, or where it means something else."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from tests.bindings.built import bindings_of

from pyrpc.bindings.languages.ruby import LANGUAGE
from pyrpc.errors import ConfigError

pytestmark = pytest.mark.skipif(shutil.which("thrift") is None, reason="the Thrift compiler is missing")

ODD = """
namespace rb foo.bar_baz.QuxQuux
enum lower { one, _two }
/** The class of a thing. */
struct Same {
  1: i32 x, 2: i32 X, 3: i32 FIELDS, 4: string text = 'a "quoted"\\n#{text}', 5: _Kind kind, 6: string path = "a::b"
}
enum _Kind { A }
union shape { 1: i32 dot, 2: binary line }
service parent {
  i32 fit(1: i32 X, 2: i32 x, 3: i32 y)
  void message(1: string write, 2: string it)
  i32 _hidden()
}
"""
PLAIN = 'include "odd.thrift"\nservice Plain extends odd.parent { i32 add(1: i32 a, 2: i32 b) }\n'


@pytest.fixture
def code(tmp_path: Path) -> dict[str, str]:
    """The compiler's files, mended; and the first call."""
    (tmp_path / "odd.thrift").write_text(ODD)
    (tmp_path / "plain.thrift").write_text(PLAIN)
    files = bindings_of(LANGUAGE, tmp_path / "plain.thrift").files
    return {path: content.decode() for path, content in files.items() if path.endswith(".rb")}


def in_order(text: str, *parts: str) -> bool:
    return re.search(".*?".join(map(re.escape, parts)), text, re.DOTALL) is not None


def test_parameters_have_no_capital_letters(code: dict[str, str]) -> None:
    service = code["gen/foo/bar_baz/qux_quux/parent.rb"]
    assert in_order(service, "def fit(x_, x, y)", "send_fit(x_, x, y)")
    assert "send_message('fit', Fit_args, :X => x_, :x => x, :y => y)" in service


def test_fields_are_not_lost_to_others_of_the_same_constant(code: dict[str, str]) -> None:
    types = code["gen/foo/bar_baz/qux_quux/odd_types.rb"]
    assert in_order(
        types, "X = 1\n", "TEXT = 4\n", "FIELDS = {", "1 => {", "'x'", "2 => {", "'X'", "3 => {", "'FIELDS'"
    )
    assert re.findall(r"^ +((?:X|FIELDS) = .*)", types, re.MULTILINE) == ["X = 1", "FIELDS = {", "FIELDS = {"]


def test_names_of_constants_begin_with_a_capital_letter_wherever_they_stand(code: dict[str, str]) -> None:
    types = code["gen/foo/bar_baz/qux_quux/odd_types.rb"]
    assert in_order(types, "module Lower", "One = 0", "X_two = 1", "VALID_VALUES = ::Set.new([One, X_two])")
    assert in_order(types, "class Shape < ::Thrift::Union", "Shape.new(:dot, val)")
    assert in_order(types, "module X_Kind", ":enum_class => ::Foo::Bar_baz::QuxQuux::X_Kind")
    assert in_order(types, "# The class of a thing.", '"a::b"')
    assert "class Client < ::Foo::Bar_baz::QuxQuux::Parent::Client" in code["gen/plain.rb"]
    service = code["gen/foo/bar_baz/qux_quux/parent.rb"]
    assert in_order(service, "send_message('_hidden', X_hidden_args)", "receive_message(X_hidden_result)")
    assert "class X_hidden_args" in service


def test_arguments_do_not_hide_what_the_library_calls(code: dict[str, str]) -> None:
    service = code["gen/foo/bar_baz/qux_quux/parent.rb"]
    assert in_order(service, "def message(write, it)", "send_message__(write, it)", "def send_message__(write, it)")
    assert "send_message('message', Message_args, :write_ => write, :it => it)" in service
    assert in_order(service, "class Message_args", ":name => 'write_'")


def test_texts_mean_what_the_idl_says(code: dict[str, str]) -> None:
    assert r'"a \"quoted\"\n\#{text}"' in code["gen/foo/bar_baz/qux_quux/odd_types.rb"]


def test_numbers_of_newer_enums_are_no_errors(code: dict[str, str]) -> None:
    assert "VALID_VALUES.include?" not in "".join(code.values())


def test_the_first_call_finds_what_has_no_namespace_or_a_deep_one(code: dict[str, str], tmp_path: Path) -> None:
    assert in_order(code["bin/first_call.rb"], 'require "plain"', "service(Plain)", "client.fit(1, 2, 3)")
    (tmp_path / "deep.thrift").write_text("namespace rb a.BcD\nservice eF { void g(1: binary x) }")
    first = bindings_of(LANGUAGE, tmp_path / "deep.thrift").files["bin/first_call.rb"].decode()
    assert in_order(first, 'require "a/bc_d/e_f"', 'connection.service(A::BcD::EF, "eF")', 'client.g("x")')


@pytest.mark.parametrize(
    ("kind", "idl"),
    [("method", "service A { void initialize() }"), ("field", "struct A { 1: i32 struct_fields }")],
)
def test_names_of_the_library_are_refused_where_they_cannot_be_mended(tmp_path: Path, kind: str, idl: str) -> None:
    (tmp_path / "a.thrift").write_text(f"{idl}\n")
    with pytest.raises(ConfigError, match=f"Ruby cannot have a {kind}"):
        bindings_of(LANGUAGE, tmp_path / "a.thrift")
