"""Both ends of stock Apache Thrift for Python: a client of its classes, and a server that echoes."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from thrift.protocol.TBinaryProtocol import TBinaryProtocol, TBinaryProtocolAccelerated, TBinaryProtocolFactory
from thrift.protocol.TCompactProtocol import TCompactProtocol, TCompactProtocolAccelerated
from thrift.server.TServer import TThreadedServer
from thrift.Thrift import TProcessor
from thrift.transport.TSocket import TServerSocket, TSocket
from thrift.transport.TTransport import HARD_MAX_FRAME_SIZE, TFramedTransport, TFramedTransportFactory

import pyrpc
from pyrpc import Server
from pyrpc.wire.gen import Node, ttypes

PROTOCOLS = {
    "binary": TBinaryProtocol,
    "binary accelerated": TBinaryProtocolAccelerated,
    "compact": TCompactProtocol,
    "compact accelerated": TCompactProtocolAccelerated,
}

# -- Tensors by hand: nothing of pyrpc.wire.tensor is used, so that both sides cannot make the same mistake

_NUMERIC = """
bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 bfloat16 float32 float64 complex64 complex128
"""
NUMBERS = {name: number for number, name in enumerate(_NUMERIC.split(), start=1)}


def tensor_by_hand(array: np.ndarray) -> ttypes.Tensor:
    """An array as SPEC.md says."""
    shape, kind = list(array.shape), array.dtype.kind
    if kind == "T":
        texts = [text.encode() for text in array.reshape(-1).tolist()]
        offsets = [0]
        for text in texts:
            offsets.append(offsets[-1] + len(text))
        return ttypes.Tensor(20, shape, np.array(offsets, "<i8").tobytes() + b"".join(texts))
    raw = array.tobytes()
    if kind in "SU":
        return ttypes.Tensor(18 if kind == "S" else 19, shape, raw, itemsize=array.dtype.itemsize)
    if kind in "mM":
        name = array.dtype.name
        unit = name.partition("[")[2][:-1] or "generic"
        return ttypes.Tensor(16 if kind == "M" else 17, shape, raw, unit=unit)
    return ttypes.Tensor(NUMBERS[array.dtype.name], shape, raw)


def value_of(array: np.ndarray) -> ttypes.Value:
    return ttypes.Value(tensor_value=tensor_by_hand(array))


# -- stock client

StockClient = Callable[..., contextlib.AbstractContextManager[Node.Client]]


@contextlib.contextmanager
def connect(endpoint: str, protocol: str = "binary", max_bytes: int | None = None) -> Iterator[Node.Client]:
    """A client of generated code; max_bytes raises what it takes."""
    host, _, port = endpoint.rpartition(":")
    sock = TSocket(host, int(port))
    sock.setTimeout(30_000)
    framed = TFramedTransport(sock, max_bytes) if max_bytes else TFramedTransport(sock)
    limit = {"string_length_limit": max_bytes} if max_bytes else {}
    cls = PROTOCOLS[protocol]
    if protocol.endswith("accelerated"):
        prot = cls(framed, fallback=False, **limit)
    else:
        prot = cls(framed, **limit)
    framed.open()
    try:
        yield Node.Client(prot)
    finally:
        framed.close()


@pytest.fixture(params=PROTOCOLS)
def protocol(request: pytest.FixtureRequest) -> str:
    """Each of the four ways in which stock Python speaks."""
    if request.param.endswith("accelerated"):
        pytest.importorskip("thrift.protocol.fastbinary")
    return request.param


@pytest.fixture
def stock_client() -> StockClient:
    return connect


# -- our node

WATCHED: queue.SimpleQueue[str] = queue.SimpleQueue()


class Tools:
    """What the node under test hosts."""

    def echo(self, x: Any) -> Any:
        return x

    def add(self, a: Any, b: Any = 10) -> Any:
        return a + b

    def fail(self) -> None:
        raise ZeroDivisionError("on purpose")

    def zeros(self, size: int) -> np.ndarray:
        return np.zeros(size, np.uint8)

    def total(self, x: np.ndarray) -> float:
        return float(x.sum())

    def odd(self) -> object:
        return {1, 2}

    def watch(self) -> None:
        """Run until nobody waits for it."""
        WATCHED.put("started")
        while not pyrpc.current_call().cancelled:
            time.sleep(0.005)
        WATCHED.put("stopped")


@pytest.fixture
def watched() -> queue.SimpleQueue[str]:
    """What ``Tools.watch`` tells of itself."""
    return WATCHED


@pytest.fixture(scope="module")
def node() -> Iterator[str]:
    """Endpoint of a real node."""
    with Server(Tools, port=0) as server:
        yield server.endpoint


# -- stock server


class EchoHandler:
    """Answers every method of service Node with what it got; ``calls`` tells what that was."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.max_frame_bytes = HARD_MAX_FRAME_SIZE

    def call(self, method: str, positional: list, named: dict, options: ttypes.CallOptions) -> ttypes.CallReply:
        self.calls.append(("call", method, positional, named, options))
        if method == "fail":
            raise ttypes.RpcError(9, "m", "h", None, "the traceback", "ZeroDivisionError", "e", "g")
        if method == "busy":
            raise ttypes.RpcError(13, "too late", retry_after_ms=250)
        if method == "crash":
            raise RuntimeError("the handler itself")
        if method == "nothing":
            return ttypes.CallReply()
        value = positional[0] if positional else ttypes.Value(map_value=named)
        return ttypes.CallReply(value, ttypes.LoadReport(1, 2, 3, 4))

    def run(self, stage: str, inputs: list, named: dict, rows: int, options: ttypes.CallOptions) -> ttypes.CallReply:
        self.calls.append(("run", stage, inputs, named, rows, options))
        return ttypes.CallReply(inputs[0])

    def ping(self) -> ttypes.NodeInfo:
        self.calls.append(("ping",))
        return ttypes.NodeInfo("stock", "0", 1, 1, self.max_frame_bytes, 1, 1)

    def stages(self, options: ttypes.CallOptions | None) -> list[ttypes.StageInfo]:
        params = [ttypes.ParamInfo("x", 2, False)]
        return [ttypes.StageInfo(name, "doc", params, gives_tuple=False) for name in ("echo", "fail", "crash")]

    def stats(self, options: ttypes.CallOptions | None) -> ttypes.NodeStats:
        load = ttypes.LoadReport(0, 0, 0, 0)
        stages = {"echo": ttypes.StageStats(1, 2, 3, 4, 5)}
        return ttypes.NodeStats(self.ping(), 1.5, 1, 2, 3, load, stages, {"INTERNAL": 1})

    def put(self, value: ttypes.Value, options: ttypes.CallOptions) -> ttypes.Ref:
        return ttypes.Ref("a ref")

    def release(self, ref: ttypes.Ref, options: ttypes.CallOptions) -> None:
        self.calls.append(("release", ref))


class _Port(TServerSocket):
    """A server socket on a free port, which can be told to end."""

    def __init__(self) -> None:
        super().__init__("127.0.0.1", 0)
        self.is_ready = threading.Event()
        self.connections: list[socket.socket] = []

    def listen(self) -> None:
        super().listen()
        self.is_ready.set()

    def accept(self) -> TSocket:
        try:
            accepted = super().accept()
        except OSError:
            # The stock server knows no other way to stop.
            raise KeyboardInterrupt from None
        self.connections.append(accepted.handle)
        return accepted

    def stop(self) -> None:
        self.handle.shutdown(socket.SHUT_RDWR)
        self.handle.close()
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class StockServer:
    """A TThreadedServer in a thread of its own."""

    def __init__(self, max_bytes: int = HARD_MAX_FRAME_SIZE) -> None:
        self.handler = EchoHandler()
        self._port = _Port()
        self._server = TThreadedServer(
            Node.Processor(self.handler),
            self._port,
            TFramedTransportFactory(max_bytes),
            TBinaryProtocolFactory(string_length_limit=None),
            daemon=True,
        )
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        with contextlib.suppress(KeyboardInterrupt):
            self._server.serve()

    def serve_instead(self, processor: TProcessor) -> None:
        """Answer with another service."""
        self._server.processor = processor

    @property
    def connections(self) -> int:
        """How many were accepted."""
        return len(self._port.connections)

    def __enter__(self) -> StockServer:
        self._thread.start()
        self._port.is_ready.wait()
        self.endpoint = "{}:{}".format(*self._port.handle.getsockname())
        return self

    def __exit__(self, *error: object) -> None:
        self._port.stop()
        self._thread.join()


@pytest.fixture
def stock_server() -> Iterator[StockServer]:
    with StockServer() as server:
        yield server


@pytest.fixture
def by_hand() -> Callable[[np.ndarray], ttypes.Value]:
    return value_of
