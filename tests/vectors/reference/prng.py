"""SplitMix64, from thrift/SPEC.md."""

from __future__ import annotations

TWO_64 = 2**64


class Prng:
    """next_u64, below and uniform."""

    def __init__(self, seed: int) -> None:
        self.state = seed % TWO_64

    def next_u64(self) -> int:
        self.state = (self.state + 0x9E3779B97F4A7C15) % TWO_64
        z = self.state
        z = (z ^ z // 2**30) * 0xBF58476D1CE4E5B9 % TWO_64
        z = (z ^ z // 2**27) * 0x94D049BB133111EB % TWO_64
        return z ^ z // 2**31

    def below(self, n: int) -> int:
        while True:
            x = self.next_u64()
            if x < TWO_64 - TWO_64 % n:
                return x % n

    def uniform(self) -> float:
        return (self.next_u64() // 2**11) / 2**53


def fill(case: dict) -> dict:
    """The numbers that a seed gives, drawn in the order of the fields."""
    prng = Prng(int(case["prng"]))
    case["u64"] = [str(prng.next_u64()) for _ in range(3)]
    case["below"] = [[str(n), str(prng.below(int(n)))] for n in case["below"]]
    case["uniform"] = [prng.uniform() for _ in range(3)]
    return case
