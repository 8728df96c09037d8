"""What bindings are for: the service that is called first, and what the package is called."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyrpc.bindings.project import Project, make_project
from pyrpc.errors import ConfigError
from pyrpc.idl.load import PACKAGED


@pytest.fixture
def idls(tmp_path: Path) -> Path:
    (tmp_path / "types.thrift").write_text("struct A { 1: i32 x }\n")
    (tmp_path / "Face_Finder.thrift").write_text(
        'include "types.thrift"\nservice Faces { types.A find()\n i64 count(1: i64 most) }\nservice More { void a() }\n'
    )
    (tmp_path / "sums.thrift").write_text("service Sums { i64 add(1: i64 a, 2: i64 b) }\n")
    (tmp_path / "3d.thrift").write_text("service Cubes { types2 odd() }\nstruct types2 { 1: i32 x }\n")
    return tmp_path


def project(folder: Path, *stems: str, name: str | None = None) -> Project:
    return make_project([folder / f"{stem}.thrift" for stem in stems], [], name)


def test_the_first_file_with_a_service_names_the_package_and_is_called_first(idls: Path) -> None:
    made = project(idls, "types", "Face_Finder", "sums")
    assert made.name == "face-finder-client"
    assert made.main is not None
    assert made.main.service == "Faces"
    assert made.first_call is not None
    assert made.first_call.method == "count"
    assert made.services == ("Faces", "More", "Sums")


def test_files_that_are_only_included_have_no_first_call(idls: Path) -> None:
    (idls / "user.thrift").write_text('include "sums.thrift"\nstruct B { 1: i32 x }\n')
    made = project(idls, "user")
    assert made.main is None
    assert made.first_call is None
    assert made.services == ("Sums",)


def test_without_a_service_they_are_for_any_node(idls: Path) -> None:
    for made in (project(idls), project(idls, "types"), make_project([PACKAGED], [])):
        assert (made.name, made.main, made.first_call, made.services) == ("pyrpc-client", None, None, ())
        assert made.pyrpc.path == PACKAGED


def test_a_service_without_a_method_of_numbers_texts_and_arrays_has_no_first_call(idls: Path) -> None:
    made = project(idls, "3d", name="cubes")
    assert made.main is not None
    assert made.first_call is None


def test_a_file_that_is_named_twice_is_there_once(idls: Path) -> None:
    made = make_project([idls / "sums.thrift", idls / "../" / idls.name / "sums.thrift"], [])
    assert [file.stem for file in made.files] == ["sums", "pyrpc"]


@pytest.mark.parametrize("name", ["a", "vision-client", "a_b-c9"])
def test_a_name_may_be_chosen(idls: Path, name: str) -> None:
    assert project(idls, "sums", name=name).name == name


@pytest.mark.parametrize("name", ["Vision", "9a", "a--b", "-a", "a-", "a b", "a/b", "a\n", "é"])
def test_a_name_that_some_language_does_not_take_is_refused(idls: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="the package name") as caught:
        project(idls, "sums", name=name)
    assert caught.value.expected == "small letters, digits and hyphens, such as vision-client"


def test_a_file_whose_name_makes_no_package_asks_for_one(idls: Path) -> None:
    with pytest.raises(ConfigError, match="the package name '3d-client'") as caught:
        project(idls, "3d")
    assert caught.value.help == "--package NAME"
