"""Raw Python sockets: what the interpreter costs without any protocol.

Both ends know the size of the message, receive into memory that was there before, and have nothing to parse.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable

import numpy as np

# Slices of these sizes are the quickest over loopback (see loopback.c).
SEND_SLICE_BYTES = 512 * 1024
RECEIVE_SLICE_BYTES = 256 * 1024


def receive_into(connection: socket.socket, memory: memoryview) -> bool:
    """Fill `memory`; False: the other side is gone."""
    done, size = 0, len(memory)
    while done < size:
        got = connection.recv_into(memory[done : done + RECEIVE_SLICE_BYTES])
        if got == 0:
            return False
        done += got
    return True


def send_from(connection: socket.socket, memory: memoryview) -> None:
    """Send all of `memory`."""
    for start in range(0, len(memory), SEND_SLICE_BYTES):
        connection.sendall(memory[start : start + SEND_SLICE_BYTES])


def _echo_for_ever(connection: socket.socket) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    header = memoryview(bytearray(8))
    if not receive_into(connection, header):
        return
    memory = memoryview(np.zeros(struct.unpack("<Q", header)[0], np.uint8)).cast("B")
    while receive_into(connection, memory):
        send_from(connection, memory)


def serve(announce: Callable[[str], None]) -> None:
    """Echo for ever; the first 8 bytes of a connection tell the size of its messages."""
    listener = socket.create_server(("127.0.0.1", 0))
    announce(f"127.0.0.1:{listener.getsockname()[1]}")
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_echo_for_ever, args=(connection,), daemon=True).start()


class SocketsCaller:
    """One connection to one node."""

    def __init__(self, endpoints: list[str]) -> None:
        host, _, port = endpoints[0].rpartition(":")
        self._address = (host, int(port))
        self._connection: socket.socket | None = None
        self._received = np.zeros(0, np.uint8)

    def _connect(self, message_bytes: int) -> socket.socket:
        connection = socket.create_connection(self._address)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(struct.pack("<Q", message_bytes))
        return connection

    def echo_array(self, array: np.ndarray) -> np.ndarray:
        """One array there and back, into the same memory each time; all arrays of one caller have one size."""
        if self._connection is None:
            self._connection = self._connect(array.nbytes)
            self._received = np.zeros_like(array)
        send_from(self._connection, memoryview(array).cast("B"))
        if not receive_into(self._connection, memoryview(self._received).cast("B")):
            raise ConnectionError("the echo server is gone")
        return self._received

    def echo_small(self, array: np.ndarray) -> Callable[[], object]:
        """A call that echoes the bytes of `array`."""
        connection, data = self._connect(array.nbytes), array.tobytes()
        memory = memoryview(bytearray(array.nbytes))

        def call() -> None:
            connection.sendall(data)
            receive_into(connection, memory)

        return call
