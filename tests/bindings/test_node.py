"""What JavaScript and TypeScript cannot have is refused with its place, and what both have is made once."""

from __future__ import annotations

import dataclasses
import re
import shutil
from pathlib import Path

import pytest
from tests.bindings.built import bindings_of

from pyrpc.bindings import make
from pyrpc.bindings.language import Language
from pyrpc.bindings.languages import node, typescript
from pyrpc.bindings.make import Bindings
from pyrpc.errors import ConfigError

pytestmark = pytest.mark.skipif(shutil.which("thrift") is None, reason="the Thrift compiler is missing")
NODE, TYPESCRIPT = node.LANGUAGE, typescript.LANGUAGE


def made(language: Language, folder: Path, idl: str) -> Bindings:
    (folder / "probe.thrift").write_text(f'include "pyrpc.thrift"\n{idl}\n')
    return bindings_of(language, folder / "probe.thrift")


def first_call(language: Language, folder: Path, idl: str) -> str:
    return made(language, folder, idl).files[language.first_call].decode()


@pytest.mark.parametrize("language", [NODE, TYPESCRIPT], ids=["node", "typescript"])
@pytest.mark.parametrize(
    ("idl", "what"),
    [
        ("service Probe { void f(1: bool output) }", "a parameter called 'output'"),
        ("struct Held { 1: bool read }", "a field called 'read'"),
        ("service Probe { void seqid() }", "a method called 'seqid'"),
        ("struct Int64 { 1: i32 low }", "a type called 'Int64'"),
        ("enum Kind { A, __proto__ }", "a member called '__proto__'"),
        ("service Probe { i64 f() throws (1: pyrpc.RpcError success) }", "a thrown exception called 'success'"),
    ],
)
def test_names_that_do_not_work_are_refused(tmp_path: Path, language: Language, idl: str, what: str) -> None:
    with pytest.raises(ConfigError, match=rf"probe\.thrift, line 2: {re.escape(language.title)} cannot have {what}"):
        made(language, tmp_path, idl)


@pytest.mark.parametrize(
    "idl", ["const i64 typeof = 1", "struct keyof { 1: i64 a }", "struct S { 1: i64 constructor }"]
)
def test_what_only_declarations_cannot_have_is_refused_for_typescript(tmp_path: Path, idl: str) -> None:
    made(NODE, tmp_path, idl)
    with pytest.raises(ConfigError, match="TypeScript cannot have a "):
        made(TYPESCRIPT, tmp_path, idl)


def test_the_library_is_the_same_in_both(tmp_path: Path) -> None:
    both = [made(language, tmp_path, "").files for language in (NODE, TYPESCRIPT)]
    library = [{path: content for path, content in files.items() if path.startswith("pyrpc/")} for files in both]
    assert library[0] == library[1]
    assert "pyrpc/index.js" in library[0]


def test_a_file_of_its_own_takes_the_place_of_one_that_it_shares(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("shared/both", "shared/below/it", "own/both", "own/alone"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.setattr(make, "TEMPLATES", tmp_path)
    found = dict(make._templates(dataclasses.replace(NODE, name="own", base="shared")))
    places = {place: str(path.relative_to(tmp_path)) for place, path in found.items()}
    assert places == {"both": "own/both", "below/it": "shared/below/it", "alone": "own/alone"}


def test_numbers_of_64_bits_are_given_as_what_the_types_let_through(tmp_path: Path) -> None:
    idl = "service Probe { i64 f(1: i64 a, 2: i32 b, 3: double c, 4: string d, 5: binary e, 6: bool g) }"
    assert 'await client.f(1, 2, 3.5, "d", Buffer.from("e"), true);' in first_call(NODE, tmp_path, idl)
    program = first_call(TYPESCRIPT, tmp_path, idl)
    assert 'await client.f(int64(1), 2, 3.5, "d", Buffer.from("e"), true);' in program
    assert 'import { connect, int64 } from "../pyrpc";\nimport * as service from "../gen/Probe";' in program
    assert 'console.log("Probe.f:", String(result));' in program


def test_arrays_of_the_first_call_fit_what_is_declared(tmp_path: Path) -> None:
    idl = "service Probe {\n  pyrpc.Tensor f(\n    1: pyrpc.Tensor x  // bfloat16[n,3]\n  )\n}"
    program = first_call(NODE, tmp_path, idl)
    assert "client.f(zeros(DType.BFLOAT16, [2, 3]));" in program
    assert 'const { DType } = require("./gen/pyrpc_types");' in program
    assert 'console.log("Probe.f:", toArray(result));' in program


def test_without_a_service_the_first_call_tells_the_stages(tmp_path: Path) -> None:
    program = first_call(NODE, tmp_path, "struct Point { 1: i64 a }")
    assert "await connection.node.stages(connection.options())" in program
    assert "service" not in program


def test_the_first_call_can_be_of_a_service_that_extends_another(tmp_path: Path) -> None:
    (tmp_path / "base.thrift").write_text("service Base { bool is_on(1: string name) }\n")
    bindings = made(NODE, tmp_path, 'include "base.thrift"\nservice Probe extends base.Base {}')
    program = bindings.files[NODE.first_call].decode()
    assert 'require("./gen/Probe")' in program
    assert 'await client.is_on("name");' in program
    assert "gen/Base.js" in bindings.files


def test_two_services_of_one_name_are_refused_since_there_are_no_namespaces(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"probe\.thrift and pyrpc\.thrift both become Node\.") as caught:
        made(NODE, tmp_path, "namespace js own\nservice Node { void f() }")
    assert caught.value.help == "Node.js has no namespaces: rename what both have"


def test_a_file_may_have_a_name_that_is_no_identifier(tmp_path: Path) -> None:
    (tmp_path / "no-module.thrift").write_text("service Plain { i64 power(1: i64 a) }\n")
    files = bindings_of(NODE, tmp_path / "no-module.thrift").files
    assert b"require('./no-module_types')" in files["gen/Plain.js"]
    assert "gen/no-module_types.js" in files
