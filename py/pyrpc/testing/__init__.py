"""For tests of code that uses pyrpc: a clock to turn, a call, a network with faults, samples, checks."""

from __future__ import annotations

from pyrpc.testing.balancer import check_balancer
from pyrpc.testing.clock import FakeClock
from pyrpc.testing.codec import TrickleSource, check_codec
from pyrpc.testing.current import FakeCall, fake_call
from pyrpc.testing.proxy import FaultProxy, Faults
from pyrpc.testing.samples import assert_own_memory, assert_same, sample_arrays, sample_values

__all__ = [
    "FakeCall",
    "FakeClock",
    "FaultProxy",
    "Faults",
    "TrickleSource",
    "assert_own_memory",
    "assert_same",
    "check_balancer",
    "check_codec",
    "fake_call",
    "sample_arrays",
    "sample_values",
]
