"""Type hints become types of the IDL, and what cannot is refused by its name."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import keyword
import re
import shutil
import subprocess
import types
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any, Optional

import numpy as np
import pytest

import pyrpc
from pyrpc.errors import ConfigError
from pyrpc.idl.code import code_service
from pyrpc.idl.keywords import TAKEN
from pyrpc.idl.lock import Lock
from pyrpc.idl.text import text_of

from . import samples

TOP = Path(__file__).resolve().parents[2]
LANGUAGES = ["py", "java", "go", "cpp", "js:node", "rs", "rb", "php", "perl"]
needs_compiler = pytest.mark.skipif(shutil.which("thrift") is None, reason="the Thrift compiler is missing")


def idl_of(service: Any) -> str:
    return text_of(code_service(service).document(Lock()))


def signature_of(function: Callable[..., Any]) -> str:
    """The line of the IDL for one function, without what it throws."""
    text = idl_of({"Service": types.SimpleNamespace, "S": type("S", (), {"method": staticmethod(function)})}["S"])
    found = re.search(r"  (\S.* method\(.*\)) throws \(1: pyrpc.RpcError error\)", text)
    assert found, text
    return found[1]


HINTS: list[tuple[Any, str]] = [
    (bool, "bool"),
    (int, "i64"),
    (float, "double"),
    (str, "string"),
    (bytes, "binary"),
    (np.int8, "i8"),
    (np.uint8, "i16"),
    (np.float32, "double"),
    (typing.Annotated[int, "i32"], "i32"),
    (list[int], "list<i64>"),
    (typing.List[str], "list<string>"),  # noqa: UP006
    (list, "list<pyrpc.Value>"),
    (tuple[int, ...], "list<i64>"),
    (tuple[int, int], "list<i64>"),
    (typing.Sequence[float], "list<double>"),
    (set[str], "set<string>"),
    (dict[str, list[bytes]], "map<string, list<binary>>"),
    (dict, "map<string, pyrpc.Value>"),
    (np.ndarray, "pyrpc.Tensor"),
    (np.typing.NDArray[np.float32], "pyrpc.Tensor"),
    (list[np.ndarray], "list<pyrpc.Tensor>"),
    (Any, "pyrpc.Value"),
    (object, "pyrpc.Value"),
    (int | str, "pyrpc.Value"),
    (typing.Literal["a", "b"], "string"),
    (typing.NewType("Meters", float), "double"),
    (samples.Level, "Level"),
    (samples.Pair, "Pair"),
    (samples.Settings, "Settings"),
    (int | None, "i64"),
    (Optional[list[int]], "list<i64>"),  # noqa: UP045
    (list[int | None], "list<OptionalI64>"),
    (dict[str, Any], "map<string, pyrpc.Value>"),
]


@pytest.mark.parametrize(("hint", "expected"), HINTS, ids=str)
def test_hint_is_the_type_of_the_parameter(hint: Any, expected: str) -> None:
    def method(x: Any) -> None: ...

    method.__annotations__["x"] = hint
    assert signature_of(method) == f"void method(1: {expected} x)"


RESULTS: list[tuple[Any, str]] = [
    (None, "void"),
    (int, "i64"),
    (int | None, "OptionalI64"),
    (list[str] | None, "OptionalListOfString"),
    (np.ndarray | None, "OptionalTensor"),
    (Any, "pyrpc.Value"),
]


@pytest.mark.parametrize(("hint", "expected"), RESULTS, ids=str)
def test_result_that_may_be_none_has_a_struct_of_its_own(hint: Any, expected: str) -> None:
    def method() -> Any: ...

    method.__annotations__["return"] = hint
    assert signature_of(method) == f"{expected} method()"


def test_parameter_without_a_hint_is_a_value() -> None:
    assert signature_of(lambda x, y=1: None) == "pyrpc.Value method(1: pyrpc.Value x, 2: pyrpc.Value y)"


def test_defaults_are_told_where_an_idl_can() -> None:
    def method(
        a: int = 1,
        b: float = 2,
        c: str = "x",
        d: bool = True,
        e: samples.Color = samples.Color.GREEN,
        f: float = float("inf"),
        g: str = 'say "no"',
        h: bytes = b"raw",
    ) -> None: ...

    text = " ".join(idl_of(type("S", (), {"method": staticmethod(method)})).split())
    assert (
        'void method( 1: i64 a = 1, 2: double b = 2.0, 3: string c = "x", 4: bool d = true, 5: Color e = Color.GREEN, '
        "6: double f, 7: string g, 8: binary h )" in text
    )


class Local:
    pass


class Flags(enum.Flag):
    A = 1


REFUSED: list[tuple[Any, str]] = [
    (complex, "complex"),
    (datetime.datetime, "datetime"),
    (Local, "Local"),
    (set, "set"),
    (set[samples.Pair], "set"),
    (dict[samples.Pair, int], "dict"),
    (tuple[int, str], "tuple"),
    (int | Local, "Local"),
    (list[Local], "Local"),
    (Flags, "Flags"),
    (Callable[[int], int], "Callable"),
    ("NameOfNothing", "NameOfNothing"),
    (typing.TypeVar("T"), "T"),
]


@pytest.mark.parametrize(("hint", "shown"), REFUSED, ids=str)
def test_hint_that_no_idl_can_say_is_refused_with_its_parameter_and_what_can(hint: Any, shown: str) -> None:
    def method(fine: int, wrong: Any) -> None: ...

    method.__annotations__["wrong"] = hint
    with pytest.raises(ConfigError) as caught:
        idl_of(type("S", (), {"method": staticmethod(method)}))
    assert "parameter 'wrong' of S.method" in caught.value.message
    assert shown in caught.value.message
    assert caught.value.expected
    assert caught.value.help


def test_field_that_no_idl_can_say_is_refused_by_its_name() -> None:
    @dataclasses.dataclass
    class Outer:
        when: datetime.datetime

    class S:
        def method(self, x: Any) -> None: ...

    S.method.__annotations__["x"] = Outer
    Outer.__annotations__["when"] = datetime.datetime
    with pytest.raises(ConfigError, match="field 'when' of Outer"):
        idl_of(S)


def test_result_that_no_idl_can_say_is_refused() -> None:
    class S:
        def method(self) -> complex: ...

    with pytest.raises(ConfigError, match=r"the result of S\.method"):
        idl_of(S)


def test_two_classes_of_one_name_are_refused() -> None:
    def made() -> type:
        return dataclasses.make_dataclass("Twin", [("x", int)])

    class S:
        def method(self, a: Any, b: Any) -> None: ...

    S.method.__annotations__.update(a=made(), b=made())
    with pytest.raises(ConfigError, match="two classes are called 'Twin'"):
        idl_of(S)


def test_names_that_some_language_takes_get_an_underscore() -> None:
    def method(type: int, args: int, func: int, fine: int) -> None: ...

    assert signature_of(method) == "void method(1: i64 type_, 2: i64 args_, 3: i64 func_, 4: i64 fine)"


@pytest.mark.parametrize("names", [("type", "type_"), ("foo_bar", "fooBar")])
def test_names_that_become_one_are_refused(names: tuple[str, str]) -> None:
    source = f"def method({names[0]}: int, {names[1]}: int) -> None: ..."
    namespace: dict[str, Any] = {}
    exec(source, namespace)
    with pytest.raises(ConfigError, match="are one in some languages") as caught:
        idl_of(type("S", (), {"method": staticmethod(namespace["method"])}))
    assert names[1].rstrip("_") in caught.value.message


def test_name_with_other_letters_is_refused_with_the_name() -> None:
    def method(größe: int) -> None: ...

    with pytest.raises(ConfigError, match="größe"):
        idl_of(type("S", (), {"method": staticmethod(method)}))


def test_docstrings_become_comments_that_end_nowhere_else() -> None:
    text = idl_of(samples.Vision)
    assert "/** Looks at pictures. */\nservice Vision {" in text
    assert "   * Ends no comment: * / and no string" in text
    assert "/** Part of a picture. */\nstruct Region {" in text
    assert "Vision.norm(x: float32[n,3], scale: float = ...) -> float32[n]" in text


def test_constructor_of_the_class_does_not_run() -> None:
    class Heavy:
        def __init__(self, model: str) -> None:
            raise AssertionError("a model is loaded")

        def method(self) -> int: ...

    assert "i64 method()" in idl_of(Heavy)


def test_module_is_a_service_of_its_functions() -> None:
    module = types.ModuleType("pictures")
    exec("def twice(x: float) -> float:\n    'Doubles.'\n    return 2 * x", module.__dict__)
    text = idl_of(module)
    assert "service pictures {" in text
    assert "double twice(1: double x)" in text


def test_single_function_is_refused() -> None:
    def twice(x: int) -> int: ...

    with pytest.raises(ConfigError, match="a single function is no service"):
        idl_of(twice)


def test_packaged_interface_is_the_one_of_the_project() -> None:
    packaged = Path(pyrpc.__file__).parent / "idl/pyrpc.thrift"
    assert packaged.read_bytes() == (TOP / "thrift/pyrpc.thrift").read_bytes(), "run `make gen`"


def compile_idl(folder: Path, text: str, language: str) -> None:
    (folder / "service.thrift").write_text(text)
    command = [
        "thrift",
        "-I",
        str(TOP / "thrift"),
        "-o",
        str(folder),
        "--gen",
        language,
        str(folder / "service.thrift"),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stderr.upper(), done.stderr


@needs_compiler
@pytest.mark.parametrize("language", LANGUAGES)
def test_compiler_takes_everything(tmp_path: Path, language: str) -> None:
    compile_idl(tmp_path, idl_of(samples.Vision), language)


def service_of(names: list[str]) -> type:
    """A service whose methods, structs, parameters and fields have these names."""
    service = type("S", (), {})
    for name in names:
        namespace: dict[str, Any] = {}
        is_keyword = keyword.iskeyword(name)
        exec(f"def f({'x' if is_keyword else name}) -> None: ...", namespace)
        function = namespace["f"]
        kind = dataclasses.make_dataclass(name, [("value" if is_keyword else name, int)])
        function.__annotations__["x" if is_keyword else name] = kind
        setattr(service, name, staticmethod(function))
    return service


TAKEN_ONCE = {name.lower(): name for name in sorted(TAKEN)}


@needs_compiler
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("names", [list(TAKEN_ONCE.values()), sorted(TAKEN - set(TAKEN_ONCE.values()))])
def test_compiler_takes_every_name_that_some_language_takes(tmp_path: Path, language: str, names: list[str]) -> None:
    text = idl_of(service_of(names))
    assert "_(1: " in text
    compile_idl(tmp_path, text, language)
