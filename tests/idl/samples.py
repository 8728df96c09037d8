"""Code that has something of everything an IDL can say."""

from __future__ import annotations

import collections.abc
import dataclasses
import enum
import typing

import numpy as np
import numpy.typing as npt

import pyrpc


class Color(enum.Enum):
    RED = "red"
    GREEN = "green"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 5


@dataclasses.dataclass
class Region:
    """Part of a picture."""

    x: int
    y: float = 1.5
    label: str | None = None
    tags: list[str] = dataclasses.field(default_factory=list)
    parts: list[Region] = dataclasses.field(default_factory=list)
    inside: Region | None = None
    color: Color = Color.RED
    pixels: npt.NDArray[np.uint8] | None = None


class Pair(typing.NamedTuple):
    first: int
    second: str = "z"


class Settings(typing.TypedDict, total=False):
    depth: int
    name: str


class Vision:
    """Looks at pictures."""

    def add(self, a: int, b: int = 2) -> int:
        """Adds two numbers.

        Ends no comment: */ and no string: "
        """
        return a + b

    @pyrpc.stage(takes="float32[n,3]", gives="float32[n]")
    def norm(self, x, scale: float = 1.0):
        return np.linalg.norm(x, axis=1).astype(np.float32) * np.float32(scale)

    @pyrpc.stage(takes=["float64[n]", "float64[n]"], gives=("float64[n]", "float64[n]"))
    def swap(self, left, right):
        return right, left

    def find(self, regions: list[Region], level: Level = Level.LOW) -> Region | None:
        return regions[0] if regions else None

    def pair(self, pair: Pair, tail: tuple[int, ...], seen: set[str], by_name: dict[str, list[float]]) -> list[str]:
        assert isinstance(pair, Pair) and isinstance(tail, tuple) and isinstance(seen, set)
        return [repr(pair), repr(tail), repr(sorted(seen)), repr(by_name)]

    def anything(self, x, type: int = 3, *args: int, **kwargs: float):
        return [x, type, list(args), kwargs]

    def nothing(self, x: npt.NDArray[np.float32], limit: int | None = None) -> None: ...

    def configure(self, settings: Settings, /, *, strict: bool = False) -> dict[str, bool]:
        return dict.fromkeys(settings, strict)

    def holes(self, x: list[int | None]) -> list[int | None]:
        return x[::-1]

    def colors(self, x: frozenset[Color], by_level: dict[Level, bool]) -> list[Color]:
        assert isinstance(x, frozenset)
        return [*sorted(x, key=lambda color: color.value), *(Color.RED for level in by_level if level is Level.HIGH)]

    def narrow(self, a: np.int16, b: typing.Annotated[int, "i32"], c: np.float32) -> np.float32:
        assert isinstance(a, np.int16) and type(b) is int
        return c * a * b

    def delete(self, data: bytes, text: collections.abc.Sequence[str]) -> bytes:
        return data + "".join(text).encode()

    def is_empty(self, x: list) -> bool:
        return not x

    def fail(self, why: str) -> int:
        raise ValueError(why)
