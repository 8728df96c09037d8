"""Checksums of arrays: counted alike by both ways, found wrong wherever a bit flips, free where nobody asks."""

from __future__ import annotations

import numpy as np
import pytest

from pyrpc.errors import CallChecksumError, ProtocolError, ReplyChecksumError
from pyrpc.testing.samples import assert_same, layouts, sample_contents
from pyrpc.wire import checksum, limits, tensor
from pyrpc.wire.codec import BINARY, COMPACT, Codec
from pyrpc.wire.messages import CallOptions, LoadReport
from pyrpc.wire.source import BytesSource

CONTENTS = sample_contents()
CODECS = {"binary": BINARY, "compact": COMPACT}


def opened(message: bytes) -> BytesSource:
    source = BytesSource(len(message).to_bytes(4, "big") + message)
    source.next_frame(limits.HARD_FRAME_BYTES)
    return source


def call_of(codec: Codec, value: object) -> bytes:
    return b"".join(codec.encode_call("f", [value], {}, CallOptions(want_crc32c=True), 7, adds_crc32c=True))


def argument(codec: Codec, message: bytes) -> object:
    reader = codec.reader(opened(message))
    reader.message()
    return codec.decode_arguments(reader, "call")["positional"][0]


def reply_of(codec: Codec, value: object, adds_crc32c: bool = True) -> bytes:
    return b"".join(codec.encode_value("call", 7, value, LoadReport(), adds_crc32c))


def result(codec: Codec, message: bytes, needs_crc32c: bool = True) -> object:
    return codec.decode_reply(opened(message), "call", 7, needs_crc32c=needs_crc32c).value


def by_bits(data: bytes) -> int:
    """The definition, bit by bit."""
    state = 0xFFFFFFFF
    for byte in data:
        state ^= byte
        for _ in range(8):
            state = (state >> 1) ^ (0x82F63B78 if state & 1 else 0)
    return state ^ 0xFFFFFFFF


def test_numpy_and_the_package_count_what_the_definition_says() -> None:
    data = np.random.default_rng(7).integers(0, 256, 3000, np.uint8)
    for size in (*range(40), 255, 256, 257, 2999):
        # Where the array begins must not matter.
        for start in (0, 1):
            piece = data[start : start + size].data
            assert checksum.by_numpy(piece) == checksum.crc32c(piece) == by_bits(bytes(piece)), size


def test_numpy_counts_the_same_across_blocks() -> None:
    package = pytest.importorskip("crc32c")
    data = np.random.default_rng(7).integers(0, 256, 200_000, np.uint8)
    for size in (65535, 65536, 65537, 65539, 65540, 131072, 131073, 200_000):
        assert checksum.by_numpy(data[:size].data) == package.crc32c(data[:size].data), size


def test_without_the_package_numpy_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    checksum._best.cache_clear()
    monkeypatch.setitem(__import__("sys").modules, "crc32c", None)
    try:
        assert checksum._best() is checksum.by_numpy
        assert checksum.crc32c(b"123456789") == 0xE3069283
    finally:
        checksum._best.cache_clear()


@pytest.mark.parametrize("protocol", CODECS)
@pytest.mark.parametrize("name", CONTENTS)
def test_every_array_arrives_with_a_checksum_that_holds(protocol: str, name: str) -> None:
    codec = CODECS[protocol]
    for layout, array in layouts(CONTENTS[name]).items():
        assert_same(array, argument(codec, call_of(codec, array)), layout)
        assert_same(array, result(codec, reply_of(codec, array)), layout)


def test_array_received_in_place_is_checked_there() -> None:
    target = np.zeros(3000)
    sent = np.arange(3000.0)
    message = reply_of(BINARY, sent)
    BINARY.decode_reply(opened(message), "call", 7, place=lambda dtype, shape: target, needs_crc32c=True)
    assert np.array_equal(target, sent)
    at = message.index(sent[100:200].tobytes())
    changed = message[:at] + b"x" + message[at + 1 :]
    with pytest.raises(ReplyChecksumError):
        BINARY.decode_reply(opened(changed), "call", 7, place=lambda dtype, shape: target, needs_crc32c=True)


@pytest.mark.parametrize("protocol", CODECS)
@pytest.mark.parametrize(
    "array", [np.array([True, False, True] * 4), np.arange(3.0), np.array(["é", "b"]), np.array(["é", "b"], "T")]
)
def test_any_flipped_bit_of_data_is_found(protocol: str, array: np.ndarray) -> None:
    """Before anything else is said of the data: a bool of 3 or text that is no UTF-8 came from a bit that flipped."""
    codec = CODECS[protocol]
    raw = tensor._encode_strings(array) if array.dtype.kind == "T" else array.tobytes()
    for message, read, error in (
        (call_of(codec, array), argument, CallChecksumError),
        (reply_of(codec, array), result, ReplyChecksumError),
    ):
        start = message.index(raw)
        for bit in range(8 * len(raw)):
            changed = bytearray(message)
            changed[start + bit // 8] ^= 1 << bit % 8
            with pytest.raises(error, match="changed on its way"):
                read(codec, bytes(changed))


def test_checksum_is_checked_even_if_nobody_asked() -> None:
    message = bytearray(reply_of(BINARY, np.arange(3.0)))
    message[message.index(np.arange(3.0).tobytes())] ^= 1
    with pytest.raises(ReplyChecksumError):
        result(BINARY, bytes(message), needs_crc32c=False)


def test_reply_without_the_checksum_that_was_asked_for_is_refused() -> None:
    with pytest.raises(ProtocolError, match="without the checksum that was asked for"):
        result(BINARY, reply_of(BINARY, [1, {"a": np.arange(3.0)}], adds_crc32c=False))
    assert result(BINARY, reply_of(BINARY, [1, "a"], adds_crc32c=False)) == [1, "a"]


def test_nothing_is_counted_where_nobody_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensor, "crc32c", lambda data: pytest.fail("counted"))
    array = np.arange(10_000.0)
    assert_same(array, result(BINARY, reply_of(BINARY, array, adds_crc32c=False), needs_crc32c=False))
    plain = b"".join(BINARY.encode_call("f", [array], {}, CallOptions(), 7))
    assert_same(array, argument(BINARY, plain))
