"""Stock Apache Thrift Python: its own classes, limits raised, TCP_NODELAY set, nothing else changed.

A variant is a transport and a protocol, both as they come. Which one is fastest depends on the size of the
message, so all of them run and the fastest is the peer.
"""

from __future__ import annotations

import socket
from collections.abc import Callable

import numpy as np
from thrift.protocol.TBinaryProtocol import TBinaryProtocolAcceleratedFactory, TBinaryProtocolFactory
from thrift.protocol.TProtocol import TProtocolFactory
from thrift.server.TServer import TThreadedServer, TThreadPoolServer
from thrift.transport.TSocket import TServerSocket, TSocket
from thrift.transport.TTransport import (
    HARD_MAX_FRAME_SIZE,
    TBufferedTransportFactory,
    TFramedTransportFactory,
    TTransportFactoryBase,
)

from .gen_echo import Echo


def factories(variant: str) -> tuple[TTransportFactoryBase, TProtocolFactory]:
    """The transport and protocol factories of a variant, one of peers.VARIANTS."""
    transport, protocol = variant.split("-")
    transports = {
        "framed": lambda: TFramedTransportFactory(max_frame_size=HARD_MAX_FRAME_SIZE),
        "buffered": TBufferedTransportFactory,
    }
    protocols = {
        # fallback=False: better no figure than one of the slow path under the name of the fast one.
        "accelerated": lambda: TBinaryProtocolAcceleratedFactory(string_length_limit=None, fallback=False),
        "plain": lambda: TBinaryProtocolFactory(string_length_limit=None),
    }
    return transports[transport](), protocols[protocol]()


POOL_THREADS = 16
# Calls sent on a connection before the first of their replies is read.
_AHEAD = 100


class EchoHandler:
    """What the server does: nothing."""

    def echo(self, data: bytes) -> bytes:
        return data

    def noop(self) -> None:
        return None


def _send_at_once(transport: TSocket) -> None:
    """Without it a second message on the way waits 40 ms for the first to be acknowledged; for one it is the same."""
    transport.handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class AnnouncingSocket(TServerSocket):
    """A server socket that tells its port once it listens."""

    def __init__(self, announce: Callable[[str], None]) -> None:
        super().__init__("127.0.0.1", 0)
        self._announce = announce

    def listen(self) -> None:
        super().listen()
        self._announce(f"127.0.0.1:{self.handle.getsockname()[1]}")

    def accept(self) -> TSocket:
        accepted = super().accept()
        _send_at_once(accepted)
        return accepted


def serve(variant: str, announce: Callable[[str], None]) -> None:
    """Serve one variant for ever; `announce` gets the endpoint."""
    transport, protocol = factories(variant)
    processor = Echo.Processor(EchoHandler())
    TThreadedServer(processor, AnnouncingSocket(announce), transport, protocol, daemon=True).serve()


def serve_pooled(variant: str, announce: Callable[[str], None], threads: int = POOL_THREADS) -> None:
    """The same by a pool of threads, each of which stays with its connection until that ends."""
    transport, protocol = factories(variant)
    server = TThreadPoolServer(
        Echo.Processor(EchoHandler()), AnnouncingSocket(announce), transport, protocol, daemon=True
    )
    server.setNumThreads(threads)
    server.serve()


def open_client(endpoint: str, variant: str) -> Echo.Client:
    """A generated client, connected."""
    host, _, port = endpoint.rpartition(":")
    transport_factory, protocol_factory = factories(variant)
    connection = TSocket(host, int(port))
    transport = transport_factory.getTransport(connection)
    transport.open()
    _send_at_once(connection)
    return Echo.Client(protocol_factory.getProtocol(transport))


class StockCaller:
    """Generated clients, one connection for each node."""

    def __init__(self, variant: str, endpoints: list[str]) -> None:
        self._variant = variant
        self._endpoints = endpoints
        self._clients = [self._connect(endpoint) for endpoint in endpoints]
        self._by_thread: dict[int, Echo.Client] = {}

    def _connect(self, endpoint: str) -> Echo.Client:
        return open_client(endpoint, self._variant)

    def echo_array(self, array: np.ndarray) -> np.ndarray:
        """One array there and back, as a user of stock Thrift has to write it."""
        data = self._clients[0].echo(array.tobytes())
        return np.frombuffer(data, array.dtype).reshape(array.shape)

    def echo_small(self, array: np.ndarray) -> Callable[[], object]:
        """A call that echoes the bytes of `array`, made once: no conversion is charged to stock Thrift."""
        client, data = self._clients[0], array.tobytes()
        return lambda: client.echo(data)

    def many_noops(self, calls: int) -> None:
        """So many no-op calls, sent ahead of their replies: generated clients have the two halves of a call apart.

        A user has to write this by hand. It is bounded, or both ends would wait for the other to read.
        """
        share = min(_AHEAD, max(1, calls // len(self._clients)))
        for _ in range(calls // len(self._clients) // share):
            for client in self._clients:
                for _ in range(share):
                    client.send_noop()
            for client in self._clients:
                for _ in range(share):
                    client.recv_noop()

    def noops(self, thread: int, threads: int) -> list[Callable[[], object]]:
        """The no-op calls that one of so many threads makes in turn, over all nodes alike."""
        if threads == 1:
            return [client.noop for client in self._clients]
        # One connection for each thread, the nodes in turn: a generated client is not thread-safe.
        if thread not in self._by_thread:
            self._by_thread[thread] = self._connect(self._endpoints[thread % len(self._endpoints)])
        return [self._by_thread[thread].noop]
