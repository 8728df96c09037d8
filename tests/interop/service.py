"""What a node hosts for the programs in other languages, and the arrays that both sides know by heart.

``pyrpc bindings LANG tests/interop/service.py:Interop`` makes their typed clients; README.md tells what they check.
"""

from __future__ import annotations

import enum
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import pyrpc
from pyrpc.testing import assert_same

SHAPE = (2, 3)


def _integers(dtype: str) -> np.ndarray:
    limits = np.iinfo(dtype)
    first = [limits.min, -1, 0] if limits.min else [0, 1, 2]
    return np.array([*first, 3, limits.max - 1, limits.max], dtype)


def _floats(dtype: Any) -> np.ndarray:
    return np.array([-1.5, -0.0, 0.0, 0.5, 2.0, np.inf], dtype)


def _complex(dtype: str) -> np.ndarray:
    return np.array([complex(index + 0.5, -index) for index in range(6)], dtype)


def _counts() -> np.ndarray:
    return np.array([0, 1, -1, 1000, 86_400_000, np.iinfo(np.int64).min], np.int64)


def _bfloat16() -> np.ndarray:
    import ml_dtypes

    return _floats(ml_dtypes.bfloat16)


# The six elements of each dtype.
SAMPLES: dict[str, Callable[[], np.ndarray]] = {
    "bool": lambda: np.array([True, False, True, True, False, False]),
    **{name: (lambda name=name: _integers(name)) for name in ("int8", "int16", "int32", "int64")},
    **{name: (lambda name=name: _integers(name)) for name in ("uint8", "uint16", "uint32", "uint64")},
    "float16": lambda: _floats(np.float16),
    "bfloat16": _bfloat16,
    "float32": lambda: _floats(np.float32),
    "float64": lambda: _floats(np.float64),
    "complex64": lambda: _complex("complex64"),
    "complex128": lambda: _complex("complex128"),
    "datetime64": lambda: _counts().view("datetime64[ns]"),
    "timedelta64": lambda: _counts().view("timedelta64[ms]"),
    "bytes": lambda: np.array([b"", b"a", b"ab", b"abc", b"x", b"y\0z"], "S3"),
    "unicode": lambda: np.array(["", "a", "ab", "é", "\U0001f600", "z\U0001f600"], "U2"),
    "string": lambda: np.array(
        ["", "a", "ab", "é", "\U0001f600", "longer than all the others"], np.dtypes.StringDType()
    ),
}


class Mood(enum.Enum):
    CALM = "calm"
    LOUD = "loud"


@dataclass
class Region:
    """Part of a picture."""

    x: int
    y: float = 1.5
    label: str | None = None
    moods: list[Mood] = field(default_factory=list)
    scores: dict[str, float] = field(default_factory=dict)
    pixels: np.ndarray | None = None


class Interop:
    """One method for each check."""

    def add(self, a: int, b: int = 2) -> int:
        """Adds two numbers."""
        return a + b

    @pyrpc.stage(takes="float32[n,4]", gives="float32[n,4]", splittable=True, idempotent=True)
    def doubled(self, rows):
        """Twice each number."""
        return rows * np.float32(2)

    def echo(self, array: np.ndarray) -> np.ndarray:
        return array

    def sample(self, dtype: str) -> np.ndarray:
        """The six elements of a dtype, in two rows of three."""
        return SAMPLES[dtype]().reshape(SHAPE)

    def check(self, dtype: str, array: np.ndarray) -> bool:
        """True; an AssertionError tells what is not as in the sample, bit for bit."""
        assert_same(self.sample(dtype), array)
        return True

    def grown(self, region: Region) -> Region:
        """The same one further, louder, and with one more score."""
        pixels = None if region.pixels is None else region.pixels + np.uint8(1)
        scores = {**region.scores, "area": region.x * region.y}
        return Region(region.x + 1, region.y, region.label, [*region.moods, Mood.LOUD], scores, pixels)

    def reversed(self, text: str) -> str:
        """The characters from the last to the first."""
        return text[::-1]

    def fail(self, message: str) -> int:
        raise ValueError(message)

    def left_s(self) -> float:
        """Seconds until the caller's deadline; below 0: there is none."""
        left = pyrpc.current_call().remaining_s
        return -1.0 if math.isinf(left) else left

    def sleep(self, seconds: float) -> float:
        """As long as that, or until nobody waits for it any more."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not pyrpc.current_call().cancelled:
            time.sleep(0.01)
        return seconds
