"""Which methods take next to no time, by what their small calls took. Safe from any thread: all of it is a guess."""

from __future__ import annotations

QUICK_US = 100
"""A call that takes less costs less than to have it run in a thread of its own beside others."""

# As long as a call may hold up others that are served by the same thread; far more than a busy machine takes from it.
_LONG_US = 5000
# Quick calls until a method counts as quick again: what waits one time in ten shall not.
_PROOF_CALLS = 50


class QuickCalls:
    """Remembers times by method.

    A method counts as quick until two calls in a row were not, or one was long. So it is not taken for slow because the
    machine had something else to do for a moment.
    """

    def __init__(self) -> None:
        self.last_us: dict[str, int] = {}
        # By method: the calls that still have to be quick.
        self._to_prove: dict[str, int] = {}

    def is_quick(self, method: str) -> bool:
        """Whether the next call is likely to be."""
        return method in self.last_us and method not in self._to_prove

    def took(self, method: str, us: int) -> bool:
        """Count a call; whether the next one is likely to be quick."""
        if us < QUICK_US and not self._to_prove:
            self.last_us[method] = us
            return True
        return self._judge(method, us)

    def _judge(self, method: str, us: int) -> bool:
        last_us = self.last_us.get(method, us)
        self.last_us[method] = us
        if us < QUICK_US:
            left = self._to_prove.get(method, 1) - 1
            if left:
                self._to_prove[method] = left
                return False
            self._to_prove.pop(method, None)
            return True
        if us >= _LONG_US or last_us >= QUICK_US:
            self._to_prove[method] = _PROOF_CALLS
        return False
