"""pyrpc with a thread that stays with each connection until that ends, to be compared with the threads it has."""

from __future__ import annotations

from collections.abc import Callable

from pyrpc.transport import listener

from . import ours

_FOR_EVER_S = 86_400.0


def serve(announce: Callable[[str], None]) -> None:
    """Serve for ever; `announce` gets the endpoint."""
    # A thread that lingers for ever never gives its connection back.
    vars(listener)["LINGER_S"] = _FOR_EVER_S
    ours.serve(announce)
