"""A source gives each frame its own bytes and no others, however they arrive."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyrpc.errors import ProtocolError, PyrpcError, TooLargeError
from pyrpc.testing import TrickleSource
from pyrpc.testing.samples import assert_own_memory, assert_same, sample_arrays
from pyrpc.wire import limits
from pyrpc.wire.codec import BINARY
from pyrpc.wire.messages import CallOptions
from pyrpc.wire.source import BytesSource

SMALL, WINDOW = limits.SMALL_BYTES, limits.READ_AHEAD_BYTES
# Window sizes that are allowed, and pieces to arrive in.
STREAMS = [(SMALL, 1), (SMALL, 7), (SMALL + 1, 5000), (WINDOW, 3), (WINDOW, 70_000), (WINDOW, 10**9)]


def framed(raw: bytes) -> bytes:
    return len(raw).to_bytes(4, "big") + raw


# -- reading


def test_window_that_cannot_hold_a_small_array_is_refused() -> None:
    # take() gives up to SMALL_BYTES in one piece.
    BytesSource(b"", SMALL)
    with pytest.raises(ValueError, match="at least 16384"):
        BytesSource(b"", SMALL - 1)


@settings(max_examples=80)
@given(
    seed=st.integers(0, 2**32),
    window=st.sampled_from([SMALL, SMALL + 1, SMALL + 37, 40_000, WINDOW]),
    max_piece=st.sampled_from([13, 1000, 20_000, 100_000]),
)
def test_any_way_of_reading_gives_the_bytes_of_the_frame(seed: int, window: int, max_piece: int) -> None:
    chance = random.Random(seed)
    sizes = [chance.choice([1, 3, 100, SMALL, SMALL + 1, WINDOW - 4, WINDOW - 3, 90_000]) for _ in range(4)]
    frames = [chance.randbytes(size) for size in sizes]
    stream = b"".join(map(framed, frames))
    source = TrickleSource(stream, seed, max_piece, window)
    for frame in frames:
        assert source.next_frame(10**6) == len(frame)
        at = 0
        while at < len(frame):
            assert source.unread() == len(frame) - at
            size = min(chance.choice([1, 2, 8, 100, SMALL, 50_000]), len(frame) - at)
            how = chance.randrange(4)
            if how == 0 and size <= SMALL:
                where = source.take(size)
                assert source.buf[where : where + size] == frame[at : at + size]
            elif how == 1 and size <= SMALL:
                # Looks ahead without reading.
                where = source.more(size)
                assert source.buf[where : where + size] == frame[at : at + size]
                size = 0
            elif how == 2 and chance.random() < 0.2:
                assert source.skip_rest() == len(frame) - at
                break
            else:
                target = bytearray(size)
                source.read_into(memoryview(target))
                assert target == frame[at : at + size]
            at += size
        assert source.unread() == 0
    assert source.received == len(stream)


@pytest.mark.parametrize(("window", "max_piece"), STREAMS)
def test_frames_back_to_back_are_read_one_by_one(window: int, max_piece: int) -> None:
    sizes = [1, 2, 300, SMALL - 1, SMALL, SMALL + 1, 20_000]
    values = [np.arange(size, dtype=np.uint8) for size in sizes]
    calls = [BINARY.encode_call("m", [value], {}, CallOptions(1, 2, 3), 1) for value in values]
    source = TrickleSource(b"".join(framed(b"".join(call)) for call in calls), 1, max_piece, window)
    for value in values:
        source.next_frame(10**6)
        reader = BINARY.reader(source)
        reader.message()
        assert_same(value, BINARY.decode_arguments(reader, "call")["positional"][0])


SIZES = [
    *(SMALL + step for step in (-1, 0, 1)),
    *(WINDOW + step for step in (-200, -101, -100, -99, -60, -4, -1, 0, 1, 4, 100)),
    2 * WINDOW - 50,
]


@pytest.mark.parametrize("size", SIZES)
def test_array_at_the_edge_of_the_window_arrives(wire, size: int) -> None:
    # Twice in a row: the second one starts somewhere inside the window.
    array = np.random.default_rng(size).integers(0, 255, size, np.uint8)
    before = np.arange(5)
    for lead in (b"", b"x" * 11):
        frame = wire.call_frame(lead, before, array, array[::-1], before)
        for window, max_piece in ((SMALL, 9000), (WINDOW, 10**9)):
            source = TrickleSource(frame + frame, size, max_piece, window)
            for _ in range(2):
                got = wire.read_call(source)["positional"]
                assert_same([lead, before, array, array[::-1], before], got)
                for item in got[1:]:
                    assert_own_memory(item)
                    assert not np.may_share_memory(item, np.frombuffer(source.buf, np.uint8))


def test_every_array_arrives_byte_by_byte(wire) -> None:
    for name, array in sample_arrays().items():
        if array.dtype.kind != "T":
            source = TrickleSource(wire.call_frame(array), max_piece=1)
            assert_same(array, wire.read_call(source)["positional"][0], name)


# -- the length of a frame


@pytest.mark.parametrize("size", [0, -1, -(2**31), 2**31 - 1, limits.HARD_FRAME_BYTES + 1])
def test_length_that_no_frame_has_is_no_thrift(size: int) -> None:
    source = BytesSource(size.to_bytes(4, "big", signed=True) + b"abc")
    with pytest.raises(ProtocolError, match="not a Thrift frame") as caught:
        source.next_frame(limits.HARD_FRAME_BYTES)
    assert caught.value.help


def test_frame_over_the_limit_tells_both_sizes() -> None:
    with pytest.raises(TooLargeError, match=r"at most 1000 bytes; got 1001 bytes"):
        BytesSource(framed(b"x" * 1001)).next_frame(1000)
    assert BytesSource(framed(b"x" * 1000)).next_frame(1000) == 1000


@pytest.mark.parametrize(
    ("raw", "guess"),
    [
        (b"GET / HTTP/1.1\r\n", "looks like HTTP"),
        (b"POST /x HTTP/1.1\r\n", "looks like HTTP"),
        (b"HTTP/1.1 200 OK\r\n", "looks like HTTP"),
        (b"\x80\x01\x00\x01\x00\x00\x00\x04ping", "looks like Thrift without frames"),
        (b"\x82\x21\x01\x04ping", "looks like Thrift without frames"),
    ],
)
def test_other_protocols_are_recognised(raw: bytes, guess: str) -> None:
    with pytest.raises(ProtocolError, match=guess):
        BytesSource(raw).next_frame(limits.HARD_FRAME_BYTES)


@pytest.mark.parametrize("held", range(4))
def test_stream_that_ends_in_a_length_is_the_end(held: int) -> None:
    source = BytesSource(framed(b"a") + b"\0\0\0\1"[:held])
    source.next_frame(10)
    source.skip_rest()
    with pytest.raises(EOFError):
        source.next_frame(10)


def test_frame_that_was_not_read_to_its_end_is_a_fault_of_the_reader() -> None:
    source = BytesSource(framed(b"abc") + framed(b"d"))
    source.next_frame(10)
    source.take(2)
    with pytest.raises(ProtocolError, match="not read to its end"):
        source.next_frame(10)


# -- the end of a frame


def test_nothing_past_the_end_of_a_frame_is_given_out() -> None:
    for window, max_piece in STREAMS:
        source = TrickleSource(framed(b"abc") + framed(b"secret"), 0, max_piece, window)
        source.next_frame(10)
        for read in (
            lambda source=source: source.take(4),
            lambda source=source: source.more(4),
            lambda source=source: source.read_into(memoryview(bytearray(4))),
        ):
            with pytest.raises(ProtocolError, match="past the end of its frame"):
                read()
        assert source.unread() == 3


@pytest.mark.parametrize(("window", "max_piece"), STREAMS)
def test_next_frame_is_intact_after_a_malformed_one(wire, window: int, max_piece: int) -> None:
    good = wire.call_frame(np.arange(10), "text")
    body = good[4:]
    malformed = [
        framed(body[: len(body) // 2]),
        framed(body + b"more"),
        framed(body + b"x" * 40_000),
        framed(b"\x80\x01\x00\x01" + b"\xff" * 30),
        framed(b"\x82\x21" + b"\xff" * 30),
        framed(b"\0" * (2 * WINDOW if max_piece > 1 else 2000)),
        framed(bytes([0x80])),
    ]
    source = TrickleSource(b"".join(bad + good for bad in malformed), 3, max_piece, window)
    for _ in malformed:
        with pytest.raises(PyrpcError):
            wire.read_call(source)
        source.skip_rest()
        assert_same([np.arange(10), "text"], wire.read_call(source)["positional"])
    with pytest.raises(EOFError):
        source.next_frame(10)


def test_window_is_filled_with_what_is_there() -> None:
    source = TrickleSource(framed(b"abc"), max_piece=2)
    source.fill()
    assert 1 <= source.end - source.pos <= 2
    assert source.next_frame(10) == 3
    where = source.take(3)
    assert source.buf[where : where + 3] == b"abc"
    with pytest.raises(EOFError):
        source.fill()
    assert source.received == 7
