"""The caller: splits arrays, sends chunks to nodes, gathers what comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyrpc.client.client import Client

__all__ = ["Client"]


# Late, so that a part of the client can be imported without all of it.
def __getattr__(name: str) -> object:
    if name == "Client":
        from pyrpc.client.client import Client

        return Client
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
