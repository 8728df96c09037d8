"""The benchmarks, by name, in the order in which they run."""

from __future__ import annotations

from . import (
    batched_calls,
    busy_stage,
    connections,
    drips,
    echo_large,
    echo_small,
    gil_stage,
    java_echo_large,
    java_echo_small,
    java_map_large,
    java_memory,
    many_calls,
    map_large,
    memory_large,
    overload,
    overload_memory,
    planner,
    simulated,
    slow_node_calls,
    stopped_node,
    uneven_chunks,
    uneven_rows,
)

_DATA = (echo_large, memory_large, echo_small, many_calls, map_large)
_NODE = (connections, drips, gil_stage)
_JAVA = (java_echo_large, java_memory, java_echo_small, java_map_large)
_JOBS = (
    uneven_chunks,
    uneven_rows,
    stopped_node,
    busy_stage,
    slow_node_calls,
    batched_calls,
    overload,
    overload_memory,
    planner,
    simulated,
)

JAVA = [case.NAME for case in _JAVA]
JOBS = [case.NAME for case in _JOBS]
CASES = {case.NAME: case.run for case in (*_DATA, *_NODE, *_JAVA, *_JOBS)}
