"""Bytes that are no message: an error of our own, in bounded time and memory, whatever they are."""

from __future__ import annotations

import random
import struct
import tracemalloc

import numpy as np
import pytest

from pyrpc.errors import ProtocolError, PyrpcError
from pyrpc.testing import check_codec
from pyrpc.testing.codec import mutate
from pyrpc.wire import limits, small
from pyrpc.wire.codec import BINARY, Codec
from pyrpc.wire.compact import CompactReader, CompactWriter
from pyrpc.wire.messages import CallOptions, CallReply, NodeInfo, StageInfo
from pyrpc.wire.source import BytesSource
from pyrpc.wire.value import read_value

CALL, REPLY = 1, 2
BOOL, BYTE, DOUBLE, I16, I32, I64, STRING, STRUCT, MAP, SET, LIST = 2, 3, 4, 6, 8, 10, 11, 12, 13, 14, 15
REFUSALS = (PyrpcError, EOFError)


def framed(raw: bytes) -> bytes:
    return len(raw).to_bytes(4, "big") + raw


# -- the property suite, in both directions


def only_argument(args: dict | None) -> object:
    """Of a call; one of another method, or without arguments, is refused above the codec."""
    if args is None or not args.get("positional"):
        raise ProtocolError("no argument")
    return args["positional"][0]


def test_codec_keeps_every_rule_for_calls(wire) -> None:
    check_codec(
        lambda value: wire.call_frame(value)[4:],
        lambda message: only_argument(wire.read_call(BytesSource(framed(message)))),
        seed=1,
        mutations=4000,
    )


def test_codec_keeps_every_rule_for_replies(wire) -> None:
    check_codec(
        lambda value: wire.reply_frame(value)[4:],
        lambda message: wire.read_reply(BytesSource(framed(message))).value,
        seed=2,
        mutations=4000,
    )


# -- every method's messages


def messages(codec: Codec) -> dict[str, bytes]:
    """A message of each kind, by what it is; small arrays, so that every byte can be tried."""
    options = CallOptions(1, 2, 3, 4, "token", True, {"k": "v"})
    value = [None, True, -1, 0.5, "é", b"b", {"k": np.arange(3)}, np.array(["a", "b"]), np.zeros(2, "M8[s]")]
    parts = {
        "call": codec.encode_call("X.y", value, {"n": [1, {"m": 2}]}, options, 7),
        "run": codec.encode_call("X.y", value, {}, CallOptions(1, 2, 3), 7, rows=3),
        "put": codec.encode_request("put", 7, {"value": value, "options": options}),
        "ping": codec.encode_request("ping", 7, {}),
        "reply call": codec.encode_result("call", 7, CallReply(value)),
        "reply ping": codec.encode_result("ping", 7, NodeInfo("a", "b")),
        "reply stages": codec.encode_result("stages", 7, (StageInfo("f", "doc"),)),
        "reply release": codec.encode_result("release", 7, None),
        "error call": codec.encode_error("call", 7, ProtocolError("m", expected="e", got="g")),
        "error ping": codec.encode_error("ping", 7, ProtocolError("m")),
    }
    return {name: b"".join(part) for name, part in parts.items()}


def read(wire, name: str, raw: bytes) -> object:
    """Read a message as its receiver does."""
    kind, _, method = name.rpartition(" ")
    source = BytesSource(framed(raw))
    if not kind:
        return wire.read_call(source)
    source.next_frame(limits.HARD_FRAME_BYTES)
    return wire.codec.decode_reply(source, method, 7, "node:1")


def test_message_cut_off_anywhere_is_refused(wire) -> None:
    for name, raw in messages(wire.codec).items():
        for size in range(1, len(raw)):
            # First a shorter frame, then a stream that ends inside a frame.
            with pytest.raises(PyrpcError):
                read(wire, name, raw[:size])
            with pytest.raises(REFUSALS):
                wire.read_call(BytesSource(framed(raw)[: 4 + size]))


def test_message_with_bytes_after_it_is_refused(wire) -> None:
    for name, raw in messages(wire.codec).items():
        for more in (b"\0", b"\xff" * 70_000):
            with pytest.raises(PyrpcError):
                read(wire, name, raw + more)


def test_wrong_bytes_never_raise_anything_but_our_errors(wire) -> None:
    samples = messages(wire.codec)
    chance = random.Random(3)
    for _ in range(6000):
        name = chance.choice(list(samples))
        raw = mutate(samples[name], chance)
        try:
            read(wire, name, raw)
        except REFUSALS:
            pass
        except BaseException as error:
            raise AssertionError(f"{name}: {error!r} from {raw.hex()}") from error


def test_single_flipped_bit_never_raises_anything_but_our_errors(wire) -> None:
    for name, raw in messages(wire.codec).items():
        for bit in range(8 * len(raw)):
            changed = bytearray(raw)
            changed[bit // 8] ^= 1 << bit % 8
            try:
                read(wire, name, bytes(changed))
            except REFUSALS:
                pass


def test_random_bytes_are_refused(wire) -> None:
    chance = random.Random(4)
    first = {"binary": b"\x80\x01\x00\x01\x00\x00\x00\x04call\x00\x00\x00\x07", "compact": b"\x82\x21\x07\x04call"}
    for _ in range(1000):
        with pytest.raises(REFUSALS):
            wire.read_call(BytesSource(framed(first[wire.name] + chance.randbytes(chance.randint(1, 200)) + b"\1")))


# -- counts and lengths that lie


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def length(wire, size: int) -> bytes:
    """A length as the protocol writes it; compact has no negative ones, so there they are huge."""
    return struct.pack(">i", size) if wire.name == "binary" else varint(size & 0xFFFFFFFF)


def lie(p, data: bytes) -> None:
    """Write bytes past the protocol's back."""
    p.trans.write(data)


LENGTHS = [-1, -(2**31), 2**31 - 1, 10_000, 2**30]


@pytest.mark.parametrize("size", LENGTHS)
@pytest.mark.parametrize("member", [5, 6])
def test_length_of_text_or_bytes_that_lies_is_refused(wire, size: int, member: int) -> None:
    with pytest.raises(ProtocolError, match="past the end of its frame"):
        wire.read_call(BytesSource(wire.value_frame((member, STRING, lambda p: lie(p, length(wire, size))))))


def list_head(wire, kind: int, count: int) -> bytes:
    if wire.name == "binary":
        return struct.pack(">Bi", kind, count)
    return bytes([0xF0 | {STRUCT: 12, I64: 6, LIST: 9, BOOL: 1}[kind]]) + varint(count & 0xFFFFFFFF)


def map_head(wire, count: int) -> bytes:
    if wire.name == "binary":
        return struct.pack(">BBi", STRING, STRUCT, count)
    return varint(count & 0xFFFFFFFF) + b"\x8c"


COUNTS = [-1, -(2**31), 2**31 - 1, 4097, 4096, 1000]


@pytest.mark.parametrize("count", COUNTS)
def test_count_that_lies_is_refused_before_memory_is_taken(wire, count: int) -> None:
    frames = [
        wire.value_frame((8, LIST, lambda p: lie(p, list_head(wire, STRUCT, count)))),
        wire.value_frame((9, MAP, lambda p: lie(p, map_head(wire, count)))),
        wire.tensor_frame((1, I32, 12), (2, LIST, lambda p: lie(p, list_head(wire, I64, count)))),
        # A field that nobody knows is skipped with the same care.
        wire.value_frame((3, I64, 1), (50, LIST, lambda p: lie(p, list_head(wire, STRUCT, count)))),
        wire.message(lambda p: wire.struct(p, (60, LIST, lambda p: lie(p, list_head(wire, STRUCT, count))))),
        wire.message(lambda p: wire.struct(p, (60, MAP, lambda p: lie(p, map_head(wire, count))))),
    ]
    for frame in frames:
        with bounded(len(frame)), pytest.raises(ProtocolError):
            wire.read_call(BytesSource(frame))


class bounded:  # noqa: N801
    """Fails if the block takes more memory than twice the frame and 1 MB."""

    def __init__(self, frame_bytes: int) -> None:
        self._most = 2 * frame_bytes + 2**20

    def __enter__(self) -> None:
        tracemalloc.start()

    def __exit__(self, *error: object) -> None:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak <= self._most, f"{peak} bytes taken, at most {self._most} allowed"


@pytest.mark.parametrize("size", [2**31 - 1, 2**30 - 1, 2**26])
def test_array_larger_than_its_frame_takes_no_memory(wire, size: int) -> None:
    frame = wire.tensor_frame((1, I32, 6), (2, LIST, [size]), (3, STRING, lambda p: lie(p, length(wire, size))))
    with bounded(len(frame)), pytest.raises(ProtocolError, match="past the end of its frame"):
        wire.read_call(BytesSource(frame))


@pytest.mark.parametrize("sizes", [[2**32, 2**32], [2**62, 4], [2**63 - 1, 2**63 - 1], [2**62], [2**16] * 4])
@pytest.mark.parametrize("number", [1, 6, 13, 15, 20])
def test_shape_that_no_frame_can_hold_takes_no_memory(wire, number: int, sizes: list[int]) -> None:
    frame = wire.tensor_frame((1, I32, number), (2, LIST, sizes), (3, STRING, b""))
    with bounded(len(frame)), pytest.raises(PyrpcError):
        wire.read_call(BytesSource(frame))


@pytest.mark.parametrize("sizes", [[0, 2**62], [2**62, 0], [2**62, 2**62, 0]])
@pytest.mark.parametrize("number", [1, 6, 13, 15, 20])
def test_shape_of_no_rows_takes_no_memory(wire, number: int, sizes: list[int]) -> None:
    text = struct.pack("<q", 0) if number == 20 else b""
    frame = wire.tensor_frame((1, I32, number), (2, LIST, sizes), (3, STRING, text))
    with bounded(len(frame)):
        try:
            got = wire.read_call(BytesSource(frame))["positional"][0]
        except ProtocolError:
            return
    assert got.shape == tuple(sizes)


@pytest.mark.parametrize("rows", [300, 50_000])
def test_text_takes_memory_in_proportion_to_its_bytes(wire, rows: int) -> None:
    # 16 bytes an element are NumPy's own; str objects, one for each at the same time, would be over 50.
    array = np.array([f"{i:08x}" for i in range(rows)], np.dtypes.StringDType())
    frame = wire.call_frame(array)
    with bounded(len(frame) + 12 * rows):
        wire.read_call(BytesSource(frame))


def test_large_array_is_received_once(wire) -> None:
    frame = wire.call_frame(np.zeros(2**22, np.uint8))
    with bounded(len(frame) // 2):
        wire.read_call(BytesSource(frame))


# -- depth


@pytest.mark.parametrize("depth", [65, 1000, 200_000])
def test_lists_in_lists_are_refused_before_the_stack_ends(wire, depth: int) -> None:
    # A Value of one member, a list of one Value, as often as it takes; nobody recurses to write it.
    member = b"\x0f\x00\x08" if wire.name == "binary" else b"\x89"
    raw = (member + list_head(wire, STRUCT, 1)) * depth
    frame = wire.message(lambda p: wire.struct(p, (2, LIST, lambda p: lie(p, list_head(wire, STRUCT, 1) + raw))))
    with bounded(len(frame)), pytest.raises(ProtocolError, match="nested too deep"):
        wire.read_call(BytesSource(frame))


@pytest.mark.parametrize("kind", [STRUCT, LIST, MAP, SET])
@pytest.mark.parametrize("depth", [65, 200_000])
def test_unknown_field_is_skipped_only_so_deep(wire, kind: int, depth: int) -> None:
    if wire.name == "binary":
        one = {
            STRUCT: struct.pack(">Bh", STRUCT, 1),
            LIST: struct.pack(">Bi", LIST, 1),
            SET: struct.pack(">Bi", SET, 1),
            MAP: struct.pack(">BBi", MAP, MAP, 1),
        }[kind]
    else:
        one = {STRUCT: b"\x1c", LIST: b"\x19", SET: b"\x1a", MAP: b"\x01\xbb"}[kind]
    raw = one * depth + b"\0" * 200_000
    frame = wire.message(lambda p: wire.struct(p, (60, kind, lambda p: lie(p, raw))))
    with bounded(len(frame)), pytest.raises(ProtocolError, match="nested too deep"):
        wire.read_call(BytesSource(frame))


def test_unknown_wire_type_is_refused(wire) -> None:
    for kind in (1, 5, 7, 9, 16, 127, 255) if wire.name == "binary" else (13, 14, 15):
        head = struct.pack(">Bh", kind, 1) if wire.name == "binary" else bytes([0x10 | kind])
        message = wire.message(lambda p, head=head: p.trans.write(head + b"\0" * 8))
        with pytest.raises(ProtocolError, match="unknown"):
            wire.read_call(BytesSource(message))


def test_every_known_wire_type_is_skipped(wire) -> None:
    fields = [
        (40, BOOL, True),
        (41, BYTE, -1),
        (42, DOUBLE, lambda p: p.writeDouble(1.5)),
        (43, I16, -2),
        (44, I32, -(2**31)),
        (45, I64, 2**63 - 1),
        (46, STRING, b"x" * 40_000),
        (47, STRUCT, lambda p: wire.struct(p, (1, BOOL, False), (300, I64, 1))),
        (48, LIST, [1, 2]),
        (2000, LIST, lambda p: bools(p)),
        (49, MAP, lambda p: map_of_maps(p)),
    ]

    def bools(p) -> None:
        p.writeListBegin(BOOL, 3)
        for item in (True, False, True):
            p.writeBool(item)
        p.writeListEnd()

    def map_of_maps(p) -> None:
        p.writeMapBegin(STRING, MAP, 2)
        for key in "ab":
            p.writeString(key)
            p.writeMapBegin(I32, BOOL, 0)
            p.writeMapEnd()
        p.writeMapEnd()

    args = wire.read_call(BytesSource(wire.message(lambda p: wire.struct(p, *fields, (1, STRING, "m"), *fields))))
    assert args == {"method": "m"}


@pytest.mark.parametrize("digits", [10, 11, 1000])
def test_number_of_compact_that_never_ends_is_refused(digits: int) -> None:
    source = BytesSource(framed(b"\xff" * digits + b"\x7f"))
    source.next_frame(10_000)
    with pytest.raises(ProtocolError, match=r"longer than 64 bits|out of range"):
        CompactReader(source).i64()


@pytest.mark.parametrize(("read", "bits"), [("i16", 15), ("i32", 31), ("i64", 63)])
def test_number_of_compact_keeps_to_its_type(read: str, bits: int) -> None:
    for value in (0, 1, -1, 63, 64, -64, -65, 2**bits - 1, -(2**bits)):
        writer = CompactWriter()
        getattr(writer, read)(value)
        source = BytesSource(framed(b"".join(writer.parts)))
        source.next_frame(100)
        assert getattr(CompactReader(source), read)() == value
    source = BytesSource(framed(varint(2 ** (bits + 1))))
    source.next_frame(100)
    with pytest.raises(ProtocolError, match="out of range"):
        getattr(CompactReader(source), read)()


def test_small_message_that_ends_with_the_window_is_refused_too() -> None:
    frame = bytearray(small.encode_call("X.y", (np.arange(3.0),), 5, 1000))
    # 255 dims in place of 1: more than the window holds.
    at = frame.index(struct.pack(">iq", 1, 3))
    frame[at : at + 4] = struct.pack(">i", 255)
    source = BytesSource(b"")
    start = len(source.buf) - len(frame)
    source.buf[start:] = frame
    source.pos = source.stop = start
    source.end = len(source.buf)
    assert small.decode_call(source) is None


def test_items_are_counted_over_all_containers_of_a_message() -> None:
    """Lists of lists would otherwise keep a reader busy with 4096 x 4096 items."""
    nothing = b"\x02" + (1).to_bytes(2, "big") + b"\1\0"
    inner = b"\x0f" + (8).to_bytes(2, "big") + b"\x0c" + (4096).to_bytes(4, "big") + nothing * 4096 + b"\0"
    outer = b"\x0f" + (8).to_bytes(2, "big") + b"\x0c" + (300).to_bytes(4, "big") + inner * 300 + b"\0"
    source = BytesSource(len(outer).to_bytes(4, "big") + outer)
    source.next_frame(limits.HARD_FRAME_BYTES)
    with pytest.raises(ProtocolError, match="too many items"):
        read_value(BINARY.reader(source))
