"""The benchmarks, by name, in the order in which they run."""

from __future__ import annotations

from . import echo_large, echo_small, many_calls, map_large, memory_large

CASES = {case.NAME: case.run for case in (echo_large, memory_large, echo_small, many_calls, map_large)}
