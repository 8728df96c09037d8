"""Interleaved rounds: A B C A B C ..., so that a slow moment of the machine meets every contender."""

from __future__ import annotations

from collections.abc import Callable

from .outcome import Series


def interleave(contenders: list[tuple[Series, Callable[[], list[float]]]], rounds: int, warm_up: int = 1) -> None:
    """Fill each series with what its measurement gives, round by round; the warm-up rounds are thrown away."""
    for number in range(warm_up + rounds):
        for series, measure in contenders:
            values = measure()
            if number >= warm_up:
                series.values.extend(values)
