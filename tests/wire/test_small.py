"""The quick path of small calls writes and reads exactly what the codec does, and gives up on all else."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from pyrpc.errors import PyrpcError
from pyrpc.wire import limits, small
from pyrpc.wire.codec import BINARY, frame_bytes, wire_errors
from pyrpc.wire.messages import CallOptions, LoadReport
from pyrpc.wire.source import BytesSource

DTYPES = [np.dtype(code) for code in ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16")]
SHAPES = [(), (1,), (7,), (2, 3), (1, 1, 5), (4, 256)]
PLAIN: list[Any] = [None, True, False, 0, -1, 2**63 - 1, -(2**63), 0.0, -0.0, 1.5, float("inf")]


def _frame(parts: list[Any]) -> bytes:
    return frame_bytes(parts).to_bytes(4, "big") + b"".join(parts)


def _window(data: bytes) -> BytesSource:
    source = BytesSource(b"")
    source.buf[: len(data)] = data
    source.end = len(data)
    return source


def _same(left: Any, right: Any) -> bool:
    if isinstance(left, np.ndarray):
        is_array = isinstance(right, np.ndarray) and left.dtype == right.dtype and left.shape == right.shape
        return is_array and left.tobytes() == right.tobytes()
    return type(left) is type(right) and repr(left) == repr(right)


def _array(dtype: np.dtype[Any], shape: tuple[int, ...], seed: int) -> np.ndarray[Any, Any]:
    raw = random.Random(seed).randbytes(int(np.prod(shape)) * dtype.itemsize)
    return np.frombuffer(raw, dtype).reshape(shape)


def _arguments() -> list[tuple[Any, ...]]:
    arrays = [(_array(dtype, shape, 1),) for dtype in DTYPES for shape in SHAPES]
    several = [(_array(DTYPES[9], (3,), 2), 1, None, _array(DTYPES[0], (2, 2), 3), 2.5), tuple(PLAIN), ()]
    strided = [(np.arange(20, dtype="f4")[::2],), (np.arange(12.0).reshape(3, 4).T,)]
    texts = [(b"x" * 300,), (b"",), ("",), ("h\u00e9llo",), ("a", b"b", 1), (b"\0\xff", np.arange(3.0))]
    return arrays + several + strided + texts


@pytest.mark.parametrize("again", [0, 1, 2], ids=["new", "known", "known again"])
def test_a_small_call_is_the_bytes_of_the_codec_and_is_read_back(again: int) -> None:
    for args in _arguments():
        call_id, remaining_ms = 1000 + again, 60_000 - again
        frame = small.encode_call("Vision.extract", args, call_id, remaining_ms)
        options = CallOptions(call_id, remaining_ms, limits.HARD_FRAME_BYTES)
        assert frame == _frame(BINARY.encode_call("Vision.extract", args, {}, options, call_id))
        source = _window(frame + b"next")
        call = small.decode_call(source)
        assert call is not None
        method, seqid, values, left_ms, max_frame_bytes = call
        assert (method, seqid, left_ms) == ("Vision.extract", call_id, remaining_ms)
        assert max_frame_bytes == limits.HARD_FRAME_BYTES
        assert all(map(_same, args, values)) and len(args) == len(values)
        assert source.pos == source.stop == len(frame)


@pytest.mark.parametrize("again", [0, 1, 2], ids=["new", "known", "known again"])
def test_a_small_reply_is_the_bytes_of_the_codec_and_is_read_back(again: int) -> None:
    for value in [*PLAIN, *(args[0] for args in _arguments() if len(args) == 1)]:
        frame = small.encode_value(7 + again, value, 1, 2, 3, 4 + again)
        assert frame == _frame(BINARY.encode_value("call", 7 + again, value, LoadReport(1, 2, 3, 4 + again)))
        source = _window(frame)
        answer = small.decode_reply(source, 7 + again)
        assert answer is not None and _same(value, answer[0]) and answer[1] == 4 + again
        assert source.pos == source.stop == len(frame)


def test_arrays_that_are_read_own_their_memory() -> None:
    frame = small.encode_call("a", (np.arange(5.0),), 1, 1000)
    assert frame is not None
    for _ in range(2):
        source = _window(frame)
        call = small.decode_call(source)
        assert call is not None
        array = call[2][0]
        assert array.flags.owndata and array.flags.writeable and array.flags.aligned
        source.buf[:] = bytes(len(source.buf))
        assert array.tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    "value",
    [
        "\ud800",
        "x" * (limits.SMALL_BYTES + 1),
        b"x" * (limits.SMALL_BYTES + 1),
        [1],
        {"a": 1},
        2**63,
        np.float32(1),
        np.array([True]),
        np.array(["a"]),
        np.array([b"a"]),
        np.array(["2026-01-01"], "M8[D]"),
        np.arange(3, dtype=">f4"),
        np.empty((0, 3)),
        np.zeros(limits.SMALL_BYTES + 1, "u1"),
        np.array([None]),
        {1, 2},
    ],
    ids=lambda value: f"{type(value).__name__}-{getattr(value, 'dtype', '')}",
)
def test_what_is_not_small_and_plain_is_left_to_the_codec(value: object) -> None:
    try:
        frame = small.encode_call("a", (value,), 1, 1000)
    except PyrpcError as error:
        pytest.fail(f"raised instead of leaving it to the codec: {error}")
    if frame is not None:  # It may be written here as long as it is the same.
        options = CallOptions(1, 1000, limits.HARD_FRAME_BYTES)
        assert frame == _frame(BINARY.encode_call("a", (value,), {}, options, 1))


def _general_call(frame: bytes) -> Any:
    """What the codec reads; None where it refuses the bytes."""
    source = BytesSource(frame)
    try:
        source.next_frame(limits.HARD_FRAME_BYTES)
        reader = BINARY.reader(source)
        name, kind, seqid = reader.message()
        args = BINARY.decode_arguments(reader, name)
    except (PyrpcError, *wire_errors()):
        return None
    return name, kind, seqid, args


def _mutated(frame: bytes, rng: random.Random) -> bytes:
    out = bytearray(frame)
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(4 if rng.random() < 0.9 else 0, len(out))
        out[at] = rng.choice([0, 1, 2, 8, 11, 12, 127, 128, 255, rng.randrange(256)])
    return bytes(out)


@pytest.mark.parametrize("seed", range(4))
def test_damaged_calls_are_read_as_the_codec_reads_them_or_not_at_all(seed: int) -> None:
    rng = random.Random(seed)
    samples = [
        (np.arange(4, dtype="f4"),),
        (np.arange(4, dtype="i8"), 1, None),
        (),
        (2.5, True),
        (b"12345678",),
        ("text", b"b"),
    ]
    for round_ in range(3000):
        args = samples[round_ % len(samples)]
        frame = small.encode_call("S.m", args, 5, 1000)
        assert frame is not None
        # The undamaged one first, so that its layout is known.
        small.decode_call(_window(frame))
        damaged = _mutated(frame, rng)
        source = _window(damaged)
        call = small.decode_call(source)
        if call is None:
            assert source.pos == 0
            continue
        general = _general_call(damaged)
        assert general is not None, f"seed {seed}, round {round_}: accepted what the codec refuses: {damaged.hex()}"
        name, kind, seqid, arguments = general
        assert (name, kind, seqid) == ("call", 1, call[1])
        assert arguments["method"] == call[0] and arguments["options"].remaining_ms == call[3]
        assert all(map(_same, arguments["positional"], call[2])) and len(arguments["positional"]) == len(call[2])


@pytest.mark.parametrize("seed", range(4))
def test_damaged_replies_are_read_as_the_codec_reads_them_or_not_at_all(seed: int) -> None:
    rng = random.Random(100 + seed)
    samples = [np.arange(4, dtype="f4"), None, 7, np.zeros((2, 2), "u1"), b"1234", "text"]
    for round_ in range(3000):
        frame = small.encode_value(9, samples[round_ % len(samples)], 0, 1, 2, 3)
        assert frame is not None
        small.decode_reply(_window(frame), 9)
        damaged = _mutated(frame, rng)
        answer = small.decode_reply(_window(damaged), 9)
        if answer is None:
            continue
        source = BytesSource(damaged)
        source.next_frame(limits.HARD_FRAME_BYTES)
        reply = BINARY.decode_reply(source, "call", 9)
        assert _same(reply.value, answer[0]) and reply.load.service_us == answer[1]


def test_a_frame_that_is_not_whole_is_left_alone() -> None:
    frame = small.encode_call("S.m", (np.arange(4.0),), 5, 1000)
    assert frame is not None
    for size in range(len(frame)):
        source = _window(frame[:size])
        assert small.decode_call(source) is None
        assert source.pos == 0


def test_caches_do_not_grow_without_bound() -> None:
    for size in range(1, 1500):
        frame = small.encode_call(f"S.m{size}", (np.zeros(size, "u1"),), 1, 1)
        assert frame is not None
        assert small.decode_call(_window(frame)) is not None
    caches = [value for name, value in vars(small).items() if isinstance(value, dict) and name.startswith("_")]
    assert caches and all(len(cache) <= 1024 for cache in caches)


def test_messages_of_one_length_are_told_apart() -> None:
    frames = {f"S.m{i}": small.encode_call(f"S.m{i}", (bytes([i]) * 9,), i, 1000) for i in range(8)}
    for _ in range(3):
        for i, (method, frame) in enumerate(frames.items()):
            assert frame is not None
            call = small.decode_call(_window(frame))
            assert call is not None and call[:3] == (method, i, [bytes([i]) * 9])
    layouts = small._request_layouts[len(frames["S.m0"] or b"") - 4]
    assert len(layouts) == 4
