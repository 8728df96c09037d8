"""What the kernel tells of a process: its threads, and the processor time it took."""

from __future__ import annotations

import os
from pathlib import Path

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def threads_of(pid: int) -> int:
    """How many threads it has now."""
    return len(os.listdir(f"/proc/{pid}/task"))


def cpu_s_of(pid: int) -> float:
    """Seconds of processor time that it took, in steps of 10 ms; what other programs take does not count in."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK_S
