"""What the compiler writes for Kotlin is mended: clients, constants, structs, and what services extend."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from tests.bindings.built import bindings_of

from pyrpc.bindings.kotlin_code import mended_class, mended_client, mended_constants, quoted, with_base
from pyrpc.bindings.languages.kotlin import LANGUAGE
from pyrpc.errors import ConfigError

IDL = """\
include "points.thrift"
include "pyrpc.thrift"
namespace java com.example.shapes
namespace kotlin com.example.kt
const string TEXT = 'costs $5\\n"a"'
const list<i32> PRIMES = [2, 3]
exception Refused { 1: string why }
struct Thing { 1: string it, 2: points.Path path }
service Shapes extends points.Points {
  /** A picture. */
  pyrpc.Tensor raster(1: points.Point at, 2: binary key) throws (1: Refused refused)
  void forget(1: string it) throws (1: Refused refused)
  oneway void note(1: string text)
}
"""
POINTS = """\
struct Point { 1: double x }
typedef list<Point> Path
service Points { i64 count(1: i64 most, 2: i8 least, 3: string text) }
service Other extends Points { }
"""
METHOD = """\
  override suspend fun {name}({parameters}): {result} {{
    val args = ShapesFunctionArgs.{name}_args({names})
{body}  }}
"""


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """The bindings of service Shapes."""
    if shutil.which("thrift") is None:
        pytest.skip("the Thrift compiler is missing")
    (tmp_path / "points.thrift").write_text(POINTS)
    (tmp_path / "shapes.thrift").write_text(IDL)
    made = bindings_of(LANGUAGE, tmp_path / "shapes.thrift").files
    return {path: content.decode() for path, content in made.items()}


def test_a_client_calls_by_its_caller_and_raises_what_is_declared(files: dict[str, str]) -> None:
    source = files["gen/com/example/kt/ShapesClient.kt"]
    body = '    val result = this.caller.call("raster", args, ShapesFunctionResult.raster_result())\n'
    body += "    result.refused?.let { throw it }\n    return result.success ?: throw "
    assert body in source
    assert "TAsync" not in source and "transformCallback" not in source and "ProcessCall" not in source


def test_methods_without_a_result_end_after_what_they_raise(files: dict[str, str]) -> None:
    source = files["gen/com/example/kt/ShapesClient.kt"]
    calls = {
        "forget": '    val result = this.caller.call("forget", args, ShapesFunctionResult.forget_result())\n'
        "    result.refused?.let { throw it }\n",
        "note": '    this.caller.callOneway("note", args)\n',
    }
    for name, body in calls.items():
        parameter = "it" if name == "forget" else "text"
        parameters = f"{parameter}: kotlin.String"
        assert (
            METHOD.format(name=name, parameters=parameters, names=parameter, result="kotlin.Unit", body=body) in source
        )


def test_services_extend_what_they_extend_in_other_files_and_in_their_own(files: dict[str, str]) -> None:
    assert "interface Shapes : points.Points {" in files["gen/com/example/kt/Shapes.kt"]
    client = files["gen/com/example/kt/ShapesClient.kt"]
    assert "class ShapesClient(private val caller: io.pyrpc.kotlin.Caller) : Shapes, points.Points by " in client
    assert "by points.PointsClient(caller) {" in client
    assert ": Other, Points by PointsClient(caller) {" in files["gen/points/OtherClient.kt"]


def test_texts_are_quoted_and_constants_without_a_value_are_named(files: dict[str, str]) -> None:
    source = files["gen/com/example/kt/shapesConstants.kt"]
    assert 'const val TEXT: kotlin.String = "costs \\$5\\n\\"a\\""\n' in source
    assert "// PRIMES: the compiler writes no constants of lists" in source
    assert not re.search(r"= *$", source, re.MULTILINE)


def test_a_field_called_it_is_written_and_containers_by_another_name_are_compared(files: dict[str, str]) -> None:
    source = files["gen/com/example/kt/Thing.kt"]
    assert "writeField(IT_FIELD_DESC) { _ ->\n" in source
    assert ".thenBy(org.apache.thrift.TBaseHelper::compareTo) { it.path }" in source
    assert ".thenBy { it.it }" in source


def test_processors_are_left_out_and_pyrpc_has_a_package_of_its_own(files: dict[str, str]) -> None:
    assert not [path for path in files if path.endswith("Processor.kt")]
    assert "gen/io/pyrpc/kotlin/gen/Tensor.kt" in files
    assert not any("io.pyrpc.gen" in content for path, content in files.items() if path.startswith("gen/"))


def test_the_first_call_has_the_types_of_kotlin(files: dict[str, str]) -> None:
    source = files["src/main/kotlin/FirstCall.kt"]
    assert "import com.example.kt.ShapesClient\n" in source
    assert 'client.count(1, 2, "text")' in source


def test_a_compiler_that_writes_otherwise_is_noticed() -> None:
    with pytest.raises(ConfigError, match="other Kotlin"):
        mended_client("class VisionClient(caller: Any) : Vision {\n}\n")


def test_what_needs_no_mending_stays_as_it_is() -> None:
    source = 'const val HALF: kotlin.Double = 0.5\nconst val TEXT: kotlin.String = "a"\nval C: Color = a.Color.RED\n'
    assert mended_constants(source) == source
    assert (
        mended_class("data class A(\n  var a: kotlin.Long? = null\n") == "data class A(\n  var a: kotlin.Long? = null\n"
    )
    assert with_base("interface A {\n}\n", "B", "c.D") == "interface A {\n}\n"
    assert quoted("é $") == '"\\u00e9 \\$"'
