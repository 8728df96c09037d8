"""Checks a node from Python with thriftpy2, and prints a line for each check."""

from __future__ import annotations

import itertools
import os
import ssl
import sys
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import ml_dtypes
import numpy as np
import thriftpy2
from thriftpy2.protocol import TCompactProtocolFactory, TCyBinaryProtocolFactory
from thriftpy2.protocol.multiplex import TMultiplexedProtocol
from thriftpy2.thrift import TClient
from thriftpy2.transport import TCyFramedTransportFactory, TSocket, TSSLSocket, TTransportException
from thriftpy2.transport.framed import TFramedTransportFactory

HOST, PORT = sys.argv[1], int(sys.argv[2])
IS_COMPACT = sys.argv[3] == "compact"
MAX_FRAME_BYTES = 0x3FFFFFFF

# It includes pyrpc.thrift, whose names are those of `idl.pyrpc`.
idl: Any = thriftpy2.load("interop.thrift", module_name="interop_thrift")
DType, Tensor, Value, RpcError, ErrorCode = (
    getattr(idl.pyrpc, name) for name in ("DType", "Tensor", "Value", "RpcError", "ErrorCode")
)


# -- arrays by hand

NUMBERS = {
    **{name: np.dtype(name) for name in ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32")},
    **{name: np.dtype(name) for name in ("uint64", "float16", "float32", "float64", "complex64", "complex128")},
    "bfloat16": np.dtype(ml_dtypes.bfloat16),
}


def to_tensor(array: np.ndarray) -> Any:
    """A Tensor with a copy of the elements."""
    shape, kind = list(array.shape), array.dtype.kind
    if kind == "T":
        texts = [text.encode() for text in array.reshape(-1).tolist()]
        offsets = np.cumsum([0, *map(len, texts)], dtype="<i8")
        return Tensor(DType.STRING, shape, b"".join([offsets.tobytes(), *texts]))
    if kind in "SU":
        dtype = DType.BYTES if kind == "S" else DType.UNICODE
        return Tensor(dtype, shape, array.tobytes(), itemsize=array.dtype.itemsize)
    if kind in "mM":
        dtype = DType.DATETIME64 if kind == "M" else DType.TIMEDELTA64
        return Tensor(dtype, shape, array.tobytes(), unit=np.datetime_data(array.dtype)[0])
    return Tensor(getattr(DType, array.dtype.name.upper()), shape, array.tobytes())


def to_array(tensor: Any) -> np.ndarray:
    """A view of the bytes that came, but for texts of any length."""
    data = tensor.data
    name = DType._VALUES_TO_NAMES[tensor.dtype].lower()
    if name == "string":
        count = int(np.prod(tensor.shape))
        places = np.frombuffer(data, "<i8", count + 1)
        text = data[8 * (count + 1) :]
        texts = [text[start:end].decode() for start, end in itertools.pairwise(places)]
        return np.array(texts, np.dtypes.StringDType()).reshape(tensor.shape)
    if name in ("bytes", "unicode"):
        dtype = np.dtype(f"S{tensor.itemsize}" if name == "bytes" else f"<U{tensor.itemsize // 4}")
    elif name in ("datetime64", "timedelta64"):
        dtype = np.dtype(f"{name}[{tensor.unit}]")
    else:
        dtype = NUMBERS[name]
    return np.frombuffer(data, dtype).reshape(tensor.shape)


def to_value(item: Any) -> Any:
    """A Value of what the checks send."""
    if isinstance(item, np.ndarray):
        return Value(tensor_value=to_tensor(item))
    return Value(int_value=item)


# -- connections


class Connection:
    """The protocol of one connection, and a client of service Node on it."""

    def __init__(self, timeout_s: float = 30.0, socket: Any = None, token: str | None = None) -> None:
        self._token = token
        framed = TFramedTransportFactory() if IS_COMPACT else TCyFramedTransportFactory()
        protocol = TCompactProtocolFactory() if IS_COMPACT else TCyBinaryProtocolFactory()
        transport = framed.get_transport(socket or TSocket(HOST, PORT, socket_timeout=int(timeout_s * 1000)))
        transport.open()
        self.protocol = protocol.get_protocol(transport)
        self.node = TClient(idl.pyrpc.Node, self.protocol)
        # The library has no limit of its own; the node is told that there is none.
        self.node.release(idl.pyrpc.Ref(""), self.options())

    def options(self, **options: Any) -> Any:
        return idl.pyrpc.CallOptions(max_frame_bytes=MAX_FRAME_BYTES, token=self._token, **options)

    def service(self, name: str, service: ModuleType) -> Any:
        return TClient(service, TMultiplexedProtocol(self.protocol, name))

    def close(self) -> None:
        self.node.close()


# -- checks


def check(name: str, run: Callable[[], str | None]) -> None:
    """One line; what a check raises is why it fails."""
    try:
        note = run()
    except Exception as error:
        print(f"fail {name}: {type(error).__name__}: {error}".replace("\n", " ")[:1000])
    else:
        print(f"ok {name}: {note}" if note else f"ok {name}")


def expect(is_right: bool, found: object) -> None:
    if not is_right:
        raise AssertionError(f"it is {found!r}"[:500])


def refused(call: Callable[[], object]) -> Any:
    try:
        call()
    except RpcError as error:
        return error
    raise AssertionError("nothing was raised")


class Checks:
    """All but those of dtypes; the name of each is in ``NAMES``."""

    def __init__(self) -> None:
        self.open = Connection()
        self.client = self.open.service("Interop", idl.Interop)

    def call(self, method: str, *positional: Any, remaining_ms: int | None = None, **named: Any) -> Any:
        values = {name: to_value(item) for name, item in named.items()}
        options = self.open.options(remaining_ms=remaining_ms)
        return self.open.node.call(method, [to_value(item) for item in positional], values, options).value

    def ping(self) -> None:
        info = self.open.node.ping()
        expect(info.protocol_version == 1, info)

    def typed(self) -> None:
        expect(self.client.add(1, 2) == 3, "not 3")

    def plain(self) -> None:
        expect(TClient(idl.Interop, self.open.protocol).add(1, 2) == 3, "not 3")

    def generic(self) -> None:
        expect(self.call("Interop.add", 1, b=5).int_value == 6, "not 6")
        expect(self.call("Interop.add", 2**40, 1).int_value == 2**40 + 1, "not 2**40 + 1")

    def struct(self) -> None:
        mood = idl.Mood
        pixels = to_tensor(np.zeros((2, 2), np.uint8))
        region = idl.Region(x=2, y=3.0, label="é", moods=[mood.CALM], scores={"a": 0.5}, pixels=pixels)
        grown = self.client.grown(region)
        expect((grown.x, grown.y, grown.label) == (3, 3.0, "é"), grown)
        expect(grown.moods == [mood.CALM, mood.LOUD] and grown.scores == {"a": 0.5, "area": 6.0}, grown)
        expect(np.array_equal(to_array(grown.pixels), np.ones((2, 2), np.uint8)), grown)
        grown = self.client.grown(idl.Region(x=2, y=3.0))
        expect(grown.label is None and grown.pixels is None, grown)

    def text(self) -> None:
        expect(self.client.reversed("aé😀") == "😀éa", "other text")

    def large(self) -> None:
        rows = np.resize(np.arange(1000, dtype=np.float32), (1_000_000, 4))
        typed = to_array(self.client.doubled(to_tensor(rows)))
        expect(typed.dtype == np.float32 and np.array_equal(typed, rows * 2), typed)
        reply = self.open.node.run("Interop.doubled", [to_value(rows)], {}, len(rows), self.open.options())
        expect(np.array_equal(to_array(reply.value.tensor_value), rows * 2), reply.load)

    def larger(self) -> None:
        data = np.resize(np.arange(251, dtype=np.uint8), 64 * 2**20)
        expect(np.array_equal(to_array(self.call("Interop.echo", data).tensor_value), data), "other by Node.call")
        expect(np.array_equal(to_array(self.client.echo(to_tensor(data))), data), "other bytes")

    def error(self) -> None:
        error = refused(lambda: self.client.doubled(to_tensor(np.zeros((2, 4), np.int32))))
        expect(error.code == ErrorCode.CONTRACT_VIOLATED and bool(error.expected and error.got), error)
        error = refused(lambda: self.client.fail("on purpose"))
        expect(error.code == ErrorCode.STAGE_FAILED and error.remote_type == "ValueError", error)
        expect("on purpose" in error.message, error)
        self.typed()

    def deadline(self) -> None:
        left_s = self.call("Interop.left_s", remaining_ms=60_000).double_value
        expect(0 < left_s <= 60, left_s)
        error = refused(lambda: self.call("Interop.left_s", remaining_ms=0))
        expect(error.code == ErrorCode.EXPIRED, error)
        began_s = time.monotonic()
        impatient = Connection(timeout_s=0.5)
        try:
            impatient.service("Interop", idl.Interop).sleep(10)
        except TimeoutError:
            pass
        else:
            raise AssertionError("it waited")
        finally:
            impatient.close()
        expect(time.monotonic() - began_s < 5, "too late")

    def tls(self) -> None:
        port, token = int(os.environ["PYRPC_TLS_PORT"]), os.environ["PYRPC_TLS_TOKEN"]
        trusting = ssl.create_default_context(cafile=os.environ["PYRPC_TLS_CA"])

        def secure(host: str, context: ssl.SSLContext, token: str | None) -> Connection:
            return Connection(socket=TSSLSocket(host, port, ssl_context=context, validate=True), token=token)

        opened = secure("localhost", trusting, token)
        expect(opened.service("Interop", idl.Interop).add(1, 2) == 3, "not 3")
        reply = opened.node.call("Interop.add", [to_value(1)], {}, opened.options())
        expect(reply.value.int_value == 3, reply)
        opened.close()
        for wrong in (None, "guessed"):
            error = refused(lambda wrong=wrong: secure("localhost", trusting, wrong))
            expect(error.code == ErrorCode.UNAUTHENTICATED, error)
        for host, context in (("localhost", ssl.create_default_context()), ("127.0.0.1", trusting)):
            try:
                secure(host, context, token)
            except TTransportException as stranger:
                # Its own message does not tell why.
                expect(isinstance(stranger.__context__, ssl.SSLCertVerificationError), stranger)
            else:
                raise AssertionError(f"a stranger is trusted as {host}")

    NAMES = (
        *(("ping", ping), ("typed call", typed), ("plain name", plain), ("generic call", generic), ("struct", struct)),
        *(("text", text), ("16 MB", large), ("64 MiB", larger), ("typed error", error), ("deadline", deadline)),
        ("tls", tls),
    )


def samples() -> dict[str, np.ndarray]:
    """The six elements of each dtype."""
    made = {"bool": np.array([True, False, True, True, False, False])}
    for name in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"):
        limits = np.iinfo(name)
        first = [0, 1, 2] if name.startswith("u") else [limits.min, -1, 0]
        made[name] = np.array([*first, 3, limits.max - 1, limits.max], name)
    for dtype in (np.float16, ml_dtypes.bfloat16, np.float32, np.float64):
        made[np.dtype(dtype).name] = np.array([-1.5, -0.0, 0.0, 0.5, 2.0, np.inf], dtype)
    for name in ("complex64", "complex128"):
        made[name] = np.array([complex(index + 0.5, -index) for index in range(6)], name)
    counts = np.array([0, 1, -1, 1000, 86_400_000, -(2**63)], np.int64)
    made["datetime64"], made["timedelta64"] = counts.view("M8[ns]"), counts.view("m8[ms]")
    made["bytes"] = np.array([b"", b"a", b"ab", b"abc", b"x", b"y\0z"], "S3")
    made["unicode"] = np.array(["", "a", "ab", "é", "😀", "z😀"], "U2")
    texts = ["", "a", "ab", "é", "😀", "longer than all the others"]
    made["string"] = np.array(texts, np.dtypes.StringDType())
    return made


def check_dtype(client: Any, name: str, elements: np.ndarray) -> str:
    found = to_array(client.sample(name))
    expect(found.dtype == elements.dtype and found.shape == (2, 3), (found.dtype, found.shape))
    if name == "string":
        expect(found.reshape(-1).tolist() == elements.tolist(), found)
    else:
        # The bits: -0.0 is 0.0 to ==, and NaT is not NaT.
        expect(found.tobytes() == elements.tobytes(), found)
    expect(client.check(name, to_tensor(elements.reshape(2, 3))), "not accepted")
    names = {"bfloat16": "ml_dtypes.bfloat16", "string": "np.dtypes.StringDType"}
    return names.get(name, f"np.{elements.dtype.type.__name__}")


checks = Checks()
for name, run in Checks.NAMES:
    check(name, lambda run=run: run(checks))
for name, elements in samples().items():
    check(f"dtype {name}", lambda name=name, elements=elements: check_dtype(checks.client, name, elements))
checks.open.close()
