"""How far a job is, on stderr: a bar by rich, one line that is rewritten, or a line for each tenth in a log."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

from pyrpc.client.progress import ProgressLine

Progress = Callable[[int, int], object]


@contextlib.contextmanager
def progress_shown(label: str, wanted: bool | None) -> Iterator[Progress | None]:
    """What to call with (rows done, rows in all); None for nothing.

    Parameters
    ----------
    wanted : bool, optional
        By default where stderr is a terminal.
    """
    is_terminal = sys.stderr.isatty()
    if wanted is False or (wanted is None and not is_terminal):
        yield None
    elif not is_terminal:
        yield TenthsLog(label)
    else:
        bar = _rich_bar()
        if bar is None:
            yield ProgressLine(label)
        else:
            with bar:
                yield _driven(bar, label)


class TenthsLog:
    """A line for each tenth of the rows: fit for a log file."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._told = 0

    def __call__(self, done: int, total: int) -> None:
        tenth = 10 * done // total if total else 10
        if tenth > self._told:
            self._told = tenth
            print(f"{self._label}: {done}/{total} rows ({10 * tenth}%)", file=sys.stderr, flush=True)


def _rich_bar() -> Any:
    try:
        from rich import progress
        from rich.console import Console
    except ImportError:
        return None
    return progress.Progress(
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(),
        progress.TaskProgressColumn(),
        progress.TextColumn("{task.completed:.0f}/{task.total:.0f} rows"),
        progress.TimeRemainingColumn(elapsed_when_finished=True),
        console=Console(stderr=True),
    )


def _driven(bar: Any, label: str) -> Progress:
    task = bar.add_task(label, total=1)

    def show(done: int, total: int) -> None:
        bar.update(task, total=total, completed=done)

    return show
