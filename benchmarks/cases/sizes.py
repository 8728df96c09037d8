"""How much each benchmark does: in full, and in the quick mode that only shows that everything works."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 2**20


@dataclass(frozen=True)
class Sizes:
    """Bytes, calls and rounds of all cases."""

    rounds: int
    large_bytes: int
    large_calls: int
    memory_bytes: int
    memory_rounds: int
    small_bytes: int
    small_rounds: int
    small_calls: int
    noop_calls: int
    noop_rounds: int
    map_bytes: int


FULL = Sizes(
    rounds=7,
    large_bytes=64 * MIB,
    large_calls=5,
    memory_bytes=64 * MIB,
    memory_rounds=2,
    small_bytes=1024,
    small_rounds=25,
    small_calls=1000,
    noop_calls=10_000,
    noop_rounds=4,
    map_bytes=256 * MIB,
)

QUICK = Sizes(
    rounds=2,
    large_bytes=1 * MIB,
    large_calls=1,
    memory_bytes=4 * MIB,
    memory_rounds=1,
    small_bytes=1024,
    small_rounds=2,
    small_calls=50,
    noop_calls=200,
    noop_rounds=2,
    map_bytes=4 * MIB,
)
