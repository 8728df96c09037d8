"""Typed calls of classes and modules with type hints: the methods of the IDL that ``pyrpc idl`` prints."""

from __future__ import annotations

import inspect
import logging
from typing import Any

from pyrpc.errors import ConfigError
from pyrpc.idl.code import CodeService
from pyrpc.idl.model import Service
from pyrpc.server.typed.codec import TypedCodec
from pyrpc.server.typed.method import TypedMethod
from pyrpc.server.typed.plans import Plans
from pyrpc.wire.codec import Codec

_log = logging.getLogger("pyrpc.typed")


class HostedCode:
    """The typed side of a class or module that is hosted; its IDL is made when the first typed call comes.

    Nothing is lost if two threads make it at the same time: they make the same.
    """

    has_idl = False
    is_default = False

    def __init__(self, service: CodeService) -> None:
        self.name = service.name
        self._service = service
        self._methods: dict[str, TypedMethod] | None = None
        self._failure: ConfigError | None = None

    def codec(self, method: str, base: Codec) -> TypedCodec | None:
        """See TypedService."""
        found = self._known().get(method)
        return None if found is None else TypedCodec(found, base)

    def methods(self) -> list[str]:
        """See TypedService."""
        return list(self._known())

    def _known(self) -> dict[str, TypedMethod]:
        if self._failure is not None:
            raise self._failure
        if self._methods is None:
            try:
                self._methods = self._made()
            except ConfigError as error:
                # Kept: callers may ask again and again.
                self._failure = error
                _log.warning("%s cannot be called typed: %s", self.name, error.summary())
                raise
        return self._methods

    def _made(self) -> dict[str, TypedMethod]:
        document = self._service.document()
        definitions: dict[str, Any] = {each.name: each for each in document.definitions}
        plans = Plans(definitions, is_strict=True)
        (service,) = document.of_kind(Service).values()
        made = {}
        for function in service.functions:
            stage = self._service.stages[function.stage]
            parameters = list(inspect.signature(stage.function).parameters.values())
            made[function.name] = TypedMethod(stage.name, function, plans, parameters)
        return made
