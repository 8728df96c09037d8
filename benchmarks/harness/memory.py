"""Peak memory of a process, as the kernel counts it.

Read from outside: the counters are the same as the process itself would see, and nothing has to run in it to tell
them.
"""

from __future__ import annotations

from pathlib import Path


class PeakMemory:
    """How far a process's resident memory rises above where it stands now.

    Attributes
    ----------
    is_exact : bool
        The peak counter could be reset (/proc/PID/clear_refs). If not, a peak from before may hide in the figure,
        which is then an upper bound.
    """

    def __init__(self, pid: int) -> None:
        self._status = Path(f"/proc/{pid}/status")
        try:
            Path(f"/proc/{pid}/clear_refs").write_text("5")
            self.is_exact = True
        except OSError:
            self.is_exact = False
        self._before_kib = self._read("VmRSS")

    def rise_bytes(self) -> int:
        """Bytes between the peak since construction and the resident memory at construction."""
        return (self._read("VmHWM") - self._before_kib) * 1024

    def _read(self, name: str) -> int:
        for row in self._status.read_text().splitlines():
            if row.startswith(name + ":"):
                return int(row.split()[1])
        raise ValueError(f"{self._status} has no {name}")
