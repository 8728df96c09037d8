"""What is mended in the compiler's code for C++, and what C++ cannot have; the rest is tried by tests/interop/cpp."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from tests.bindings.built import bindings_of

from pyrpc.bindings.languages.cpp import LANGUAGE
from pyrpc.errors import ConfigError

pytestmark = pytest.mark.skipif(shutil.which("thrift") is None, reason="the Thrift compiler is missing")


def made(folder: Path, idl: str) -> dict[str, str]:
    (folder / "probe.thrift").write_text(f'include "pyrpc.thrift"\n{idl}')
    return {path: content.decode() for path, content in bindings_of(LANGUAGE, folder / "probe.thrift").files.items()}


def classes(header: str) -> list[str]:
    return re.findall(r"^class (\w+) :", header, re.MULTILINE)


def test_a_class_comes_after_those_that_it_has_fields_of(tmp_path: Path) -> None:
    header = made(
        tmp_path,
        """namespace cpp a.b
        typedef Point Corner
        /** What it holds. */
        struct Box { 1: Frame frame, 2: list<Shape> shapes }
        struct Frame { 1: optional Corner corner }
        exception Lost { 1: Box box }
        struct Point { 1: i64 x }
        union Shape { 1: Box box }
        """,
    )["gen/probe_types.h"]
    assert classes(header) == ["Point", "Frame", "Box", "Lost", "Shape"]
    # The bits and the comment come along, and nothing is lost.
    assert header.index("struct _Box__isset") < header.index("What it holds.") < header.index("class Box :")
    assert header.index("class Frame :") < header.index("struct _Box__isset")
    assert header.count("void swap(") == 5
    assert header.index("class Point;") < header.index("typedef Point Corner;")


def test_classes_in_an_order_that_builds_stay_in_it(tmp_path: Path) -> None:
    structs = ("Zebra", "Apple", "Middle")
    header = made(tmp_path, "".join(f"struct {name} {{ 1: i64 x }}\n" for name in structs))["gen/probe_types.h"]
    assert tuple(classes(header)) == structs


@pytest.mark.parametrize(
    ("idl", "message"),
    [
        ("struct Tree { 1: optional Tree left }", "field 'left' of struct Tree makes Tree part of itself"),
        ("struct A { 1: B b }\nstruct B { 1: optional A a }", r"field '[ab]' of struct [AB] makes [AB] part of itself"),
    ],
)
def test_a_class_that_is_part_of_itself_is_refused_with_the_field(tmp_path: Path, idl: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        made(tmp_path, idl)
    assert "cpp.ref" in str(caught.value.help)
    made(tmp_path, 'struct Tree { 1: optional Tree &left (cpp.ref = ""), 2: list<Tree> more }')


def test_comparisons_that_the_compiler_declares_are_written(tmp_path: Path) -> None:
    idl = "struct Key { 1: i64 a, 2: optional string b }\nstruct None_ {}\nservice Probe { map<Key, i64> f() }"
    for namespace in ("", "namespace cpp a.b\n"):
        code = made(tmp_path, namespace + idl)["gen/probe_types.cpp"]
        body = code[code.index("bool Key::operator<(const Key& rhs) const {") :]
        assert body.startswith(
            "bool Key::operator<(const Key& rhs) const {\n"
            "  if (a < rhs.a) return true;\n"
            "  if (rhs.a < a) return false;\n"
            "  if (__isset.b != rhs.__isset.b) return rhs.__isset.b;\n"
            "  if (__isset.b && b < rhs.b) return true;\n"
            "  if (__isset.b && rhs.b < b) return false;\n"
            "  return false;\n}\n"
        )
        assert "bool None_::operator<(const None_& ) const {\n  return false;\n}" in body
        assert ("}} // namespace" in body) == bool(namespace)


def test_an_enum_may_have_any_number(tmp_path: Path) -> None:
    assert "struct Mood {\n  enum type : int32_t {\n" in made(tmp_path, "enum Mood { CALM }")["gen/probe_types.h"]


def test_an_empty_reference_stays_set(tmp_path: Path) -> None:
    code = made(tmp_path, 'struct Link { 1: required i32 x, 2: optional Link &next_one (cpp.ref = "") }')
    assert "wasSet" not in code["gen/probe_types.cpp"]
    assert "this->next_one->read(iprot)" in code["gen/probe_types.cpp"]


def test_a_result_is_emptied_before_it_is_read(tmp_path: Path) -> None:
    types = "struct Point { 1: optional i64 x }\ntypedef Point Corner\nunion Shape { 1: Point point }\n"
    service = "service Probe { Point f(), Corner g(), Shape h(), list<Point> i(), string j(), i64 k() }"
    code = made(tmp_path, types + service)["gen/Probe.cpp"]
    for method in "fgh":
        body = re.search(rf"^uint32_t Probe_{method}_presult::read.*?^\}}", code, re.MULTILINE | re.DOTALL)
        assert body is not None
        emptied = "          (*(this->success)) = {};\n          xfer += (*(this->success)).read(iprot);\n"
        assert emptied in body[0]
    assert code.count("(*(this->success)) = {};") == 3
    # The compiler does so for lists.
    assert "(*(this->success)).clear();" in code


@pytest.mark.parametrize(
    ("idl", "what"),
    [
        ("service Probe { i64 f(1: i64 template) }", "a parameter called 'template'"),
        ("service Probe { i64 f(1: i64 cseqid) }", "a parameter called 'cseqid'"),
        ("service Probe { i64 NAN() }", "a method called 'NAN'"),
        ("struct Point { 1: i64 rhs }", "a field called 'rhs'"),
        ("exception Bad { 1: string what }", "a field of an exception called 'what'"),
        ("enum Errors { EIO, SIGINT }", "a member called 'EIO'"),
        ("enum Kind { type }", "a member called 'type'"),
        ("struct swap { 1: i64 a }", "a type called 'swap'"),
        ("struct x { 1: i64 x }", "a field called as what it is in, 'x'"),
        ("enum A { A }", "a member called as what it is in, 'A'"),
    ],
)
def test_names_that_do_not_build_are_refused(tmp_path: Path, idl: str, what: str) -> None:
    with pytest.raises(ConfigError, match=rf"probe\.thrift, line 2: C\+\+ cannot have {what}"):
        made(tmp_path, idl)


def test_two_services_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"(probe|pyrpc)\.thrift both have a service Node: C\+\+ has a file Node\.h"):
        made(tmp_path, "namespace cpp other\nservice Node { void f() }")


def test_the_first_call_is_as_the_compiler_writes_methods(tmp_path: Path) -> None:
    program = made(tmp_path, "namespace cpp a.b\nservice Probe { i8 f(1: string name, 2: bool on, 3: binary raw) }")
    assert '#include "gen/Probe.h"\n#include "pyrpc/connection.h"\n\n' in program["first_call.cpp"]
    assert 'connection.service<::a::b::ProbeClient>("Probe");' in program["first_call.cpp"]
    assert 'const auto result = client.f("name", true, "raw");' in program["first_call.cpp"]
    assert "<< static_cast<int>(result) <<" in program["first_call.cpp"]
    program = made(tmp_path, "service Probe { pyrpc.Tensor f(1: pyrpc.Tensor x) }")
    assert "service<::ProbeClient>" in program["first_call.cpp"]
    assert "client.f(result, pyrpc::zeros(pyrpc::idl::DType::FLOAT64, {2, 3}));" in program["first_call.cpp"]
    program = made(tmp_path, "struct Point { 1: i64 a }")
    assert "connection.service<" not in program["first_call.cpp"]
