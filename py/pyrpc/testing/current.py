"""A call for stages that are tested, or run, without a node."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

from pyrpc.stage.current import RUNNING, CurrentCall


class FakeCall(CurrentCall):
    """What ``pyrpc.current_call()`` gives inside of ``fake_call``."""

    __slots__ = ()

    def cancel(self) -> None:
        """As if the caller had closed its connection; safe from any thread."""
        self._is_cancelled = True


@contextmanager
def fake_call(method: str = "stage", *, attempt: int = 0, timeout_s: float | None = None) -> Iterator[FakeCall]:
    """Let ``pyrpc.current_call()`` work in this thread, as in a stage.

    Parameters
    ----------
    method, attempt
        As the call tells them.
    timeout_s : float, optional
        Seconds from now until the time of the call is over; by default never.

    Examples
    --------
    >>> import pyrpc
    >>> with fake_call("search") as call:
    ...     call.cancel()
    ...     print(pyrpc.current_call().cancelled)
    True
    """
    before = RUNNING.call
    call = FakeCall(method, attempt, None, math.inf if timeout_s is None else time.perf_counter() + timeout_s)
    RUNNING.call = call
    try:
        yield call
    finally:
        RUNNING.call = before
