"""One property suite for every codec, and a stream that delivers its bytes in awkward pieces."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np

from pyrpc.errors import PyrpcError
from pyrpc.testing.samples import assert_own_memory, assert_same, sample_arrays, sample_values
from pyrpc.wire import limits
from pyrpc.wire.source import BytesSource

Encode = Callable[[object], bytes]
Decode = Callable[[bytearray], Any]

# What a codec may raise for bytes that are no message: an error of its own, or the end of the stream.
_REFUSALS = (PyrpcError, EOFError)


class TrickleSource(BytesSource):
    """Frames from memory that arrive in pieces of random size, as from a slow or bursty peer.

    Parameters
    ----------
    data : bytes-like
        Frames, back to back.
    seed : int
        Decides the pieces.
    max_piece : int
        Bytes of the largest piece; 1: byte by byte.
    window_bytes : int
        Size of the read-ahead window.
    """

    __slots__ = ("_max_piece", "_random")

    def __init__(
        self,
        data: bytes | bytearray | memoryview,
        seed: int = 0,
        max_piece: int = 7,
        window_bytes: int = limits.READ_AHEAD_BYTES,
    ) -> None:
        super().__init__(data, window_bytes)
        self._random = random.Random(seed)
        self._max_piece = max_piece

    def receive(self, target: memoryview) -> int:
        return super().receive(target[: self._random.randint(1, self._max_piece)])


def check_codec(encode: Encode, decode: Decode, *, seed: int = 0, mutations: int = 1000) -> None:
    """Check a pair of functions that turn values into messages and back; it must keep every rule of pyrpc's wire.

    1. Every sample of :mod:`pyrpc.testing.samples` arrives bit for bit, and encoding does not change it.
    2. Arrays that arrive are aligned, writable, own their memory and share none with the message.
    3. The same value gives the same bytes.
    4. A message that is cut off anywhere, or has bytes added, is refused.
    5. A message with wrong bytes is refused or gives some value; it never raises anything else.

    Parameters
    ----------
    encode : callable
        From any value to a message (bytes).
    decode : callable
        From a message to the value. Gets a bytearray, which is overwritten after the call. Refuses with a
        PyrpcError or EOFError.
    seed : int
        Of the random changes; a failure names it.
    mutations : int
        How many random changes rule 5 tries.

    Raises
    ------
    AssertionError
        Names the rule, the sample and the seed.
    """
    samples: dict[str, object] = {**sample_arrays(), **sample_values()}
    for name, value in samples.items():
        _check_arrival(encode, decode, name, value)
    messages = _short_messages(encode, samples)
    for name, message in messages.items():
        _check_lengths(decode, name, message)
    _check_mutations(decode, messages, seed, mutations)


def _check_arrival(encode: Encode, decode: Decode, name: str, value: object) -> None:
    message = encode(value)
    if encode(value) != message:
        raise AssertionError(f"rule 3, {name}: the same value gave other bytes")
    memory = bytearray(message)
    got = decode(memory)
    for array in arrays_in(got):
        if array.dtype.kind != "T" and array.nbytes and np.may_share_memory(array, np.frombuffer(memory, np.uint8)):
            raise AssertionError(f"rule 2, {name}: the array lies in the message")
        assert_own_memory(array, f"rule 2, {name}")
    memory[:] = b"\xaa" * len(memory)
    assert_same(value, got, f"rule 1, {name}")


def _short_messages(encode: Encode, samples: dict[str, object]) -> dict[str, bytes]:
    """One short message for each dtype and kind of value: rules 4 and 5 read each of them many times."""
    messages = {name: encode(value) for name, value in samples.items() if "," not in name or name.endswith(", plain")}
    return {name: message for name, message in messages.items() if len(message) <= 1000}


def _check_lengths(decode: Decode, name: str, message: bytes) -> None:
    for size in range(len(message)):
        _check_refused(decode, bytearray(message[:size]), f"{name} cut off after {size} of {len(message)} bytes")
    for extra in (b"\0", b"\xff" * 9, message):
        _check_refused(decode, bytearray(message + extra), f"{name} with {len(extra)} bytes more")


def _check_refused(decode: Decode, message: bytearray, what: str) -> None:
    try:
        got = decode(message)
    except _REFUSALS:
        return
    except BaseException as error:
        raise AssertionError(f"rule 4, {what}: raised {error!r} instead of a PyrpcError") from error
    raise AssertionError(f"rule 4, {what}: gave {got!r} instead of an error")


def _check_mutations(decode: Decode, messages: dict[str, bytes], seed: int, mutations: int) -> None:
    chance = random.Random(seed)
    names = sorted(messages)
    for number in range(mutations):
        name = chance.choice(names)
        message = mutate(messages[name], chance)
        try:
            decode(bytearray(message))
        except _REFUSALS:
            pass
        except BaseException as error:
            raise AssertionError(
                f"rule 5, {name}, change {number} of seed {seed}: raised {error!r}; the bytes: {message.hex()}"
            ) from error


def mutate(message: bytes, chance: random.Random) -> bytes:
    """A message with a few wrong bytes: flipped bits, extreme numbers, parts taken out, doubled or swapped."""
    raw = bytearray(message)
    for _ in range(chance.randint(1, 3)):
        at, size = chance.randrange(len(raw)), chance.randint(1, 8)
        kind = chance.randrange(6)
        if kind <= 1:
            raw[at] ^= 1 << chance.randrange(8)
        elif kind == 2:
            raw[at] = chance.randrange(256)
        elif kind == 3:
            raw[at : at + size] = chance.choice((b"\0", b"\xff", b"\x7f" + b"\xff" * 7, b"\x80")) * size
        elif kind == 4:
            del raw[at : at + size]
        else:
            raw[at:at] = raw[at : at + size]
        raw = raw or bytearray(b"\0")
    return bytes(raw)


def arrays_in(value: object) -> list[np.ndarray[Any, np.dtype[Any]]]:
    """All the arrays in a value, however deep."""
    if isinstance(value, np.ndarray):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [array for item in value for array in arrays_in(item)] if isinstance(value, list | tuple) else []
