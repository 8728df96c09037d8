"""A service of the IDL from the stages of a class or module."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from pyrpc.errors import ConfigError
from pyrpc.idl.defaults import constant_of, doc_of
from pyrpc.idl.hints import EXPECTED, TENSOR_TYPE, VALUE_TYPE, Hints
from pyrpc.idl.keywords import check_distinct, identifier, parameter_identifier, type_identifier
from pyrpc.idl.model import (
    NOTHING,
    RPC_ERROR,
    Base,
    Document,
    Field,
    Function,
    ListOf,
    MapOf,
    Service,
    Special,
    Type,
)
from pyrpc.idl.unions import inner_of_optional
from pyrpc.stage.describe import describe
from pyrpc.stage.hints import evaluate
from pyrpc.stage.registry import Stage
from pyrpc.stage.spec import format_spec
from pyrpc.wire.messages import ParamInfo, ParamKind

INCLUDE = "pyrpc.thrift"
LANGUAGES = ("py", "java", "go", "cpp", "js", "rs", "rb", "php", "perl")
_ERROR = Field(1, "error", Special(RPC_ERROR))


def document_of(name: str, stages: Mapping[str, Stage], doc: str = "") -> Document:
    """The IDL of one service; its fields have no numbers yet, see ``idl/lock.py``.

    Parameters
    ----------
    name : str
        Of the service, as it is hosted.
    stages : mapping of str to Stage
        What it hosts, by the last part of the name.
    doc : str
        The docstring of the class or module.

    Raises
    ------
    ConfigError
        A hint that nothing in an IDL is like, or a name that cannot stand in one; the parameter is named.
    """
    hints = Hints()
    functions = [_function(hints, f"{name}.{leaf}", leaf, stages[leaf]) for leaf in _in_order(stages)]
    check_distinct([function.name for function in functions], name)
    title = type_identifier(name, "the service")
    if title in hints.definitions:
        raise ConfigError(
            f"a class and the service are both called {title!r}", help="host it under another name: {'Name': object}"
        )
    service = Service(title, tuple(functions), doc=doc)
    return Document(
        title, (INCLUDE,), namespaces_of(title), (*hints.definitions.values(), service), doc=f"Service {title}."
    )


def namespaces_of(name: str, chosen: Mapping[str, str] | None = None) -> tuple[tuple[str, str], ...]:
    """Where the code of each language goes: ``vision_idl``, which is no name that a module of Python has already."""
    low = f"{name.rstrip('_').lower()}_idl"
    names = dict.fromkeys(LANGUAGES, low)
    names.update({"rb": _camel(low), "php": _camel(low), "perl": _camel(low), **(chosen or {})})
    return tuple(names.items())


def _camel(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def _in_order(stages: Mapping[str, Stage]) -> list[str]:
    """As their code is written, as far as that can be told: a list by name would put new ones in the middle."""

    def place(leaf: str) -> tuple[int, str]:
        code = getattr(inspect.unwrap(stages[leaf].function), "__code__", None)
        return (code.co_firstlineno if code is not None else 0, leaf)

    return sorted(stages, key=place)


def _function(hints: Hints, where: str, leaf: str, stage: Stage) -> Function:
    signature = _signature(stage.function)
    params = []
    infos = {info.name: info for info in stage.info.params}
    for parameter in signature.parameters.values():
        params.append(_param(hints, where, parameter, infos[parameter.name], stage.function))
    check_distinct([param.name for param in params], where)
    doc = doc_of(_innermost(stage.function))
    if any(info.tensor is not None for info in stage.info.params) or stage.info.gives:
        doc = f"{doc}\n\n{describe(stage.info)}".strip()
    returns = _returns(hints, where, stage, signature.return_annotation)
    return Function(identifier(leaf, where), returns, tuple(params), (_ERROR,), doc=doc, stage=leaf)


def _signature(function: Any) -> inspect.Signature:
    try:
        return inspect.signature(function)
    except (ValueError, TypeError):
        raise ConfigError(
            f"{function!r} does not tell its parameters", expected="a function written in Python", help=EXPECTED
        ) from None


def _innermost(function: Any) -> Any:
    while hasattr(function, "func"):
        function = function.func
    return function


def _param(hints: Hints, where: str, parameter: inspect.Parameter, info: ParamInfo, function: Any) -> Field:
    place = f"parameter {parameter.name!r} of {where}"
    hint = evaluate(parameter.annotation, function)
    inner = inner_of_optional(hint)
    if info.tensor is not None:
        kind: Type = TENSOR_TYPE
    elif parameter.annotation is parameter.empty:
        kind = VALUE_TYPE
    else:
        kind = hints.type_of(hint if inner is None else inner, place)
    if info.kind is ParamKind.VAR_POSITIONAL:
        kind = ListOf(kind)
    elif info.kind is ParamKind.VAR_NAMED:
        kind = MapOf(Base("string"), kind)
    default = NOTHING if parameter.default is parameter.empty else parameter.default
    is_many = info.kind in (ParamKind.VAR_POSITIONAL, ParamKind.VAR_NAMED)
    return Field(
        0,
        parameter_identifier(parameter.name, place),
        kind,
        default=NOTHING if default is NOTHING else constant_of(default, kind, hints.definitions),
        doc=_param_doc(info, default),
        attribute=parameter.name,
        may_lack=info.has_default or inner is not None or is_many,
    )


def _param_doc(info: ParamInfo, default: Any) -> str:
    parts = [] if info.tensor is None else [format_spec(info.tensor)]
    if default is None:
        parts.append("may be left out where the language can")
    return "; ".join(parts)


def _returns(hints: Hints, where: str, stage: Stage, annotation: Any) -> Type | None:
    if stage.info.gives is not None:
        return ListOf(TENSOR_TYPE) if stage.info.gives_tuple else TENSOR_TYPE
    if annotation is inspect.Signature.empty:
        return VALUE_TYPE
    hint = evaluate(annotation, stage.function)
    return None if hint in (None, type(None)) else hints.type_of(hint, f"the result of {where}")
