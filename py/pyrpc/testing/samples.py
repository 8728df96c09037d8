"""What every codec must carry: arrays of all dtypes with the bits that get lost most easily, and all other values."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

_NAT = -(2**63)
# Name of the dtype, bits of an element, and of these the bits of the fraction.
_FLOATS = (("float16", 16, 10), ("float32", 32, 23), ("float64", 64, 52))
_INTS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
_TIMES = ("datetime64[ns]", "datetime64[25s]", "datetime64[D]", "datetime64", "timedelta64[ms]", "timedelta64[7D]")


def sample_contents() -> dict[str, Array]:
    """One array of rank 1 and length 12 for each dtype that travels, by the dtype's name.

    Floats hold NaNs with a payload, quiet and signalling, both zeros, denormals, infinities and the extremes; times
    hold NaT; text holds embedded NULs, empty and non-BMP text. bfloat16 is there if ml_dtypes is installed.
    """
    contents = {"bool": np.array([True, False, False] * 4)}
    for name in _INTS:
        info = np.iinfo(name)
        contents[name] = np.array([info.min, info.max, 0, 1, info.max - 1, 42] * 2, name)
    for name, bits, fraction in _FLOATS:
        contents[name] = _float_bits(bits, fraction).view(name)
    bfloat16 = _bfloat16()
    if bfloat16 is not None:
        contents["bfloat16"] = _float_bits(16, 7).view(bfloat16)
    for name, part in (("complex64", contents["float32"]), ("complex128", contents["float64"])):
        contents[name] = np.stack([part, part[::-1]], axis=1).view(name).reshape(-1)
    counts = np.array([_NAT, 0, 1, -1, 2**62, -(2**62)] * 2, np.int64)
    for name in _TIMES:
        contents[name] = counts.view(name)
    contents["S5"] = np.array([b"a\0b", b"", b"\xff" * 5, b"12345"] * 3, "S5")
    contents["U3"] = np.array(["a\0b", "", "é\U0001f600", "xyz"] * 3, "U3")
    # np.array and np.empty make these one wide.
    contents["S0"] = np.ndarray(12, "S0")
    contents["U0"] = np.ndarray(12, "U0")
    contents["string"] = np.array(["", "a\0b", "é\U0001f600", "long " * 5000] * 3, np.dtypes.StringDType())
    return contents


def _float_bits(bits: int, fraction: int) -> Array:
    """Twelve bit patterns of a float with so many bits of fraction."""
    sign, infinity, quiet = 1 << bits - 1, (1 << bits - 1) - (1 << fraction), 1 << fraction - 1
    patterns = [
        infinity | quiet | 5,  # a quiet NaN and its payload
        infinity | 3,  # a signalling one
        sign | infinity | quiet | 1,
        sign,  # -0.0
        0,
        1,  # the smallest denormal
        sign | (1 << fraction) - 1,  # the largest one, negative
        infinity,
        sign | infinity,
        infinity - 1,  # the largest number
        1 << fraction,  # the smallest that is normal
        infinity >> 1,
    ]
    return np.array(patterns, f"u{bits // 8}")


def _bfloat16() -> np.dtype[Any] | None:
    try:
        import ml_dtypes
    except ImportError:
        return None
    dtype: np.dtype[Any] = np.dtype(ml_dtypes.bfloat16)
    return dtype


def layouts(content: Array) -> dict[str, Array]:
    """The same elements (or some of them) lying in memory, and shaped, in every way that NumPy knows.

    Parameters
    ----------
    content : ndarray
        Of rank 1 and length 12.
    """
    strided = np.ndarray((24,), content.dtype)
    strided[::2] = content
    read_only = content.copy()
    read_only.flags.writeable = False
    views = {
        "plain": content,
        "0-d": content[1:2].reshape(()),
        "one": content[:1],
        "empty": content[:0],
        "empty rows": content[:0].reshape(0, 3),
        "empty columns": content[:0].reshape(3, 0),
        "empty middle": content[:0].reshape(2, 0, 4),
        "two dims": content.reshape(3, 4),
        "32 dims": content[:4].reshape((1,) * 15 + (2, 1, 2) + (1,) * 14),
        "strided": strided[::2],
        "backwards": content[::-1],
        "both ways": content.reshape(3, 4)[::-1, ::-2],
        "transposed": content.reshape(2, 3, 2).transpose(2, 0, 1),
        "Fortran order": np.asfortranarray(content.reshape(3, 4)),
        "broadcast": np.broadcast_to(content[1:2], (3, 5)),
        "read-only": read_only,
    }
    if content.dtype.kind != "T" and content.dtype.itemsize:
        raw = bytearray(b"\0") + content.tobytes()
        views["unaligned"] = np.frombuffer(raw, content.dtype, offset=1)
        if content.dtype.byteorder != "|":
            views["big endian"] = content.astype(content.dtype.newbyteorder(">"))
    return views


def sample_arrays() -> dict[str, Array]:
    """Every dtype in every layout; names are ``dtype, layout``."""
    return {
        f"{dtype}, {layout}": array
        for dtype, content in sample_contents().items()
        for layout, array in layouts(content).items()
    }


def sample_values() -> dict[str, object]:
    """Everything else that travels, alone and nested."""
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    return {
        "None": None,
        "True": True,
        "False": False,
        "the largest int": 2**63 - 1,
        "the smallest int": -(2**63),
        "zero": 0,
        "float": 0.1,
        "-0.0": -0.0,
        "infinity": float("-inf"),
        "empty text": "",
        "text": "a\0b é \U0001f600",
        "long text": "x\u20ac" * 20_000,
        "empty bytes": b"",
        "bytes": bytes(range(256)),
        "long bytes": bytes(range(256)) * 300,
        "bytearray": bytearray(b"abc"),
        "memoryview of every second byte": memoryview(b"a-b-c-")[::2],
        "memoryview of no rows": memoryview(np.empty((0, 3))),  # type: ignore[arg-type]
        "empty list": [],
        "empty dict": {},
        "tuple": (1, "two", 3.0, None),
        "list of everything": [None, True, 1, 1.5, "s", b"b", array, [], {}, [[{"a": [array]}]]],
        "dict of everything": {"": None, "é": 1, "list": [1, [2, [3]]], "array": array, "dict": {"a": {"b": array.T}}},
        "4096 items": list(range(4096)),
        "4096 keys": {str(i): i for i in range(4096)},
        "64 lists": _nested(64),
        "64 dicts": _nested_dict(64),
        "NumPy scalar": np.float32(1.5),
        "NumPy bool": np.True_,
        "NumPy text": np.str_("abc"),
        "NumPy time": np.datetime64("2026-11-24T12:00", "m"),
    }


def _nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth - 1):
        value = [value]
    return value


def _nested_dict(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth - 1):
        value = {"k": value}
    return value


def assert_same(sent: object, got: object, where: str = "the value") -> None:
    """Check that what arrived is what was sent, bit for bit.

    A tuple arrives as a list, a NumPy scalar as a 0-d array, bytearray and memoryview as bytes, a big-endian array as
    little endian.

    Raises
    ------
    AssertionError
        Names where in the value they differ.
    """
    if isinstance(sent, np.ndarray | np.generic):
        _assert_same_array(np.asarray(sent), got, where)
    elif isinstance(sent, list | tuple):
        _assert(type(got) is list and len(got) == len(sent), where, sent, got)
        assert isinstance(got, list)
        for index, (one, other) in enumerate(zip(sent, got, strict=True)):
            assert_same(one, other, f"{where}[{index}]")
    elif isinstance(sent, dict):
        _assert(type(got) is dict and list(got) == list(sent), where, sent, got)
        assert isinstance(got, dict)
        for key, item in sent.items():
            assert_same(item, got[key], f"{where}[{key!r}]")
    elif isinstance(sent, bytearray | memoryview):
        _assert(type(got) is bytes and got == bytes(sent), where, sent, got)
    elif isinstance(sent, float):
        _assert(type(got) is float and _bits(sent) == _bits(got), where, sent, got)
    else:
        _assert(type(got) is type(sent) and got == sent, where, sent, got)


def _assert_same_array(sent: Array, got: object, where: str) -> None:
    dtype = sent.dtype.newbyteorder("<") if sent.dtype.byteorder == ">" else sent.dtype
    _assert(type(got) is np.ndarray, f"type of {where}", np.ndarray, type(got))
    assert isinstance(got, np.ndarray)
    # S0 and S1 are equal to NumPy; so is the name that tells bfloat16 from void.
    _assert(got.dtype == dtype and got.dtype.itemsize == dtype.itemsize, f"dtype of {where}", dtype, got.dtype)
    _assert(got.shape == sent.shape, f"shape of {where}", sent.shape, got.shape)
    if dtype.kind == "T":
        _assert(got.tolist() == sent.tolist(), where, sent, got)
    else:
        # Only where it must be: astype makes S0 one wide.
        expected = sent.astype(dtype) if dtype != sent.dtype else sent
        _assert(got.tobytes() == expected.tobytes(), f"bits of {where}", sent, got)


def assert_own_memory(array: Array, where: str = "the array") -> None:
    """Check that an array is as pyrpc hands them out: aligned, writable, C order, owner of its memory."""
    flags = array.flags
    _assert(bool(flags.owndata and array.base is None), f"owner of {where}", "the array itself", array.base)
    _assert(flags.aligned and flags.writeable and flags.c_contiguous, f"memory of {where}", "like np.empty's", flags)


def _bits(value: object) -> bytes:
    return np.float64(value).tobytes()  # type: ignore[arg-type]


def _assert(is_true: bool, where: str, sent: object, got: object) -> None:
    if not is_true:
        raise AssertionError(f"{where} differs: sent {_shown(sent)}, got {_shown(got)}")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 200 else text[:197] + "..."
