"""Callers without a client: each connection sends the same bytes again as soon as its answer is there.

One process, one thread and one epoll for all connections, so that the load is the same for every server, and so cheap
that the server is what is measured. The bytes are those that each peer's own client would send and get.
"""

from __future__ import annotations

import select
import socket
import time
from time import perf_counter

import numpy as np

BYTES = 1024
_DATA = bytes(range(256)) * (BYTES // 256)


class Connection:
    """One of them: what it still waits for, and since when."""

    __slots__ = ("begun", "left", "sock")

    def __init__(self, address: tuple[str, int]) -> None:
        self.sock = socket.create_connection(address, 10)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.left = 0
        self.begun = 0.0


class LoadCaller:
    """Any number of connections to one server.

    Parameters
    ----------
    kind : str
        Whose bytes: ``pyrpc``, or a variant of stock Thrift.
    """

    def __init__(self, kind: str, endpoints: list[str]) -> None:
        host, _, port = endpoints[0].rpartition(":")
        self._address = (host, int(port))
        self._request = _our_request() if kind == "pyrpc" else _stock_request(kind)
        self._answer_bytes = 0
        self._connections: list[Connection] = []

    def connect(self, count: int) -> None:
        """Have so many connections; the first call on each is not timed."""
        for connection in self._connections:
            connection.sock.close()
        self._connections = [Connection(self._address) for _ in range(count)]
        self._answer_bytes = self._learn(self._connections[0].sock)
        self.run(0.2)

    def _learn(self, sock: socket.socket) -> int:
        """How long an answer is: all that comes of one call, which must hold what was sent."""
        sock.sendall(self._request)
        answer = b""
        sock.settimeout(0.3)
        try:
            while more := sock.recv(65536):
                answer += more
        except TimeoutError:
            pass
        sock.settimeout(None)
        if _DATA not in answer:
            raise ValueError(f"that is no echo: {answer[:200]!r}")
        return len(answer)

    def run(self, for_s: float) -> dict[str, float]:
        """Calls a second, the latency's median and 99th percentile (s), and the share of this process's core."""
        times: list[float] = []
        by_file = {connection.sock.fileno(): connection for connection in self._connections}
        buffer = bytearray(65536)
        cpu = time.process_time()
        with select.epoll() as poll:
            start = perf_counter()
            for number, connection in by_file.items():
                poll.register(number, select.EPOLLIN)
                self._send(connection)
            waiting = len(by_file)
            while waiting:
                for number, _ in poll.poll():
                    connection = by_file[number]
                    connection.left -= connection.sock.recv_into(buffer)
                    if connection.left > 0:
                        continue
                    now = perf_counter()
                    times.append(now - connection.begun)
                    if now - start < for_s:
                        self._send(connection)
                    else:
                        waiting -= 1
        took_s = perf_counter() - start
        times.sort()
        return {
            "calls": len(times),
            "calls_per_s": len(times) / took_s,
            "p50_s": times[len(times) // 2],
            "p99_s": times[int(0.99 * len(times))],
            "busy": (time.process_time() - cpu) / took_s,
        }

    def _send(self, connection: Connection) -> None:
        connection.left = self._answer_bytes
        connection.begun = perf_counter()
        connection.sock.sendall(self._request)


def _our_request() -> bytes:
    from pyrpc.wire import small

    frame = small.encode_call("Echo.echo", (np.frombuffer(_DATA, np.float32),), 7, 60_000)
    assert frame is not None
    return frame


def _stock_request(variant: str) -> bytes:
    from thrift.transport.TTransport import TMemoryBuffer

    from .gen_echo import Echo
    from .stock import factories

    written = TMemoryBuffer()
    transport, protocol = factories(variant)
    Echo.Client(protocol.getProtocol(transport.getTransport(written))).send_echo(_DATA)
    return bytes(written.getvalue())
