"""The stages of a node, by name."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from pyrpc.errors import ConfigError, TooLargeError, UnknownMethodError
from pyrpc.stage.batch import BatchedStage
from pyrpc.stage.declare import declaration_of
from pyrpc.stage.hooks import HOOK_NAMES, Hooks, is_hook
from pyrpc.stage.hosting import MAX_NAME_BYTES, hosted
from pyrpc.stage.signature import Signature
from pyrpc.wire.messages import StageInfo

_MAX_LISTED = 10


@dataclass(frozen=True, slots=True)
class Stage:
    """One callable of the node.

    Attributes
    ----------
    name : str
        "Class.method", "module.function" or "function".
    function : callable
        Bound: called with the arguments of the call and nothing else.
    signature : Signature
        Checks arguments and results.
    info : StageInfo
        What callers are told.
    idempotent, splittable : bool or None
        As declared; None: not declared.
    batch : BatchedStage or None
        How its calls are merged; None: they are not.
    """

    name: str
    function: Callable[..., Any]
    signature: Signature
    info: StageInfo
    idempotent: bool | None
    splittable: bool | None
    batch: BatchedStage | None = None


class Registry:
    """Finds stages by name.

    Parameters
    ----------
    *services
        Each as for :meth:`add`.

    Notes
    -----
    Fill it first, then read it from any thread.
    """

    def __init__(self, *services: Any) -> None:
        self._stages: dict[str, Stage] = {}
        self._hidden: dict[str, Stage] = {}
        self._hooks: list[Hooks] = []
        for service in services:
            self.add(service)

    def add(self, service: Any, name: str | None = None) -> None:
        """Host a class (instantiated without arguments), instance, function, module, or a dict of these by name.

        Parameters
        ----------
        service : object
            Public methods of a class or instance, inherited ones too; of a module the functions that it defines, that
            ``@stage`` decorates, or that ``__all__`` names.
        name : str, optional
            In place of the name of the class, module or function.

        Raises
        ------
        ConfigError
            Nothing to host, a name that is taken, too long or missing, or a constructor that needs arguments. What
            the constructor raises comes through as it is. Nothing is added then.
        """
        added: dict[str, Stage] = {}
        hooks: list[Hooks] = []
        for stage_name, function in hosted(service, name, hooks):
            if stage_name in self._stages or stage_name in added:
                raise ConfigError(
                    f"two stages are called {stage_name!r}",
                    help="name one of them: a dict {'Name': object}, or @stage(name='...')",
                )
            added[stage_name] = _stage(stage_name, function)
        self._stages.update(added)
        for each in hooks:
            if not any(each.owner is known.owner for known in self._hooks):
                self._hooks.append(each)

    def add_hidden(self, name: str, function: Callable[..., Any]) -> None:
        """Host a function that nobody is told of: it runs as a stage for what calls it by that name.

        Parameters
        ----------
        name : str
            With a colon in it, which no name of a stage has.
        """
        self._hidden[name] = _stage(name, function)

    def add_hooks(self, service: str, owner: Any) -> None:
        """Run the ``setup`` and ``close`` of an object whose methods were added one by one."""
        hooks = {name: getattr(owner, name, None) for name in HOOK_NAMES}
        found = {name: function for name, function in hooks.items() if is_hook(name, function)}
        if found and not any(owner is known.owner for known in self._hooks):
            self._hooks.append(Hooks(service, owner, found.get("setup"), found.get("close")))

    def lookup(self, name: str) -> Stage:
        """The stage of that name.

        Raises
        ------
        UnknownMethodError
            Tells whether the service or the method is unknown; help names the nearest.
        TooLargeError
            No stage can have so long a name.
        """
        stage = self._stages.get(name)
        if stage is None:
            stage = self._hidden.get(name)
            if stage is not None:
                return stage
            if len(name) > MAX_NAME_BYTES:
                raise TooLargeError(
                    "the name of a method is too long",
                    expected=f"at most {MAX_NAME_BYTES} bytes",
                    got=f"{len(name)} characters",
                )
            raise unknown_method(name, self._stages)
        return stage

    @property
    def hooks(self) -> tuple[Hooks, ...]:
        """What to run before the first call and after the last, in the order in which services were added."""
        return tuple(self._hooks)

    def infos(self) -> tuple[StageInfo, ...]:
        """What callers are told of each stage, sorted by name."""
        return tuple(self._stages[name].info for name in sorted(self._stages))

    def __len__(self) -> int:
        return len(self._stages)

    def __contains__(self, name: object) -> bool:
        return name in self._stages or name in self._hidden


def unknown_method(name: str, known: Iterable[str]) -> UnknownMethodError:
    """The error for a name that is not among those known: which part of it is unknown, and what is near.

    Parameters
    ----------
    name : str
        The name that was asked for; cut when it is longer than any name can be.
    known : iterable of str
        Full names.
    """
    name = name[:MAX_NAME_BYTES]
    names = sorted(known)
    methods: dict[str, list[str]] = {}
    for each in names:
        if "." in each:
            methods.setdefault(each.rpartition(".")[0], []).append(each)
    functions = [each for each in names if "." not in each]
    service, _, method = name.rpartition(".")
    if service in methods:
        near = _nearest(method, methods[service], service + ".")
        message = f"service {service!r} has no method {method!r}"
        return UnknownMethodError(message, help=near or f"it has {_listed(methods[service])}")
    if service:
        near = _nearest(service, methods) or _nearest(method, functions)
        message = f"service {service!r} is not here"
        return UnknownMethodError(message, help=near or f"here are {_listed([*methods] or names)}")
    if name in methods:
        return UnknownMethodError(f"{name!r} is a service, not a stage", help=f"call {_listed(methods[name])}")
    # Without a dot it may be a method whose service was left out.
    same = [each for each in names if each.endswith("." + name)]
    near = f"did you mean {_either(same)}?" if same else _nearest(name, [*functions, *methods])
    return UnknownMethodError(f"stage {name!r} is not here", help=near or f"here are {_listed(names)}")


def _nearest(name: str, candidates: Iterable[str], prefix: str = "") -> str:
    """The question whether one of the nearest is meant, compared without the prefix that all have; "" if none is."""
    near = difflib.get_close_matches(name, [each[len(prefix) :] for each in candidates], n=3)
    return f"did you mean {_either([prefix + each for each in near])}?" if near else ""


def _either(names: list[str]) -> str:
    return " or ".join(map(repr, names[:3]))


def _listed(names: list[str]) -> str:
    if not names:
        return "no stages at all"
    more = f" and {len(names) - _MAX_LISTED} more" if len(names) > _MAX_LISTED else ""
    return ", ".join(names[:_MAX_LISTED]) + more


def _stage(name: str, function: Callable[..., Any]) -> Stage:
    signature = Signature(function, name)
    info = signature.info
    declaration = declaration_of(function)
    limits = declaration.batch if declaration is not None else None
    batch = None if limits is None else BatchedStage(limits, info)
    return Stage(name, function, signature, info, info.idempotent, info.splittable, batch)
