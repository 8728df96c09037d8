"""What both ends are told about TLS. Without the module ssl, which costs a program that does not use it too much."""

from __future__ import annotations

import os
from dataclasses import dataclass

_UNSET = frozenset(("", "0", "no", "false", "off"))


@dataclass(frozen=True)
class Tls:
    """Certificates of one end: what it shows, and whom it trusts. All files are PEM.

    A node needs ``cert`` and ``key``; with ``ca`` it asks its callers for certificates too, signed by that CA (mutual
    TLS). A client trusts ``ca``, or without it the certificates that the system trusts, and needs ``cert`` and ``key``
    for nodes that ask for them. A client checks that the certificate names the host it connects to.

    Parameters
    ----------
    ca : path, optional
        Certificates that are trusted.
    cert, key : path, optional
        The certificate to show, and its private key; ``key`` may be left out if ``cert`` holds both.
    server_name : str, optional
        Client: the name that the node's certificate must have, where it is not the host of the endpoint.

    Examples
    --------
    >>> from pyrpc import Tls
    >>> Tls(ca="ca.pem")
    Tls(ca='ca.pem', cert=None, key=None, server_name=None)
    """

    ca: str | os.PathLike[str] | None = None
    cert: str | os.PathLike[str] | None = None
    key: str | os.PathLike[str] | None = None
    server_name: str | None = None

    @classmethod
    def from_environment(cls) -> Tls | None:
        """What PYRPC_TLS_CA, PYRPC_TLS_CERT, PYRPC_TLS_KEY and PYRPC_TLS_SERVER_NAME say, or PYRPC_TLS=1 alone."""
        names = {"ca": "CA", "cert": "CERT", "key": "KEY", "server_name": "SERVER_NAME"}
        found = {name: os.environ.get(f"PYRPC_TLS_{suffix}") or None for name, suffix in names.items()}
        is_wanted = os.environ.get("PYRPC_TLS", "").lower() not in _UNSET
        return cls(**found) if is_wanted or any(found.values()) else None
