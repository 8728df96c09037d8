"""The ``stage`` decorator."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np
import pytest

import pyrpc
from pyrpc.errors import ConfigError
from pyrpc.stage.declare import StageDeclaration, declaration_of, stage
from pyrpc.stage.spec import parse_spec
from pyrpc.wire.messages import TensorSpec


def test_decorated_function_is_the_function_itself() -> None:
    def f(x: int) -> int:
        return x + 1

    assert stage(f) is f
    assert stage(takes="int64[n]")(f) is f
    assert f(1) == 2


def test_bare_decorator_declares_nothing() -> None:
    assert declaration_of(stage(lambda: 0)) == StageDeclaration()
    assert declaration_of(lambda: 0) is None


def test_declaration_holds_what_was_said_and_is_frozen() -> None:
    @stage(takes="uint8[n]", gives=("int8[n]", np.float32), idempotent=True, splittable=False, name="other")
    def f(x: Any) -> Any: ...

    declaration = declaration_of(f)
    assert declaration is not None
    assert declaration == StageDeclaration(
        takes_in_order=(parse_spec("uint8[n]"),),
        gives=(parse_spec("int8[n]"), TensorSpec(("float32",))),
        gives_tuple=True,
        idempotent=True,
        splittable=False,
        name="other",
    )
    with pytest.raises(dataclasses.FrozenInstanceError):
        declaration.name = "x"  # type: ignore[misc]


def test_takes_is_one_spec_several_in_order_or_by_name() -> None:
    spec = parse_spec("uint8[n]")
    for takes, in_order, by_name in [
        ("uint8[n]", (spec,), ()),
        (spec, (spec,), ()),
        (["uint8[n]", None, spec], (spec, None, spec), ()),
        ({"a": "uint8[n]", "b": None}, (), (("a", spec),)),
    ]:
        declaration = declaration_of(stage(takes=takes)(lambda a, b, c: 0))  # type: ignore[call-overload]
        assert declaration is not None
        assert (declaration.takes_in_order, declaration.takes_by_name) == (in_order, by_name)


class Service:
    @stage(takes=["uint8[n]"])
    def method(self, x: Any) -> Any:
        return x

    @stage(takes=["uint8[n]"])
    @staticmethod
    def above_static(x: Any) -> Any:
        return x

    @staticmethod
    @stage(takes=["uint8[n]"])
    def below_static(x: Any) -> Any:
        return x

    @stage(takes=["uint8[n]"])
    @classmethod
    def above_class(cls, x: Any) -> Any:
        return x

    @classmethod
    @stage(takes=["uint8[n]"])
    def below_class(cls, x: Any) -> Any:
        return x


@pytest.mark.parametrize("name", ["method", "above_static", "below_static", "above_class", "below_class"])
def test_methods_of_every_kind_stay_callable_and_declared(name: str) -> None:
    method = getattr(Service(), name)
    assert method(3) == 3
    assert declaration_of(method) == StageDeclaration((parse_spec("uint8[n]"),))


def test_declaration_passes_through_wrappers() -> None:
    @stage(idempotent=True)
    def f() -> int:
        return 1

    @functools.wraps(f)
    def wrapper() -> int:
        return f()

    assert declaration_of(wrapper) == StageDeclaration(idempotent=True)
    partial = stage(idempotent=True)(functools.partial(f))
    assert declaration_of(partial) == StageDeclaration(idempotent=True)


def test_package_is_the_decorator_too() -> None:
    f = pyrpc.stage(lambda: 0)
    assert declaration_of(f) == StageDeclaration()
    assert declaration_of(pyrpc.stage(name="g")(f)) == StageDeclaration(name="g")


def _f(images: Any, scale: float, *, key: Any) -> None: ...


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ({"takes": {"imges": "uint8"}}, ["names 'imges'", "one of images, scale, key", "did you mean 'images'?"]),
        ({"takes": {"x": "uint8"}}, ["names 'x'", "one of images, scale, key"]),
        ({"takes": ["any", "any", "any"]}, ["more entries", "at most 2 (images, scale)", "got 3", "by name"]),
        ({"takes": "uint9[n]"}, ["bad spec 'uint9[n]'", "did you mean", "for example"]),
        ({"gives": "uint8[n"}, ["bad spec 'uint8[n'", "not closed"]),
        ({"gives": ["uint8", None]}, ["a spec is a text", "got None"]),
        ({"gives": ()}, ["gives is empty"]),
        ({"gives": {"a": "uint8"}}, ["a spec is a text"]),
        ({"takes": 3}, ["a spec is a text", "got 3"]),
        ({"idempotent": "yes"}, ["idempotent is a bool", "got 'yes'"]),
        ({"splittable": 1}, ["splittable is a bool"]),
        ({"name": 3}, ["the name of a stage is a text"]),
    ],
)
def test_bad_declaration_is_refused_at_decoration(arguments: dict[str, Any], parts: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        stage(**arguments)(_f)
    for part in parts:
        assert part in str(caught.value)
    assert declaration_of(_f) is None


async def _coroutine() -> None: ...


async def _generator() -> Any:
    yield 1


@pytest.mark.parametrize(
    ("target", "part"),
    [
        ("uint8[n]", "write @stage(takes='uint8[n]')"),
        (Service, "Service is neither"),
        (property(lambda self: 0), "property is neither"),
        (3, "int is neither"),
        (_coroutine, "_coroutine is async"),
        (_generator, "_generator is async"),
        (len, "takes no attributes"),
    ],
)
def test_only_functions_are_stages(target: Any, part: str) -> None:
    with pytest.raises(ConfigError) as caught:
        stage(target)
    assert part in str(caught.value)


def test_method_has_one_position_less_than_its_function() -> None:
    with pytest.raises(ConfigError, match=r"at most 1 \(x\)"):

        @stage(takes=["any", "any"])
        def f(self: Any, x: Any) -> None: ...
