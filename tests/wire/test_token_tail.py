"""Small calls with a token are the codec's bytes, and cutting the token out leaves the call without one."""

from __future__ import annotations

import numpy as np
import pytest

from pyrpc.wire import limits, small
from pyrpc.wire.codec import BINARY, COMPACT
from pyrpc.wire.messages import CallOptions
from pyrpc.wire.source import BytesSource
from pyrpc.wire.token_tail import cut_tail, token_tail, with_tail

TAIL = token_tail("secret")


def whole(parts: list[bytes | memoryview]) -> bytes:
    message = b"".join(parts)
    return len(message).to_bytes(4, "big") + message


def call(token: str | None, x: object = 1, codec: object = BINARY, **options: object) -> bytes:
    asked = CallOptions(7, 5000, limits.HARD_FRAME_BYTES, token=token, **options)
    return whole(codec.encode_call("f", (x,), {}, asked, 7))  # type: ignore[attr-defined]


def opened(data: bytes) -> BytesSource:
    source = BytesSource(data)
    source.fill()
    return source


@pytest.mark.parametrize("x", [1, None, "text", np.arange(100.0), np.zeros(())])
def test_call_with_a_token_is_what_the_codec_writes(x: object) -> None:
    frame = small.encode_call("f", (x,), 7, 5000)
    assert frame is not None
    assert with_tail(frame, TAIL) == call("secret", x)


@pytest.mark.parametrize("behind", [b"", b"\0\0\0\1x", call("secret", 2)])
def test_cut_token_leaves_the_call_and_what_stands_behind(behind: bytes) -> None:
    source = opened(call("secret", np.arange(9)) + behind)
    assert cut_tail(source, TAIL)
    assert bytes(source.view[source.pos : source.end]) == call(None, np.arange(9)) + behind
    decoded = small.decode_call(source)
    assert decoded is not None and decoded[:2] == ("f", 7)
    assert bytes(source.view[source.pos : source.end]) == behind


@pytest.mark.parametrize(
    "frame",
    [
        call("other!"),
        call("xsecret"),
        call(None),
        call("secret")[:-1],
        call("secret")[:3],
        call("secret", codec=COMPACT),
        call("secret", context={"a": "b"}),
        TAIL,
        b"\0\0\0\0" + TAIL,
        b"\xff\xff\xff\xff" + TAIL,
        len(TAIL).to_bytes(4, "big") + TAIL,
        b"\0\0\0\x0e" + TAIL,
    ],
)
def test_what_does_not_end_with_the_token_is_left_as_it_is(frame: bytes) -> None:
    source = opened(frame)
    assert not cut_tail(source, TAIL)
    assert bytes(source.view[source.pos : source.end]) == frame


def test_oneway_message_keeps_its_token() -> None:
    frame = bytearray(call("secret"))
    frame[7] = 4
    assert not cut_tail(opened(bytes(frame)), TAIL)
