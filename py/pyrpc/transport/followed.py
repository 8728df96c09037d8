"""Files that are read again when they change, while what they hold is in use."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Contents = TypeVar("Contents")


class Followed(Generic[Contents]):
    """Looks at files now and then, and tells of new contents once they have been the same for two looks.

    Until then somebody may be in the middle of writing them. What was refused is not offered again until it changes.
    ``look`` is for one thread at a time, or its effects are those of one of them.

    Parameters
    ----------
    contents : callable
        What the files hold; must not raise.
    first : Contents
        What they held when they were used first.
    take : callable
        Uses new contents; False: they cannot be used.
    name : str
        Of the thread.
    look_s : float
        How often ``start`` looks, in seconds.
    """

    def __init__(
        self,
        contents: Callable[[], Contents],
        first: Contents,
        take: Callable[[Contents], bool],
        name: str,
        look_s: float,
    ) -> None:
        self._contents = contents
        self._take = take
        self._name = name
        self._look_s = look_s
        self._loaded = self._refused = first
        self._seen: Contents | None = None
        self._closed = threading.Event()

    def start(self) -> None:
        """Follow the files in the background."""
        threading.Thread(target=self._follow, name=self._name, daemon=True).start()

    def close(self) -> None:
        """Follow them no more."""
        self._closed.set()

    def _follow(self) -> None:
        while not self._closed.wait(self._look_s):
            self.look()

    def look(self) -> None:
        """Offer what has been the same for two looks."""
        contents = self._contents()
        if contents in (self._loaded, self._refused):
            if contents == self._loaded:
                self._refused = contents
            self._seen = None
        elif contents != self._seen:
            self._seen = contents
        else:
            self._seen = None
            self._offer(contents)

    def look_once(self) -> None:
        """Offer what is new at once, for whoever may not look again for hours."""
        contents = self._contents()
        if contents not in (self._loaded, self._refused):
            self._offer(contents)

    def _offer(self, contents: Contents) -> None:
        is_taken = self._take(contents)
        self._refused = contents
        if is_taken:
            self._loaded = contents
