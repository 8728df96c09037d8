"""Makes stages of a server's services, and finds what of them can be called typed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pyrpc.idl.code import CodeService, owners_of, stages_of
from pyrpc.server.typed.calls import TypedCalls, TypedService
from pyrpc.server.typed.code import HostedCode
from pyrpc.server.typed.declared import IdlService
from pyrpc.server.typed.processor import ProcessorService, processors_in
from pyrpc.stage.registry import Registry


def hosted_services(services: Iterable[object]) -> tuple[Registry, TypedCalls]:
    """The stages of all services, and their typed calls.

    Raises
    ------
    ConfigError
        See ``Registry.add``.
    """
    registry = Registry()
    found: list[TypedService] = []
    for name, service in _flat(services):
        declared = _declared(service)
        for each in declared:
            each.host(registry, name)
            found.append(each)
        if not declared:
            registry.add(service, name)
            found += _of_code(service, name, registry)
    return registry, TypedCalls(found)


def _flat(services: Iterable[object]) -> Iterator[tuple[str | None, object]]:
    """Each service, and the name that a dict gives it."""
    for service in services:
        if type(service) is dict and any(_declared(each) for each in service.values()):
            yield from service.items()
        else:
            yield None, service


def _declared(service: object) -> list[IdlService | ProcessorService]:
    """What comes with an IDL of its own."""
    return [service] if isinstance(service, IdlService) else list(processors_in(service))


def _of_code(service: object, name: str | None, registry: Registry) -> Iterator[TypedService]:
    for title, owner, _ in owners_of([service if name is None else {name: service}]):
        stages = stages_of(registry, title)
        if stages:
            yield HostedCode(CodeService(title, owner, stages))
