"""For tests of code that uses pyrpc: a clock to turn, samples of all that travels, checks for codecs and balancers."""

from __future__ import annotations

from pyrpc.testing.balancer import check_balancer
from pyrpc.testing.clock import FakeClock
from pyrpc.testing.codec import TrickleSource, check_codec
from pyrpc.testing.samples import assert_own_memory, assert_same, sample_arrays, sample_values

__all__ = [
    "FakeClock",
    "TrickleSource",
    "assert_own_memory",
    "assert_same",
    "check_balancer",
    "check_codec",
    "sample_arrays",
    "sample_values",
]
