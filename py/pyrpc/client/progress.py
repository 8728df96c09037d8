"""A line on stderr that tells how far a job is."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any, TextIO

from pyrpc.errors import ConfigError

# Rows done, rows in all; None in place of these while a source of rows is not at its end.
Progress = Callable[[int, Any], object]
_EVERY_S = 0.1


class ProgressLine:
    """Rewrites one line: rows done, percent, rows per second, seconds left.

    Parameters
    ----------
    label : str
    out : file, optional
        Where to write; stderr by default.
    """

    def __init__(self, label: str, out: TextIO | None = None) -> None:
        self._label = label
        self._out = out or sys.stderr
        self._began = time.monotonic()
        self._shown_at = -1.0
        self._is_over = False

    def __call__(self, done: int, total: int | None) -> None:
        now = time.monotonic()
        is_over = total is not None and done >= total
        if self._is_over or (not is_over and now - self._shown_at < _EVERY_S):
            return
        self._shown_at, self._is_over = now, is_over
        speed = done / max(now - self._began, 1e-9)
        if total is None:
            line = f"\r{self._label}: {done} rows, {speed:,.0f} rows/s"
        else:
            left = f", {(total - done) / speed:.1f} s left" if done and not is_over else ""
            percent = 100 * done // total if total else 100
            line = f"\r{self._label}: {done}/{total} rows ({percent}%), {speed:,.0f} rows/s{left}"
        # Blanks wipe what a longer line left behind.
        self._out.write(f"{line:<79}" + ("\n" if is_over else ""))
        self._out.flush()


def progress_of(progress: bool | Progress | None, label: str) -> Progress | None:
    """What to call with (rows done, rows in all); None: nothing.

    Raises
    ------
    ConfigError
    """
    if progress is None or progress is False:
        return None
    if progress is True:
        return ProgressLine(label)
    if not callable(progress):
        raise ConfigError(
            "progress makes no sense",
            expected="True, False, None or a callable of (rows done, rows in all)",
            got=repr(progress),
        )
    return progress
