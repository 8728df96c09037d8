"""The node: takes calls, runs stages, answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyrpc.server.server import Server
    from pyrpc.server.typed.declared import IdlService
    from pyrpc.transport.patience import Patience

__all__ = ["IdlService", "Patience", "Server"]


# Late, so that a part of the server can be imported without all of it.
def __getattr__(name: str) -> object:
    if name == "Server":
        from pyrpc.server.server import Server

        return Server
    if name == "Patience":
        from pyrpc.transport.patience import Patience

        return Patience
    if name == "IdlService":
        from pyrpc.server.typed.declared import IdlService

        return IdlService
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
