"""Services that are hosted with an IDL: a handler in Python answers for each function of it."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pyrpc.errors import ConfigError
from pyrpc.idl.classes import Idl, definitions_of, load
from pyrpc.idl.load import functions_of
from pyrpc.idl.model import NOTHING, Function
from pyrpc.server.typed.codec import TypedCodec
from pyrpc.server.typed.method import TypedMethod
from pyrpc.server.typed.plans import Plans
from pyrpc.stage.registry import Registry
from pyrpc.wire.codec import Codec


class IdlService:
    """A service of an IDL with its handler, to be hosted by a Server; :meth:`Server.from_idl` makes one.

    Parameters
    ----------
    idl : path or Idl
        Of the ``.thrift`` file, or what :func:`pyrpc.idl.load` gave for it.
    service : str
        Which of its services.
    handler : class, instance or module
        Has a function of each name; arguments come by position, in the order of the IDL, and what the caller left out
        is its default or None. A class is instantiated without arguments.

    Raises
    ------
    ConfigError
        The IDL cannot be read (the line is shown), has no such service, or the handler lacks a function, or takes
        another number of arguments.
    """

    has_idl = True
    is_default = False

    def __init__(self, idl: str | os.PathLike[str] | Idl, service: str, handler: object) -> None:
        self.name = service
        self._idl = idl if isinstance(idl, Idl) else load(os.fspath(idl))
        loaded = definitions_of(self._idl)
        self._functions = list(functions_of(loaded, service))
        self._handler = handler() if isinstance(handler, type) else handler
        self._stages = {each.name: self._stage(each) for each in self._functions}
        self._methods: dict[str, TypedMethod] = {}
        self._loaded = loaded

    def _stage(self, function: Function) -> Callable[..., Any]:
        found = getattr(self._handler, function.name, None) or getattr(self._handler, f"{function.name}_", None)
        who = getattr(self._handler, "__name__", None) or type(self._handler).__name__
        signature = f"{function.name}({', '.join(param.name for param in function.params)})"
        if not callable(found):
            raise ConfigError(
                f"{who} lacks {function.name!r}, which service {self.name} has",
                expected=signature,
                help="a handler answers for every function of its service",
            )
        try:
            inspect.signature(found).bind(*[None] * len(function.params))
        except TypeError as error:
            raise ConfigError(
                f"{who}.{function.name} does not fit the IDL", expected=signature, got=str(error)
            ) from None
        except ValueError:
            # Of C, which does not tell.
            pass
        made: Callable[..., Any] = found
        return made

    def host(self, registry: Registry, name: str | None = None) -> None:
        """Make stages of the functions, under the name of the service or another."""
        self.name = name or self.name
        registry.add({f"{self.name}.{each}": function for each, function in self._stages.items()})
        registry.add_hooks(self.name, self._handler)
        plans = Plans(self._loaded.definitions, is_strict=False)
        for function in self._functions:
            made = replace(function, params=tuple(map(self._with_default, function.params)))
            self._methods[function.name] = TypedMethod(f"{self.name}.{function.name}", made, plans)

    def _with_default(self, param: Any) -> Any:
        """The parameter with what makes its default in the place of the constant."""
        make = self._idl.default_of(param, "")
        return replace(param, default=NOTHING if make is None else make)

    def codec(self, method: str, base: Codec) -> TypedCodec | None:
        """See TypedService."""
        found = self._methods.get(method)
        return None if found is None else TypedCodec(found, base)

    def methods(self) -> list[str]:
        """See TypedService."""
        return [each.name for each in self._functions]
