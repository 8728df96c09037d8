"""Luck has mean 1 and the deviation that was asked for."""

from __future__ import annotations

from statistics import fmean, pstdev

import pytest

from pyrpc.plan.prng import SplitMix64
from pyrpc.simulate.luck import ENTRIES, KINDS, SHIFT, Deck, luck_table


@pytest.mark.parametrize("kind", KINDS)
def test_mean_is_1_and_nothing_is_negative(kind: str) -> None:
    table = luck_table(kind, 0.3)
    assert len(table) == ENTRIES and fmean(table) == pytest.approx(1.0)
    assert min(table) >= 0


@pytest.mark.parametrize(("kind", "deviation"), [("lognormal", 0.3), ("uniform", 0.3), ("exponential", 1.0)])
def test_deviation_is_as_asked(kind: str, deviation: float) -> None:
    assert pstdev(luck_table(kind, deviation)) == pytest.approx(deviation, rel=0.02)


def test_no_deviation_is_no_luck() -> None:
    assert luck_table("lognormal", 0.0) == ()


def test_measured_factors_are_each_dealt_once_in_an_order_of_the_seed() -> None:
    factors = tuple(float(n) for n in range(1, 21))
    decks = [Deck(factors, SplitMix64(seed)) for seed in (1, 1, 2)]
    first, same, other = ([deck.deal() for _ in range(60)] for deck in decks)
    assert first == same != other
    rounds = [first[start : start + 20] for start in (0, 20, 40)]
    assert all(sorted(each) == list(factors) for each in rounds)
    assert rounds[0] != rounds[1] != list(factors) != rounds[0]


def test_shift_leaves_one_entry_of_the_table() -> None:
    assert (2**64 - 1) >> SHIFT == ENTRIES - 1
