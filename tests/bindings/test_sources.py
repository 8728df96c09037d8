"""Which IDLs bindings are made from: the named ones, then all that they include, each once."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyrpc.bindings.sources import files_of, written
from pyrpc.errors import ConfigError
from pyrpc.idl.load import PACKAGED
from pyrpc.idl.model import TENSOR, Base, Document, Special
from pyrpc.idl.parser import parse

PARENT = """
namespace * parent_of_all
namespace go parent.of.go
typedef i64 Count
struct Thing { 1: i32 x }
service Parent { Count count(1: Count start) }
"""
CHILD = """
include "parent.thrift"
include "pyrpc.thrift"
typedef pyrpc.Tensor Picture
service Child extends parent.Parent { Picture turned(1: Picture picture, 2: list<Picture> more) }
service Second { void nothing() }
"""


def put(folder: Path, **files: str) -> None:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.thrift").write_text(text)


def test_named_files_come_first_and_the_interface_of_nodes_is_among_the_others(tmp_path: Path) -> None:
    put(tmp_path, parent=PARENT, child=CHILD, alone="struct A { 1: i32 x }")
    files = files_of([tmp_path / "alone.thrift", tmp_path / "child.thrift"], [])
    assert [file.stem for file in files[:2]] == ["alone", "child"]
    assert sorted(file.stem for file in files[2:]) == ["parent", "pyrpc"]
    assert [file.path for file in files if file.stem == "pyrpc"] == [PACKAGED]
    assert [file.stem for file in files_of([], [])] == ["pyrpc"]


def test_functions_are_those_of_the_first_service_inherited_ones_first(tmp_path: Path) -> None:
    put(tmp_path, parent=PARENT, child=CHILD)
    files = {file.stem: file for file in files_of([tmp_path / "child.thrift"], [])}
    assert files["child"].service == "Child"
    assert [function.name for function in files["child"].functions] == ["count", "turned"]
    assert files["parent"].functions == ()
    assert files["parent"].service == "Parent"


def test_functions_say_what_typedefs_stand_for(tmp_path: Path) -> None:
    put(tmp_path, parent=PARENT, child=CHILD)
    count, turned = files_of([tmp_path / "child.thrift"], [])[0].functions
    assert count.returns == count.params[0].type == Base("i64")
    assert turned.returns == turned.params[0].type == Special(TENSOR)


def test_a_namespace_is_that_of_the_language_or_of_all(tmp_path: Path) -> None:
    put(tmp_path, parent=PARENT, alone="struct A { 1: i32 x }")
    parent, alone, _ = files_of([tmp_path / "parent.thrift", tmp_path / "alone.thrift"], [])
    assert (parent.namespace("go"), parent.namespace("rb"), alone.namespace("go")) == (
        "parent.of.go",
        "parent_of_all",
        None,
    )
    assert alone.service is None


def test_a_file_that_is_named_and_included_is_there_once(tmp_path: Path) -> None:
    put(tmp_path, parent=PARENT, child=CHILD)
    for order in (["parent", "child"], ["child", "parent"]):
        files = files_of([tmp_path / f"{stem}.thrift" for stem in order], [])
        assert [file.stem for file in files] == [*order, "pyrpc"]
        assert all(file.functions for file in files[:2])


def test_two_that_differ_cannot_have_one_name(tmp_path: Path) -> None:
    put(tmp_path / "a", shared="struct A { 1: i32 x }", one='include "shared.thrift"\nstruct O { 1: shared.A a }')
    put(tmp_path / "b", shared="struct A { 1: i64 x }", two='include "shared.thrift"\nstruct T { 1: shared.A a }')
    for paths in (["a/one", "b/two"], ["a/shared", "b/shared"], ["a/one", "b/shared"], ["a/shared", "b/two"]):
        with pytest.raises(ConfigError, match=r"two IDLs are called shared\.thrift") as caught:
            files_of([tmp_path / f"{path}.thrift" for path in paths], [])
        assert str(tmp_path / "a/shared.thrift") in str(caught.value.got)
        assert str(tmp_path / "b/shared.thrift") in str(caught.value.got)


def test_of_two_copies_the_first_will_do(tmp_path: Path) -> None:
    text = PACKAGED.read_text()
    for folder in ("a", "b"):
        put(tmp_path / folder, pyrpc=text, **{folder: 'include "pyrpc.thrift"\nstruct A { 1: pyrpc.Tensor x }'})
    files = files_of([tmp_path / "a/a.thrift", tmp_path / "b/b.thrift"], [])
    assert [file.path for file in files[2:]] == [tmp_path / "a/pyrpc.thrift"]


def test_included_files_are_looked_for_in_the_folders_that_are_named(tmp_path: Path) -> None:
    put(tmp_path / "includes", parent=PARENT)
    put(tmp_path, child=CHILD)
    assert files_of([tmp_path / "child.thrift"], [tmp_path / "includes"])[1].path == tmp_path / "includes/parent.thrift"
    with pytest.raises(ConfigError, match=r"includes 'parent\.thrift', which is not there"):
        files_of([tmp_path / "child.thrift"], [])


def test_what_cannot_be_read_says_where(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.thrift cannot be read"):
        files_of([tmp_path / "none.thrift"], [])
    (tmp_path / "bytes.thrift").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"bytes\.thrift cannot be read"):
        files_of([tmp_path / "bytes.thrift"], [])
    put(tmp_path, wrong="struct A {\n  1: i32\n}")
    with pytest.raises(ConfigError, match=r"wrong\.thrift, line 3"):
        files_of([tmp_path / "wrong.thrift"], [])


def document(name: str) -> Document:
    return parse(name, "service A { void b() }", "here")


def test_an_idl_of_code_is_written_in_small_letters(tmp_path: Path) -> None:
    assert written(document("Vision"), tmp_path) == tmp_path / "vision.thrift"
    assert written(document("Class_"), tmp_path) == tmp_path / "class.thrift"
    assert "service A" in (tmp_path / "vision.thrift").read_text()


def test_two_services_of_one_name_are_refused(tmp_path: Path) -> None:
    written(document("Vision"), tmp_path)
    with pytest.raises(ConfigError, match="two services are called VISION") as caught:
        written(document("VISION"), tmp_path)
    assert caught.value.help == "make bindings for each in a folder of its own"
