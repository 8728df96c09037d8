"""Asking a node to go away, and waiting until it has."""

from __future__ import annotations

import math
import time

from pyrpc.client import security
from pyrpc.deadline import Deadline
from pyrpc.errors import DeadlineExceeded
from pyrpc.transport.connection import Connection
from pyrpc.transport.endpoint import Endpoint
from pyrpc.transport.tls import Tls
from pyrpc.wire.codec import BINARY
from pyrpc.wire.messages import CallOptions, NodeInfo


def drain(
    endpoint: str,
    *,
    grace_s: float | None = None,
    wait_s: float | None = None,
    timeout_s: float = 5.0,
    tls: Tls | bool | None = None,
    token: str | None = None,
) -> NodeInfo:
    """Ask one node to go away: it refuses new calls, finishes what runs, and its process ends.

    Clients of pyrpc call other nodes from then on; no call of theirs fails, as long as there are any.

    Parameters
    ----------
    endpoint : str
        ``host:port``.
    grace_s : float, optional
        For what runs, in seconds; by default as the node was started (25).
    wait_s : float, optional
        Wait until the node has finished, so long at most. With ``--workers``: until all of them have.
    timeout_s : float
        For the node's answer.
    tls, token
        As for Client.

    Returns
    -------
    NodeInfo
        Its ``state`` is DRAINING.

    Raises
    ------
    UnreachableError
        Nobody is there.
    AuthError
        The token does not give the right to all stages of the node.
    DeadlineExceeded
        No answer in time, or (with ``wait_s``) the node has not finished in time.
    """
    options = CallOptions(remaining_ms=int(timeout_s * 1000), token=security.token_of(token))
    args = {"options": options, "grace_ms": None if grace_s is None else math.ceil(grace_s * 1000)}
    connection = security.connector_of(tls)(Endpoint.parse(endpoint), timeout_s)
    try:
        seqid = connection.next_seqid()
        parts = BINARY.encode_request("drain", seqid, args)
        info: NodeInfo = connection.exchange("drain", seqid, parts, Deadline(timeout_s))
        if wait_s is not None:
            _await_end(connection, endpoint, wait_s)
    finally:
        connection.close()
    return info


def _await_end(connection: Connection, endpoint: str, wait_s: float) -> None:
    """The node closes the connection when nothing runs any more."""
    until = time.monotonic() + wait_s
    while connection.is_alive():
        left_s = until - time.monotonic()
        if left_s <= 0:
            raise DeadlineExceeded(
                "the node has not finished what it runs",
                expected=f"at most {wait_s:g} s",
                endpoint=endpoint,
                help="wait for longer, or give it less time with grace_s (--grace)",
            )
        connection.wait(left_s)
