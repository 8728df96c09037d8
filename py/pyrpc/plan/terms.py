"""What a job was given beside its rows: who simulates it, or reads its receipt, wants to know."""

from __future__ import annotations

from dataclasses import dataclass

from pyrpc.plan.work import DivisibleWork, Work


@dataclass(frozen=True, slots=True)
class JobTerms:
    """How a job was to be handed out.

    Attributes
    ----------
    policy : str
        Its name, or that of the class where it is a user's own.
    window : int
        Attempts in flight on one node, at most; at first, where they may grow.
    most_window : int
        To how many they might grow; 0: not at all.
    idempotent : bool
        Whether a chunk may run twice.
    is_divisible : bool
        Whether rows could be cut anywhere; False: a grid that was fixed before.
    max_rows : int or None
        The most rows in one piece where rows could be cut; None: a grid, or a source that told its rows later.
    """

    policy: str = ""
    window: int = 0
    idempotent: bool = True
    is_divisible: bool = False
    max_rows: int | None = None
    most_window: int = 0

    @classmethod
    def of(cls, policy: object, window: int, idempotent: bool, work: Work, most_window: int = 0) -> JobTerms:
        """The terms of a scheduler's job."""
        name = policy if isinstance(policy, str) else type(policy).__name__
        if not isinstance(work, DivisibleWork):
            return cls(name, window, idempotent, most_window=most_window)
        return cls(name, window, idempotent, True, None if work.is_open else work.max_rows, most_window)
