"""Checks a node from Python without pyrpc, and prints a line for each check."""

from __future__ import annotations

import os
import ssl
import sys
import time
from collections.abc import Callable

import ml_dtypes
import numpy as np
from interop_client import DType, ErrorCode, RpcError, Value, connect, from_value, to_array, to_tensor, to_value
from interop_client.gen.interop_idl import Interop
from interop_client.gen.interop_idl.ttypes import Mood, Region
from thrift.transport.TTransport import TTransportException

ENDPOINT = f"{sys.argv[1]}:{sys.argv[2]}"
IS_COMPACT = sys.argv[3] == "compact"


def check(name: str, run: Callable[[], str | None]) -> None:
    """One line; what a check raises is why it fails."""
    try:
        note = run()
    except Exception as error:
        print(f"fail {name}: {type(error).__name__}: {error}".replace("\n", " "))
    else:
        print(f"ok {name}: {note}" if note else f"ok {name}")


def expect(is_right: bool, found: object) -> None:
    if not is_right:
        raise AssertionError(f"it is {found!r}"[:500])


def refused(call: Callable[[], object]) -> RpcError:
    try:
        call()
    except RpcError as error:
        return error
    raise AssertionError("nothing was raised")


class Checks:
    """All but those of dtypes; the name of each is in ``NAMES``."""

    def __init__(self) -> None:
        self.open = connect(ENDPOINT, compact=IS_COMPACT)
        self.client = self.open.service("Interop", Interop.Client)

    def call(self, method: str, *positional: object, remaining_s: float | None = None, **named: object) -> object:
        values = [to_value(each) for each in positional]
        options = self.open.options(remaining_s)
        reply = self.open.node.call(method, values, {key: to_value(each) for key, each in named.items()}, options)
        return from_value(reply.value)

    def ping(self) -> None:
        info = self.open.node.ping()
        expect(info.protocol_version == 1, info)

    def typed(self) -> None:
        expect(self.client.add(1, 2) == 3, "not 3")

    def plain(self) -> None:
        expect(self.open.plain(Interop.Client).add(1, 2) == 3, "not 3")

    def generic(self) -> None:
        expect(self.call("Interop.add", 1, b=5) == 6, "not 6")
        expect(self.call("Interop.add", 2**40, 1) == 2**40 + 1, "not 2**40 + 1")

    def struct(self) -> None:
        pixels = to_tensor(np.zeros((2, 2), np.uint8))
        region = Region(x=2, y=3.0, label="é", moods=[Mood.CALM], scores={"a": 0.5}, pixels=pixels)
        grown = self.client.grown(region)
        expect((grown.x, grown.y, grown.label) == (3, 3.0, "é"), grown)
        expect(grown.moods == [Mood.CALM, Mood.LOUD] and grown.scores == {"a": 0.5, "area": 6.0}, grown)
        expect(np.array_equal(to_array(grown.pixels), np.ones((2, 2), np.uint8)), grown)
        grown = self.client.grown(Region(x=2, y=3.0))
        expect(grown.label is None and grown.pixels is None, grown)

    def text(self) -> None:
        expect(self.client.reversed("aé😀") == "😀éa", "other text")

    def large(self) -> None:
        rows = np.resize(np.arange(1000, dtype=np.float32), (1_000_000, 4))
        tensor = to_tensor(rows)
        typed = to_array(self.client.doubled(tensor))
        expect(typed.dtype == np.float32 and np.array_equal(typed, rows * 2), typed)
        reply = self.open.node.run("Interop.doubled", [Value(tensor_value=tensor)], {}, len(rows), self.open.options())
        expect(np.array_equal(from_value(reply.value), rows * 2), reply.load)

    def larger(self) -> None:
        data = np.resize(np.arange(251, dtype=np.uint8), 64 * 2**20)
        expect(np.array_equal(self.call("Interop.echo", data), data), "other bytes by Node.call")
        expect(np.array_equal(to_array(self.client.echo(to_tensor(data))), data), "other bytes")

    def error(self) -> None:
        error = refused(lambda: self.client.doubled(to_tensor(np.zeros((2, 4), np.int32))))
        expect(error.code == ErrorCode.CONTRACT_VIOLATED and bool(error.expected and error.got), error)
        error = refused(lambda: self.client.fail("on purpose"))
        expect(error.code == ErrorCode.STAGE_FAILED and error.remote_type == "ValueError", error)
        expect("on purpose" in error.message, error)
        self.typed()

    def deadline(self) -> None:
        left_s = self.call("Interop.left_s", remaining_s=60)
        expect(isinstance(left_s, float) and 0 < left_s <= 60, left_s)
        error = refused(lambda: self.call("Interop.left_s", remaining_s=0))
        expect(error.code == ErrorCode.EXPIRED, error)
        began_s = time.monotonic()
        with connect(ENDPOINT, compact=IS_COMPACT, timeout_s=0.5) as impatient:
            try:
                impatient.service("Interop", Interop.Client).sleep(10)
            except TTransportException as late:
                expect(late.type == TTransportException.TIMED_OUT, late)
            else:
                raise AssertionError("it waited")
        expect(time.monotonic() - began_s < 5, "too late")

    def tls(self) -> None:
        port, token = os.environ["PYRPC_TLS_PORT"], os.environ["PYRPC_TLS_TOKEN"]
        trusting = ssl.create_default_context(cafile=os.environ["PYRPC_TLS_CA"])
        with connect(f"localhost:{port}", compact=IS_COMPACT, token=token, tls=trusting) as secure:
            expect(secure.service("Interop", Interop.Client).add(1, 2) == 3, "not 3")
            reply = secure.node.call("Interop.add", [to_value(1)], {}, secure.options())
            expect(from_value(reply.value) == 3, reply)
        for wrong in (None, "guessed"):
            error = refused(lambda wrong=wrong: connect(f"localhost:{port}", token=wrong, tls=trusting))
            expect(error.code == ErrorCode.UNAUTHENTICATED, error)
        for host, tls in (("localhost", ssl.create_default_context()), ("127.0.0.1", trusting)):
            try:
                connect(f"{host}:{port}", token=token, tls=tls)
            except TTransportException as stranger:
                expect("certificate verify failed" in str(stranger), stranger)
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


def check_dtype(client: Interop.Client, name: str, elements: np.ndarray) -> str:
    sample = client.sample(name)
    found = to_array(sample)
    expect(found.dtype == elements.dtype and found.shape == (2, 3), (found.dtype, found.shape))
    if name == "string":
        expect(found.reshape(-1).tolist() == elements.tolist(), found)
    else:
        # The bits: -0.0 is 0.0 to ==, and NaT is not NaT.
        expect(found.tobytes() == elements.tobytes(), found)
    expect(client.check(name, to_tensor(elements.reshape(2, 3))), "not accepted")
    if name == "bfloat16":
        bits = to_tensor(elements.view(np.uint16).reshape(2, 3), DType.BFLOAT16)
        expect(client.check(name, bits), "bits are not accepted")
    names = {"bfloat16": "ml_dtypes.bfloat16", "string": "np.dtypes.StringDType"}
    return names.get(name, f"np.{elements.dtype.type.__name__}")


checks = Checks()
with checks.open:
    for name, run in Checks.NAMES:
        check(name, lambda run=run: run(checks))
    for name, elements in samples().items():
        check(f"dtype {name}", lambda name=name, elements=elements: check_dtype(checks.client, name, elements))
