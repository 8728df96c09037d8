"""How much each benchmark does: in full, and in the quick mode that only shows that everything works."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 2**20


@dataclass(frozen=True)
class Sizes:
    """Bytes, calls, rounds and seconds of all cases."""

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
    job_chunks: int
    job_chunk_s: float
    job_rounds: int
    cluster_rounds: int
    stop_chunks: int
    stop_rounds: int
    busy_chunks: int
    busy_calls_s: float
    busy_rounds: int
    call_s: float
    calls: int
    call_rounds: int
    planned_chunks: int
    simulated_rounds: int
    batched_calls: int
    batched_rounds: int
    peak_s: float
    overload_s: float
    many_connections: int
    load_s: float
    load_rounds: int
    idle_connections: int
    dripping_connections: int
    drip_s: float
    drip_rounds: int
    beside_s: float
    beside_rounds: int
    flood_s: float
    java_large_warm_up: int
    java_small_warm_up: int
    java_rounds: int
    java_map_bytes: int
    java_map_warm_up: int
    java_map_rounds: int


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
    job_chunks=100,
    job_chunk_s=0.02,
    job_rounds=5,
    cluster_rounds=3,
    stop_chunks=350,
    stop_rounds=3,
    busy_chunks=40,
    busy_calls_s=10.0,
    busy_rounds=3,
    call_s=0.005,
    calls=400,
    call_rounds=3,
    planned_chunks=50_000,
    simulated_rounds=3,
    batched_calls=160,
    batched_rounds=3,
    peak_s=3.0,
    overload_s=60.0,
    many_connections=1000,
    load_s=1.0,
    load_rounds=7,
    idle_connections=5000,
    dripping_connections=1000,
    drip_s=2.0,
    drip_rounds=6,
    beside_s=2.0,
    beside_rounds=5,
    flood_s=15.0,
    java_large_warm_up=4,
    java_small_warm_up=15,
    java_rounds=7,
    java_map_bytes=100_000_000,
    java_map_warm_up=15,
    java_map_rounds=15,
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
    job_chunks=20,
    job_chunk_s=0.002,
    job_rounds=1,
    cluster_rounds=1,
    stop_chunks=80,
    stop_rounds=1,
    busy_chunks=4,
    busy_calls_s=0.2,
    busy_rounds=1,
    call_s=0.001,
    calls=20,
    call_rounds=1,
    planned_chunks=500,
    simulated_rounds=1,
    batched_calls=16,
    batched_rounds=1,
    peak_s=0.3,
    overload_s=1.5,
    many_connections=50,
    load_s=0.05,
    load_rounds=1,
    idle_connections=200,
    dripping_connections=40,
    drip_s=0.2,
    drip_rounds=1,
    beside_s=0.2,
    beside_rounds=1,
    flood_s=1.0,
    java_large_warm_up=1,
    java_small_warm_up=1,
    java_rounds=2,
    java_map_bytes=4_000_000,
    java_map_warm_up=1,
    java_map_rounds=2,
)
