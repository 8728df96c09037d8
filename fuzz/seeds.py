"""The seeds: one small input for each kind of message and of nonsense. ``python -m fuzz.seeds`` writes corpus/ anew.

Inputs that broke a rule once are beside them, as ``found-*``; they are never rewritten.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from fuzz import reply
from fuzz.serve import TOKEN
from pyrpc.errors import OverloadedError, ProtocolError, StageFailedError
from pyrpc.wire import small
from pyrpc.wire.binary import CALL, DOUBLE, I32, I64, LIST, MAP, SET, STRING, STRUCT, BinaryWriter
from pyrpc.wire.codec import BINARY, COMPACT, METHODS, NEEDS_TLS, Codec
from pyrpc.wire.compact import CompactWriter
from pyrpc.wire.messages import CallOptions, LoadReport, NodeInfo, Ref, StageInfo
from pyrpc.wire.tensor import Headers, write_tensor
from pyrpc.wire.value import BINARY_VALUES, COMPACT_VALUES

CORPUS = Path(__file__).with_name("corpus")

_FRAMED, _RAW, _TORN, _GUARDED = b"\0", b"\1", b"\2", b"\4"
_OPTIONS = CallOptions(1, 2000, 100_000, 1, "token", True, {"k": "v"})
_CHECKED = CallOptions(1, 2000, 100_000, want_crc32c=True)
_NESTED = [None, True, -1, 0.5, "é", b"b", {"k": [np.arange(3, dtype="i2"), {}]}]
_ARRAYS = [
    np.array([True, False]),
    np.arange(4, dtype="f4"),
    np.zeros((2, 0, 3), "c16"),
    np.float16(1.5),
    np.array(["a", "bc"]),
    np.array([b"a", b"bc"]),
    np.array(["x", "long " * 4], np.dtypes.StringDType()),
    np.array(["2026-01-01"], "M8[D]"),
    np.array([1, -1], "m8[25us]"),
]
# What lengths, counts and shapes may be made of.
_NUMBERS = {
    "minus-one": struct.pack(">i", -1),
    "huge": struct.pack(">i", 2**31 - 1),
    "http": b"GET / HTTP/1.1\r\nHost: node\r\n\r\n",
    "tls": bytes.fromhex("160301020001000001fc0303"),
    "no-length": bytes(4),
    "short": b"\0\0\0\x05\x80\1\0\1\0",
}


def _join(parts: list[bytes | memoryview]) -> bytes:
    return b"".join(parts)


def serve_seeds() -> dict[str, bytes]:
    """Inputs of the target ``serve``, by name."""
    seeds = {}
    for name, codec in (("binary", BINARY), ("compact", COMPACT)):
        for kind, message in _calls(codec).items():
            seeds[f"{name}-{kind}"] = (_TORN if kind == "nested" else _FRAMED) + message
    for kind, args in {"array": (np.arange(4, dtype="f4"),), "plain": (1, 2.5, "a", b"b", None, True)}.items():
        call = small.encode_call("Echo.same", args, 7, 1000) or b""
        seeds[f"small-{kind}"] = _FRAMED + call[4:]
        seeds[f"stream-{kind}"] = _RAW + call * 3
    for kind, message in _guarded_calls().items():
        seeds[f"guarded-{kind}"] = _GUARDED + message
    return seeds | {name: _RAW + data for name, data in _NUMBERS.items()}


def _guarded_calls() -> dict[str, bytes]:
    options = CallOptions(1, 2000, 100_000)
    known = replace(options, token=TOKEN.decode())
    return {
        "small": _join(BINARY.encode_call("Echo.same", [1], {}, known, 8)),
        "other-stage": _join(BINARY.encode_call("Echo.rows", [np.zeros(3)], {}, known, 8)),
        "no-token": _join(BINARY.encode_call("Echo.same", [1], {}, options, 8)),
        "typed": _join(_typed(BINARY, "Echo:same", lambda w: None)),
        "typed-other": _join(_typed(BINARY, "Echo:rows", lambda w: None)),
        "stats": _join(COMPACT.encode_request("stats", 8, {"options": known})),
    }


def _calls(codec: Codec) -> dict[str, bytes]:
    calls = {name: codec.encode_request(name, 7, {}) for name in ("ping", "stages", "stats", "drain")}
    calls["put"] = codec.encode_request("put", 7, {"value": _NESTED, "options": _OPTIONS})
    calls["nested"] = codec.encode_call("Echo.same", [_NESTED], {"n": {"m": 2}}, _OPTIONS, 7)
    calls["arrays"] = codec.encode_call("Echo.same", _ARRAYS, {}, CallOptions(1, 2000, 100_000), 7)
    calls["checksums"] = codec.encode_call("Echo.same", _ARRAYS, {}, _CHECKED, 7, adds_crc32c=True)
    calls["run"] = codec.encode_call("Echo.rows", [np.arange(6.0).reshape(3, 2)], {}, CallOptions(), 7, rows=3)
    calls["typed-echo"] = _typed(codec, "Typed:echo", _write_regions)
    calls["typed-arrays"] = _typed(codec, "Typed:arrays", _write_arrays)
    calls["typed-node"] = _typed(codec, "Node:ping", lambda w: None)
    return {kind: _join(parts) for kind, parts in calls.items()}


def _typed(codec: Codec, name: str, write: Callable[[BinaryWriter], None]) -> list[bytes | memoryview]:
    w = CompactWriter() if codec is COMPACT else BinaryWriter()
    w.message(name, CALL, 7)
    w.push()
    write(w)
    w.stop()
    w.pop()
    return w.parts


def _write_regions(w: BinaryWriter) -> None:
    w.field(LIST, 1)
    w.list_(STRUCT, 1)
    _write_region(w, 2)
    w.field(MAP, 2)
    w.map_(STRING, SET, 1)
    w.string("k")
    w.list_(I64, 2)
    w.i64(1)
    w.i64(-2)
    w.field(STRING, 3)
    w.string("raw")
    w.field_bool(4, True)


def _write_region(w: BinaryWriter, depth: int) -> None:
    w.push()
    w.field(I64, 1)
    w.i64(5)
    w.field(DOUBLE, 2)
    w.double(1.5)
    w.field(LIST, 4)
    w.list_(STRUCT, 1 if depth else 0)
    if depth:
        _write_region(w, depth - 1)
    w.field(I32, 5)
    w.i32(1)
    w.stop()
    w.pop()


def _write_arrays(w: BinaryWriter) -> None:
    values = COMPACT_VALUES if w.is_compact else BINARY_VALUES
    w.field(STRUCT, 1)
    write_tensor(w, Headers(type(w)), np.arange(6, dtype="f4").reshape(2, 3))
    w.field(STRUCT, 2)
    values.write(w, [None, {"k": 1}])
    w.field(LIST, 3)
    w.list_(I64, 1)
    w.i64(3)


def reply_seeds() -> dict[str, bytes]:
    """Inputs of the target ``reply``, by name."""
    seeds = {}
    for name, codec in (("binary", BINARY), ("compact", COMPACT)):
        for kind, (method, parts) in _replies(codec).items():
            how = METHODS.index(method) << reply.METHOD_SHIFT | (reply.TORN if kind == "nested" else 0)
            seeds[f"{name}-{kind}"] = bytes([how]) + _join(parts)
    for kind, value in {"array": np.arange(4, dtype="f4"), "none": None, "number": 7, "text": "text"}.items():
        answer = small.encode_value(reply.SEQID, value, 0, 1, 2, 3) or b""
        seeds[f"small-{kind}"] = _FRAMED + answer[4:]
    return seeds | {name: _RAW + data for name, data in _NUMBERS.items()}


def _replies(codec: Codec) -> dict[str, tuple[str, list[bytes | memoryview]]]:
    load = LoadReport(1, 2, 3, 4)
    failed = StageFailedError("m", expected="e", got="g", help="h", remote_traceback="t", remote_type="T")
    return {
        "nested": ("call", codec.encode_value("call", 7, _NESTED, load)),
        "arrays": ("run", codec.encode_value("run", 7, _ARRAYS, load)),
        "checksums": ("run", codec.encode_value("run", 7, _ARRAYS, load, True)),
        "ping": ("ping", codec.encode_result("ping", 7, NodeInfo("a", "b"))),
        "stages": ("stages", codec.encode_result("stages", 7, (StageInfo("f", "doc"),))),
        "release": ("release", codec.encode_result("release", 7, None)),
        "failed": ("call", codec.encode_error("call", 7, failed)),
        "overloaded": ("run", codec.encode_error("run", 7, OverloadedError("m", retry_after_ms=5))),
        "exception": ("ping", codec.encode_error("ping", 7, ProtocolError("m"))),
        "needs-tls": ("call", codec.encode_exception("", 0, "this node speaks TLS", NEEDS_TLS)),
    }


def many_seeds() -> dict[str, bytes]:
    """Inputs of the target ``many``, by name: what takes most for its bytes."""
    values: dict[str, object] = {
        "none": None,
        "number": 1000,
        "text": "ab",
        "wide-text": "x\U0001f600",
        "bytes": b"ab",
        "list": [],
        "list-of-one": [None],
        "map": {},
        "map-of-one": {"a": 1},
        "ref": Ref("a"),
        "scalar": np.float32(1),
        "array": np.zeros((1,) * 8),
        "times": np.array([1], "m8[25us]"),
        "texts": np.array(["ab"], np.dtypes.StringDType()),
        "nested": [[[[[]]]]],
    }
    seeds = {}
    protocols = {"binary": (b"\0", BinaryWriter, BINARY_VALUES), "compact": (b"\1", CompactWriter, COMPACT_VALUES)}
    for name, (flags, writer, writes) in protocols.items():
        for kind, value in values.items():
            w = writer()
            writes.write(w, value)
            seeds[f"{name}-{kind}"] = flags + _join(w.parts)
    return seeds


SEEDS = {"serve": serve_seeds, "reply": reply_seeds, "many": many_seeds}


def main() -> int:
    """Write the seeds of all targets."""
    for target, seeds in SEEDS.items():
        folder = CORPUS / target
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.iterdir():
            if not path.name.startswith("found-"):
                path.unlink()
        for name, data in seeds().items():
            (folder / name).write_bytes(data)
    return 0


if __name__ == "__main__":
    sys.exit(main())
