"""Tables: by rich where it is installed and the output is a terminal, else as aligned text."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

_ANY_WIDTH = 10_000


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table on stdout; a column whose name begins with ``>`` is flushed right."""
    rich_table = _rich_table()
    if rich_table is not None:
        _print_rich(rich_table, columns, rows)
        return
    names = [column.removeprefix(">") for column in columns]
    widths = [max(map(len, cells)) for cells in zip(names, *rows, strict=True)]
    for cells in (names, *rows):
        padded = [
            cell.rjust(width) if column.startswith(">") else cell.ljust(width)
            for column, cell, width in zip(columns, cells, widths, strict=True)
        ]
        print("  ".join(padded).rstrip())


def _rich_table() -> Any:
    if not sys.stdout.isatty():
        return None
    try:
        from rich.table import Table
    except ImportError:
        return None
    return Table


def _print_rich(table_class: Any, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.text import Text

    table = table_class(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True)
    for column in columns:
        table.add_column(column.removeprefix(">"), justify="right" if column.startswith(">") else "left")
    for row in rows:
        # As Text: a name in square brackets is no markup.
        table.add_row(*map(Text, row))
    # Wider than any terminal: rich would cut names to make them fit.
    Console(width=_ANY_WIDTH).print(table)


def byte_text(count: float) -> str:
    """``12.3 MB``."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def time_text(seconds: float) -> str:
    """``850 us``, ``12.3 ms``, ``4.2 s``, ``3 min 5 s``, ``2 h 4 min``."""
    if seconds < 1e-3:
        return f"{seconds * 1e6:.0f} us"
    if seconds < 1:
        return f"{seconds * 1e3:.1f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
