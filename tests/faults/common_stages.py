"""The stages of ``common.json``, which end as their names say."""

from __future__ import annotations

import os
import time
from typing import Any

import numpy as np

import pyrpc

_FIRST = "0"


def _count() -> None:
    """One byte a run, in a file, since workers are processes that share nothing else."""
    with open(os.environ["PYRPC_STAND_RAN"], "ab", buffering=0) as file:
        file.write(b".")


class Work:
    """One per worker."""

    def echo(self, x: Any) -> Any:
        _count()
        return x

    @pyrpc.stage(idempotent=True)
    def again(self, x: Any) -> Any:
        _count()
        return x

    @pyrpc.stage(idempotent=False)
    def once(self, x: Any, seconds: float = 0.0) -> Any:
        _count()
        time.sleep(seconds)
        return x

    @pyrpc.stage(idempotent=False)
    def quick(self, x: Any) -> Any:
        """Not counted, which takes longer than the stage."""
        return x

    def slow(self, x: np.ndarray, seconds: float) -> np.ndarray:
        _count()
        time.sleep(seconds)
        return x

    @pyrpc.stage(idempotent=True)
    def sleep(self, seconds: float) -> float:
        _count()
        time.sleep(seconds)
        return seconds

    def total(self, x: np.ndarray, seconds: float) -> dict[str, Any]:
        """Whose bits hang on the order of the additions."""
        _count()
        time.sleep(seconds)
        return {"sum": (1.0 / (x + 3)).sum(), "rows": len(x)}

    @pyrpc.stage(takes="float32[n,d]")
    def typed(self, x: np.ndarray) -> np.ndarray:
        _count()
        return x

    def fail(self, x: Any) -> Any:
        _count()
        raise ValueError("no luck today")

    def short(self, x: np.ndarray) -> np.ndarray:
        """A row too few."""
        _count()
        return x[:-1]

    def nothing(self, x: np.ndarray) -> None:
        _count()

    def zeros(self, count: int) -> np.ndarray:
        _count()
        return np.zeros(count)

    @pyrpc.stage(idempotent=False)
    def die(self, x: Any) -> Any:
        _count()
        os._exit(3)

    @pyrpc.stage(idempotent=True)
    def die_on_first(self, x: Any) -> Any:
        """Takes the first node's process along."""
        _count()
        if os.environ["PYRPC_STAND_NODE"] == _FIRST:
            os._exit(3)
        return x
