"""The IDL of a class or module: which stages it would host, in what document, under which numbers."""

from __future__ import annotations

import inspect
import sys
import types
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pyrpc.errors import ConfigError
from pyrpc.idl.defaults import doc_of
from pyrpc.idl.lock import Lock, lock_path, read_lock
from pyrpc.idl.model import Document
from pyrpc.idl.service import document_of, namespaces_of
from pyrpc.stage.hosting import is_function
from pyrpc.stage.registry import Registry, Stage


@dataclass(frozen=True, slots=True)
class CodeService:
    """A class or module as one service.

    Attributes
    ----------
    name : str
        As it is hosted.
    owner : class or module
    stages : mapping of str to Stage
        By the last part of their names.
    """

    name: str
    owner: Any
    stages: Mapping[str, Stage]

    @property
    def lock_path(self) -> Path | None:
        """Where its lock is, or would be; None: it comes from no file."""
        module = self.owner if isinstance(self.owner, types.ModuleType) else sys.modules.get(self.owner.__module__)
        source = getattr(module, "__file__", None)
        return None if source is None else lock_path(source)

    def document(self, lock: Lock | None = None) -> Document:
        """Its IDL, numbered by a lock; by the one beside its source if none is given.

        Raises
        ------
        ConfigError
            A hint or name that an IDL cannot have, or a lock that cannot be read.
        """
        if lock is None:
            path = self.lock_path
            lock = (read_lock(path) if path is not None else None) or Lock()
        return lock.numbered(document_of(self.name, self.stages, doc_of(self.owner)))


def code_service(service: object, name: str | None = None) -> CodeService:
    """The service that a class, instance or module would be; the constructor of a class does not run.

    Raises
    ------
    ConfigError
        It hosts nothing, or is a single function.
    """
    if type(service) is not dict and is_function(service):
        raise ConfigError(
            "a single function is no service",
            expected="a class, an instance or a module",
            help="make it a method of a class, or give the IDL of its module",
        )
    found = list(owners_of([service if name is None else {name: service}]))
    if len(found) != 1:
        raise ConfigError("an IDL is that of one service", got=f"{len(found)} services")
    title, owner, instance = found[0]
    registry = Registry({title: instance})
    return CodeService(title, owner, stages_of(registry, title))


def owners_of(services: Iterable[object]) -> Iterator[tuple[str, Any, Any]]:
    """Name, class or module, and what to ask for its methods, of each service but single functions."""
    for service in services:
        if type(service) is dict:
            for name, each in service.items():
                yield from ((name, owner, instance) for _, owner, instance in owners_of([each]))
        elif isinstance(service, types.ModuleType):
            yield service.__name__.rpartition(".")[2], service, service
        elif isinstance(service, type):
            yield service.__name__, service, _blank(service)
        elif not is_function(service):
            yield type(service).__name__, type(service), service


def _blank(cls: type) -> object:
    """An instance whose constructor did not run: its methods are all there, and no model is loaded for them."""
    if inspect.isabstract(cls):
        return cls
    try:
        return object.__new__(cls)
    except TypeError:
        # Of a class in C, which makes its instances itself.
        return cls


def stages_of(registry: Registry, name: str) -> dict[str, Stage]:
    """The stages of one service, by the last part of their names."""
    names = [info.name for info in registry.infos() if info.name.rpartition(".")[0] == name]
    return {full.rpartition(".")[2]: registry.lookup(full) for full in names}


def with_namespaces(document: Document, chosen: Mapping[str, str]) -> Document:
    """The same with other namespaces for some languages."""
    return replace(document, namespaces=namespaces_of(document.name, chosen))
