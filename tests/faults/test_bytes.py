"""Bytes that nobody should send, to a node and to a client over real connections: refused by name, and life goes on."""

from __future__ import annotations

import pickle
import socket
import struct
import threading
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyrpc import Client, Server
from pyrpc.errors import ProtocolError, UnknownMethodError, UnsupportedTypeError
from pyrpc.wire import limits
from pyrpc.wire.codec import BINARY, COMPACT
from pyrpc.wire.messages import CallOptions, LoadReport
from pyrpc.wire.source import BytesSource

MB = 2**20
StartNodes = Callable[[int], list[Any]]


def same(x: object) -> object:
    return x


def frame(message: bytes) -> bytes:
    return len(message).to_bytes(4, "big") + message


def call(value: object, seqid: int = 7) -> bytes:
    return b"".join(BINARY.encode_call("same", [value], {}, CallOptions(), seqid))


class Peer:
    """A connection to a node, in the test's own hands."""

    def __init__(self, endpoint: str) -> None:
        host, _, port = endpoint.rpartition(":")
        self._sock = socket.create_connection((host, int(port)), 30)

    def send(self, data: bytes) -> None:
        self._sock.sendall(data)

    def answer(self, seqid: int = 7) -> object:
        """The answer to a call; raises what it says."""
        size = int.from_bytes(self._receive(4), "big")
        source = BytesSource(frame(self._receive(size)))
        source.next_frame(limits.HARD_FRAME_BYTES)
        return BINARY.decode_reply(source, "call", seqid).value

    def _receive(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = self._sock.recv(size - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def close(self) -> None:
        self._sock.close()


@pytest.fixture(scope="module")
def node() -> Iterator[Server]:
    with Server(same, port=0) as server:
        yield server


@pytest.fixture
def peer(node: Server) -> Iterator[Peer]:
    peer = Peer(node.endpoint)
    yield peer
    peer.close()


# -- messages that are wrong in frames that are right: the connection goes on

MALFORMED = {
    "message shorter than its frame": call(1) + b"\0" * 100,
    "trailing bytes": call(1) + b"x",
    "truncated": call("text")[:-20],
    "negative length": call("text").replace(struct.pack(">i", 4) + b"text", struct.pack(">i", -1) + b"text"),
    "huge count": call([1]).replace(struct.pack(">Bi", 12, 1), struct.pack(">Bi", 12, 2**31 - 1)),
    "shape over its data": call(np.zeros(3)).replace(struct.pack(">q", 3), struct.pack(">q", 4)),
    "product overflow": call(np.zeros((3, 5))).replace(struct.pack(">qq", 3, 5), struct.pack(">qq", 2**32, 2**32)),
    "negative dim": call(np.zeros((3, 5))).replace(struct.pack(">qq", 3, 5), struct.pack(">qq", -3, -5)),
    "deep nesting": call([1]).replace(
        struct.pack(">BhBi", 15, 8, 12, 1), struct.pack(">BhBi", 15, 8, 12, 1) * 200_000, 1
    ),
}


@pytest.mark.parametrize("fault", MALFORMED)
def test_malformed_message_is_told_and_the_next_frame_is_intact(peer: Peer, fault: str) -> None:
    peer.send(frame(MALFORMED[fault]) + frame(call(5, seqid=8)))
    with pytest.raises(ProtocolError):
        peer.answer()
    assert peer.answer(8) == 5


def test_sixteen_megabytes_of_tiny_structs_are_refused_in_bounded_memory(start_nodes: StartNodes) -> None:
    """A stock decoder took 1.7 GB for such a frame."""
    one = struct.pack(">Bh?B", 2, 1, True, 0)
    row = struct.pack(">BhBi", 15, 8, 12, limits.CONTAINER_ITEMS) + one * limits.CONTAINER_ITEMS + b"\0"
    count = 16 * MB // len(row)
    rows = struct.pack(">BhBi", 15, 8, 12, count) + row * count
    message = call([1]).replace(struct.pack(">BhBi", 15, 8, 12, 1), rows)
    assert 15 * MB < len(message) < 17 * MB
    (node,) = start_nodes(1)
    with Client(node.endpoint) as client:
        client.call("Work.confine", 100 * MB)
        peer = Peer(node.endpoint)
        peer.send(frame(message) + frame(call(5, seqid=8)))
        # Not an OverloadedError for want of memory: it never took so much.
        with pytest.raises(ProtocolError, match="too many items"):
            peer.answer()
        with pytest.raises(UnknownMethodError):
            peer.answer(8)
        peer.close()
        assert client.call("Work.double", 4) == 8


def test_compressed_bomb_is_not_unpacked(peer: Peer) -> None:
    """There is no compression on this wire: neither of the kinds that other Thrift stacks speak is taken."""
    packed = zlib.compress(bytes(64 * MB))
    header = b"\x0f\xff\0\0\0\0\0\7\0\2\0\0\1\0\0\0" + packed
    for message in (packed, header):
        tracemalloc.start()
        try:
            other = Peer(":".join(map(str, peer._sock.getpeername())))
            other.send(frame(message))
            with pytest.raises((ProtocolError, EOFError)):
                other.answer()
            assert tracemalloc.get_traced_memory()[1] < 8 * MB
            other.close()
        finally:
            tracemalloc.stop()
    peer.send(frame(call(5, seqid=8)))
    assert peer.answer(8) == 5


# -- nothing is ever unpickled


class Canary:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self._path,)


def test_pickle_in_place_of_an_array_is_not_run(peer: Peer, tmp_path: Path) -> None:
    path = tmp_path / "canary"
    pickled = pickle.dumps(Canary(path))
    array = np.frombuffer(pickled, np.uint8)
    honest = call(array)
    for number in (0, 21, 22, 99, -1, ord("O")):
        # As another dtype, and the same with data that claims to be of objects.
        changed = honest.replace(struct.pack(">BhiBh", 8, 1, 6, 15, 2), struct.pack(">BhiBh", 8, 1, number, 15, 2))
        assert changed != honest
        peer.send(frame(changed))
        with pytest.raises(ProtocolError):
            peer.answer()
    peer.send(frame(honest))
    np.testing.assert_array_equal(peer.answer(), array)
    assert not path.exists()
    # And the canary does sing.
    pickle.loads(pickled)
    assert path.exists()


def test_object_array_is_refused_before_it_is_sent(node: Server, tmp_path: Path) -> None:
    with Client(node.endpoint) as client:
        for array in (np.array([Canary(tmp_path / "canary")]), np.array([(1, "a")], "i4,O")):
            with pytest.raises(UnsupportedTypeError):
                client.call("same", array)
            with pytest.raises(UnsupportedTypeError):
                client.map("same", array)
    assert not (tmp_path / "canary").exists()


# -- a peer of the other protocol


def test_compact_reply_to_a_client_that_speaks_binary_is_told_as_such(own_time: Callable[[], float]) -> None:
    reply = b"".join(COMPACT.encode_value("call", 1, 5, LoadReport()))
    with socket.create_server(("127.0.0.1", 0)) as port:

        def answer() -> None:
            sock, _ = port.accept()
            with sock:
                sock.recv(65536)
                sock.sendall(frame(reply))
                sock.recv(65536)

        threading.Thread(target=answer, daemon=True).start()
        endpoint = f"127.0.0.1:{port.getsockname()[1]}"
        began = own_time()
        with Client(endpoint) as client, pytest.raises(ProtocolError, match="not a Thrift message") as caught:
            client.call("same", 1, timeout_s=20)
        assert own_time() - began < 10
        assert caught.value.endpoint == endpoint
        assert "TBinaryProtocol" in str(caught.value.expected)


# -- arrays whose bits are easily lost

ARRAYS = {
    "non-contiguous": np.arange(40.0).reshape(8, 5)[::2, ::-1],
    "big-endian": np.arange(8, dtype=">f8"),
    "0-d": np.array(2.5),
    "empty": np.empty((0, 3)),
    "NaN payload": np.frombuffer(struct.pack("<QQ", 0x7FF8DEADBEEF0001, 0xFFF0000000000001), "<f8"),
    "negative zero": np.array([-0.0, 0.0]),
    "denormals": np.array([5e-324, -5e-324, 2.2e-308]),
}


@pytest.mark.parametrize("kind", ARRAYS)
def test_array_comes_back_bit_for_bit(node: Server, kind: str) -> None:
    array = ARRAYS[kind]
    with Client(node.endpoint) as client:
        got = client.call("same", array)
        little = array.astype(array.dtype.newbyteorder("<"))
        assert (got.dtype, got.shape) == (little.dtype, little.shape)
        assert got.tobytes() == little.tobytes()
        if array.ndim:
            assert client.map("same", array).tobytes() == little.tobytes()
