"""Who may call what: a file of bearer tokens, and what each gives the right to.

One line for each token::

    # name  token                      what it may call (all, if nothing is named)
    alice   Wc0t0d2F3yUuM7sT
    bob     sha256:5e884898da2804...   Vision.* stats.mean

A token may stand there as its SHA-256, so that the file tells nobody how to call. A pattern is that of a file name
(``Vision.*``); the name of a service alone means all of it.
"""

from __future__ import annotations

import fnmatch
import hashlib
import hmac
import itertools
import logging
import os
import re
import stat
from pathlib import Path

from pyrpc.errors import AuthError, ConfigError
from pyrpc.transport.followed import Followed

_log = logging.getLogger("pyrpc.tokens")

LOOK_S = 1.0
_MAX_FILE_BYTES = 2**20
_MAX_TOKEN_BYTES = 4096
_HASHED = "sha256:"
_HASH = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[\w.@+-]{1,128}")
_PATTERN = re.compile(r"[\w.*?!\[\]-]{1,256}")
_ALLOWED_KEPT = 1024
_FORM = "NAME TOKEN, or NAME TOKEN PATTERN ...: separated by spaces; # begins a comment"
_HELP = "pass token= to Client, or set PYRPC_TOKEN or PYRPC_TOKEN_FILE; the node's file of tokens says which there are"


class Grant:
    """What one token gives the right to. Never holds the token itself."""

    def __init__(self, name: str, digest: bytes, patterns: tuple[str, ...]) -> None:
        self.name = name
        self.digest = digest
        self.patterns = patterns
        # Whether each stage is allowed, as far as it was asked; only ever added to, by any thread.
        self._known: dict[str, bool] = {}

    def allows(self, stage: str) -> bool:
        """Whether the token's owner may call a stage."""
        is_allowed = self._known.get(stage)
        if is_allowed is None:
            is_allowed = not self.patterns or any(_matches(stage, pattern) for pattern in self.patterns)
            if len(self._known) < _ALLOWED_KEPT:
                self._known[stage] = is_allowed
        return is_allowed

    @property
    def is_unlimited(self) -> bool:
        """Whether it gives the right to everything."""
        return not self.patterns or "*" in self.patterns

    def require(self, stage: str) -> None:
        """Refuse a stage that the token gives no right to.

        Raises
        ------
        AuthError
        """
        if not self.allows(stage):
            raise denied(f"the token of {self.name} gives no right to {stage}")


def denied(message: str) -> AuthError:
    """The error for a token that is known and not enough."""
    error = AuthError(message, help="ask whoever keeps the node's file of tokens")
    error.is_denied = True
    return error


def _matches(stage: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(stage, pattern) or fnmatch.fnmatchcase(stage, pattern + ".*")


Grants = dict[bytes, Grant]


def digest_of(token: str) -> bytes:
    """What a token is looked up by."""
    return hashlib.sha256(token.encode()).digest()


class TokenFile:
    """The tokens of a file, kept as they are now; thread-safe.

    Parameters
    ----------
    path : path
        Of a regular file; worker processes read it each for itself.
    look_s : float
        How often ``start`` looks whether it has changed, in seconds.

    Raises
    ------
    ConfigError
        The file cannot be read, has no token, or has lines that cannot be read, which are told by their numbers.
    """

    def __init__(self, path: str | os.PathLike[str], look_s: float = LOOK_S) -> None:
        self._path = Path(path).expanduser()
        self._has_warned = False
        data = self._read()
        # Replaced as a whole, so that no caller meets half of a new file.
        self._grants = parse_tokens(data, self._path)
        self._file = Followed(self._contents, data, self._take, "pyrpc-tokens", look_s)

    # -- callers

    def grant(self, token: str | None) -> Grant:
        """What a token gives the right to.

        Raises
        ------
        AuthError
            There is no token, or not such a one.
        """
        if token is None:
            raise AuthError("the node asks for a token", help=_HELP)
        digest = digest_of(token)
        # The lookup tells by its time about digests, which lead to no token; the comparison does not even that.
        grant = self._grants.get(digest)
        if grant is None or not hmac.compare_digest(grant.digest, digest):
            raise AuthError("the node does not know the token", help=_HELP)
        return grant

    def is_current(self, grant: Grant) -> bool:
        """Whether a grant that was given earlier still holds."""
        return self._grants.get(grant.digest) is grant

    def renewed(self, grant: Grant) -> Grant | None:
        """What the token of a grant that was given earlier gives the right to now; None: nothing any more."""
        return self._grants.get(grant.digest)

    # -- the file

    def start(self) -> None:
        """Follow the file's changes in the background."""
        self._file.start()

    def close(self) -> None:
        """Follow them no more."""
        self._file.close()

    def look(self) -> None:
        """Take over the file's new contents once it has been the same for two looks.

        One that cannot be used changes nothing, and the log says why.
        """
        self._file.look()

    def _contents(self) -> bytes:
        try:
            return self._read()
        except ConfigError:
            return b""

    def _take(self, data: bytes) -> bool:
        try:
            # Where it is empty the second reading tells why it could not be read, if that is the reason.
            self._grants = parse_tokens(data or self._read(), self._path)
        except ConfigError as error:
            _log.error("the tokens from before stay in force: %s", error.summary())
            return False
        _log.info("%d tokens read from %s", len(self._grants), self._path)
        return True

    def _read(self) -> bytes:
        try:
            # Before it is opened: to open a pipe may wait for ever.
            self._check_kind(self._path.stat())
            with self._path.open("rb") as file:
                data = file.read(_MAX_FILE_BYTES + 1)
                mode = os.fstat(file.fileno()).st_mode
        except OSError as error:
            raise ConfigError("the file of tokens cannot be read", got=str(error)) from None
        if len(data) > _MAX_FILE_BYTES:
            raise ConfigError(
                "the file of tokens is too large", expected=f"at most {_MAX_FILE_BYTES} bytes", got=str(self._path)
            )
        self._warn_of_mode(mode)
        return data

    def _check_kind(self, found: os.stat_result) -> None:
        if not stat.S_ISREG(found.st_mode):
            raise ConfigError(
                "the file of tokens is no file",
                expected="a regular file, since it is read again when it changes",
                got=str(self._path),
            )

    def _warn_of_mode(self, mode: int) -> None:
        is_open = bool(mode & (stat.S_IROTH | stat.S_IWOTH))
        if is_open and not self._has_warned:
            _log.warning("every user of this machine can read %s: chmod 600 keeps the tokens to its owner", self._path)
        self._has_warned = is_open


def parse_tokens(data: bytes, path: os.PathLike[str]) -> Grants:
    """The tokens of a file's bytes, by their digests.

    Raises
    ------
    ConfigError
        Lines that cannot be read are told by number, never by what stands there; or there is no token at all.
    """
    grants: Grants = {}
    lines: dict[bytes, int] = {}
    bad: list[str] = []
    for number, raw in enumerate(data.split(b"\n"), 1):
        try:
            grant = _parse_line(raw)
            if grant is None:
                continue
            if grant.digest in grants:
                raise ValueError(f"the same token as in line {lines[grant.digest]}")
        except ValueError as error:
            bad.append(f"line {number}: {error}")
            continue
        grants[grant.digest] = grant
        lines[grant.digest] = number
    if bad:
        shown = "; ".join(bad[:5]) + (f"; and {len(bad) - 5} more" if len(bad) > 5 else "")
        raise ConfigError("the file of tokens cannot be read", expected=_FORM, got=f"{path}: {shown}")
    if not grants:
        raise ConfigError("the file of tokens has none", expected=f"lines of the form {_FORM}", got=str(path))
    return grants


def _parse_line(raw: bytes) -> Grant | None:
    """A line's token; None where there is none; ValueError says what is wrong without showing any of it."""
    words = list(itertools.takewhile(lambda word: not word.startswith("#"), _ascii(raw).split()))
    if not words:
        return None
    if len(words) < 2:
        raise ValueError("a name without a token")
    name, token, *patterns = words
    if not _NAME.fullmatch(name):
        raise ValueError("a name with signs that names do not have (letters, digits, . _ @ + -)")
    if token.startswith(_HASHED):
        if not _HASH.fullmatch(token[len(_HASHED) :]):
            raise ValueError("sha256: must be followed by 64 hexadecimal digits, in lower case")
        digest = bytes.fromhex(token[len(_HASHED) :])
    elif len(token) > _MAX_TOKEN_BYTES or not token.isprintable():
        raise ValueError(f"a token that is not printable, or above {_MAX_TOKEN_BYTES} characters")
    else:
        digest = digest_of(token)
    for index, pattern in enumerate(patterns, 1):
        if not _PATTERN.fullmatch(pattern):
            raise ValueError(f"pattern {index} has signs that names of stages do not have")
    return Grant(name, digest, tuple(patterns))


def _ascii(raw: bytes) -> str:
    try:
        return raw.decode("ascii")
    except UnicodeDecodeError:
        raise ValueError("signs that are not ASCII") from None
