"""What the codec remembers makes repeated calls cheap, whatever changes from call to call, and never grows."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest

from pyrpc.wire.binary import BinaryWriter
from pyrpc.wire.codec import BINARY
from pyrpc.wire.messages import CallOptions
from pyrpc.wire.tensor import Headers


@pytest.fixture
def headers_made(monkeypatch: pytest.MonkeyPatch) -> list[tuple]:
    """The shape of every header that was made and not remembered."""
    made: list[tuple] = []
    make = Headers.make

    def counted(self: Headers, key: tuple, shape: tuple, nbytes: int) -> bytes:
        made.append(shape)
        return make(self, key, shape, nbytes)

    monkeypatch.setattr(Headers, "make", counted)
    return made


def options(number: int) -> CallOptions:
    """Other ones for each call."""
    return CallOptions(number, 60_000 - number, 2**30 - 1 - number)


def test_header_of_an_array_is_made_once_however_the_options_change(wire, headers_made: list) -> None:
    array = np.zeros((3, 517), "f4")
    for number in range(100):
        wire.codec.encode_call("A.b", [array + number], {}, options(number), number)
        wire.codec.encode_call("A.c", [], {"k": array.T}, CallOptions(number, token=str(number)), number, rows=number)
    assert sorted(headers_made) == [(3, 517), (517, 3)]


def test_arrays_that_differ_in_dtype_or_shape_get_headers_of_their_own(wire, headers_made: list) -> None:
    for dtype in ("i4", "u4", "f4", "M8[s]", "M8[60s]", "M8[m]", "S4", "U1"):
        for shape in ((7, 519), (519, 7), (7, 519, 1)):
            wire.round_trip(np.zeros(shape, dtype))
    assert len(headers_made) == 8 * 3


def test_name_of_a_method_is_encoded_once_however_the_options_change(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    string = BinaryWriter.string
    monkeypatch.setattr(BinaryWriter, "string", lambda self, text: (written.append(text), string(self, text))[1])
    for number in range(100):
        BINARY.encode_call("Once.only", [1.5], {}, options(number), number)
        BINARY.encode_call("Once.only", [1.5], {}, options(number), number, rows=number)
    # For call and for run.
    assert written == ["Once.only"] * 2


def growth(work: Callable[[], object]) -> int:
    """Bytes that stay behind."""
    gc.collect()
    tracemalloc.start()
    work()
    gc.collect()
    left = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return left


def test_ever_new_shapes_do_not_fill_memory(wire) -> None:
    def work() -> None:
        for size in range(1, 8000):
            wire.codec.encode_call("A.b", [np.broadcast_to(np.uint8(0), (1, size, 1))], {}, options(size), size)

    # 1024 headers of some 300 bytes each, keys included; 8000 would be over 2 MB.
    assert growth(work) < 800_000


def test_ever_new_methods_do_not_fill_memory(wire) -> None:
    def work() -> None:
        for number in range(8000):
            wire.codec.encode_call(f"A.method_{number}", [], {}, options(number), number)

    assert growth(work) < 800_000


def test_cache_that_was_emptied_still_gives_the_right_header(wire) -> None:
    array = np.arange(6, dtype="i2").reshape(2, 3)
    before = wire.call_frame(array)
    for size in range(3000):
        wire.call_frame(np.broadcast_to(np.int16(0), (size, 2)))
    assert wire.call_frame(array) == before
