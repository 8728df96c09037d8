"""Connections that rest, and connections that send a byte now and then in the middle of a message or of its length."""

from __future__ import annotations

import contextlib
import socket
import time
from time import perf_counter

# Messages of these sizes drip; a node keeps part of a small one, and a large one would stream.
_SIZES = (1000, 200_000)


class DripCaller:
    """Connections to one node that never finish a message."""

    def __init__(self, endpoints: list[str]) -> None:
        host, _, port = endpoints[0].rpartition(":")
        self._address = (host, int(port))
        self._idle: list[socket.socket] = []
        self._dripping: list[tuple[socket.socket, bytes]] = []

    def _connect(self) -> socket.socket:
        sock = socket.create_connection(self._address, 20)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    def connect(self, idle: int, dripping: int) -> int:
        """Have so many more; how many there are."""
        self._idle += [self._connect() for _ in range(idle)]
        for number in range(len(self._dripping), len(self._dripping) + dripping):
            self._dripping.append(self._begun(number))
        return len(self._idle) + len(self._dripping)

    def _begun(self, number: int) -> tuple[socket.socket, bytes]:
        """A connection on which from none to seven bytes were sent: drips then are in the length or behind it."""
        whole = _SIZES[number % len(_SIZES)].to_bytes(4, "big") + b"\x80\x01\0\x01"
        sock = self._connect()
        sock.sendall(whole[: number % 8])
        return sock, whole[number % 8 :]

    def drip(self, for_s: float) -> dict[str, int]:
        """A byte a second on each, one after the other; how many bytes that were, and connections that were cut."""
        start = perf_counter()
        sent = cut = 0
        count = len(self._dripping)
        while (now := perf_counter() - start) < for_s:
            while sent < now * count:
                number = sent % count
                sock, rest = self._dripping[number]
                try:
                    sock.sendall(rest[:1] or b"x")
                    self._dripping[number] = sock, rest[1:]
                except OSError:
                    # Its time was over.
                    cut += 1
                    sock.close()
                    self._dripping[number] = self._begun(number)
                sent += 1
            time.sleep(0.002)
        return {"sent": sent, "cut": cut}

    def close(self) -> None:
        """Close all of them."""
        for sock in self._idle + [sock for sock, _ in self._dripping]:
            with contextlib.suppress(OSError):
                sock.close()
