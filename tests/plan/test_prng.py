"""The source of chance: published numbers, and the two rules made of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyrpc.errors import ConfigError
from pyrpc.plan.prng import SplitMix64

# Reference output for seed 1234567, published with several implementations of SplitMix64.
REFERENCE = [
    6457827717110365317,
    3203168211198807973,
    9817491932198370423,
    4593380528125082431,
    16408922859458223821,
]
seeds = st.integers(0, 2**64 - 1)


class Scripted(SplitMix64):
    """Gives numbers from a list."""

    def __init__(self, numbers: list[int]) -> None:
        super().__init__(0)
        self.numbers = numbers

    def next_u64(self) -> int:
        return self.numbers.pop(0)


def test_the_published_numbers_come_out():
    prng = SplitMix64(1234567)
    assert [prng.next_u64() for _ in REFERENCE] == REFERENCE


def test_a_seed_counts_modulo_two_to_the_64():
    assert SplitMix64(-1).next_u64() == SplitMix64(2**64 - 1).next_u64()
    assert SplitMix64(2**64 + 5).next_u64() == SplitMix64(5).next_u64()


@given(seeds, st.integers(1, 2**64 - 1))
def test_below_stays_below(seed: int, n: int):
    assert 0 <= SplitMix64(seed).below(n) < n


def test_below_is_the_remainder_of_the_next_number():
    assert SplitMix64(1234567).below(1000) == REFERENCE[0] % 1000


def test_below_draws_again_where_the_remainder_would_be_biased():
    n = 2**63 + 1  # only numbers under n itself are unbiased
    assert Scripted([2**64 - 1, n, 7]).below(n) == 7
    assert Scripted([n - 1]).below(n) == n - 1


def test_below_one_draws_once():
    prng = SplitMix64(1234567)
    assert prng.below(1) == 0
    assert prng.next_u64() == REFERENCE[1]


def test_below_hits_everything_about_equally_often():
    prng = SplitMix64(3)
    counts = [0] * 7
    for _ in range(7000):
        counts[prng.below(7)] += 1
    assert min(counts) > 850 and max(counts) < 1150


@pytest.mark.parametrize("n", [0, -1, 2**64])
def test_below_refuses_what_has_no_answer(n: int):
    with pytest.raises(ConfigError):
        SplitMix64(1).below(n)


@given(seeds)
def test_uniform_is_the_upper_53_bits(seed: int):
    u = SplitMix64(seed).uniform()
    assert 0 <= u < 1
    assert u * 2**53 == SplitMix64(seed).next_u64() >> 11


def test_uniform_never_gives_one():
    assert Scripted([2**64 - 1]).uniform() == 1 - 2.0**-53
