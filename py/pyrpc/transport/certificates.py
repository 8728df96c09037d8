"""TLS contexts that follow their files: certificates are renewed while a node runs, and a client lives long.

A context that is in use is never changed: handshakes that have begun, and sessions, go on with the one they began with.
"""

from __future__ import annotations

import logging
import os
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from pyrpc.errors import ConfigError
from pyrpc.transport.tls import Tls

_log = logging.getLogger("pyrpc.tls")

LOOK_S = 1.0
_MAX_FILE_BYTES = 2**20

Context = TypeVar("Context")
# What each file holds; None: it cannot be read.
_Contents = tuple[bytes | None, ...]


class Certificates(Generic[Context]):
    """The context that the files of a Tls make, as they are now.

    Any thread may ask for ``context``; ``look`` is for one thread at a time, or its effects are those of one of them.

    Parameters
    ----------
    make : callable
        A context of the files, or ConfigError.
    look_s : float
        How often ``start``, or ``fresh``, looks whether a file has changed, in seconds.

    Raises
    ------
    ConfigError
        A file is missing, or is not what it should be.
    """

    def __init__(self, tls: Tls, make: Callable[[Tls], Context], look_s: float = LOOK_S) -> None:
        self._make = make
        self._tls = tls
        self._look_s = look_s
        # Before the files are used: what changes meanwhile is seen at the first look.
        self._loaded = self._refused = self._contents()
        self.context = make(tls)
        self._seen: _Contents | None = None
        self._looked_at = time.monotonic()
        self._closed = threading.Event()

    # -- a node: in the background

    def start(self) -> None:
        """Follow the files in the background."""
        threading.Thread(target=self._follow, name="pyrpc-certificates", daemon=True).start()

    def close(self) -> None:
        """Follow them no more."""
        self._closed.set()

    def _follow(self) -> None:
        while not self._closed.wait(self._look_s):
            self.look()

    def look(self) -> None:
        """Take over what the files hold once it has been the same for two looks: a certificate and its key are two.

        What cannot be used changes nothing, and the log says why, once.
        """
        contents = self._contents()
        if contents in (self._loaded, self._refused):
            if contents == self._loaded:
                self._refused = contents
            self._seen = None
        elif contents != self._seen:
            self._seen = contents
        else:
            self._seen = None
            self._take(contents)

    # -- a client: when it connects

    def fresh(self) -> Context:
        """The context of what the files hold now; looks at them once in a while."""
        now = time.monotonic()
        if now - self._looked_at >= self._look_s:
            self._looked_at = now
            contents = self._contents()
            # No two looks: the next one may be hours away. What was half written is refused, or read again then.
            if contents not in (self._loaded, self._refused):
                self._take(contents)
        return self.context

    # -- the files

    def _take(self, contents: _Contents) -> None:
        try:
            self.context = self._make(self._tls)
        except ConfigError as error:
            self._refused = contents
            _log.error("the certificates from before stay in use: %s", error.summary())
            return
        self._loaded = self._refused = contents
        _log.info("certificates read again: new connections use them, from %s", self._tls.cert or self._tls.ca)

    def _contents(self) -> _Contents:
        return tuple(_read(path) for path in (self._tls.cert, self._tls.key, self._tls.ca) if path is not None)


def _read(path: str | os.PathLike[str]) -> bytes | None:
    try:
        found = Path(path).expanduser()
        # A pipe gives its bytes only once, and to open it may wait for ever: it is not followed.
        if not stat.S_ISREG(found.stat().st_mode):
            return b""
        with found.open("rb") as file:
            return file.read(_MAX_FILE_BYTES)
    except (OSError, TypeError, ValueError):
        return None
