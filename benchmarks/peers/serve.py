"""A peer's server as a process: ``python -m benchmarks.peers.serve PEER`` prints "ready HOST:PORT" and serves until
its stdin ends. PEER is pyrpc, held, sockets, grpc, stock:VARIANT or pooled:VARIANT; for jobs sleeping:NUMBER
or pulling:NUMBER; device; holding:WORKERS."""

from __future__ import annotations

import os
import sys
import threading
import traceback


def announce(endpoint: str) -> None:
    """The ready line."""
    print(f"ready {endpoint}", flush=True)


def serve(peer: str) -> None:
    """Serve for ever. Imports only what the peer needs: its memory is measured."""
    kind, _, variant = peer.partition(":")
    if kind == "pyrpc":
        from . import ours

        ours.serve(announce)
    elif kind == "held":
        from . import held

        held.serve(announce)
    elif kind == "holding":
        from . import holding

        holding.serve(int(variant), announce)
    elif kind == "pooled":
        from . import stock

        stock.serve_pooled(variant, announce)
    elif kind == "grpc":
        from . import grpc_echo

        grpc_echo.serve(announce)
    elif kind == "sockets":
        from . import sockets

        sockets.serve(announce)
    elif kind == "sleeping":
        from . import sleeping

        sleeping.serve(int(variant), announce)
    elif kind == "device":
        from . import device

        device.serve(announce)
    elif kind == "crowd":
        from . import crowd

        crowd.serve(announce)
    elif kind == "pulling":
        from . import pulling

        pulling.serve(int(variant), announce)
    else:
        from . import stock

        stock.serve(variant, announce)


def _serve_or_exit(peer: str) -> None:
    try:
        serve(peer)
    except BaseException:
        traceback.print_exc()
    os._exit(1)


def main() -> None:
    """Serve beside a main thread that waits for the end of stdin, so that no server outlives its benchmark."""
    threading.Thread(target=_serve_or_exit, args=(sys.argv[1],), daemon=True).start()
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
