"""What every program checks, by the names that it prints."""

from __future__ import annotations

from tests.interop.service import SAMPLES

PROTOCOLS = ("binary", "compact")
CALLS = (
    *("ping", "typed call", "plain name", "generic call", "struct", "text"),
    *("16 MB", "64 MiB", "typed error", "deadline", "tls"),
)
DTYPES = tuple(f"dtype {name}" for name in SAMPLES)
CHECKS = (*CALLS, *DTYPES)
