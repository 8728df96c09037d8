"""Where the nodes are. For now: what the caller named, or the environment, or this machine."""

from __future__ import annotations

from collections.abc import Iterable

from pyrpc.transport.endpoint import Endpoint, parse_endpoints


def resolve(endpoints: str | Endpoint | Iterable[str | Endpoint] | None) -> tuple[Endpoint, ...]:
    """The nodes to call, each once, in the order they were named.

    Parameters
    ----------
    endpoints : str, list of str, or None
        ``"h1:9090,h2:9091"`` or a list of such. None: the environment's PYRPC_ENDPOINTS, or the node that
        ``Server(...).start()`` makes on this machine.

    Raises
    ------
    ConfigError
        One of them cannot be read.
    """
    return parse_endpoints(endpoints)
