"""A socket in memory, so that the real Channel and the real Connection read what the fuzzer made."""

from __future__ import annotations

from pyrpc.wire import limits


class MemorySocket:
    """What is used of a connected socket (``pyrpc.transport.stream.StreamSocket``).

    Parameters
    ----------
    incoming : bytes
        What arrives; then the peer has closed.
    piece_bytes : int, optional
        At most so many bytes arrive at a time.
    """

    def __init__(self, incoming: bytes, piece_bytes: int | None = None) -> None:
        self._incoming = memoryview(incoming)
        self._piece_bytes = piece_bytes or max(1, len(incoming))
        self.sent = bytearray()

    def recv_into(self, buffer: bytearray | memoryview, nbytes: int = 0, flags: int = 0, /) -> int:
        size = min(len(buffer), len(self._incoming), self._piece_bytes)
        memoryview(buffer)[:size] = self._incoming[:size]
        self._incoming = self._incoming[size:]
        return size

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        return bytes(self._incoming[:size])

    def send(self, data: bytes | memoryview, /) -> int:
        self.sent += data
        return len(data)

    def fileno(self) -> int:
        return -1

    def setsockopt(self, level: int, option: int, value: bytes, /) -> None:
        pass

    def shutdown(self, how: int, /) -> None:
        pass

    def close(self) -> None:
        pass


def frame(message: bytes) -> bytes:
    """A message with its length before it."""
    return len(message).to_bytes(4, "big") + message


def announced(stream: bytes) -> int:
    """Bytes of all frames of a stream as their lengths tell, however few of the last one are there.

    A reader takes memory for an array on its frame's word: the pages come to be as their bytes do.
    """
    at = total = 0
    while at + 4 <= len(stream):
        size = int.from_bytes(stream[at : at + 4], "big", signed=True)
        if size <= 0 or size > limits.HARD_FRAME_BYTES:
            break
        total += size
        at += 4 + size
    return total
