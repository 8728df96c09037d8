"""Which core each process runs on. Every contender of a case gets the same places."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Placement:
    """The two cores that a run uses; the same core twice on a machine of one.

    Attributes
    ----------
    near : int
        Where callers run.
    far : int
        Where servers run, when two cores are wanted.
    """

    near: int
    far: int

    @classmethod
    def of_this_process(cls) -> Placement:
        """The first and the last core that this process may use."""
        cores = sorted(os.sched_getaffinity(0))
        return cls(cores[0], cores[-1])

    @property
    def both(self) -> set[int]:
        """Both cores, for a process that may use either."""
        return {self.near, self.far}

    @property
    def apart(self) -> str:
        """In words: the two ends on a core of their own."""
        if self.near == self.far:
            return f"caller and servers on core {self.near}, the only one"
        return f"caller on core {self.near}, servers on core {self.far}"

    @property
    def together(self) -> str:
        """In words: both ends on one core."""
        return f"both ends on core {self.near}"
