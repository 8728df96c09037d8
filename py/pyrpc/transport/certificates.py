"""TLS contexts that follow their files: certificates are renewed while a node runs, and a client lives long.

A context that is in use is never changed: handshakes that have begun, and sessions, go on with the one they began with.
"""

from __future__ import annotations

import logging
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from pyrpc.errors import ConfigError
from pyrpc.transport.followed import Followed
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
        # Before the files are used: what changes meanwhile is seen at the first look. A certificate and its key are
        # two files, which is one more reason to wait until they rest.
        self._files = Followed(self._contents, self._contents(), self._take, "pyrpc-certificates", look_s)
        self.context = make(tls)
        self._looked_at = time.monotonic()

    # -- a node: in the background

    def start(self) -> None:
        """Follow the files in the background."""
        self._files.start()

    def close(self) -> None:
        """Follow them no more."""
        self._files.close()

    def look(self) -> None:
        """Take over what the files hold once it has been the same for two looks.

        What cannot be used changes nothing, and the log says why, once.
        """
        self._files.look()

    # -- a client: when it connects

    def fresh(self) -> Context:
        """The context of what the files hold now; looks at them once in a while."""
        now = time.monotonic()
        if now - self._looked_at >= self._look_s:
            self._looked_at = now
            # What was half written is refused, or read again then.
            self._files.look_once()
        return self.context

    # -- the files

    def _take(self, _: _Contents) -> bool:
        try:
            self.context = self._make(self._tls)
        except ConfigError as error:
            _log.error("the certificates from before stay in use: %s", error.summary())
            return False
        _log.info("certificates read again: new connections use them, from %s", self._tls.cert or self._tls.ca)
        return True

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
