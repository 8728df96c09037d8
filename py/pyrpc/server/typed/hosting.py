"""What of a server's services can be called typed."""

from __future__ import annotations

from collections.abc import Iterable

from pyrpc.idl.code import CodeService, owners_of, stages_of
from pyrpc.server.typed.calls import TypedCalls, TypedService
from pyrpc.server.typed.code import HostedCode
from pyrpc.stage.registry import Registry


def typed_calls(services: Iterable[object], registry: Registry) -> TypedCalls:
    """The typed calls of a node, whose stages are in the registry."""
    found: list[TypedService] = []
    for name, owner, _ in owners_of(services):
        stages = stages_of(registry, name)
        if stages:
            found.append(HostedCode(CodeService(name, owner, stages)))
    return TypedCalls(found)
