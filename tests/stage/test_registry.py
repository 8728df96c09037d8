"""What a node hosts, and how it is found."""

from __future__ import annotations

import abc
import functools
import sys
import types
from typing import Any

import numpy as np
import pytest

from pyrpc.errors import ConfigError, UnknownMethodError
from pyrpc.stage.declare import stage
from pyrpc.stage.registry import Registry, unknown_method


def names(*services: Any) -> list[str]:
    return [info.name for info in Registry(*services).infos()]


class Base:
    def inherited(self) -> str:
        return "inherited"


class Service(Base):
    constant = 3
    table = {"a": 1}  # noqa: RUF012

    class Nested:
        pass

    def __init__(self) -> None:
        self.callback = lambda: 0

    def add(self, a: Any, b: Any) -> Any:
        """Sum of two."""
        return a + b

    @staticmethod
    def static(x: Any) -> Any:
        return x

    @classmethod
    def klass(cls) -> str:
        return cls.__name__

    @functools.lru_cache  # noqa: B019
    def cached(self, x: int) -> int:
        return x

    partial = functools.partialmethod(add, 10)

    @property
    def prop(self) -> Any:
        raise AssertionError("never read")

    @functools.cached_property
    def cached_prop(self) -> Any:
        raise AssertionError("never read")

    def _private(self) -> None: ...

    def __call__(self) -> None: ...

    async def later(self) -> None: ...

    @stage(name="renamed", idempotent=True, splittable=False)
    def odd_name(self) -> str:
        return "renamed"


SERVICE_NAMES = [f"Service.{m}" for m in ("add", "cached", "inherited", "klass", "partial", "renamed", "static")]


@pytest.mark.parametrize("service", [Service, Service()])
def test_class_and_instance_host_public_methods(service: Any) -> None:
    assert names(service) == SERVICE_NAMES


def test_stage_is_bound_and_carries_its_contract() -> None:
    registry = Registry(Service)
    add = registry.lookup("Service.add")
    assert add.function(1, 2) == 3
    assert add.name == add.info.name == "Service.add"
    assert add.info.doc == "Sum of two."
    assert [param.name for param in add.info.params] == ["a", "b"]
    assert add.signature.info is add.info
    assert (add.idempotent, add.splittable) == (None, None)
    renamed = registry.lookup("Service.renamed")
    assert (renamed.idempotent, renamed.splittable) == (True, False)
    assert registry.lookup("Service.static").function(5) == 5
    assert registry.lookup("Service.klass").function() == "Service"
    assert registry.lookup("Service.cached").function(7) == 7
    assert registry.lookup("Service.partial").function(5) == 15
    assert registry.lookup("Service.inherited").function() == "inherited"
    assert len(registry) == 7


def test_class_is_instantiated_once() -> None:
    made = []

    class Counter:
        def __init__(self) -> None:
            made.append(self)

        def a(self) -> None: ...
        def b(self) -> None: ...

    Registry(Counter)
    assert len(made) == 1


def test_method_replaced_on_the_instance_is_the_one_called() -> None:
    service = Service()
    service.add = lambda a, b: 99  # type: ignore[method-assign]
    assert Registry(service).lookup("Service.add").function(1, 2) == 99


class Model:
    def __init__(self, weights: Any, *args: Any, scale: float, bias: float = 0, **kw: Any) -> None: ...
    def predict(self) -> None: ...


class Abstract(abc.ABC):
    @abc.abstractmethod
    def f(self) -> None: ...


class Failing:
    def __init__(self) -> None:
        raise RuntimeError("no model file")

    def f(self) -> None: ...


class Caller:
    def __call__(self, x: int) -> int:
        return x


class Hidden:
    def _f(self) -> None: ...


class Array(np.ndarray[Any, Any]):
    def norm(self) -> None: ...


class PrivateStage:
    @stage
    def _f(self) -> None: ...


async def coroutine() -> None: ...


def _private() -> None: ...


def function(x: int) -> int:
    """Doubled."""
    return 2 * x


@stage(name="short")
def very_long() -> None: ...


def test_constructor_that_raises_is_heard() -> None:
    with pytest.raises(RuntimeError, match="no model file"):
        Registry(Failing)


def test_methods_in_c_are_not_hosted() -> None:
    assert names(np.zeros(3).view(Array)) == ["Array.norm"]


def test_callable_alone_is_hosted_under_its_class_name() -> None:
    assert names(Caller) == names(Caller()) == ["Caller"]
    assert Registry(Caller()).lookup("Caller").function(3) == 3
    assert names({"Other": Caller()}) == ["Other"]


def test_function_is_hosted_under_its_name() -> None:
    assert names(function, very_long, Service().add, np.sqrt, len) == ["add", "function", "len", "short", "sqrt"]
    assert Registry(function).lookup("function").function(4) == 8
    compiled = functools.lru_cache(function)
    assert names(compiled) == ["function"]


def test_dict_names_its_services() -> None:
    services = {
        "A": Service,
        "B": Service(),
        "double": lambda x: 2 * x,
        "part": functools.partial(function, 3),
        "given": very_long,
    }
    expected = [f"{prefix}.{name.partition('.')[2]}" for prefix in "AB" for name in SERVICE_NAMES]
    assert names(services) == sorted([*expected, "double", "given", "part"])
    assert Registry(services).lookup("part").function() == 6
    registry = Registry()
    registry.add(function, name="twice")
    registry.add(Service, name="S")
    assert registry.lookup("twice").function(1) == 2
    assert registry.lookup("S.add").function(1, 1) == 2


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    made = types.ModuleType("package.vision", "Pictures.")
    source = """
import functools
from json import dumps, loads
from math import sqrt
from pyrpc import stage
from pyrpc.stage.declare import stage as also_stage
from pyrpc.errors import ConfigError

__all__ = ["dumps", "Thing", "constant", "absent", "part", "_listed"]

constant = 3
part = functools.partial(loads, "3")

class Thing: ...

def grey(x): return x

@stage(name="colour")
def color(x): return x

def _private(): ...

def _listed(): ...

async def later(): ...

alias = lambda x: x
"""
    exec(compile(source, "vision.py", "exec"), made.__dict__)
    monkeypatch.setitem(sys.modules, "package.vision", made)
    made.imported = very_long  # type: ignore[attr-defined]
    return made


def test_module_hosts_own_declared_and_listed_functions(module: types.ModuleType) -> None:
    assert names(module) == [f"vision.{name}" for name in ("alias", "colour", "dumps", "grey", "part", "short")]
    assert names({"V": module})[0] == "V.alias"


@pytest.mark.parametrize(
    ("service", "parts"),
    [
        (Model, ["the constructor of Model needs arguments", "Model(weights, scale)", "pass an instance: Model(...)"]),
        (Abstract, ["Abstract is abstract"]),
        (Array, ["the constructor of Array needs arguments", "pass an instance: Array(...)"]),
        (Hidden, ["Hidden object has nothing to host", "public method"]),
        (PrivateStage, ["its name is private", "@stage(name='...')"]),
        (lambda: 0, ["a lambda has no name of its own", "{'name': function}"]),
        (functools.partial(function), ["a partial has no name of its own", "{'name': function}"]),
        (_private, ["the name '_private' is private", "{'private': _private}"]),
        (coroutine, ["coroutine is async"]),
        ("package.module:Service", ["str object has nothing to host"]),
        (3, ["int object has nothing to host"]),
        (None, ["NoneType object has nothing to host"]),
        ([Service], ["list object has nothing to host"]),
        (np.zeros(3), ["ndarray object has nothing to host"]),
        (types.ModuleType("empty"), ["module empty has nothing to host"]),
        ({"a b": function}, ["'a b' cannot be the name of a stage"]),
        ({"a:b": function}, ["cannot be the name of a stage"]),
        ({"a.": function}, ["cannot be the name of a stage"]),
        ({"x" * 129: function}, ["is too long", "at most 128 bytes", "got 129"]),
        ({"é" * 65: function}, ["at most 128 bytes", "got 130"]),
        ({"x" * 128: Caller, "y" * 125: Service}, ["is too long"]),
        ({3: function}, ["from a name to an object", "got 3: function"]),
        ({"a": {"b": function}}, ["from a name to an object"]),
    ],
)
def test_what_cannot_be_hosted_says_why(service: Any, parts: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        Registry(service)
    for part in parts:
        assert part in str(caught.value)


def test_name_of_128_bytes_is_taken() -> None:
    assert names({"x" * 128: function}) == ["x" * 128]


def test_dict_takes_no_name_of_its_own() -> None:
    with pytest.raises(ConfigError, match="names its services itself"):
        Registry().add({"a": function}, name="b")


def test_second_stage_of_a_name_is_refused_and_nothing_of_it_added() -> None:
    registry = Registry(function)
    with pytest.raises(ConfigError, match="two stages are called 'function'"):
        registry.add({"other": very_long, "function": very_long})
    assert [info.name for info in registry.infos()] == ["function"]
    with pytest.raises(ConfigError, match=r"two stages are called 'Service\.add'"):
        Registry(Service, Service())


@pytest.mark.parametrize(
    ("name", "message", "help"),
    [
        ("MyServce.add", "service 'MyServce' is not here", "did you mean 'MyService'?"),
        ("MyService.ad", "service 'MyService' has no method 'ad'", "did you mean 'MyService.add'?"),
        ("MyService.zzz", "service 'MyService' has no method 'zzz'", "it has MyService.add, MyService.features"),
        ("MyService", "'MyService' is a service, not a stage", "call MyService.add, MyService.features"),
        ("add", "stage 'add' is not here", "did you mean 'MyService.add'?"),
        ("resiz", "stage 'resiz' is not here", "did you mean 'resize'?"),
        ("MyServic", "stage 'MyServic' is not here", "did you mean 'MyService'?"),
        ("pictures.resize", "service 'pictures' is not here", "did you mean 'resize'?"),
        ("q.w", "service 'q' is not here", "here are MyService"),
        ("", "stage '' is not here", "here are MyService.add"),
        (".", "stage '.' is not here", "here are MyService.add"),
    ],
)
def test_unknown_name_tells_which_part_and_the_nearest(name: str, message: str, help: str) -> None:
    class MyService:
        def add(self) -> None: ...
        def features(self) -> None: ...

    def resize() -> None: ...

    with pytest.raises(UnknownMethodError) as caught:
        Registry(MyService, resize).lookup(name)
    assert caught.value.message == message
    assert help in str(caught.value.help)


def test_empty_node_says_so() -> None:
    with pytest.raises(UnknownMethodError) as caught:
        Registry().lookup("a.b")
    assert caught.value.help == "here are no stages at all"


def test_unknown_name_of_any_length_is_cut() -> None:
    error = unknown_method("x" * 10_000_000, [f"S.m{i}" for i in range(30)])
    assert len(error.message) < 200
    assert "and 20 more" in str(error.help)
