"""What the tests of the demo ask of processes."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest


@pytest.fixture
def is_alive() -> Callable[[int], bool]:
    """Whether there is a process of that id."""

    def ask(pid: int) -> bool:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        return True

    return ask
