"""A node that dies in the middle of a reply is a lost node, not a faulty one."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from pyrpc import Client, Server
from pyrpc.errors import ConnectionLostError

ROWS = np.random.default_rng(0).random((4000, 256))


def double(x: np.ndarray) -> np.ndarray:
    return x * 2


class Cutter:
    """Forwards to a node and cuts each connection after so many bytes of answers."""

    def __init__(self, endpoint: str, after_bytes: int) -> None:
        host, _, port = endpoint.rpartition(":")
        self._node, self._after_bytes = (host, int(port)), after_bytes
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"127.0.0.1:{self._listening.getsockname()[1]}"
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return
            far = socket.create_connection(self._node)
            self._open += [near, far]
            for source, target, limit in ((near, far, None), (far, near, self._after_bytes)):
                thread = threading.Thread(target=self._pump, args=(source, target, limit))
                self._threads.append(thread)
                thread.start()

    def _pump(self, source: socket.socket, target: socket.socket, limit: int | None) -> None:
        passed = 0
        try:
            while data := source.recv(65536):
                if limit is not None and passed + len(data) > limit:
                    target.sendall(data[: limit - passed])
                    break
                target.sendall(data)
                passed += len(data)
        except OSError:
            pass
        for sock in (source, target):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for sock in self._open:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in self._threads:
            thread.join(10)
        for sock in self._open:
            sock.close()


@pytest.fixture
def node() -> Iterator[Server]:
    with Server(double, port=0) as server:
        yield server


@pytest.fixture
def cutter(node: Server) -> Iterator[Cutter]:
    it = Cutter(node.endpoint, 100_000)
    yield it
    it.close()


def test_a_reply_that_breaks_off_is_a_lost_connection(cutter: Cutter) -> None:
    with Client(cutter.endpoint) as client, pytest.raises(ConnectionLostError):
        client.call("double", ROWS)


def test_a_map_goes_on_elsewhere_when_replies_break_off(node: Server, cutter: Cutter) -> None:
    with Client([cutter.endpoint, node.endpoint]) as client:
        # By turns, or the node behind the cutter, which is a little slower, might get next to nothing.
        job = client.map_async("double", ROWS, chunk_rows=250, policy="round_robin")
        assert np.array_equal(job.result(60), ROWS * 2)
        assert job.receipt.retries > 0


def test_attempts_of_one_slot_do_not_overlap_in_the_receipt(node: Server) -> None:
    with Client(node.endpoint, window=2) as client:
        job = client.map_async("double", ROWS, chunk_rows=100)
        job.result(60)
        assert max(entry.slot for entry in job.receipt.entries) <= 1
