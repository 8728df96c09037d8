"""Values of any kind arrive as they were; what cannot travel is refused with the place where it stands."""

from __future__ import annotations

import enum
import math
import re
import struct
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pyrpc.errors import ProtocolError, PyrpcError, TooLargeError, UnsupportedTypeError
from pyrpc.testing.samples import assert_same, sample_values
from pyrpc.wire.messages import CallOptions, Ref
from pyrpc.wire.source import BytesSource

BOOL, I32, I64, STRING, STRUCT, MAP, LIST = 2, 8, 10, 11, 12, 13, 15

# -- what travels


@pytest.mark.parametrize("name", sample_values())
def test_value_arrives_as_it_was(wire, name: str) -> None:
    value = sample_values()[name]
    assert_same(value, wire.round_trip(value))


def test_value_comes_back_in_a_reply(wire) -> None:
    for name, value in sample_values().items():
        assert_same(value, wire.read_reply(BytesSource(wire.reply_frame(value))).value, name)


array_dtypes = st.one_of(
    hnp.boolean_dtypes(),
    hnp.integer_dtypes(endianness="?"),
    hnp.unsigned_integer_dtypes(endianness="?"),
    hnp.floating_dtypes(endianness="?", sizes=(16, 32, 64)),
    hnp.complex_number_dtypes(endianness="?", sizes=(64, 128)),
    hnp.datetime64_dtypes(endianness="?"),
    hnp.timedelta64_dtypes(endianness="?"),
    hnp.byte_string_dtypes(min_len=1),
    hnp.unicode_string_dtypes(endianness="?", min_len=1),
)
arrays = hnp.arrays(array_dtypes, hnp.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=4))
texts = st.text(st.characters(exclude_categories=["Cs"]))
leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=True)
    | texts
    | st.binary()
    | arrays
    | arrays.map(lambda x: x.T)
)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=5) | st.lists(inner, max_size=5).map(tuple) | st.dictionaries(texts, inner, max_size=5)
    ),
)


@settings(max_examples=80)
@given(value=values)
def test_any_nested_value_arrives_as_it_was(wire_by_name, value: object) -> None:
    for wire in wire_by_name.values():
        assert_same(value, wire.round_trip(value))


@settings(max_examples=30)
@given(positional=st.lists(values, max_size=3), named=st.dictionaries(texts, values, max_size=3))
def test_any_arguments_arrive_as_they_were(wire_by_name, positional: list, named: dict) -> None:
    for wire in wire_by_name.values():
        frame = wire.codec.encode_call("X.y", positional, named, CallOptions(), 7, rows=-3)
        raw = b"".join(frame)
        args = wire.read_call(BytesSource(len(raw).to_bytes(4, "big") + raw))
        assert_same(positional, args["inputs"])
        assert_same(named, args["named"])
        assert (args["stage"], args["rows"]) == ("X.y", -3)


@pytest.mark.parametrize("bits", [0x7FF8000000000001, 0x7FF0000000000001, 0xFFF8DEADBEEF0000, 0x8000000000000000, 1])
def test_float_keeps_its_bits(wire, bits: int) -> None:
    value = struct.unpack("<d", bits.to_bytes(8, "little"))[0]
    got = wire.round_trip(value)
    assert struct.pack("<d", got) == struct.pack("<d", value)
    assert math.isnan(got) == math.isnan(value)


class Colour(enum.IntEnum):
    RED = 3


class Point(NamedTuple):
    x: int
    y: float


SUBCLASSES = {
    "int": (Colour.RED, 3),
    "text": (type("Text", (str,), {})("a"), "a"),
    "float": (type("Float", (float,), {})(0.5), 0.5),
    "bytes": (type("Bytes", (bytes,), {})(b"a"), b"a"),
    "list": (type("List", (list,), {})([1]), [1]),
    "dict": (type("Dict", (dict,), {})(a=1), {"a": 1}),
    "named tuple": (Point(1, 0.5), [1, 0.5]),
}


@pytest.mark.parametrize("name", SUBCLASSES)
def test_subclass_arrives_as_what_it_is_like(wire, name: str) -> None:
    sent, expected = SUBCLASSES[name]
    assert_same(expected, wire.round_trip(sent))


def test_reference_arrives_as_a_reference(wire) -> None:
    assert wire.round_trip([Ref("abc"), {"k": Ref("")}]) == [Ref("abc"), {"k": Ref("")}]


def test_buffer_of_other_items_arrives_as_its_bytes(wire) -> None:
    array = np.arange(6, dtype="<i4").reshape(2, 3)
    assert wire.round_trip(memoryview(array)) == array.tobytes()
    assert wire.round_trip(memoryview(np.asfortranarray(array))) == array.tobytes()
    assert wire.round_trip(memoryview(np.float32(1.5).reshape(()))) == struct.pack("<f", 1.5)
    assert wire.round_trip(memoryview(np.empty((0, 3)))) == b""


# -- what does not

MASKED = np.ma.masked_array([1, 2], [True, False])
CYCLE: list = []
CYCLE.append(CYCLE)


class Rude:
    def __repr__(self) -> str:
        raise RuntimeError("no")


UNSUPPORTED = {
    "object array": (np.array([1, "a", None], object), r"dtype object.*StringDType"),
    "structured array": (np.zeros(2, [("a", "i4"), ("b", "f8")]), "each field of a structured array"),
    "raw bytes": (np.zeros(2, "V8"), "cannot travel"),
    "longdouble": (np.zeros(2, np.longdouble), "convert it with astype"),
    "longdouble scalar": (np.longdouble(1), "convert it with astype"),
    "clongdouble": (np.zeros(2, np.clongdouble), "convert it with astype"),
    "masked array": (MASKED, r"mask would be lost.*filled"),
    "set": ({1, 2}, "type set cannot travel.*sorted"),
    "frozenset": (frozenset(), "type frozenset cannot travel"),
    "complex": (1j, "type complex cannot travel.*numpy.complex128"),
    "object": (object(), "type object cannot travel"),
    "object whose repr fails": (Rude(), "type Rude cannot travel"),
    "function": (len, "type builtin_function_or_method cannot travel"),
    "class": (int, "type type cannot travel"),
    "range": (range(3), "type range cannot travel"),
    "2**63": (2**63, "integer over 64 bits.*9223372036854775808.*str"),
    "-2**63 - 1": (-(2**63) - 1, "integer over 64 bits"),
    # Python itself refuses to print so long a number.
    "number of 10,000 digits": (10**10_000, "integer over 64 bits"),
    "key that is no text": ({1: 2}, "str keys.*key 1"),
    "key that is None": ({None: 2}, "str keys"),
    "lone surrogate": ("a\ud800", "not valid Unicode"),
    "lone surrogate in a key": ({"a\udfff": 1}, "not valid Unicode"),
    "missing text": (np.array([None], np.dtypes.StringDType(na_object=None)), "missing values"),
}
TOO_LARGE = {
    "4097 items": ([0] * 4097, "too many items.*at most 4096.*4097.*NumPy array"),
    "4097 in a tuple": ((0,) * 4097, "too many items"),
    "4097 keys": ({str(i): i for i in range(4097)}, "too many items"),
    "33 dims": (np.zeros((1,) * 33), "too many dims.*32.*33"),
    "endless": (CYCLE, "nested too deep.*64"),
}
REFUSED = {
    **{name: (UnsupportedTypeError, *case) for name, case in UNSUPPORTED.items()},
    **{name: (TooLargeError, *case) for name, case in TOO_LARGE.items()},
}


def refusal(wire, *positional: object, **named: object) -> PyrpcError:
    with pytest.raises(PyrpcError) as caught:
        wire.codec.encode_call("X.y", positional, named, CallOptions(1, 2, 3), 7)
    return caught.value


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_travel_is_refused_with_its_place(wire, name: str) -> None:
    error_class, value, pattern = REFUSED[name]
    for args, kwargs, place in (
        ((0, value), {}, ["argument 2 of X.y"]),
        ((0, {"a": [1, 2, 3, value]}), {}, ["argument 2 of X.y", "at ['a'][3]"]),
        ((), {"k": value}, ["the named arguments of X.y", "at ['k']"]),
        ((), {"k": {"b": (value,)}}, ["the named arguments of X.y", "at ['k']['b'][0]"]),
    ):
        error = refusal(wire, *args, **kwargs)
        assert type(error) is error_class
        text = str(error).replace("\n", " ")
        assert re.search(pattern, text), text
        for part in place:
            assert part in text, text
        assert len(text) < 1200


@pytest.mark.parametrize("innermost", [[], {}, 1], ids=repr)
def test_what_may_be_sent_may_be_read_however_deep(wire, innermost: object) -> None:
    # The writer and the reader must agree on the last level that is allowed, as argument and by name.
    for count in range(60, 70):
        value = innermost
        for _ in range(count):
            value = [value]
        for args, kwargs in (((value,), {}), ((), {"k": value})):
            try:
                frame = wire.call_frame(*args, **kwargs)
            except TooLargeError:
                assert count + isinstance(innermost, list | dict) > 64
                continue
            assert count + isinstance(innermost, list | dict) <= 64
            wire.read_call(BytesSource(frame))


def test_refused_result_leaves_no_half_written_message(wire) -> None:
    # The node encodes an error after a result that it could not encode: the codec must not remember anything.
    before = wire.reply_frame([1, {"a": 2}])
    with pytest.raises(UnsupportedTypeError):
        wire.reply_frame([1, {"a": {3}}])
    assert wire.reply_frame([1, {"a": 2}]) == before


# -- bytes that are no Value


def test_value_without_a_member_is_refused(wire) -> None:
    with pytest.raises(ProtocolError, match="unknown or empty member"):
        wire.read_call(BytesSource(wire.value_frame()))


def test_value_with_two_members_is_refused(wire) -> None:
    with pytest.raises(ProtocolError, match="more than one member"):
        wire.read_call(BytesSource(wire.value_frame((3, I64, 1), (5, STRING, "a"))))
    with pytest.raises(ProtocolError, match="more than one member"):
        wire.read_call(BytesSource(wire.value_frame((2, BOOL, True), (2, BOOL, True))))


def test_value_with_an_unknown_member_is_refused(wire) -> None:
    # Not skipped: nobody can tell what the caller meant.
    with pytest.raises(ProtocolError, match="field 11"):
        wire.read_call(BytesSource(wire.value_frame((11, I64, 1))))


@pytest.mark.parametrize("member", range(1, 11))
def test_member_of_another_type_is_refused(wire, member: int) -> None:
    wrong = (member, I32, 5) if member != 3 else (member, STRING, "x")
    with pytest.raises(ProtocolError):
        wire.read_call(BytesSource(wire.value_frame(wrong)))


def test_list_of_something_else_is_refused(wire) -> None:
    with pytest.raises(ProtocolError, match="other than Value"):
        wire.read_call(BytesSource(wire.value_frame((8, LIST, [1, 2]))))


def test_map_of_something_else_is_refused(wire) -> None:
    def numbers(p) -> None:
        p.writeMapBegin(I64, I64, 1)
        p.writeI64(1)
        p.writeI64(2)
        p.writeMapEnd()

    with pytest.raises(ProtocolError, match="other than string to Value"):
        wire.read_call(BytesSource(wire.value_frame((9, MAP, numbers))))


def test_text_that_is_not_utf8_is_refused(wire) -> None:
    for raw in (b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xc0\x80", b"x" * 20_000 + b"\xff"):
        with pytest.raises(ProtocolError, match="not UTF-8"):
            wire.read_call(BytesSource(wire.value_frame((5, STRING, raw))))


def test_reference_without_an_id_is_refused(wire) -> None:
    with pytest.raises(ProtocolError, match="without an id"):
        wire.read_call(BytesSource(wire.value_frame((10, STRUCT, lambda p: wire.struct(p, (2, I64, 1))))))
