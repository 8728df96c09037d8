"""Run NumPy code on many nodes, from any language that speaks Apache Thrift.

On each node::

    from pyrpc import Server

    Server(MyService).serve()

From anywhere::

    from pyrpc import Client

    with Client("node1:9090,node2:9090") as client:
        client.call("MyService.add", 1, 2)
        features = client.map("MyService.features", images)

Every name below is imported when it is first used: ``import pyrpc`` costs next to nothing, and a program that only
calls never loads the server.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyrpc import errors, idl
    from pyrpc.client import Client
    from pyrpc.client.broadcast import broadcast
    from pyrpc.server import Server
    from pyrpc.stage.batch import Batch
    from pyrpc.stage.current import CurrentCall, current_call
    from pyrpc.stage.declare import stage
    from pyrpc.transport.tls import Tls
    from pyrpc.wire.messages import TensorSpec

__version__ = "0.1.0"

__all__ = [
    "Batch",
    "Client",
    "CurrentCall",
    "Server",
    "TensorSpec",
    "Tls",
    "__version__",
    "broadcast",
    "current_call",
    "errors",
    "idl",
    "stage",
]

# Where each name is found; None: it is a module of its own.
_HOMES: dict[str, str | None] = {
    "Batch": "pyrpc.stage.batch",
    "Client": "pyrpc.client",
    "CurrentCall": "pyrpc.stage.current",
    "Server": "pyrpc.server",
    "TensorSpec": "pyrpc.wire.messages",
    "Tls": "pyrpc.transport.tls",
    "broadcast": "pyrpc.client.broadcast",
    "current_call": "pyrpc.stage.current",
    "errors": None,
    "idl": None,
    "stage": None,
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = _HOMES[name]
    if home is None:
        return importlib.import_module(f"{__name__}.{name}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
