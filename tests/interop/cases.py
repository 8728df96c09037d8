"""The values that a client of another language gets from a Python node and sends back: once for all languages.

A test of that language starts ``pyrpc serve tests/interop/cases.py:Cases``, asks for the ``names``, and for each calls
``give(name)`` and then ``take(name, value)`` with what came; the node compares the bits. ``tell(name)`` says what an
array should look like to the client, so that two mistakes that undo each other are found, and ``measure(array)`` what
one that the client made looks like here.
"""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Any

import numpy as np

import pyrpc
from pyrpc.testing import assert_same, sample_arrays, sample_values

MB = 2**20


@cache
def cases() -> dict[str, Any]:
    """All of them, by name."""
    arrays = {f"array: {name}": array for name, array in sample_arrays().items()}
    values = {f"value: {name}": value for name, value in sample_values().items()}
    return {**values, **_nested(), **_floats(), **arrays, **_large()}


def _floats() -> dict[str, Any]:
    """Python floats whose bits get lost most easily."""
    patterns = {
        "quiet NaN with a payload": 0x7FF8_0000_0000_0005,
        "negative NaN": 0xFFF8_0000_0000_0000,
        "the smallest denormal": 1,
        "the largest denormal, negative": 0x800F_FFFF_FFFF_FFFF,
        "the largest number": 0x7FEF_FFFF_FFFF_FFFF,
        "infinity": 0x7FF0_0000_0000_0000,
    }
    return {f"float: {name}": np.uint64(bits).view(np.float64).item() for name, bits in patterns.items()}


def _nested() -> dict[str, Any]:
    """Arrays of each dtype inside of lists and dicts."""
    plain = {name: array for name, array in sample_arrays().items() if name.endswith(", plain")}
    return {"nested: list of arrays": list(plain.values()), "nested: dict of arrays": plain}


def _large() -> dict[str, Any]:
    """Frames above 16 MB, which stock Thrift refuses; memory that is received into in several parts."""
    numbers = np.random.default_rng(1).integers(0, 256, 64 * MB, np.uint8)
    texts = np.array(["", "é\U0001f600" * 40, "a\0b"] * 200_000, np.dtypes.StringDType())
    return {
        "large: 64 MiB of bytes": numbers,
        "large: 20 MB of float32 with any bits": numbers[: 20 * MB].view(np.float32).reshape(-1, 8),
        "large: texts of 20 MB": texts,
        "large: 20 MB of bytes that are no array": numbers[: 20 * MB].tobytes(),
        "large: several in a dict": {"a": numbers[: 9 * MB], "b": [numbers[9 * MB : 18 * MB], texts[:10]]},
    }


def dtype_name(dtype: np.dtype[Any]) -> str:
    """As clients of all languages call it: NumPy's name, but S3 and U3 for fixed widths, and string."""
    if dtype.kind in "SU":
        return dtype.kind + str(dtype.itemsize // (4 if dtype.kind == "U" else 1))
    return "string" if dtype.kind == "T" else dtype.name


def look(array: np.ndarray) -> dict[str, Any]:
    """Dtype, shape, and the SHA-256 of the data in C order, little endian; of texts joined by newlines."""
    if array.dtype.kind == "T":
        data = "\n".join(array.reshape(-1).tolist()).encode()
    else:
        little = array.dtype.newbyteorder("<")
        # Only where it must be: astype makes S0 one wide.
        data = (array if little == array.dtype else array.astype(little)).tobytes()
    shape = list(array.shape)
    return {"dtype": dtype_name(array.dtype), "shape": shape, "sha256": hashlib.sha256(data).hexdigest()}


class Cases:
    """What a node hosts for tests of other languages."""

    def names(self) -> list[str]:
        return list(cases())

    def give(self, name: str) -> Any:
        return cases()[name]

    @pyrpc.stage(idempotent=True)
    def take(self, name: str, value: Any) -> bool:
        """Raises AssertionError where it differs from what was given."""
        assert_same(cases()[name], value)
        return True

    def tell(self, name: str) -> dict[str, Any] | None:
        value = cases()[name]
        return look(np.asarray(value)) if isinstance(value, np.ndarray | np.generic) else None

    def measure(self, array: np.ndarray) -> dict[str, Any]:
        return look(array)

    def echo(self, value: Any) -> Any:
        return value
