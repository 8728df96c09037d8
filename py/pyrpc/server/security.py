"""Whom a node lets in: what must be given before it listens to other machines, and TLS."""

from __future__ import annotations

import os
from typing import Any

from pyrpc.errors import ConfigError
from pyrpc.transport.certificates import Certificates
from pyrpc.transport.channel import Channel, MakeChannel
from pyrpc.transport.tls import Tls


def check_closed(host: str, tls: Tls | None, tokens: str | os.PathLike[str] | None) -> None:
    """Refuse to listen to other machines without both TLS and tokens.

    Raises
    ------
    ConfigError
    """
    wanted = {"tls": (tls, 'tls=pyrpc.Tls(cert="node.pem", key="node.key")'), "tokens": (tokens, 'tokens="tokens.txt"')}
    missing = [name for name, (given, _) in wanted.items() if given is None]
    if missing:
        what = " and ".join(wanted[name][1] for name in missing)
        raise ConfigError(
            f"listening on {host} would let everybody who reaches this machine run the services",
            expected="both TLS and tokens",
            got=f"no {' and no '.join(missing)}",
            help=f"pass {what}; or listen on 127.0.0.1; or say insecure=True (--insecure) where that is right",
        )


def certificates_of(tls: Tls | None) -> Certificates[Any] | None:
    """What a node shows to its callers; None: it speaks without TLS.

    Raises
    ------
    ConfigError
        ``tls`` is something else, or a file that cannot be used.
    """
    if tls is None:
        return None
    if not isinstance(tls, Tls):
        raise ConfigError(
            "tls makes no sense", expected='pyrpc.Tls(cert="node.pem", key="node.key")', got=type(tls).__name__
        )
    # Late: most nodes do without the module ssl, which takes long to import.
    from pyrpc.transport import tls_channel

    return tls_channel.certificates_of(tls)


def make_channel_of(certificates: Certificates[Any] | None) -> MakeChannel:
    """What makes the channels of a node."""
    if certificates is None:
        return Channel
    from pyrpc.transport.tls_channel import channels

    return channels(certificates)
