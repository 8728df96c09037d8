"""Signatures of stages: from a callable on the node, from a StageInfo at the caller."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pyrpc.stage.contract import Contract
from pyrpc.stage.declare import StageDeclaration, declaration_of, resolve_takes
from pyrpc.stage.describe import describe
from pyrpc.stage.empty import empty_result
from pyrpc.stage.hints import evaluate, scalar_hint, takes_none
from pyrpc.wire.messages import ParamInfo, ParamKind, StageInfo

__all__ = ["Signature", "check_call", "check_result", "contract_of", "describe", "empty_result"]

MAX_DOC_CHARS = 4096
_MAX_DEFAULT_CHARS = 40
_MAX_CONTRACTS = 1024
# The kinds of inspect and of the IDL have the same order; the IDL's start at 1.
_KINDS = tuple(ParamKind)


class Signature(Contract):
    """The contract of a callable, with what only the node knows: its defaults and its type hints.

    Parameters
    ----------
    function : callable
        Bound, as it will be called.
    name : str
        Its name on the node.
    declaration : StageDeclaration, optional
        What ``@stage`` said; by default what the function carries.

    Raises
    ------
    ConfigError
        If the declaration does not fit the parameters.
    """

    __slots__ = ("function",)

    def __init__(self, function: Callable[..., Any], name: str, declaration: StageDeclaration | None = None) -> None:
        self.function = function
        declaration = declaration or declaration_of(function) or StageDeclaration()
        signature = _python_signature(function)
        parameters = list(signature.parameters.values())
        takes = resolve_takes(declaration, parameters, name)
        info = StageInfo(
            name=name,
            doc=_doc(function),
            params=tuple(_param_info(parameter, takes.get(parameter.name)) for parameter in parameters),
            gives=declaration.gives,
            gives_tuple=declaration.gives_tuple,
            idempotent=declaration.idempotent,
            splittable=declaration.splittable,
            returns=_hint_text(signature.return_annotation),
        )
        annotations = {p.name: evaluate(p.annotation, function) for p in parameters}
        none_fits = {p.name for p in parameters if p.default is None or takes_none(annotations[p.name])}
        hints = {
            p.name: hint
            for p in parameters
            if (
                hint := scalar_hint(annotations[p.name], _hint_text(p.annotation) or "", is_none_fine=p.default is None)
            )
        }
        super().__init__(
            info, hints=hints, none_fits=frozenset(none_fits), text=describe(info, _default_texts(parameters))
        )


def check_call(info: StageInfo, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, int]:
    """Check a call at the caller, before anything is sent: counts, names and arrays.

    Returns
    -------
    dict of str to int
        Sizes of the named dims, for :func:`check_result` and :func:`empty_result`.

    Raises
    ------
    ArgumentError, ContractError
        As the node would.
    """
    return contract_of(info).bind(args, kwargs)


def check_result(info: StageInfo, value: Any, bindings: dict[str, int]) -> None:
    """Check what a call gave against what the stage declares; raises BadResultError."""
    contract_of(info).check_result(value, bindings)


def contract_of(info: StageInfo) -> Contract:
    """The compiled contract of a stage; kept for the StageInfo object that was given."""
    known = _contracts.get(id(info))
    if known is None or known.info is not info:
        if len(_contracts) >= _MAX_CONTRACTS:
            _contracts.clear()
        known = _contracts[id(info)] = Contract(info)
    return known


# By identity: hashing a StageInfo costs more than the check. An entry holds its info, so its id stays taken.
_contracts: dict[int, Contract] = {}


def _python_signature(function: Callable[..., Any]) -> inspect.Signature:
    try:
        return inspect.signature(function)
    except (ValueError, TypeError):  # Builtins that do not tell: the call itself will.
        kinds = inspect.Parameter
        return inspect.Signature([kinds("args", kinds.VAR_POSITIONAL), kinds("kwargs", kinds.VAR_KEYWORD)])


def _param_info(parameter: inspect.Parameter, tensor: Any) -> ParamInfo:
    return ParamInfo(
        name=parameter.name,
        kind=_KINDS[parameter.kind],
        has_default=parameter.default is not parameter.empty,
        annotation=_hint_text(parameter.annotation),
        tensor=tensor,
    )


def _hint_text(annotation: Any) -> str | None:
    if annotation is inspect.Parameter.empty:
        return None
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


def _default_texts(parameters: Sequence[inspect.Parameter]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for parameter in parameters:
        try:
            text = repr(parameter.default)
        except Exception:  # A repr that raises must not keep a stage from being hosted.
            continue
        if len(text) <= _MAX_DEFAULT_CHARS and text.isprintable():
            texts[parameter.name] = text
    return texts


def _doc(function: Callable[..., Any]) -> str:
    # A partial's own docstring is that of functools.partial.
    while isinstance(function, functools.partial):
        function = function.func
    doc = inspect.getdoc(function) or ""
    return doc if len(doc) <= MAX_DOC_CHARS else doc[: MAX_DOC_CHARS - 3] + "..."
