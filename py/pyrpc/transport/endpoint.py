"""Where a node listens: parsing and printing of ``host:port``."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterable
from dataclasses import dataclass

from pyrpc.errors import ConfigError

DEFAULT_PORT = 9090
DEFAULT_HOST = "127.0.0.1"
_HELP = "write host:port, e.g. 10.0.0.5:9090 or [::1]:9090; several with commas between"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Host and port of a node."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @classmethod
    def parse(cls, text: str) -> Endpoint:
        """Read ``host:port``, ``[v6]:port`` or a host alone (port 9090).

        Raises
        ------
        ConfigError
        """
        text = text.strip()
        host, port = text, ""
        if text.startswith("["):
            host, bracket, rest = text[1:].partition("]")
            if not bracket or (rest and not rest.startswith(":")):
                raise ConfigError("an endpoint that cannot be read", got=repr(text), help=_HELP)
            port = rest[1:]
        elif text.count(":") == 1:
            host, _, port = text.partition(":")
        if not host or any(c.isspace() or c == "/" for c in host):
            raise ConfigError("an endpoint that cannot be read", got=repr(text), help=_HELP)
        return cls(host, parse_port(port, text) if port else default_port())


def parse_port(text: str, shown: str | None = None) -> int:
    """A port from 0 to 65535."""
    if not text.isdecimal() or int(text) > 65535:
        raise ConfigError("a port that cannot be", expected="0 to 65535", got=repr(shown or text), help=_HELP)
    return int(text)


def default_port() -> int:
    """Port 9090, or what the environment's PYRPC_PORT says: the same for Server() and Client()."""
    text = os.environ.get("PYRPC_PORT")
    return parse_port(text, f"PYRPC_PORT={text}") if text else DEFAULT_PORT


def parse_endpoints(endpoints: str | Endpoint | Iterable[str | Endpoint] | None) -> tuple[Endpoint, ...]:
    """All the endpoints that a caller named, in order, each once.

    None means: what the environment's PYRPC_ENDPOINTS says, or else the node on this host at the default port.
    """
    if endpoints is None:
        endpoints = os.environ.get("PYRPC_ENDPOINTS") or f"{DEFAULT_HOST}:{default_port()}"
    if isinstance(endpoints, Endpoint):
        return (endpoints,)
    items = [part for part in endpoints.split(",") if part.strip()] if isinstance(endpoints, str) else list(endpoints)
    found = dict.fromkeys(item if isinstance(item, Endpoint) else Endpoint.parse(item) for item in items)
    if not found:
        raise ConfigError("no endpoint is named", got=repr(endpoints), help=_HELP)
    return tuple(found)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
