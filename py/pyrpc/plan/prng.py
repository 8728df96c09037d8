"""The one source of chance in plan/: SplitMix64, small enough to be the same in every language.

State is one unsigned 64-bit number; all arithmetic is modulo 2**64, shifts are logical.

``next_u64``::

    state += 0x9E3779B97F4A7C15
    z = state
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB
    return z ^ (z >> 31)

``below(n)``, 1 <= n <= 2**64 - 1: draw x = next_u64() until x < 2**64 - (2**64 mod n), unsigned; return x mod n.
At least one draw, for n = 1 too, so that the number of draws does not depend on a special case.

``uniform()``: (next_u64() >> 11) * 2**-53, exact in a double; 0 <= u < 1.

Source: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014; constants as in
Vigna's splitmix64.c. Not for secrets.
"""

from __future__ import annotations

from pyrpc.errors import ConfigError

_MASK = 0xFFFFFFFFFFFFFFFF
_TWO_64 = 1 << 64


class SplitMix64:
    """A stream of numbers that its seed decides; the module's docstring is the specification.

    Parameters
    ----------
    seed : int
        Any integer; the state starts at ``seed mod 2**64``.

    Notes
    -----
    Not thread-safe: two threads would get the same number.
    """

    __slots__ = ("_state",)

    def __init__(self, seed: int) -> None:
        self._state = seed & _MASK

    def next_u64(self) -> int:
        """The next number, 0 <= x < 2**64."""
        self._state = z = (self._state + 0x9E3779B97F4A7C15) & _MASK
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        return z ^ (z >> 31)

    def below(self, n: int) -> int:
        """A number 0 <= x < n, each as likely as any other.

        Raises
        ------
        ConfigError
            n is not in 1 .. 2**64 - 1.
        """
        if not 1 <= n < _TWO_64:
            raise ConfigError("n is out of range", expected="1 to 2**64 - 1", got=str(n))
        limit = _TWO_64 - _TWO_64 % n
        x = self.next_u64()
        while x >= limit:
            x = self.next_u64()
        return x % n

    def uniform(self) -> float:
        """A float 0 <= u < 1 with 53 random bits."""
        return (self.next_u64() >> 11) * 2.0**-53
