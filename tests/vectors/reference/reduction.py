"""The fold of a reduction, from "Reduction" of thrift/PLANNER.md; values as bits in hexadecimal, highest first."""

from __future__ import annotations

import struct
from itertools import accumulate

from .partition import sizes

CODES = {"float64": ">d", "float32": ">f", "int64": ">q"}


def to_bits(value: float, dtype: str) -> str:
    return struct.pack(CODES[dtype], value).hex()


def from_bits(bits: str, dtype: str) -> float:
    return struct.unpack(CODES[dtype], bytes.fromhex(bits))[0]


def rounded(value: float, dtype: str) -> float:
    """To the dtype. A double holds a product, sum or quotient of two floats32 exactly enough to round it once more."""
    if dtype == "float64":
        return float(value)
    if dtype == "int64":
        return (int(value) + 2**63) % 2**64 - 2**63
    try:
        return struct.unpack(">f", struct.pack(">f", value))[0]
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def fill(case: dict) -> dict:
    """The bits of the result for each element; the values of the leaves stand in the order of the rows."""
    dtype, op = case["dtype"], case["op"]
    leaves = sizes(case["rows"], case["row_bytes"], 64, case["chunk_rows"], None, 8388608)
    assert len(leaves) == len(case["values"])
    folded = []
    for element in zip(*case["values"], strict=True):
        values = [from_bits(bits, dtype) for bits in element]
        if op == "mean":
            values = [rounded(value * rounded(rows, dtype), dtype) for value, rows in zip(values, leaves, strict=True)]
        total = list(accumulate(values, lambda a, b: rounded(a + b, dtype)))[-1]
        result_dtype = dtype
        if op == "mean":
            result_dtype = "float64" if dtype == "int64" else dtype
            total = rounded(float(total) / rounded(case["rows"], result_dtype), result_dtype)
        folded.append(to_bits(total, result_dtype))
    case["result"] = folded
    return case
