"""check_codec passes what keeps the rules and names the rule that anything else breaks."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pyrpc.errors import ProtocolError, PyrpcError
from pyrpc.testing import TrickleSource, assert_own_memory, assert_same, check_codec, sample_arrays
from pyrpc.testing.codec import arrays_in, mutate
from pyrpc.wire.codec import BINARY, wire_errors
from pyrpc.wire.messages import CallReply
from pyrpc.wire.source import BytesSource


def encode(value: object) -> bytes:
    return b"".join(BINARY.encode_result("call", 1, CallReply(value)))


def decode(message: bytes | bytearray) -> Any:
    source = BytesSource(len(message).to_bytes(4, "big") + message)
    source.next_frame(2**30 - 1)
    return BINARY.decode_reply(source, "call", 1).value


def on_arrays(change: Callable[[np.ndarray], object]) -> Callable[[bytearray], Any]:
    def changed(message: bytearray) -> Any:
        value = decode(message)
        return change(value) if isinstance(value, np.ndarray) else value

    return changed


def lose_nan_payload(array: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(array), np.float32("nan"), array) if array.dtype == np.float32 else array


def raising(error: BaseException) -> Callable[[bytearray], Any]:
    def changed(message: bytearray) -> Any:
        try:
            return decode(message)
        except PyrpcError:
            raise error from None

    return changed


def forgiving(message: bytearray) -> Any:
    """Takes bytes after the end."""
    for size in range(len(message), 0, -1):
        try:
            return decode(message[:size])
        except PyrpcError:
            pass
    raise ProtocolError("nothing")


BROKEN = {
    "a NaN's payload is lost": (on_arrays(lose_nan_payload), "rule 1, float32"),
    "-0.0 becomes 0.0": (
        on_arrays(lambda x: np.where(x == 0, 0.0, x) if x.dtype == np.float64 else x),
        "rule 1, float64",
    ),
    "S0 becomes S1": (on_arrays(lambda x: np.array(x.tolist(), x.dtype) if x.dtype == "S0" else x), "rule 1, S0"),
    "0-d becomes 1-d": (on_arrays(lambda x: np.atleast_1d(x).copy()), "rule 1, bool, 0-d"),
    "views are handed out": (on_arrays(lambda x: x.reshape(x.shape)[...]), "rule 2, bool, plain"),
    "arrays are read-only": (on_arrays(lambda x: x.setflags(write=False) or x), "rule 2, bool, plain"),
    "an error of Python": (raising(KeyError("k")), "rule 4"),
    "bytes after the end": (forgiving, "rule 4"),
}


def test_codec_that_keeps_the_rules_passes() -> None:
    check_codec(encode, decode, mutations=300)


@pytest.mark.parametrize("name", BROKEN)
def test_broken_decoder_is_told_by_its_rule(name: str) -> None:
    broken, rule = BROKEN[name]
    with pytest.raises(AssertionError, match=rule):
        check_codec(encode, broken, mutations=300)


def test_array_that_lies_in_the_message_is_told() -> None:
    def in_message(message: bytearray) -> Any:
        value = decode(message)
        if isinstance(value, np.ndarray) and value.dtype == np.uint8 and value.size:
            return np.frombuffer(message, np.uint8, value.size)
        return value

    with pytest.raises(AssertionError, match="lies in the message"):
        check_codec(encode, in_message)


def test_encoder_that_gives_other_bytes_each_time_is_told() -> None:
    chance = random.Random(1)
    with pytest.raises(AssertionError, match="rule 3"):
        check_codec(lambda value: encode(value) + chance.randbytes(1), decode)


def test_failure_of_a_random_change_names_seed_and_bytes() -> None:
    def fragile(message: bytearray) -> Any:
        try:
            return decode(message)
        except (ProtocolError, *wire_errors()) as error:
            if "wrong" in str(error) or "another call" in str(error):
                raise RuntimeError("fragile") from None
            raise

    with pytest.raises(
        AssertionError, match=r"rule 5, .*seed 9: raised RuntimeError\('fragile'\); the bytes: [0-9a-f]+"
    ):
        check_codec(encode, fragile, seed=9)


def test_differences_are_told_with_their_place() -> None:
    for sent, got, place in [
        ([1, {"a": (2, 3)}], [1, {"a": [2, 4]}], r"value\[1\]\['a'\]\[1\]"),
        ({"a": 1}, {"b": 1}, "value differs"),
        (1, True, "differs"),
        (1, 1.0, "differs"),
        (0.0, -0.0, "differs"),
        (b"a", "a", "differs"),
        (np.zeros(2), np.zeros(2, "f4"), "dtype"),
        (np.zeros(2), np.zeros((2, 1)), "shape"),
        (np.zeros(2), [0.0, 0.0], "type"),
        (np.array(["a"], np.dtypes.StringDType()), np.array(["b"], np.dtypes.StringDType()), "differs"),
    ]:
        with pytest.raises(AssertionError, match=place):
            assert_same(sent, got)


def test_view_is_no_memory_of_its_own() -> None:
    array = np.zeros((3, 4))
    assert_own_memory(array)
    for view in (array[1:], array.T, array.reshape(-1)):
        with pytest.raises(AssertionError):
            assert_own_memory(view)


def test_mutation_changes_something_and_never_leaves_nothing() -> None:
    chance = random.Random(1)
    changed = [mutate(b"abcdefgh", chance) for _ in range(200)]
    assert all(changed)
    assert sum(message != b"abcdefgh" for message in changed) > 150
    assert mutate(b"a", chance)


def test_trickle_gives_all_bytes_in_small_pieces() -> None:
    source = TrickleSource(b"\0\0\0\5hello", seed=3, max_piece=2)
    assert source.next_frame(10) == 5
    target = bytearray(5)
    source.read_into(memoryview(target))
    assert target == b"hello"


def test_arrays_are_found_however_deep() -> None:
    array = np.zeros(1)
    assert len(arrays_in([array, {"a": [array, 1, "x"]}, None])) == 2


def test_samples_hold_what_gets_lost_most_easily() -> None:
    samples = sample_arrays()
    assert np.isnan(samples["float32, plain"]).sum() == 3
    assert len(set(samples["float32, plain"].view(np.uint32).tolist())) == 12
    assert np.isnat(samples["datetime64[ns], plain"]).any()
    assert samples["S0, plain"].dtype.itemsize == 0
    assert not samples["float64, unaligned"].flags.aligned
    assert not samples["float64, read-only"].flags.writeable
    assert samples["float64, big endian"].dtype.byteorder == ">"
    assert samples["float64, 32 dims"].ndim == 32
