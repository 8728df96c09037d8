"""ndarray <-> Tensor.

What goes out is a header (cached by dtype and shape) and a view of the array's own memory. What comes in is copied
once: a small array out of the window, a large one straight from the socket into memory of its own. A slice of the
frame is never handed out: it would be unaligned, and pin the frame.
"""

from __future__ import annotations

import enum
import itertools
import math
from typing import Any, Protocol

import numpy as np

from pyrpc.errors import ChecksumError, ProtocolError, TooLargeError, UnsupportedTypeError
from pyrpc.wire import limits
from pyrpc.wire.binary import I32, I64, LIST, STRING, BinaryReader, BinaryWriter
from pyrpc.wire.checksum import crc32c
from pyrpc.wire.gen import ttypes
from pyrpc.wire.memory import RECEIVE_POOL, Array

DTypeLike = np.dtype[Any]


class DType(enum.IntEnum):
    """The numbers of the IDL's enum of the same name; a test compares them."""

    BOOL = 1
    INT8 = 2
    INT16 = 3
    INT32 = 4
    INT64 = 5
    UINT8 = 6
    UINT16 = 7
    UINT32 = 8
    UINT64 = 9
    FLOAT16 = 10
    BFLOAT16 = 11
    FLOAT32 = 12
    FLOAT64 = 13
    COMPLEX64 = 14
    COMPLEX128 = 15
    DATETIME64 = 16
    TIMEDELTA64 = 17
    BYTES = 18
    UNICODE = 19
    STRING = 20


class Placer(Protocol):
    """Asked where to put each Tensor of a reply, in the order they arrive."""

    def __call__(self, dtype: DTypeLike, shape: tuple[int, ...]) -> Array | None:
        """A writable C-order array of just that dtype and shape; None: take fresh memory."""
        ...


_ID = {entry[2]: entry[0] for entry in ttypes.Tensor.thrift_spec if entry}
_DTYPE, _SHAPE, _DATA = _ID["dtype"], _ID["shape"], _ID["data"]
_ITEMSIZE, _UNIT, _CRC = _ID["itemsize"], _ID["unit"], _ID["crc32c"]

_NUMERIC = {
    number: np.dtype(number.name.lower()).newbyteorder("<")
    for number in DType
    if number <= DType.COMPLEX128 and number != DType.BFLOAT16
}
_BY_NUMBER: dict[int, DTypeLike] = {int(number): dtype for number, dtype in _NUMERIC.items()}
_STRING_DTYPE = np.dtypes.StringDType()
_STRINGS_AT_ONCE = 4096

# (number, itemsize, unit) as the header wants them.
_Key = tuple[int, int | None, str | None]
_KEYS: dict[DTypeLike, _Key] = {dtype: (int(number), None, None) for number, dtype in _NUMERIC.items()}
_PLAIN = frozenset(dtype for number, dtype in _NUMERIC.items() if number != DType.BOOL)
_HEADER_CACHE_SIZE = 1024


class Headers:
    """Bytes before a Tensor's data, by what they tell; one cache a protocol.

    A cache never grows past 1024 entries: it is emptied then, which costs less than keeping order.
    """

    def __init__(self, writer: type[BinaryWriter]) -> None:
        self._writer = writer
        self._cache: dict[tuple[DTypeLike, tuple[int, ...]], bytes] = {}
        # What stands between data and its checksum; the compact protocol tells how far it is from the field before.
        w = writer()
        w.field(STRING, _DATA)
        w.parts.clear()
        w.field(I64, _CRC)
        self.crc32c = b"".join(w.parts)

    def get(self, dtype: DTypeLike, shape: tuple[int, ...], nbytes: int) -> bytes:
        """All up to and with the length of data, for an array that travels as it lies in memory."""
        key = (dtype, shape)
        header = self._cache.get(key)
        if header is None:
            header = self.make(_key_of(dtype), shape, nbytes)
            if len(self._cache) >= _HEADER_CACHE_SIZE:
                self._cache.clear()
            self._cache[key] = header
        return header

    def make(self, key: _Key, shape: tuple[int, ...], nbytes: int) -> bytes:
        """The same, not cached. itemsize and unit go before data, so that the receiver can take memory at once."""
        if len(shape) > limits.NDIM:
            raise TooLargeError("an array has too many dims", expected=f"at most {limits.NDIM}", got=str(len(shape)))
        number, itemsize, unit = key
        w = self._writer()
        w.field(I32, _DTYPE)
        w.i32(number)
        w.field(LIST, _SHAPE)
        w.list_(I64, len(shape))
        for size in shape:
            w.i64(size)
        if itemsize is not None:
            w.field(I32, _ITEMSIZE)
            w.i32(itemsize)
        if unit is not None:
            w.field(STRING, _UNIT)
            w.string(unit)
        w.field(STRING, _DATA)
        w.size(nbytes)
        return b"".join(w.parts)


def _key_of(dtype: DTypeLike) -> _Key:
    """Number, itemsize and unit of a dtype that travels; raises UnsupportedTypeError for one that does not."""
    key = _KEYS.get(dtype)
    if key is not None:
        return key
    kind = dtype.kind
    if kind in "Mm":
        number = DType.DATETIME64 if kind == "M" else DType.TIMEDELTA64
        name, count = np.datetime_data(dtype)
        return int(number), None, name if count == 1 else f"{count}{name}"
    if kind in "SU":
        return int(DType.BYTES if kind == "S" else DType.UNICODE), dtype.itemsize, None
    if dtype.name == "bfloat16":
        return int(DType.BFLOAT16), None, None
    raise unsupported_dtype(dtype)


def plain_dtype(what: DTypeLike | int) -> DTypeLike | None:
    """A dtype (or that of a number) whose bytes need no look and no more than the number to tell; None for others."""
    dtype = _BY_NUMBER.get(what) if isinstance(what, int) else what
    return dtype if dtype in _PLAIN else None


def unsupported_dtype(dtype: DTypeLike) -> UnsupportedTypeError:
    """The error for an array that cannot travel, with what to do instead."""
    if dtype.kind == "O":
        todo = (
            "convert it: x.astype(float) for numbers, x.astype(numpy.dtypes.StringDType()) for text; "
            "a list of mixed things travels as a list"
        )
    elif dtype.kind == "V":
        todo = "send each field of a structured array as an array of its own, e.g. in a dict"
    else:
        todo = "convert it with astype to one of the dtypes that travel"
    return UnsupportedTypeError(
        f"an array of dtype {dtype} cannot travel",
        expected="bool, int8-64, uint8-64, float16-64, bfloat16, complex64/128, datetime64, timedelta64, bytes or text",
        got=f"dtype {dtype}",
        help=todo,
    )


def write_tensor(w: BinaryWriter, headers: Headers, array: Array) -> None:
    """Append an array's Tensor struct; no copy of a C-order little-endian array.

    The part is a view: the array must not change until the message is sent.
    """
    dtype = array.dtype
    if isinstance(array, np.ma.MaskedArray):
        raise UnsupportedTypeError(
            "a masked array cannot travel: its mask would be lost", help="send x.filled(...) and x.mask apart"
        )
    if dtype.kind == "T":
        raw = _encode_strings(array)
        w.parts.append(headers.make((int(DType.STRING), None, None), array.shape, len(raw)))
        w.parts.append(raw)
    else:
        if dtype.byteorder == ">":
            dtype = dtype.newbyteorder("<")
            array = array.astype(dtype)
        nbytes = array.nbytes
        w.parts.append(headers.get(dtype, array.shape, nbytes))
        if nbytes <= limits.SMALL_BYTES:
            w.parts.append(array.tobytes())
        else:
            w.parts.append(memory_of(array if array.flags.c_contiguous else np.ascontiguousarray(array)))
    if w.adds_crc32c:
        checksum = crc32c(w.parts[-1])
        w.parts.append(headers.crc32c)
        w.i64(checksum)
    w.parts.append(b"\0")


def memory_of(array: Array) -> memoryview:
    """The memory of a C-order array as bytes; any dtype, any shape, no copy."""
    return array.reshape(-1).view(np.uint8).data


def read_tensor(r: BinaryReader) -> Array:
    """Read a Tensor struct into an array of its own.

    Raises
    ------
    ProtocolError
        dtype, shape and length do not fit together.
    UnsupportedTypeError
        bfloat16 without the package that knows it.
    ChecksumError
        The data is not what was sent.
    """
    number = itemsize = unit = raw = array = checksum = None
    shape: tuple[int, ...] | None = None
    r.spend(limits.TENSOR_BYTES)
    r.push()
    while True:
        kind, fid = r.field()
        if kind == 0:
            break
        if fid == _DTYPE and kind == I32:
            number = r.i32()
        elif fid == _SHAPE and kind == LIST:
            shape = _read_shape(r)
        elif fid == _DATA and kind == STRING:
            size = r.size()
            dtype = _BY_NUMBER.get(number) if number is not None else None
            if dtype is None:
                dtype = _late_dtype(number, itemsize, unit)
            if dtype is None or shape is None:
                raw = read_array(r, np.dtype("u1"), (size,), size, None)
            else:
                array = read_array(r, dtype, shape, size, r.place)  # type: ignore[arg-type]
        elif fid == _ITEMSIZE and kind == I32:
            itemsize = r.i32()
        elif fid == _UNIT and kind == STRING:
            unit = r.string()
        elif fid == _CRC and kind == I64:
            checksum = r.i64()
        else:
            r.skip(kind)
    r.pop()
    if checksum is not None or r.needs_crc32c:
        _check_sum(raw if array is None else array, checksum)
    return _finish(number, shape, itemsize, unit, raw) if array is None else _checked(array)


def _check_sum(data: Array | None, checksum: int | None) -> None:
    """Compare the data as it lies in memory now with what its sender counted."""
    if checksum is None:
        raise ProtocolError(
            "an array without the checksum that was asked for",
            help="the node is of a version that does not know checksums: use a newer one, or no checksums",
        )
    if data is not None and (found := crc32c(memory_of(data))) != checksum:
        raise ChecksumError(
            "the data of an array changed on its way", expected=f"CRC32C {checksum:#010x}", got=f"{found:#010x}"
        )


def _read_shape(r: BinaryReader) -> tuple[int, ...]:
    kind, ndim = r.list_()
    if ndim and kind != I64:
        raise ProtocolError("a Tensor's shape is no list<i64>", got=f"wire type {kind}")
    if ndim > limits.NDIM:
        raise ProtocolError("a Tensor has too many dims", expected=f"at most {limits.NDIM}", got=str(ndim))
    shape = (r.i64(),) if ndim == 1 else tuple([r.i64() for _ in range(ndim)])
    for size in shape:
        if size < 0:
            raise ProtocolError("a Tensor has a negative dim", got=str(shape))
    return shape


def read_array(r: BinaryReader, dtype: DTypeLike, shape: tuple[int, ...], size: int, place: Placer | None) -> Array:
    """Read size bytes of data as an array; shape and dtype were told before. The bytes are not looked at."""
    if math.prod(shape) * dtype.itemsize != size:
        raise ProtocolError(
            "a Tensor's length does not fit its shape and dtype",
            expected=f"{list(shape)} x {dtype.itemsize} bytes",
            got=f"{size} bytes",
        )
    source = r.source
    if place is not None and (placed := place(dtype, shape)) is not None:
        source.read_into(memory_of(placed))
        return placed
    if 0 < size <= limits.SMALL_BYTES:
        pos = source.take(size)
        flat: Array = np.frombuffer(source.buf, dtype, math.prod(shape), pos)
        return (flat if len(shape) == 1 else flat.reshape(shape)).copy()
    if size == 0:
        return _without_bytes(dtype, shape)
    array = RECEIVE_POOL.take(dtype, shape, size)
    source.read_into(memory_of(array))
    return array


def _without_bytes(dtype: DTypeLike, shape: tuple[int, ...]) -> Array:
    """An array of no rows, or of elements of no bytes (S0, U0: np.empty would make them one wide)."""
    if dtype.itemsize:
        return np.empty(shape, dtype)
    # No bytes bound their number, so a few of the header could make a caller's loop run for ever.
    if math.prod(shape) > limits.HARD_FRAME_BYTES:
        raise ProtocolError("a Tensor of too many elements without bytes", got=f"shape {list(shape)}")
    return np.ndarray(shape, dtype)


def _checked(array: Array) -> Array:
    """Refuse bytes that NumPy would trip over: a bool that is neither 0 nor 1, text past the end of Unicode."""
    kind = array.dtype.kind
    if kind == "b":
        if array.size and array.view(np.uint8).max() > 1:
            raise ProtocolError("a bool array holds bytes other than 0 and 1")
    elif kind == "U" and array.nbytes:
        if array.reshape(-1).view(np.uint32).max() > 0x10FFFF:
            raise ProtocolError("a unicode array holds numbers that are no code points")
    return array


def _late_dtype(number: int | None, itemsize: int | None, unit: str | None) -> DTypeLike | None:
    """The dtype, if what was read so far tells it; None: not yet (or never: text of any length)."""
    if number == DType.BFLOAT16:
        return _bfloat16()
    if number in (DType.DATETIME64, DType.TIMEDELTA64) and unit is not None:
        return _time_dtype("M8" if number == DType.DATETIME64 else "m8", unit)
    if number in (DType.BYTES, DType.UNICODE) and itemsize is not None:
        return _text_dtype(number, itemsize)
    return None


def _time_dtype(code: str, unit: str) -> DTypeLike:
    if unit == "generic":
        return np.dtype("<" + code)
    try:
        if len(unit) > 16:
            raise TypeError("too long")
        dtype = np.dtype(f"<{code}[{unit}]")
        # NumPy takes "0s", and ends the process with SIGFPE at the first conversion.
        if np.datetime_data(dtype)[1] < 1:
            raise TypeError("a unit of nothing")
        return dtype
    except (TypeError, ValueError):
        raise ProtocolError("an unknown unit of time", expected="ns, us, ms, s, m, h, D ...", got=repr(unit)) from None


def _text_dtype(number: int, itemsize: int) -> DTypeLike:
    if itemsize < 0 or (number == DType.UNICODE and itemsize % 4):
        raise ProtocolError("a Tensor's itemsize makes no sense", got=str(itemsize))
    return np.dtype(f"S{itemsize}") if number == DType.BYTES else np.dtype(f"<U{itemsize // 4}")


def _bfloat16() -> DTypeLike:
    try:
        import ml_dtypes
    except ImportError:
        raise UnsupportedTypeError(
            "an array of bfloat16 arrived, which NumPy alone does not know", help="pip install 'pyrpc-thrift[bfloat16]'"
        ) from None
    dtype: DTypeLike = np.dtype(ml_dtypes.bfloat16)
    return dtype


def _finish(
    number: int | None, shape: tuple[int, ...] | None, itemsize: int | None, unit: str | None, raw: Array | None
) -> Array:
    """Make the array of bytes that came before what they mean (a stock writer sends itemsize and unit last)."""
    if number is None or shape is None or raw is None:
        raise ProtocolError("a Tensor without dtype, shape or data")
    if number == DType.STRING:
        return _decode_strings(raw, shape)
    if number in (DType.DATETIME64, DType.TIMEDELTA64) and unit is None:
        raise ProtocolError("a Tensor of times without its unit")
    if number in (DType.BYTES, DType.UNICODE) and itemsize is None:
        raise ProtocolError("a Tensor of bytes or text without its itemsize")
    dtype = _BY_NUMBER.get(number) or _late_dtype(number, itemsize, unit)
    if dtype is None:
        raise ProtocolError("an unknown dtype", expected="1 to 20, see DType in the IDL", got=str(number))
    if math.prod(shape) * dtype.itemsize != raw.size:
        raise ProtocolError(
            "a Tensor's length does not fit its shape and dtype",
            expected=f"{list(shape)} x {dtype.itemsize} bytes",
            got=f"{raw.size} bytes",
        )
    if raw.size == 0:
        return _without_bytes(dtype, shape)
    return _checked(raw.view(dtype).reshape(shape).copy())


# -- text of any length


def _encode_strings(array: Array) -> bytes:
    texts = array.reshape(-1).tolist()
    if not all(isinstance(text, str) for text in texts):
        raise UnsupportedTypeError(
            "a text array with missing values cannot travel", help="replace them first, and send a mask beside it"
        )
    encoded = [text.encode() for text in texts]
    offsets = np.zeros(len(encoded) + 1, "<i8")
    np.cumsum([len(text) for text in encoded], out=offsets[1:])
    return offsets.tobytes() + b"".join(encoded)


def _decode_strings(raw: Array, shape: tuple[int, ...]) -> Array:
    count = math.prod(shape)
    head = 8 * (count + 1)
    if head > raw.size:
        raise ProtocolError("a text Tensor is too short for its offsets", expected=f"{head} bytes", got=f"{raw.size}")
    offsets = raw[:head].view("<i8")
    if offsets[0] != 0 or offsets[-1] != raw.size - head or (np.diff(offsets) < 0).any():
        raise ProtocolError("a text Tensor's offsets are not in order")
    text = raw[head:].data
    array = np.empty(shape, _STRING_DTYPE)
    flat = array.reshape(-1)
    try:
        # In blocks: all the str objects at once would take many times the memory of the text.
        for first in range(0, count, _STRINGS_AT_ONCE):
            ends = offsets[first : first + _STRINGS_AT_ONCE + 1].tolist()
            block = [str(text[start:stop], "utf-8") for start, stop in itertools.pairwise(ends)]
            flat[first : first + _STRINGS_AT_ONCE] = block
    except UnicodeDecodeError as error:
        raise ProtocolError("a text Tensor is not UTF-8", got=str(error)) from None
    return array
