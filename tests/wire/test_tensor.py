"""Arrays arrive bit for bit, in memory of their own; Tensors that make no sense are refused."""

from __future__ import annotations

import struct
import sys

import numpy as np
import pytest

from pyrpc.errors import ProtocolError, UnsupportedTypeError
from pyrpc.testing.samples import assert_own_memory, assert_same, layouts, sample_contents
from pyrpc.wire import tensor
from pyrpc.wire.gen import ttypes
from pyrpc.wire.source import BytesSource
from pyrpc.wire.tensor import DType

I32, I64, STRING, LIST = 8, 10, 11, 15
CONTENTS = sample_contents()


def dtype(number: int) -> tuple[int, int, int]:
    return (1, I32, number)


def shape(*sizes: int) -> tuple[int, int, list[int]]:
    return (2, LIST, list(sizes))


def data(raw: bytes) -> tuple[int, int, bytes]:
    return (3, STRING, raw)


def itemsize(size: int) -> tuple[int, int, int]:
    return (4, I32, size)


def unit(name: str) -> tuple[int, int, str]:
    return (5, STRING, name)


def test_dtype_numbers_are_those_of_the_idl() -> None:
    assert {number.name: number.value for number in DType} == ttypes.DType._NAMES_TO_VALUES


def test_samples_cover_every_dtype() -> None:
    pytest.importorskip("ml_dtypes")
    numbers = {DType.STRING if x.dtype.kind == "T" else DType(tensor._key_of(x.dtype)[0]) for x in CONTENTS.values()}
    assert numbers == set(DType)


@pytest.mark.parametrize("name", CONTENTS)
def test_every_layout_arrives_bit_for_bit_in_memory_of_its_own(wire, name: str) -> None:
    for layout, array in layouts(CONTENTS[name]).items():
        got = wire.round_trip(array)
        assert_same(array, got, layout)
        assert_own_memory(got, layout)


@pytest.mark.parametrize("name", CONTENTS)
def test_stock_order_of_fields_gives_the_same_array(wire, name: str) -> None:
    # A stock writer sends itemsize and unit after data.
    array = CONTENTS[name].reshape(3, 4)
    if array.dtype.kind == "T":
        number, size, time_unit, raw = DType.STRING, None, None, tensor._encode_strings(array)
    else:
        (number, size, time_unit), raw = tensor._key_of(array.dtype), array.tobytes()
    late = [itemsize(size)] * (size is not None) + [unit(time_unit)] * (time_unit is not None)
    got = wire.read_tensor(dtype(number), shape(3, 4), data(raw), *late)
    assert_same(array, got)
    assert_own_memory(got)
    assert_same(array, wire.read_tensor(*late, data(raw), shape(3, 4), dtype(number)), "data before all else")


def test_aliases_of_a_dtype_arrive_as_the_dtype(wire) -> None:
    for alias in ("longlong", "ulonglong", "intc", "uintc", "intp"):
        array = np.array([1, 2], alias)
        assert_same(array.astype(array.dtype.str), wire.round_trip(array), alias)


def test_subclass_of_ndarray_arrives_as_an_array(wire) -> None:
    class Sub(np.ndarray):
        pass

    array = np.arange(4.0).view(Sub)
    got = wire.round_trip(array)
    assert type(got) is np.ndarray
    assert got.tolist() == array.tolist()


@pytest.mark.parametrize("time_unit", ["Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as", "60s"])
@pytest.mark.parametrize("code", ["M8", "m8"])
def test_unit_of_time_is_kept(wire, code: str, time_unit: str) -> None:
    array = np.array([0, 5], "i8").view(f"{code}[{time_unit}]")
    assert_same(array, wire.round_trip(array))


def test_units_that_mean_the_same_are_not_mixed_up(wire) -> None:
    # One cache of headers serves both: [60s] must not come back as [m].
    for time_unit in ("m", "60s", "m", "7D", "W", "7D"):
        array = np.array([1], f"m8[{time_unit}]")
        assert_same(array, wire.round_trip(array), time_unit)


# -- text of any length


def test_text_with_missing_values_is_refused(wire) -> None:
    array = np.array(["a", np.nan], np.dtypes.StringDType(na_object=np.nan))
    with pytest.raises(UnsupportedTypeError, match="missing values"):
        wire.round_trip(array)


def test_text_dtype_with_a_missing_value_object_travels_without_it(wire) -> None:
    array = np.array(["a", "b"], np.dtypes.StringDType(na_object=None))
    assert wire.round_trip(array).tolist() == ["a", "b"]


def test_many_texts_arrive(wire) -> None:
    array = np.array([f"{i:x}é" * (i % 7) for i in range(20_000)], np.dtypes.StringDType()).reshape(200, 100)
    got = wire.round_trip(array)
    assert_same(array, got)
    assert_own_memory(got)


# -- elements of no bytes


@pytest.mark.parametrize("code", ["S0", "U0"])
@pytest.mark.parametrize("late", [False, True])
def test_elements_of_no_bytes_take_no_memory(wire, code: str, late: bool) -> None:
    number = DType.BYTES if code == "S0" else DType.UNICODE
    fields = [dtype(number), shape(1000, 1000), data(b"")]
    fields.insert(3 if late else 2, itemsize(0))
    got = wire.read_tensor(*fields)
    assert got.dtype.itemsize == 0
    assert got.shape == (1000, 1000)


@pytest.mark.parametrize("late", [False, True])
def test_more_elements_of_no_bytes_than_bytes_could_be_are_refused(wire, late: bool) -> None:
    fields = [dtype(DType.BYTES), shape(2**40), data(b"")]
    fields.insert(3 if late else 2, itemsize(0))
    with pytest.raises(ProtocolError, match="too many elements"):
        wire.read_tensor(*fields)


# -- what makes no sense

FLOAT = struct.pack("<f", 1.5)
OFFSETS = struct.Struct("<qqq")

REFUSED = {
    "no dtype": ([shape(1), data(FLOAT)], "without dtype"),
    "no shape": ([dtype(12), data(FLOAT)], "without dtype, shape"),
    "no data": ([dtype(12), shape(1)], "without dtype, shape or data"),
    "nothing": ([], "without dtype"),
    "dtype 0": ([dtype(0), shape(1), data(b"1")], "unknown dtype"),
    "dtype 21": ([dtype(21), shape(1), data(b"1")], "unknown dtype"),
    "dtype -1": ([dtype(-1), shape(1), data(b"1")], "unknown dtype"),
    "data too short": ([dtype(12), shape(2), data(FLOAT)], "does not fit"),
    "data too long": ([dtype(12), shape(1), data(FLOAT * 2)], "does not fit"),
    "data for a shape with 0": ([dtype(12), shape(0), data(FLOAT)], "does not fit"),
    "no data for 0-d": ([dtype(12), shape(), data(b"")], "does not fit"),
    "product overflows to 0": ([dtype(6), shape(2**32, 2**32), data(b"")], "does not fit"),
    "product overflows to 1": ([dtype(6), shape(2**32 + 1, 2**32 + 1), data(b"1")], "does not fit"),
    "product overflows, late": ([shape(2**32, 2**32), data(b""), dtype(6)], "does not fit"),
    "negative dim": ([dtype(12), shape(-1), data(FLOAT)], "negative dim"),
    "two negative dims": ([dtype(12), shape(-1, -1), data(FLOAT)], "negative dim"),
    "33 dims": ([dtype(12), shape(*[1] * 33), data(FLOAT)], "too many dims"),
    "shape that NumPy has no room for": ([dtype(12), shape(0, 2**62), data(b"")], "cannot be read"),
    "bool of 2": ([dtype(1), shape(3), data(b"\0\1\2")], "other than 0 and 1"),
    "bool of 255, large": ([dtype(1), shape(70_000), data(b"\1" * 69_999 + b"\xff")], "other than 0 and 1"),
    "bool of 2, late": ([shape(1), data(b"\2"), dtype(1)], "other than 0 and 1"),
    "past the end of Unicode": ([dtype(19), shape(1), itemsize(4), data(b"\0\0\x11\0")], "no code points"),
    "past the end of Unicode, late": ([dtype(19), shape(1), data(b"\0\0\x11\0"), itemsize(4)], "no code points"),
    "unicode of 3 bytes": ([dtype(19), shape(1), itemsize(3), data(b"abc")], "itemsize"),
    "negative itemsize": ([dtype(18), shape(1), itemsize(-1), data(b"a")], "itemsize"),
    "bytes without itemsize": ([dtype(18), shape(1), data(b"a")], "without its itemsize"),
    "unicode without itemsize": ([dtype(19), shape(1), data(b"a\0\0\0")], "without its itemsize"),
    "time without unit": ([dtype(16), shape(1), data(b"8" * 8)], "without its unit"),
    "no such unit": ([dtype(16), shape(1), unit("xs"), data(b"8" * 8)], "unknown unit"),
    "empty unit": ([dtype(17), shape(1), unit(""), data(b"8" * 8)], "unknown unit"),
    "unit with more in it": ([dtype(16), shape(1), unit("s],O"), data(b"8" * 8)], "unknown unit"),
    "long unit": ([dtype(16), shape(1), unit("9" * 5000 + "s"), data(b"8" * 8)], "unknown unit"),
    # Arithmetic with such a dtype ends the process with SIGFPE.
    "unit times 0": ([dtype(16), shape(1), unit("0s"), data(b"8" * 8)], "unknown unit"),
    "unit times 00": ([dtype(17), shape(1), unit("00D"), data(b"8" * 8)], "unknown unit"),
    "unit times 0, late": ([dtype(17), shape(1), data(b"8" * 8), unit("0s")], "unknown unit"),
    "unit times -1": ([dtype(17), shape(1), unit("-1s"), data(b"8" * 8)], "unknown unit"),
    "text without offsets": ([dtype(20), shape(0), data(b"")], "too short"),
    "text with one offset too few": ([dtype(20), shape(3), data(OFFSETS.pack(0, 0, 0))], "too short"),
    "more texts than bytes": ([dtype(20), shape(2**61), data(OFFSETS.pack(0, 0, 0))], "too short"),
    "texts overflow": ([dtype(20), shape(2**32, 2**32), data(OFFSETS.pack(0, 0, 0))], "too short"),
    "offsets from 1": ([dtype(20), shape(2), data(OFFSETS.pack(1, 1, 2) + b"ab")], "not in order"),
    "offsets go back": ([dtype(20), shape(2), data(OFFSETS.pack(0, 3, 2) + b"ab")], "not in order"),
    "offsets end early": ([dtype(20), shape(2), data(OFFSETS.pack(0, 1, 1) + b"ab")], "not in order"),
    "offsets end late": ([dtype(20), shape(2), data(OFFSETS.pack(0, 1, 3) + b"ab")], "not in order"),
    "negative offset": ([dtype(20), shape(2), data(OFFSETS.pack(0, -(2**63), 2) + b"ab")], "not in order"),
    "text that is not UTF-8": ([dtype(20), shape(2), data(OFFSETS.pack(0, 1, 2) + b"a\xff")], "not UTF-8"),
    "text cut inside a letter": ([dtype(20), shape(2), data(OFFSETS.pack(0, 1, 2) + b"\xc3\xa9")], "not UTF-8"),
    "text with a surrogate": ([dtype(20), shape(2), data(OFFSETS.pack(0, 0, 3) + b"\xed\xa0\x80")], "not UTF-8"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_tensor_that_makes_no_sense_is_refused(wire, name: str) -> None:
    fields, message = REFUSED[name]
    with pytest.raises(ProtocolError, match=message):
        wire.read_tensor(*fields)


def test_shape_of_another_type_is_refused(wire) -> None:
    def shape_of_i32(p) -> None:
        p.writeListBegin(I32, 1)
        p.writeI32(1)
        p.writeListEnd()

    with pytest.raises(ProtocolError, match=r"no list<i64>"):
        wire.read_tensor(dtype(12), (2, LIST, shape_of_i32), data(FLOAT))


def test_fields_that_nobody_knows_are_skipped(wire) -> None:
    nested = (99, 12, lambda p: wire.struct(p, (1, I64, 5), (2, LIST, [1, 2, 3]), (3, 2, True)))
    got = wire.read_tensor(nested, dtype(12), shape(1), (77, STRING, b"x" * 50_000), data(FLOAT), (88, I64, 123))
    assert got.tolist() == [1.5]


def test_bfloat16_without_its_package_is_an_error_that_says_what_to_install(
    wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    frame = wire.tensor_frame(dtype(11), shape(1), data(b"\0\0"))
    with pytest.raises(UnsupportedTypeError, match=r"pip install 'pyrpc-thrift\[bfloat16\]'"):
        wire.read_call(BytesSource(frame))
