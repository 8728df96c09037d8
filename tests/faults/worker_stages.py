"""Stages that take their worker with them, hosted by ``pyrpc serve --workers 2``."""

from __future__ import annotations

import ctypes
import os
import pathlib
import resource
import signal
import time

resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


class Work:
    """Each instance tells that it was set up and closed by a line in a file that the environment names."""

    def setup(self) -> None:
        self._note("setup")

    def close(self) -> None:
        self._note("close")

    def _note(self, what: str) -> None:
        with open(os.environ["PYRPC_TEST_NOTES"], "a") as notes:
            notes.write(f"{what} {os.getpid()}\n")

    def pid(self) -> int:
        return os.getpid()

    def hold(self, started: str, go: str) -> int:
        """Tell that it runs, and run until it may go."""
        pathlib.Path(started).touch()
        while not pathlib.Path(go).exists():
            time.sleep(0.005)
        return os.getpid()

    def leave(self) -> None:
        os._exit(3)

    def segfault(self) -> None:
        ctypes.string_at(0)

    def kill(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def starve(self, limit_bytes: int) -> None:
        """Run out of memory where nobody can raise: the allocation in C that follows ends the process."""
        resource.setrlimit(resource.RLIMIT_AS, (limit_bytes, limit_bytes))
        libc = ctypes.CDLL(None)
        libc.malloc.restype = ctypes.c_void_p
        address = libc.malloc(ctypes.c_size_t(1 << 40))
        # As a library does that does not look.
        ctypes.memset(address or 0, 0, 1)
