"""pyrpc as its users write it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import wait
from functools import partial
from typing import Any

import numpy as np

import pyrpc

# An echo of 64 MiB is one frame; nodes refuse that by default. Stock Thrift's limits are raised in the same way.
MAX_FRAME_BYTES = 0x3FFFFFFF
MAX_CONNECTIONS = 10_000


class Echo:
    """Gives back what it gets."""

    def echo(self, x: np.ndarray) -> np.ndarray:
        """The same array."""
        return x


class Noop:
    """Does nothing."""

    def noop(self) -> None:
        """Nothing."""


class Double:
    """A stage that costs as little as a stage can."""

    def double(self, x: np.ndarray) -> np.ndarray:
        """Twice the array."""
        return x * 2


def serve(announce: Callable[[str], None]) -> None:
    """Serve for ever; `announce` gets the endpoint."""
    server = pyrpc.Server(Echo, Noop, Double, port=0, max_frame_bytes=MAX_FRAME_BYTES, max_connections=MAX_CONNECTIONS)
    server.start()
    announce(server.endpoint)
    threading.Event().wait()


class OurCaller:
    """One client over all nodes."""

    def __init__(self, endpoints: list[str]) -> None:
        self._client = pyrpc.Client(endpoints)

    def echo_array(self, array: np.ndarray) -> Any:
        """One array there and back."""
        return self._client.call("Echo.echo", array)

    def echo_small(self, array: np.ndarray) -> Callable[[], object]:
        """A call that echoes `array`, as an array."""
        return partial(self._client.call, "Echo.echo", array)

    def noops(self, thread: int, threads: int) -> list[Callable[[], object]]:
        """The no-op call; the client chooses the node, and all threads share it."""
        return [partial(self._client.call, "Noop.noop")]

    def many_noops(self, calls: int) -> None:
        """So many no-op calls by futures."""
        futures = [self._client.submit("Noop.noop") for _ in range(calls)]
        wait(futures)
        for future in futures:
            future.result()

    def map_doubled(self, array: np.ndarray) -> Any:
        """Twice the array, computed on the nodes."""
        return self._client.map("Double.double", array)
