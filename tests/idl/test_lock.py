"""Numbers are kept: whatever becomes of names and their order, none gets another meaning."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pyrpc.errors import ConfigError
from pyrpc.idl.changes import changes
from pyrpc.idl.code import code_service
from pyrpc.idl.lock import Lock, lock_path, lock_text, read_lock
from pyrpc.idl.model import Document, Enum, Service, Struct


def service_of(source: str) -> Any:
    """The class S of a source text."""
    namespace: dict[str, Any] = {"__name__": __name__}
    # Not with the annotations of this file, which stay texts.
    exec(compile("import dataclasses, enum\n" + source, "source", "exec", dont_inherit=True), namespace)
    return namespace["S"]


def method(parameters: str, returns: str = "int") -> Any:
    return service_of(f"class S:\n    def f(self, {parameters}) -> {returns}: ...")


def step(lock: Lock, service: Any) -> tuple[Document, Lock]:
    document = code_service(service).document(lock)
    return document, lock.updated(document)


def numbers(document: Document) -> dict[str, int]:
    (service,) = document.of_kind(Service).values()
    return {param.name: param.id for param in service.functions[0].params}


def test_numbers_begin_in_order() -> None:
    document, _ = step(Lock(), method("a: int, b: int"))
    assert numbers(document) == {"a": 1, "b": 2}


def test_parameters_that_change_places_keep_their_numbers() -> None:
    _, lock = step(Lock(), method("a: int, b: int"))
    document, after = step(lock, method("b: int, a: int"))
    assert numbers(document) == {"a": 1, "b": 2}
    assert after.methods["S.f"].names == lock.methods["S.f"].names


def test_new_parameter_gets_a_number_that_none_had() -> None:
    _, lock = step(Lock(), method("a: int, b: int"))
    document, _ = step(lock, method("more: int, a: int, b: int"))
    assert numbers(document) == {"more": 3, "a": 1, "b": 2}


def test_number_of_a_parameter_that_is_gone_is_never_given_again() -> None:
    _, lock = step(Lock(), method("a: int, b: int"))
    _, lock = step(lock, method("a: int"))
    document, lock = step(lock, method("a: int, c: int = 0"))
    assert numbers(document) == {"a": 1, "c": 3}
    document, _ = step(lock, method("a: int, c: int = 0, b: int = 0"))
    assert numbers(document) == {"a": 1, "c": 3, "b": 4}


def test_renamed_parameter_is_another_one() -> None:
    _, lock = step(Lock(), method("a: int, b: int"))
    document, lock = step(lock, method("a: int, renamed: int"))
    assert numbers(document) == {"a": 1, "renamed": 3}
    assert lock.methods["S.f"].retired == {2: "b"}


def test_fields_of_structs_and_members_of_enums_keep_their_numbers() -> None:
    source = """
class Color(enum.Enum):
    {members}
@dataclasses.dataclass
class Part:
    {fields}
class S:
    def f(self, part: Part, color: Color) -> int: ...
"""
    _, lock = step(Lock(), service_of(source.format(members="RED = 'r'; BLUE = 'b'", fields="x: int; y: int")))
    changed = source.format(members="GREEN = 'g'; BLUE = 'b'", fields="z: int = 0; y: int = 0")
    document, lock = step(lock, service_of(changed))
    assert [(each.name, each.id) for each in document.of_kind(Struct)["Part"].fields] == [("z", 3), ("y", 2)]
    members = document.of_kind(Enum)["Color"].members
    assert [(each.name, each.number) for each in members] == [("GREEN", 2), ("BLUE", 1)]
    assert lock.structs["Part"].retired == {1: "x"}


def test_enum_whose_values_are_numbers_keeps_these() -> None:
    source = "class Level(enum.IntEnum):\n    LOW = 1\n    HIGH = 5\nclass S:\n    def f(self, x: Level) -> int: ..."
    document, _ = step(Lock(), service_of(source))
    assert [each.number for each in document.of_kind(Enum)["Level"].members] == [1, 5]


BREAKING = [
    ("a: int", "a: float", "parameter 'a' of S.f was i64 and is double"),
    ("a: int", "a: int, b: int", "parameter 'b' of S.f is new, and has no default"),
    ("a: int", "b: int", "parameter 'b' of S.f is new, and has no default"),
    ("a: int = 1", "a: int", "parameter 'a' of S.f could be left out"),
]


@pytest.mark.parametrize(("before", "after", "told"), BREAKING)
def test_change_that_callers_notice_is_told(before: str, after: str, told: str) -> None:
    _, lock = step(Lock(), method(before))
    document, _ = step(lock, method(after))
    assert [change.text for change in changes(lock, document) if change.is_breaking and told in change.text]


FINE = [
    ("a: int", "a: int, b: int = 3"),
    ("a: int, b: int", "b: int, a: int"),
    ("a: int, b: int", "a: int"),
    ("a: int = 1", "a: int = 2"),
    ("a: int", "a: int = 2"),
]


@pytest.mark.parametrize(("before", "after"), FINE)
def test_change_that_no_caller_notices_breaks_nothing(before: str, after: str) -> None:
    _, lock = step(Lock(), method(before))
    document, _ = step(lock, method(after))
    assert not [change.text for change in changes(lock, document) if change.is_breaking]


def test_method_that_is_gone_and_another_result_are_told() -> None:
    _, lock = step(Lock(), service_of("class S:\n    def f(self) -> int: ...\n    def g(self) -> int: ..."))
    document, _ = step(lock, service_of("class S:\n    def f(self) -> str: ..."))
    assert [change.text for change in changes(lock, document)] == [
        "S.f returned i64 and returns string",
        "the method S.g is gone",
    ]


def test_method_that_comes_back_gets_numbers_that_none_had() -> None:
    _, lock = step(Lock(), method("a: int"))
    _, lock = step(lock, service_of("class S:\n    def g(self) -> int: ..."))
    document, _ = step(lock, method("a: float"))
    assert numbers(document) == {"a": 2}


def test_field_of_a_result_that_is_gone_is_told() -> None:
    source = "@dataclasses.dataclass\nclass Part:\n    {}\nclass S:\n    def f(self) -> Part: ..."
    _, lock = step(Lock(), service_of(source.format("x: int; y: int; z: int = 0")))
    document, _ = step(lock, service_of(source.format("x: int")))
    told = {change.text.split(";")[0]: change.is_breaking for change in changes(lock, document)}
    assert told == {"field 'y' of Part is gone": True, "field 'z' of Part is gone": False}


def test_enum_member_that_is_gone_or_has_another_number_is_told() -> None:
    source = "class Level(enum.IntEnum):\n    {}\nclass S:\n    def f(self, x: Level) -> int: ..."
    _, lock = step(Lock(), service_of(source.format("LOW = 1; HIGH = 2")))
    document, _ = step(lock, service_of(source.format("LOW = 3; MORE = 4")))
    assert [(change.text, change.is_breaking) for change in changes(lock, document)] == [
        ("Level.LOW was 1 and is 3", True),
        ("the member HIGH of enum Level is gone", True),
        ("the member MORE of enum Level is new", False),
    ]


def test_services_of_one_file_share_a_lock_and_leave_each_other_alone() -> None:
    _, lock = step(Lock(), method("a: int"))
    other = service_of("class S:\n    def g(self) -> int: ...")
    document = code_service(other, "Other").document(lock)
    assert not [change for change in changes(lock, document) if change.is_breaking]
    assert set(lock.updated(document).methods) == {"S.f", "Other.g"}


def test_lock_survives_its_file(tmp_path: Path) -> None:
    _, lock = step(Lock(), method("a: int, b: float = 1.5"))
    _, lock = step(lock, method("b: float = 2.5"))
    path = tmp_path / "some.idl.lock"
    path.write_text(lock_text(lock))
    found = read_lock(path)
    assert found == lock
    assert found is not None and lock_text(found) == lock_text(lock)


def test_lock_stands_beside_the_source() -> None:
    assert lock_path("a/vision.py") == Path("a/vision.idl.lock")
    assert read_lock(Path("/nowhere/at/all.idl.lock")) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 99}', '{"format": 1, "methods": {"S.f": 3}}'])
def test_lock_that_cannot_be_read_is_told_by_its_path(tmp_path: Path, text: str) -> None:
    path = tmp_path / "some.idl.lock"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"some\.idl\.lock"):
        read_lock(path)
