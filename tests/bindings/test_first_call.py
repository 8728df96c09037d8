"""The first call is one that works: of what every language has, with arrays that fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.idl import samples

import pyrpc
from pyrpc import Client, Server
from pyrpc.bindings.first_call import Argument, FirstCall, first_call
from pyrpc.bindings.sources import files_of, written
from pyrpc.idl.code import code_service
from pyrpc.idl.lock import Lock

EVERYTHING = Path(samples.__file__).with_name("everything.thrift")


def call_of(folder: Path, text: str) -> FirstCall | None:
    """The first call of the service of an IDL."""
    path = folder / "first.thrift"
    path.write_text(f'include "pyrpc.thrift"\n{text}')
    return first_call(files_of([path], [])[0].functions)


def call_of_code(folder: Path, service: Any) -> FirstCall | None:
    """The first call of a service in Python."""
    return first_call(files_of([written(code_service(service).document(Lock()), folder)], [])[0].functions)


def array_of(folder: Path, declared: str) -> tuple[str, tuple[int, ...]] | None:
    """Dtype and shape of what a method is called with that declares its array so."""
    comment = f" // {declared}" if declared else ""
    found = call_of(folder, f"service S {{\n  i64 f(\n    1: pyrpc.Tensor x{comment}\n  )\n}}\n")
    return None if found is None else (found.arguments[0].dtype, found.arguments[0].shape)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *(("bool", True), ("i8", 1), ("byte", 1), ("i16", 1), ("i32", 1), ("i64", 1), ("double", 1.5)),
        *(("string", "x"), ("binary", "x")),
    ],
)
def test_base_types_have_values_and_are_results(tmp_path: Path, kind: str, value: Any) -> None:
    found = call_of(tmp_path, f"service S {{ {kind} f(1: {kind} x) }}")
    assert found is not None
    name = "i8" if kind == "byte" else kind
    assert found.returns in (kind, name)
    assert found.arguments[0].kind in (kind, name)
    assert found.arguments[0].value == value
    assert type(found.arguments[0].value) is type(value)


def test_several_numbers_differ(tmp_path: Path) -> None:
    found = call_of(tmp_path, "service S { i64 add(1: i64 a, 2: i64 b, 3: double c) }")
    assert found is not None
    assert [argument.value for argument in found.arguments] == [1, 2, 3.5]


def test_a_method_that_takes_and_gives_nothing_can_be_called(tmp_path: Path) -> None:
    assert call_of(tmp_path, "service S { void f() }") == FirstCall("f", (), "")


def test_an_array_of_which_nothing_is_known_has_two_rows_of_numbers(tmp_path: Path) -> None:
    expected = Argument("x", "tensor", None, "float64", (2, 3))
    for comment in ("", " // the pictures", " // float32[n"):
        found = call_of(tmp_path, f"service S {{\n  pyrpc.Tensor f(\n    1: pyrpc.Tensor x{comment}\n  )\n}}\n")
        assert found == FirstCall("f", (expected,), "tensor")


@pytest.mark.parametrize(
    ("declared", "dtype", "shape"),
    [
        ("float32[n,4]", "float32", (2, 4)),
        ("uint8[n,_,_]", "uint8", (2, 2, 2)),
        ("uint8[...,3]", "uint8", (3,)),
        ("complex128[]", "complex128", ()),
        ("int16[0]", "int16", (0,)),
        ("bfloat16", "bfloat16", (2, 3)),
        ("float32|float64[n]", "float32", (2,)),
        ("float32[n]; may be left out where the language can", "float32", (2,)),
    ],
)
def test_arrays_fit_their_contracts(tmp_path: Path, declared: str, dtype: str, shape: tuple[int, ...]) -> None:
    assert array_of(tmp_path, declared) == (dtype, shape)


@pytest.mark.parametrize(
    ("declared", "dtype"),
    [("any", "float64"), ("number", "float64"), ("float", "float64"), ("int", "int64"), ("uint", "uint8")],
)
def test_a_class_of_dtypes_is_one_that_every_language_has(tmp_path: Path, declared: str, dtype: str) -> None:
    assert array_of(tmp_path, f"{declared}[n]") == (dtype, (2,))


@pytest.mark.parametrize("declared", ["str[n]", "bytes", "string[n]", "datetime64[ns]", "timedelta64"])
def test_arrays_of_texts_and_dates_are_left_to_the_user(tmp_path: Path, declared: str) -> None:
    assert array_of(tmp_path, declared) is None
    assert array_of(tmp_path, f"{declared.partition('[')[0]}|int8[n]") == ("int8", (2,))


def test_a_first_call_sends_no_large_array(tmp_path: Path) -> None:
    assert array_of(tmp_path, "uint8[1000,1000]") == ("uint8", (1000, 1000))
    assert array_of(tmp_path, "uint8[n,1000,1000]") is None


@pytest.mark.parametrize(
    "methods",
    [
        "",
        "oneway void f(1: i64 x)",
        "i64 _f()",
        "i64 f(1: list<i64> x)",
        "map<string, i64> f()",
        "P f()",
        "i64 f(1: P p)",
        "i64 f(1: i64 a, 2: P p)",
        "pyrpc.Value f()",
    ],
)
def test_a_service_may_have_no_method_for_it(tmp_path: Path, methods: str) -> None:
    assert call_of(tmp_path, f"struct P {{ 1: i64 x }} service S {{ {methods} }}") is None
    later = call_of(tmp_path, f"struct P {{ 1: i64 x }} service S {{ {methods} i64 later(1: i64 x) }}")
    assert later is not None
    assert later.method == "later"


def test_typedefs_are_what_they_stand_for(tmp_path: Path) -> None:
    found = call_of(tmp_path, "typedef i64 Id service S { Id f(1: Id id) }")
    assert found == FirstCall("f", (Argument("id", "i64", 1),), "i64")


def test_inherited_functions_of_an_included_file_come_first() -> None:
    found = first_call(files_of([EVERYTHING], [])[0].functions)
    assert found == FirstCall("hello", (Argument("name", "string", "name"),), "string")


class Stages:
    """Contracts as ``pyrpc idl`` writes them; each fits only what it says."""

    @pyrpc.stage(takes=["float32|float64[n,3]", "uint[n]"], gives="float64[n]")
    def weighted(self, rows, weights):
        return rows.sum(axis=1, dtype=np.float64) * weights


def test_a_node_takes_what_the_first_call_sends(tmp_path: Path) -> None:
    found = call_of_code(tmp_path, Stages)
    assert found is not None
    assert [argument.dtype for argument in found.arguments] == ["float32", "uint8"]
    arrays = [np.zeros(argument.shape, argument.dtype) for argument in found.arguments]
    with Server(Stages, port=0).start() as server, Client(server.endpoint) as client:
        assert client.call(f"Stages.{found.method}", *arrays).shape == (2,)


def test_what_a_method_of_code_is_called_with_is_in_the_order_of_its_parameters(tmp_path: Path) -> None:
    assert call_of_code(tmp_path, samples.Vision) == FirstCall(
        "add", (Argument("a", "i64", 1), Argument("b", "i64", 2)), "i64"
    )
