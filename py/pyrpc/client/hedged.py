"""The attempts of one call that run at the same time, on different nodes."""

from __future__ import annotations

from typing import Any

from pyrpc.client.node import Late, NodeHandle
from pyrpc.deadline import Deadline
from pyrpc.transport.connection import wait_any


class Sent:
    """An attempt that was sent and is waited for."""

    __slots__ = ("began", "call_id", "connection", "node")

    def __init__(self, node: NodeHandle, began: float, late: Late) -> None:
        self.node = node
        self.began = began
        self.connection = late.connection
        self.call_id = late.call_id

    def receive(self, deadline: Deadline) -> Any:
        """The value of its reply; the connection goes back to its pool. Errors as for ``Connection.exchange``."""
        try:
            return self.connection.receive_small(self.call_id, deadline.at)[0]
        finally:
            self.node.pool.give_back(self.connection)

    def cancel(self) -> None:
        """Its reply is of no use any more. The connection is closed, which is what the node gets to know."""
        self.connection.close()
        self.node.pool.give_back(self.connection)


def first_reply(running: list[Sent], deadline: Deadline) -> Sent:
    """The attempt whose reply begins first, or that fails first; after the deadline, the first one sent."""
    if len(running) > 1:
        ready = wait_any([sent.connection for sent in running], deadline.remaining_s())
        for sent in running:
            if sent.connection is ready:
                return sent
    return running[0]
