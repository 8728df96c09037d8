"""The fold of a reduction, from "Reduction" of thrift/PLANNER.md; values as bits in hexadecimal, highest first."""

from __future__ import annotations

import struct
from itertools import accumulate
from typing import Any

from .partition import sizes

CODES = {
    "bool": ">?", "int8": ">b", "uint8": ">B", "int16": ">h", "int32": ">i", "uint32": ">I", "int64": ">q",
    "uint64": ">Q", "timedelta64[s]": ">q", "float16": ">e", "float32": ">f", "float64": ">d",
}  # fmt: skip
PARTS = {"complex64": "float32", "complex128": "float64"}
WIDE = {
    **dict.fromkeys(("bool", "int8", "uint8", "int16", "int32", "uint32"), "int64"),
    **dict.fromkeys(("float16", "bfloat16"), "float32"),
}
NOT_A_TIME = -(2**63)


def to_bits(value: Any, dtype: str) -> str:
    if dtype in PARTS:
        return "".join(to_bits(part, PARTS[dtype]) for part in value)
    if dtype == "bfloat16":
        return to_bits(value, "float32")[:4]
    return struct.pack(CODES[dtype], value).hex()


def from_bits(bits: str, dtype: str) -> Any:
    if dtype in PARTS:
        half = len(bits) // 2
        return (from_bits(bits[:half], PARTS[dtype]), from_bits(bits[half:], PARTS[dtype]))
    if dtype == "bfloat16":
        return from_bits(bits + "0000", "float32")
    return struct.unpack(CODES[dtype], bytes.fromhex(bits))[0]


def rounded(value: Any, dtype: str) -> Any:
    """To the dtype. A double holds a product, sum or quotient of two narrower floats exactly enough to round it."""
    if dtype == "float64":
        return float(value)
    if dtype == "bool":
        return bool(value)
    if dtype == "bfloat16":
        bits = int(to_bits(rounded(value, "float32"), "float32"), 16)
        # Half to even, on what is cut off.
        return from_bits(f"{bits + 0x7FFF + (bits >> 16 & 1) >> 16:04x}", dtype)
    if dtype in ("float16", "float32"):
        try:
            return from_bits(to_bits(value, dtype), dtype)
        except OverflowError:
            return float("inf") if value > 0 else float("-inf")
    size = struct.calcsize(CODES[dtype]) * 8
    lowest = 0 if dtype.startswith("u") else 2 ** (size - 1)
    return (int(value) + lowest) % 2**size - lowest


def added(a: Any, b: Any, dtype: str) -> Any:
    if dtype in PARTS:
        return tuple(rounded(x + y, PARTS[dtype]) for x, y in zip(a, b, strict=True))
    if dtype.startswith("time") and NOT_A_TIME in (a, b):
        return NOT_A_TIME
    return rounded(a + b, dtype)


def times(value: Any, rows: int, dtype: str) -> Any:
    if dtype in PARTS:
        part = PARTS[dtype]
        by, (re, im) = rounded(rows, part), value
        return (rounded(re * by - im * 0.0, part), rounded(re * 0.0 + im * by, part))
    if dtype.startswith("time") and value == NOT_A_TIME:
        return NOT_A_TIME
    return rounded(value * rounded(rows, dtype), dtype)


def over(whole: Any, rows: int, dtype: str) -> Any:
    """The mean of a sum, and its dtype."""
    if dtype in PARTS:
        part = PARTS[dtype]
        share, (re, im) = rounded(1.0 / rounded(rows, part), part), whole
        return (rounded((re + im * 0.0) * share, part), rounded((im - re * 0.0) * share, part)), dtype
    if dtype.startswith("time"):
        cut = abs(whole) // rows * (1 if whole >= 0 else -1)
        return (whole if whole == NOT_A_TIME else cut), dtype
    result = dtype if dtype.startswith("float") else "float64"
    return rounded(float(whole) / rounded(rows, result), result), result


def total(values: list, dtype: str) -> Any:
    return list(accumulate(values, lambda a, b: added(a, b, dtype)))[-1]


def mean_bits(values: list, leaves: list[int], dtype: str) -> str:
    wide = WIDE.get(dtype, dtype)
    weighed = [times(value, rows, wide) for value, rows in zip(values, leaves, strict=True)]
    mean, result_dtype = over(total(weighed, wide), sum(leaves), wide)
    if dtype in ("float16", "bfloat16"):
        return to_bits(rounded(mean, dtype), dtype)
    return to_bits(mean, result_dtype)


def fill(case: dict) -> dict:
    """The bits of the result for each element; the values of the leaves stand in the order of the rows."""
    dtype, op = case["dtype"], case["op"]
    leaves = sizes(case["rows"], case["row_bytes"], 64, case["chunk_rows"], None, 8388608)
    assert len(leaves) == len(case["values"])
    folded = []
    for element in zip(*case["values"], strict=True):
        values = [from_bits(bits, dtype) for bits in element]
        if op == "sum":
            folded.append(to_bits(total(values, dtype), dtype))
        else:
            folded.append(mean_bits(values, leaves, dtype))
    case["result"] = folded
    return case
