"""How a client proves who it is, and how it makes sure of the node: TLS and tokens, also from the environment."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from pyrpc.errors import ConfigError
from pyrpc.transport.connection import Connection
from pyrpc.transport.endpoint import Endpoint, is_loopback
from pyrpc.transport.tls import Tls

_log = logging.getLogger("pyrpc.client")
_MAX_TOKEN_BYTES = 4096
_TOKEN_HELP = "a token is a word of printable ASCII, as in the node's file of tokens"

Connect = Callable[[Endpoint, float], Connection]


def connector_of(tls: Tls | bool | None) -> Connect:
    """What opens connections, with TLS or without.

    Raises
    ------
    ConfigError
        ``tls`` is something else, or a file that cannot be used.
    """
    if tls is None:
        tls = Tls.from_environment() or False
    if tls is True:
        tls = Tls()
    if tls is False:
        return Connection
    if not isinstance(tls, Tls):
        raise ConfigError(
            "tls makes no sense",
            expected='pyrpc.Tls(ca="ca.pem"), True (trust what the system trusts) or False',
            got=type(tls).__name__,
        )
    # Late: the module ssl takes as long to import as all the rest of a client.
    from pyrpc.transport.tls_connection import connector

    return connector(tls)


def token_of(token: str | None) -> str | None:
    """The token to send: what was given, or what the environment says.

    Raises
    ------
    ConfigError
        It cannot be a token, or its file cannot be read. Never shows it.
    """
    if token is not None:
        return _checked(token, "token=")
    if "PYRPC_TOKEN" in os.environ:
        return _checked(os.environ["PYRPC_TOKEN"], "PYRPC_TOKEN") if os.environ["PYRPC_TOKEN"] else None
    path = os.environ.get("PYRPC_TOKEN_FILE")
    return read_token(path) if path else None


def read_token(path: str | os.PathLike[str]) -> str:
    """The token that a file holds and nothing else, but for white space around it.

    Raises
    ------
    ConfigError
    """
    try:
        text = Path(path).expanduser().read_text(encoding="ascii")
    except OSError as error:
        raise ConfigError("the token's file cannot be read", got=str(error)) from None
    except ValueError:
        # Its text would show bytes of the file.
        raise ConfigError(
            "the token's file holds no token", expected=_TOKEN_HELP, got=f"other bytes ({path})"
        ) from None
    return _checked(text.strip(), f"the file {path}")


def _checked(token: object, where: str) -> str:
    if not isinstance(token, str):
        raise ConfigError("the token makes no sense", expected=_TOKEN_HELP, got=f"{type(token).__name__} as {where}")
    if not 0 < len(token) <= _MAX_TOKEN_BYTES or not token.isascii() or not token.isprintable() or " " in token:
        raise ConfigError(
            "the token makes no sense", expected=_TOKEN_HELP, got=f"{len(token)} characters, not all such, as {where}"
        )
    return token


def warn_of_open_token(endpoints: Iterable[Endpoint], token: str | None, connect: Connect) -> None:
    """Say in the log that a token is about to travel for all to read."""
    if token is None or connect is not Connection:
        return
    for endpoint in endpoints:
        if not is_loopback(endpoint.host):
            _log.warning("the token for %s travels without TLS: whoever listens on the way can use it", endpoint)
