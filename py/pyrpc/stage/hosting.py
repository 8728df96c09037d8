"""What a class, instance, function or module hosts, and under which names."""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable, Iterator
from typing import Any

from pyrpc.errors import ConfigError
from pyrpc.stage.declare import declaration_of
from pyrpc.stage.hooks import Hooks, is_hook

MAX_NAME_BYTES = 128

Named = tuple[str, Callable[..., Any]]

# Methods written in C come with a builtin base (ndarray.tofile, dict.clear): nobody meant to put them on the network.
_C_METHODS = (
    types.BuiltinFunctionType,
    types.ClassMethodDescriptorType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
)
# Not callable themselves, what they give on an instance is.
_METHOD_WRAPPERS = (staticmethod, classmethod, functools.partialmethod, functools.singledispatchmethod)


def hosted(service: Any, name: str | None, hooks: list[Hooks]) -> Iterator[Named]:
    """The full name and the bound callable of everything that a service hosts.

    Parameters
    ----------
    hooks : list of Hooks
        Gets the services that have something to run at the start or the end.

    Raises
    ------
    ConfigError
        Nothing to host, a bad or missing name, or a constructor that needs arguments.
    """
    if type(service) is dict:
        yield from _dict_stages(service, name, hooks)
    elif isinstance(service, types.ModuleType):
        yield from _module_stages(service, name or service.__name__.rpartition(".")[2], hooks)
    elif isinstance(service, type):
        yield from _instance_stages(_instantiated(service), name or service.__name__, hooks)
    elif is_function(service):
        if _is_async(service):
            raise ConfigError(f"{_shown(service)} is async, and a stage is a plain function", help="write it with def")
        yield _checked_name(name or _function_name(service)), service
    else:
        yield from _instance_stages(service, name or type(service).__name__, hooks)


def _dict_stages(services: dict[Any, Any], name: str | None, hooks: list[Hooks]) -> Iterator[Named]:
    if name is not None:
        raise ConfigError("a dict names its services itself", got=f"name {name!r} too", help="leave the name out")
    for key, service in services.items():
        if not isinstance(key, str) or type(service) is dict:
            raise ConfigError("a dict of services goes from a name to an object", got=f"{key!r}: {_shown(service)}")
        yield from hosted(service, key, hooks)


def _instantiated(cls: type) -> Any:
    if inspect.isabstract(cls):
        raise ConfigError(f"{cls.__name__} is abstract", help="pass a class or instance that has all methods")
    try:
        parameters = inspect.signature(cls).parameters.values()
    except (ValueError, TypeError):  # A constructor in C that does not tell.
        parameters = {}.values()
    several = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    needed = [p.name for p in parameters if p.default is p.empty and p.kind not in several]
    if needed:
        raise _needs_arguments(cls, f"{cls.__name__}({', '.join(needed)})")
    try:
        return cls()
    except TypeError as error:
        # Raised by the call itself and not by code of the constructor: C types do not tell what they need.
        if error.__traceback__ is None or error.__traceback__.tb_next is not None:
            raise
        raise _needs_arguments(cls, str(error)) from None


def _needs_arguments(cls: type, got: str) -> ConfigError:
    return ConfigError(
        f"the constructor of {cls.__name__} needs arguments",
        expected="a class that is made without arguments",
        got=got,
        help=f"pass an instance: {cls.__name__}(...)",
    )


def _instance_stages(instance: Any, service: str, hooks: list[Hooks]) -> Iterator[Named]:
    cls = type(instance)
    is_empty = True
    found: dict[str, Callable[..., Any]] = {}
    for attribute in dir(cls):
        if not _is_method(inspect.getattr_static(cls, attribute)):
            continue
        # Read from the instance, as its own code would call it.
        function = getattr(instance, attribute)
        if is_hook(attribute, function):
            found[attribute] = function
            continue
        leaf = _leaf(attribute, function)
        if leaf is not None and callable(function) and not _is_async(function):
            is_empty = False
            yield _checked_name(f"{service}.{leaf}"), function
    if found:
        hooks.append(Hooks(service, instance, found.get("setup"), found.get("close")))
    if is_empty and isinstance(inspect.getattr_static(cls, "__call__", None), types.FunctionType):
        function = instance.__call__
        declaration = declaration_of(function)
        yield _checked_name((declaration and declaration.name) or service), function
    elif is_empty:
        raise ConfigError(
            f"{_shown(instance)} has nothing to host",
            expected="a class, instance, function or module with a public method or function",
            help="methods written in Python, without a leading underscore, are hosted",
        )


def _module_stages(module: types.ModuleType, service: str, hooks: list[Hooks]) -> Iterator[Named]:
    listed = {name for name in getattr(module, "__all__", ()) if isinstance(name, str)}
    is_empty = True
    found: dict[str, Callable[..., Any]] = {}
    for attribute in sorted({*vars(module), *listed}):
        function: Any = getattr(module, attribute, None)
        if not is_function(function):
            continue
        is_own = getattr(function, "__module__", None) == module.__name__
        if is_own and is_hook(attribute, function):
            found[attribute] = function
            continue
        if _is_async(function):
            continue
        if is_own or attribute in listed or declaration_of(function):
            leaf = _leaf(attribute, function)
            if leaf is not None:
                is_empty = False
                yield _checked_name(f"{service}.{leaf}"), function
    if found:
        hooks.append(Hooks(service, module, found.get("setup"), found.get("close")))
    if is_empty:
        raise ConfigError(
            f"module {module.__name__} has nothing to host",
            expected="a function that it defines, that @stage decorates or that __all__ names",
            help="its classes are hosted by passing them themselves",
        )


def _leaf(attribute: str, function: Any) -> str | None:
    """The last part of the name on the node; None for what is private."""
    declaration = declaration_of(function)
    if declaration is not None and declaration.name is not None:
        return declaration.name
    if not attribute.startswith("_"):
        return attribute
    if declaration is not None and attribute != "__call__":
        raise ConfigError(
            f"{_shown(function)} is declared a stage, and its name is private",
            help="take the underscore away, or give a name: @stage(name='...')",
        )
    return None


def _is_method(attribute: Any) -> bool:
    """Whether what a class holds is a method: not a property, a nested class, a value or C code."""
    if isinstance(attribute, _METHOD_WRAPPERS):
        return not isinstance(getattr(attribute, "__func__", None), _C_METHODS)
    return callable(attribute) and inspect.isroutine(attribute) and not isinstance(attribute, _C_METHODS)


def is_function(x: Any) -> bool:
    """Whether it is called itself, and not for its methods (a ufunc or a compiled function has a __name__)."""
    if isinstance(x, type) or not callable(x):
        return False
    return inspect.isroutine(x) or isinstance(x, functools.partial) or isinstance(getattr(x, "__name__", None), str)


def _is_async(function: Any) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


def _function_name(function: Any) -> str:
    declaration = declaration_of(function)
    if declaration is not None and declaration.name is not None:
        return declaration.name
    name = getattr(function, "__name__", "<partial>")
    if name in ("<lambda>", "<partial>"):
        kind = "lambda" if name == "<lambda>" else "partial"
        raise ConfigError(f"a {kind} has no name of its own", help="name it: {'name': function}")
    if name.startswith("_"):
        raise ConfigError(f"the name {name!r} is private", help=f"name it: {{{name.lstrip('_')!r}: {name}}}")
    return str(name)


def _checked_name(name: str) -> str:
    length = len(name.encode("utf-8", "surrogatepass"))
    if length > MAX_NAME_BYTES:
        raise ConfigError(
            f"the name {name[:40] + '...'!r} is too long",
            expected=f"at most {MAX_NAME_BYTES} bytes",
            got=str(length),
            help="give a shorter one: @stage(name='...') or a dict {'name': object}",
        )
    has_gap = not all(part.isprintable() and part for part in name.split("."))
    if has_gap or any(character.isspace() or character == ":" for character in name):
        raise ConfigError(
            f"{name!r} cannot be the name of a stage",
            expected="printable text without spaces and colons, parts separated by one dot",
        )
    return name


def _shown(x: Any) -> str:
    name = getattr(x, "__qualname__", None)
    return name if isinstance(name, str) else f"{type(x).__name__} object"
