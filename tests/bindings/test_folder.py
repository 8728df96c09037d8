"""Writing bindings again: what somebody changed stays and is named, what is not made any more goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyrpc.bindings.folder import RECORD, Written, write_folder
from pyrpc.errors import ConfigError

FIRST = {"README.md": b"read\n", "src/library.x": b"library\n", "gen/code.x": b"code\n"}


def write(folder: Path, files: dict[str, bytes], *, is_forced: bool = False) -> Written:
    return write_folder(folder, files, "gen", is_forced=is_forced)


def texts(folder: Path) -> dict[str, bytes]:
    """All files but the record."""
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name != RECORD]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Bindings that were written once."""
    folder = tmp_path / "deep/out"
    assert write(folder, FIRST) == Written(tuple(FIRST), (), ())
    assert texts(folder) == FIRST
    return folder


def test_what_nobody_changed_is_written_over(folder: Path) -> None:
    second = {path: content.upper() for path, content in FIRST.items()}
    assert write(folder, second) == Written(tuple(FIRST), (), ())
    assert texts(folder) == second


def test_a_file_changed_by_hand_is_kept_each_time_and_named(folder: Path) -> None:
    (folder / "README.md").write_bytes(b"mine\n")
    for content in (b"read\n", b"read more\n", b"read most\n"):
        done = write(folder, {**FIRST, "README.md": content})
        assert done == Written(("src/library.x", "gen/code.x"), ("README.md",), ())
        assert texts(folder)["README.md"] == b"mine\n"


def test_a_file_that_was_changed_into_what_is_made_is_nobodys_any_more(folder: Path) -> None:
    (folder / "README.md").write_bytes(b"read more\n")
    assert write(folder, {**FIRST, "README.md": b"read more\n"}).kept == ()
    assert write(folder, {**FIRST, "README.md": b"read most\n"}).kept == ()
    assert texts(folder)["README.md"] == b"read most\n"


def test_what_was_there_before_the_first_time_is_kept(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_bytes(b"of another project\n")
    assert write(tmp_path, FIRST).kept == ("README.md",)
    assert texts(tmp_path) == {**FIRST, "README.md": b"of another project\n"}


def test_force_writes_over_what_was_changed(folder: Path) -> None:
    (folder / "README.md").write_bytes(b"mine\n")
    assert write(folder, FIRST, is_forced=True) == Written(tuple(FIRST), (), ())
    assert texts(folder) == FIRST


def test_what_the_compiler_wrote_is_written_over_though_it_was_changed(folder: Path) -> None:
    (folder / "gen/code.x").write_bytes(b"mine\n")
    assert write(folder, FIRST).kept == ()
    assert texts(folder) == FIRST


def test_a_file_that_was_deleted_comes_back(folder: Path) -> None:
    (folder / "README.md").unlink()
    assert write(folder, FIRST).kept == ()
    assert texts(folder) == FIRST


def test_what_is_not_made_any_more_goes_with_its_folder(folder: Path) -> None:
    assert write(folder, {"README.md": b"read\n"}).removed == ("gen/code.x", "src/library.x")
    assert texts(folder) == {"README.md": b"read\n"}
    assert not (folder / "src").exists()
    assert not (folder / "gen").exists()


def test_a_folder_with_files_of_others_stays(folder: Path) -> None:
    (folder / "src/other.x").write_bytes(b"other\n")
    write(folder, {"README.md": b"read\n"})
    assert texts(folder) == {"README.md": b"read\n", "src/other.x": b"other\n"}


def test_what_is_not_made_any_more_but_was_changed_is_left_and_named(folder: Path) -> None:
    (folder / "src/library.x").write_bytes(b"mine\n")
    done = write(folder, {"README.md": b"read\n"})
    assert (done.left, done.removed) == (("src/library.x",), ("gen/code.x",))
    assert texts(folder)["src/library.x"] == b"mine\n"
    # Nothing is known of it from now on.
    assert write(folder, {"README.md": b"read\n"}).left == ()


def test_code_of_the_compiler_that_is_not_made_any_more_goes_though_it_was_changed(folder: Path) -> None:
    (folder / "gen/code.x").write_bytes(b"mine\n")
    assert write(folder, {"README.md": b"read\n"}).removed == ("gen/code.x", "src/library.x")


def test_force_removes_what_is_not_made_any_more(folder: Path) -> None:
    (folder / "src/library.x").write_bytes(b"mine\n")
    assert write(folder, {"README.md": b"read\n"}, is_forced=True).removed == ("gen/code.x", "src/library.x")
    assert texts(folder) == {"README.md": b"read\n"}


def test_a_file_may_become_a_folder_and_a_folder_a_file(folder: Path) -> None:
    second = {"README.md/inside": b"read\n", "src": b"library\n"}
    write(folder, second)
    assert texts(folder) == second


def test_a_record_removes_nothing_outside_of_the_folder(folder: Path) -> None:
    outside = folder.parent / "outside.x"
    outside.write_bytes(b"library\n")
    record = (folder / RECORD).read_text()
    for path in ("../outside.x", str(outside), "src/../../outside.x"):
        (folder / RECORD).write_text(record.replace("src/library.x", path))
        assert write(folder, FIRST).removed == ()
        assert outside.exists()


@pytest.mark.parametrize("record", [b"\xff\xfe no record", b"", b"one-word\n\n"])
def test_with_a_record_that_is_none_all_that_differs_is_kept(folder: Path, record: bytes) -> None:
    (folder / RECORD).write_bytes(record)
    second = {path: content.upper() for path, content in FIRST.items()}
    assert write(folder, second).kept == ("README.md", "src/library.x")
    assert texts(folder) == {**FIRST, "gen/code.x": b"CODE\n"}


@pytest.mark.parametrize("path", ["", "src"])
def test_a_folder_that_cannot_be_written_is_a_typed_error(tmp_path: Path, path: str) -> None:
    (tmp_path / "out").mkdir()
    where = tmp_path / "out" / path
    if path:
        where.write_bytes(b"a file where a folder should be")
    else:
        where.rmdir()
        where.write_bytes(b"a file where a folder should be")
    with pytest.raises(ConfigError, match="cannot write bindings to") as caught:
        write(tmp_path / "out", FIRST)
    assert caught.value.got is not None
