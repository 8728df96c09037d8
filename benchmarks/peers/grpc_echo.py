"""A gRPC server in Python with its own generic handler: bytes in, the same bytes out, no messages of protobuf."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

# One caller asks; more threads would only take turns.
_THREADS = 2
_OPTIONS = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # As large as HTTP/2 has them: fewer frames for the same bytes.
    ("grpc.http2.max_frame_size", 0xFFFFFF),
    ("grpc.http2.lookahead_bytes", 0x3FFFFFFF),
    ("grpc.optimization_target", "throughput"),
]


def _echo(data: bytes, _context: Any) -> bytes:
    return data


def serve(announce: Callable[[str], None]) -> None:
    """Serve for ever; `announce` gets the endpoint."""
    server = grpc.server(ThreadPoolExecutor(_THREADS), options=_OPTIONS)
    # Without (de)serializers the bytes pass as they are.
    handler = grpc.method_handlers_generic_handler("Echo", {"echo": grpc.unary_unary_rpc_method_handler(_echo)})
    server.add_generic_rpc_handlers((handler,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    announce(f"127.0.0.1:{port}")
    threading.Event().wait()
