"""What the compiler writes for Rust is mended, and names are those that it writes."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.bindings.built import bindings_of

from pyrpc.bindings.languages.rust import LANGUAGE, camel_case, snake_case
from pyrpc.errors import ConfigError

pytestmark = pytest.mark.skipif(shutil.which("thrift") is None, reason="the Thrift compiler is missing")
NAMES = ("get_id", "url", "fooBar", "a__b", "x_1", "ID", "json2", "HTTPCall", "x_", "getID_2", "do_Result", "_a")


def code_of(tmp_path: Path, idl: str, name: str = "some") -> str:
    """What the module of an IDL is in the bindings."""
    path = tmp_path / f"{name}.thrift"
    path.write_text(idl, encoding="utf-8")
    return bindings_of(LANGUAGE, path).files[f"src/idl/{name}.rs"].decode()


def test_names_are_those_of_the_compiler(tmp_path: Path) -> None:
    functions = "".join(f"i64 {name}()\n" for name in NAMES)
    structs = "".join(f"struct S{name} {{}}\n" for name in NAMES)
    (tmp_path / "names.thrift").write_text(f"{structs}service Names {{\n{functions}}}\n")
    command = ["thrift", "--gen", "rs", "-out", str(tmp_path), str(tmp_path / "names.thrift")]
    subprocess.run(command, check=True)
    code = (tmp_path / "names.rs").read_text()
    client = code.partition("pub trait TNamesSyncClient ")[2].partition("}")[0]
    assert [snake_case(name) for name in NAMES] == re.findall(r"fn (\w+)\(", client)
    assert [camel_case(f"S{name}") for name in NAMES] == re.findall(r"pub struct (S\w+) {", code)


def test_files_find_each_other_whatever_their_namespaces(tmp_path: Path) -> None:
    (tmp_path / "other.thrift").write_text("namespace rs one.two\nstruct Thing { 1: i64 x }\n")
    code = code_of(tmp_path, 'include "other.thrift"\nservice Some { void put(1: other.Thing thing) }\n')
    assert "use super::other;" in code
    assert "use crate" not in code


def test_texts_are_escaped(tmp_path: Path) -> None:
    code = code_of(
        tmp_path,
        "const string ONE = 'a \"b\" \\\\'\nconst list<string> MANY = ['\"', 'plain']\n"
        "const map<string, string> PAIRS = {'\"k': 'v\"'}\nconst binary RAW = 'é\"'\n",
    )
    assert r'pub const ONE: &str = "a \"b\" \\";' in code
    assert r'l.push("\"".to_owned());' in code
    assert '"plain".to_owned()' in code
    assert r'let k = "\"k".to_owned();' in code
    assert r'let v = "v\"".to_owned();' in code
    assert r'pub const RAW: &[u8] = "é\"".as_bytes();' in code


def test_a_method_may_be_a_keyword(tmp_path: Path) -> None:
    code = code_of(tmp_path, "service Some { void type() void crate() void plain() }\n")
    client = code.partition("pub trait TSomeSyncClient ")[2].partition("}")[0]
    assert re.findall(r"fn (\S+)\(", client) == ["r#type", "crate_", "plain"]
    assert 'TMessageIdentifier::new("crate", ' in code


def test_a_type_may_be_called_as_the_parameter_of_generated_code(tmp_path: Path) -> None:
    code = code_of(tmp_path, "struct C { 1: i64 x }\nservice Some { C sequence_number(1: C x) }\n")
    assert "impl <Client_: TThriftClient + TSomeSyncClientMarker> TSomeSyncClient for Client_ {" in code
    assert "verify_expected_sequence_number(TThriftClient::sequence_number(self), " in code
    assert "self.sequence_number()" not in code


@pytest.mark.parametrize("name", ["Error", "error", "Box_", "b_tree_map", "F12"])
def test_a_type_that_generated_code_has_another_of_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=rf"some\.thrift, line 2: Rust cannot have a type called '{name}'"):
        code_of(tmp_path, f"struct Fine {{ 1: i64 x }}\nstruct {name} {{ 1: i64 x }}\n")


def test_no_memory_is_taken_for_what_a_node_only_claims(tmp_path: Path) -> None:
    code = code_of(tmp_path, "struct Thing { 1: list<list<i64>> x }\n")
    assert code.count("Vec::with_capacity(thrift::protocol::prealloc_size(list_ident.size))") == 2
    assert "as usize)" not in code


def test_a_union_of_a_later_version_is_an_error_and_no_panic(tmp_path: Path) -> None:
    code = code_of(tmp_path, "union Thing { 1: i64 x }\n")
    assert "ret.ok_or_else(" in code
    assert "expect(" not in code


def test_an_exception_tells_what_it_holds(tmp_path: Path) -> None:
    code = code_of(tmp_path, "exception Thing { 1: string why }\n")
    assert 'write!(f, "remote service threw Thing: {:?}", self)' in code


def test_an_inherited_method_is_called_by_the_trait_of_its_service(tmp_path: Path) -> None:
    (tmp_path / "root.thrift").write_text("service Root { i64 sum(1: i64 a) }\n")
    (tmp_path / "main.thrift").write_text('include "root.thrift"\nservice Main extends root.Root {}\n')
    program = bindings_of(LANGUAGE, tmp_path / "main.thrift").files["examples/first_call.rs"].decode()
    assert "use main_client::idl::main::MainSyncClient;" in program
    assert "use main_client::idl::root::TRootSyncClient;" in program


@pytest.mark.parametrize("name", ["type", "fmt", "not-a-module"])
def test_a_file_that_cannot_be_a_module_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name}.thrift would become the (module|package)"):
        code_of(tmp_path, "namespace rs x\nstruct Thing { 1: i64 x }\n", name)
