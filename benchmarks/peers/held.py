"""pyrpc with a thread that stays with each connection until that ends, to be compared with the threads it has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyrpc.server import server
from pyrpc.transport import listener

from . import ours

_FOR_EVER_S = 86_400.0


class _HeldListener(listener.Listener):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options | {"serve_quick": None})


def serve(announce: Callable[[str], None]) -> None:
    """Serve for ever; `announce` gets the endpoint."""
    # A thread that lingers for ever never gives its connection back, and there is none that serves many.
    vars(listener)["LINGER_S"] = _FOR_EVER_S
    vars(server)["Listener"] = _HeldListener
    ours.serve(announce)
