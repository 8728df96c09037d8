"""Bindings of every language, for services of every kind: all is filled in, and nothing of this machine is in them."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest
from tests.idl import samples

from pyrpc.bindings import LANGUAGES, make_bindings
from pyrpc.bindings.compiler import find_compiler
from pyrpc.bindings.folder import write_folder
from pyrpc.bindings.make import Bindings
from pyrpc.bindings.project import make_project
from pyrpc.bindings.sources import written
from pyrpc.idl.code import code_service
from pyrpc.idl.load import PACKAGED
from pyrpc.idl.lock import Lock

pytestmark = pytest.mark.skipif(shutil.which("thrift") is None, reason="the Thrift compiler is missing")
EVERYTHING = Path(samples.__file__).with_name("everything.thrift")
TOP = EVERYTHING.parents[2]
SERVE = "../services/my_code.py:Vision"
PLAIN = """
struct Point { 1: i64 x }
service Plain { i64 add(1: i64 a, 2: i64 b) Point moved(1: Point point) }
"""
# Nothing that two languages would make one, or that one of them refuses.
NAMES = """
include "pyrpc.thrift"
namespace * odd_names_idl
struct HTTP_Point2 { 1: i64 x_1, 2: i64 URL, 3: i64 innerValue, 4: i64 trailing_ }
enum kinds_of_things { FIRST_ONE = 1, secondOne = 2 }
service Odd_NAMES_service {
  double get_URL_by_ID(1: i64 some_ID, 2: double URL_2, 3: bool isGood, 4: string a_b_c, 5: binary rawData, 6: i32 x1)
    throws (1: pyrpc.RpcError error)
  HTTP_Point2 Moved(1: HTTP_Point2 Point_, 2: kinds_of_things kind)
}
"""


def _idl(name: str, text: str) -> Callable[[Path], list[Path]]:
    def paths(folder: Path) -> list[Path]:
        (folder / name).write_text(text)
        return [folder / name]

    return paths


SOURCES: dict[str, Callable[[Path], list[Path]]] = {
    "no service": lambda folder: [],
    "code": lambda folder: [written(code_service(samples.Vision).document(Lock()), folder)],
    "everything": lambda folder: [EVERYTHING],
    "no namespaces": _idl("plain_things.thrift", PLAIN),
    "names": _idl("odd_NAMES.thrift", NAMES),
}


@pytest.fixture(scope="module", params=LANGUAGES)
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module", params=SOURCES)
def made(language: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Bindings:
    paths = SOURCES[request.param](tmp_path_factory.mktemp("idl"))
    return make_bindings(LANGUAGES[language], make_project(paths, []), find_compiler(), [], SERVE)


def own(bindings: Bindings) -> dict[str, str]:
    """What is made of templates, not by the compiler."""
    others = ("idl/", f"{bindings.code}/")
    return {path: content.decode() for path, content in bindings.files.items() if not path.startswith(others)}


def test_every_placeholder_is_filled(made: Bindings) -> None:
    assert own(made)
    for path, text in {**own(made), **dict.fromkeys(made.files, "")}.items():
        found = re.findall(r"@[A-Z][A-Z0-9_]*@", f"{path}\n{text}")
        assert not found, path


def test_files_are_inside_of_the_folder_and_name_nothing_outside(made: Bindings) -> None:
    for path in made.files:
        assert not PurePosixPath(path).is_absolute()
        assert ".." not in PurePosixPath(path).parts
    for path, text in own(made).items():
        depth = len(PurePosixPath(path).parts) - 1
        # The README shows lines of programs that lie deeper.
        for climbed in re.findall(r"(?:\.\./)+", text) if path != "README.md" else ():
            assert climbed.count("..") <= depth, f"{path} leads out of the folder"


def test_no_path_of_this_machine_is_in_any_file(made: Bindings) -> None:
    here = [TOP, PACKAGED.parent, Path.home(), Path(tempfile.gettempdir())]
    # A home may be the root of all files; and what only ends like one of them is another path.
    paths = "|".join(re.escape(str(path)) for path in here if path != Path(path.root))
    for path, content in made.files.items():
        found = re.search(rf"(?<![\w.-])(?:{paths})(?![\w.-])", content.decode())
        assert found is None, path


def test_the_readme_says_what_a_user_was_given(made: Bindings, language: str) -> None:
    readme = made.files["README.md"].decode()
    known = LANGUAGES[language]
    assert f"`pyrpc serve {SERVE}`" in readme
    assert f"`{made.code}/`" in readme
    assert readme.startswith("# ")
    assert "| --- | --- |" in readme
    assert f"`pyrpc bindings {language}`" in readme
    for command in known.build:
        assert command in readme or "@" in command
    for path in own(made):
        assert path == "README.md" or f"| `{path}` |" in readme


def test_lines_end_and_have_no_spaces_at_their_ends(made: Bindings) -> None:
    for path, text in own(made).items():
        assert text.endswith("\n"), path
        assert not text.endswith("\n\n"), path
        assert "\r" not in text, path
        assert not re.search(r"[ \t]+$", text, re.MULTILINE), path


def test_made_again_they_are_the_same(made: Bindings, tmp_path: Path) -> None:
    first = write_folder(tmp_path / "out", made.files, made.code)
    again = write_folder(tmp_path / "out", made.files, made.code)
    assert (set(first.written), first.kept, first.removed) == (set(made.files), (), ())
    assert (again.kept, again.removed) == ((), ())


@pytest.mark.parametrize(
    ("kind", "service", "method"),
    [
        ("no service", "", ""),
        ("code", "Vision", "add"),
        ("everything", "Everyone", "hello"),
        ("no namespaces", "Plain", "add"),
        ("names", "Odd_NAMES_service", "get_URL_by_ID"),
    ],
)
def test_the_first_call_is_of_a_method_of_the_service(
    language: str, tmp_path: Path, kind: str, service: str, method: str
) -> None:
    project = make_project(SOURCES[kind](tmp_path), [])
    bindings = make_bindings(LANGUAGES[language], project, find_compiler(), [], SERVE)
    readme = bindings.files["README.md"].decode()
    program = readme.partition("It is this program")[2].partition("## ")[0]
    assert re.search(f"for service {service}[ ,]" if service else "for any node,", readme)
    # Languages write words in their own way.
    squeezed = re.sub(r"[\W_]", "", program).lower()
    assert "ping" in squeezed
    assert re.sub("_", "", method).lower() in squeezed
    assert re.sub("_", "", service).lower() in squeezed
