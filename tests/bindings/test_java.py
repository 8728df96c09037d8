"""Java builds: without what a server needs, and in packages that can be imported."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.bindings.built import bindings_of

from pyrpc.bindings.language import Language
from pyrpc.bindings.languages.java import LANGUAGE
from pyrpc.bindings.languages.kotlin import LANGUAGE as KOTLIN
from pyrpc.bindings.packages import in_package
from pyrpc.bindings.sources import files_of
from pyrpc.errors import ConfigError

IDL = """\
/* namespace java of.a.comment */
# include "sub/of_a_comment.thrift"
include "sub/points.thrift" // namespace java of.another
include 'pyrpc.thrift'
namespace java com.example.shapes
namespace py shapes
service Shapes extends points.Points { pyrpc.Tensor raster(1: points.Point at, 2: i16 size, 3: binary key) }
"""
POINTS = "struct Point { 1: double x }\nservice Points { i64 count(1: i64 most, 2: i8 least) }\n"

needs_compiler = pytest.mark.skipif(shutil.which("thrift") is None, reason="the Thrift compiler is missing")


@pytest.fixture
def shapes(tmp_path: Path) -> Path:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/points.thrift").write_text(POINTS)
    (tmp_path / "shapes.thrift").write_text(IDL)
    return tmp_path / "shapes.thrift"


def test_a_package_of_the_idl_is_replaced_and_nothing_else_is(shapes: Path) -> None:
    file = files_of([shapes], [])[0]
    changed = in_package(file, "java", "a.b")
    expected = IDL.replace("java com.example.shapes", "java a.b").replace('"sub/points', '"points')
    assert changed == expected


def test_an_idl_without_a_package_gets_one_in_its_first_line(shapes: Path) -> None:
    points = next(file for file in files_of([shapes], []) if file.stem == "points")
    assert in_package(points, "java", "points") == f"namespace java points {POINTS}"


@needs_compiler
def test_each_idl_is_in_a_package_and_that_of_nodes_not_where_the_java_client_has_it(shapes: Path) -> None:
    files = bindings_of(LANGUAGE, shapes).files
    assert {
        "gen/com/example/shapes/Shapes.java",
        "gen/points/Points.java",
        "gen/io/pyrpc/bindings/gen/Node.java",
    } <= set(files)
    assert not any(b"io.pyrpc.gen" in content for path, content in files.items() if path != "README.md")
    assert b"extends points.Points.Client" in files["gen/com/example/shapes/Shapes.java"]
    assert files["idl/points.thrift"].startswith(b"namespace java points ")


@needs_compiler
def test_what_a_server_needs_is_gone(shapes: Path) -> None:
    sources = [content for path, content in bindings_of(LANGUAGE, shapes).files.items() if path.endswith(".java")]
    assert any(b"public static class Client extends" in source for source in sources)
    assert not any(b"Processor<" in source or b"class AsyncClient" in source for source in sources)


@needs_compiler
def test_the_first_call_has_the_types_of_java(shapes: Path) -> None:
    source = bindings_of(LANGUAGE, shapes).files["src/main/java/FirstCall.java"].decode()
    assert "import com.example.shapes.Shapes;" in source
    assert 'Shapes.Client client = new Shapes.Client(connection.service("Shapes"));' in source
    assert "client.count(1L, (byte) 2)" in source


@needs_compiler
def test_without_a_service_the_first_call_is_a_ping() -> None:
    source = bindings_of(LANGUAGE).files["src/main/java/FirstCall.java"].decode()
    assert "connection.node().ping()" in source
    assert "client" not in source


@needs_compiler
@pytest.mark.parametrize("language", [LANGUAGE, KOTLIN], ids=["java", "kotlin"])
@pytest.mark.parametrize(
    ("name", "kind"), [("org", "parameter"), ("null", "field"), ("wait", "method"), ("value", "member")]
)
def test_names_that_do_not_build_are_refused(tmp_path: Path, language: Language, name: str, kind: str) -> None:
    names = {"parameter": "a", "field": "b", "method": "c", "member": "D", kind: name}
    idl = "struct S {{ 1: i64 {field} }}\nenum E {{ {member} = 1 }}\nservice V {{ i64 {method}(1: i64 {parameter}) }}\n"
    (tmp_path / "clash.thrift").write_text(idl.format(**names))
    with pytest.raises(ConfigError, match=rf"cannot have a {kind} called '{name}'"):
        bindings_of(language, tmp_path / "clash.thrift")


@needs_compiler
@pytest.mark.parametrize(
    ("idl", "said"),
    [
        ("struct S { 1: i64 metaDataMap }", "a field called 'metaDataMap' (in S)"),
        ("union U { 1: i64 wait }", "a field of a union called 'wait' (in U)"),
        ("exception X { 1: string cause }", "a field of an exception called 'cause' (in X)"),
        ("service V { i64 a(1: i64 Class) }", "a parameter called 'Class' (in V.a)"),
        ("service V { string toString() }", "a method called 'toString' (in V)"),
        ("exception X {} service V { i64 a() throws (1: X success) }", "a thrown exception called 'success' (in V.a)"),
    ],
)
def test_names_of_what_all_structs_and_clients_have_are_refused(tmp_path: Path, idl: str, said: str) -> None:
    (tmp_path / "clash.thrift").write_text(f"{idl}\n")
    with pytest.raises(ConfigError) as caught:
        bindings_of(LANGUAGE, tmp_path / "clash.thrift")
    assert f"clash.thrift, line 1: Java cannot have {said}" in str(caught.value)


@needs_compiler
def test_parameters_may_be_called_as_the_compiler_calls_its_own(tmp_path: Path) -> None:
    (tmp_path / "plain.thrift").write_text("service Plain { i64 a(1: i64 client, 2: i64 transport, 3: i64 prot) }\n")
    assert b"AsyncClient" not in bindings_of(LANGUAGE, tmp_path / "plain.thrift").files["gen/plain/Plain.java"]
