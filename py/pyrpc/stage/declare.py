"""The ``stage`` decorator: what a function takes and gives, declared beside its code."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast, overload

import numpy as np

from pyrpc.errors import ConfigError
from pyrpc.stage.batch import Batch
from pyrpc.stage.spec import as_spec
from pyrpc.wire.messages import TensorSpec

DECLARATION = "__pyrpc_stage__"

F = TypeVar("F")
Spec = str | TensorSpec | np.dtype[Any] | type[np.generic]  # What as_spec takes.
Takes = Spec | Sequence[Spec | None] | Mapping[str, Spec | None]
Gives = Spec | Sequence[Spec]


@dataclass(frozen=True, slots=True)
class StageDeclaration:
    """What ``@stage`` was told; None means: not declared.

    Attributes
    ----------
    takes_in_order : tuple of TensorSpec or None
        For the parameters that can be given by position, in order.
    takes_by_name : tuple of (str, TensorSpec)
        For parameters by name.
    """

    takes_in_order: tuple[TensorSpec | None, ...] = ()
    takes_by_name: tuple[tuple[str, TensorSpec], ...] = ()
    gives: tuple[TensorSpec, ...] | None = None
    gives_tuple: bool = False
    idempotent: bool | None = None
    splittable: bool | None = None
    name: str | None = None
    batch: Batch | None = None


@overload
def stage(function: F, /) -> F: ...
@overload
def stage(
    *,
    takes: Takes | None = None,
    gives: Gives | None = None,
    idempotent: bool | None = None,
    splittable: bool | None = None,
    name: str | None = None,
    batch: Batch | None = None,
) -> Callable[[F], F]: ...
def stage(
    function: Any = None,
    /,
    *,
    takes: Takes | None = None,
    gives: Gives | None = None,
    idempotent: bool | None = None,
    splittable: bool | None = None,
    name: str | None = None,
    batch: Batch | None = None,
) -> Any:
    """Declare a function or method a stage: bare, ``@stage``, or with arguments.

    The function itself comes back and is called in process as before; the contract is checked where calls are made
    and where they arrive.

    Parameters
    ----------
    takes : str, sequence or mapping, optional
        The array that the first parameter takes (``"uint8[n,28,28]"``), or those of the parameters in order (None:
        unchecked), or those of parameters by name.
    gives : str or sequence, optional
        The array that comes back, or the arrays of a tuple. A named dim has one size over all takes and gives of one
        call; the first named dim is the rows.
    idempotent : bool, optional
        A second run does no harm, so a call that got lost may be tried again.
    splittable : bool, optional
        May be run on parts of its arrays.
    name : str, optional
        What it is called on the node, in place of its own name.
    batch : Batch, optional
        Calls that come at the same time run as one: see :class:`pyrpc.Batch`. Each row of the result must depend on
        its own row alone.

    Raises
    ------
    ConfigError
        At decoration: a bad spec, or takes that does not fit the parameters.
    """
    if isinstance(function, (str, TensorSpec)):
        raise ConfigError(
            "stage takes its arguments by name", got=repr(function), help=f"write @stage(takes={function!r})"
        )
    declaration = _declaration(takes, gives, idempotent, splittable, name, batch)

    def decorate(target: F) -> F:
        _attach(target, declaration)
        return target

    return decorate if function is None else decorate(function)


def declaration_of(function: object) -> StageDeclaration | None:
    """What ``@stage`` said of a function, bound method, staticmethod or classmethod; None if it said nothing."""
    declaration = getattr(function, DECLARATION, None)
    return declaration if isinstance(declaration, StageDeclaration) else None


def resolve_takes(
    declaration: StageDeclaration, parameters: Sequence[inspect.Parameter], where: str
) -> dict[str, TensorSpec]:
    """The spec of each declared parameter.

    Raises
    ------
    ConfigError
        If takes names a parameter that is not there, or has more entries than there are positions.
    """
    names = [parameter.name for parameter in parameters]
    for name, _ in declaration.takes_by_name:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            raise ConfigError(
                f"takes of {where} names {name!r}, which is not a parameter",
                expected=f"one of {', '.join(names)}" if names else "no parameters",
                help=f"did you mean {near[0]!r}?" if near else "name a parameter of the function",
            )
    in_order = [p.name for p in parameters if p.kind <= inspect.Parameter.VAR_POSITIONAL]
    if len(declaration.takes_in_order) > len(in_order):
        raise ConfigError(
            f"takes of {where} has more entries than the function has positional parameters",
            expected=f"at most {len(in_order)} ({', '.join(in_order) or 'it has none'})",
            got=str(len(declaration.takes_in_order)),
            help="give parameters by name: takes={'x': 'float32[n]'}",
        )
    takes = {name: spec for name, spec in zip(in_order, declaration.takes_in_order, strict=False) if spec is not None}
    takes.update(declaration.takes_by_name)
    return takes


def _declaration(
    takes: Takes | None,
    gives: Gives | None,
    idempotent: bool | None,
    splittable: bool | None,
    name: str | None,
    batch: Batch | None,
) -> StageDeclaration:
    if batch is not None and not isinstance(batch, Batch):
        raise ConfigError("batch is a pyrpc.Batch", got=repr(batch), help="write batch=pyrpc.Batch(max_rows=64)")
    for option, value in (("idempotent", idempotent), ("splittable", splittable)):
        if value is not None and not isinstance(value, bool):
            raise ConfigError(f"{option} is a bool", expected="True, False or None", got=repr(value))
    if name is not None and not isinstance(name, str):
        raise ConfigError("the name of a stage is a text", expected="a str", got=repr(name))
    in_order: tuple[TensorSpec | None, ...] = ()
    by_name: tuple[tuple[str, TensorSpec], ...] = ()
    if isinstance(takes, Mapping):
        by_name = tuple((str(key), as_spec(spec)) for key, spec in takes.items() if spec is not None)
    elif isinstance(takes, (list, tuple)):
        in_order = tuple(None if spec is None else as_spec(spec) for spec in takes)
    elif takes is not None:
        in_order = (as_spec(takes),)
    gives_tuple = isinstance(gives, (list, tuple))
    given = None if gives is None else tuple(map(as_spec, gives if isinstance(gives, (list, tuple)) else (gives,)))
    if given == ():
        raise ConfigError("gives is empty", help="leave it out, or give one spec for each array of the result")
    return StageDeclaration(in_order, by_name, given, gives_tuple, idempotent, splittable, name, batch)


def _attach(target: object, declaration: StageDeclaration) -> None:
    function = target.__func__ if isinstance(target, (staticmethod, classmethod)) else target
    where = getattr(function, "__qualname__", type(function).__name__)
    if isinstance(function, type) or not callable(function):
        raise ConfigError(
            f"stage decorates functions and methods, and {where} is neither",
            help="decorate its methods; for a property, host a method that returns it",
        )
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise ConfigError(f"{where} is async, and a stage is a plain function", help="write it with def")
    resolve_takes(declaration, _parameters(target, cast(Callable[..., Any], function)), where)
    try:
        setattr(function, DECLARATION, declaration)
    except (AttributeError, TypeError):
        raise ConfigError(f"{where} takes no attributes", help="wrap it in a function of your own") from None


def _parameters(target: object, function: Callable[..., Any]) -> list[inspect.Parameter]:
    """The parameters that a caller gives, as far as a function tells before its class is there.

    Whether @staticmethod will be put on top cannot be known here, so self goes by its name; the registry checks again
    with the method bound.
    """
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (ValueError, TypeError):  # Builtins that do not tell: anything goes.
        return [inspect.Parameter("args", inspect.Parameter.VAR_POSITIONAL)]
    is_bound_later = isinstance(target, classmethod) or (parameters and parameters[0].name in ("self", "cls"))
    return parameters[1:] if is_bound_later and not isinstance(target, staticmethod) else parameters
