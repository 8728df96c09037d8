"""Large arrays that go whole to every chunk travel once to each node, not once with each chunk.

A job asks for the arguments of a chunk as a given node should get them. The first attempt on a node leaves the large
arrays there (``Node.put``); from then on the chunks carry a reference, which is a hash of the content. A node that does
not know the reference (it was restarted, it needed the room, or another of its worker processes answers) gets the
arrays themselves again.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from pyrpc.client.node import NodeHandle
from pyrpc.deadline import Deadline
from pyrpc.errors import CallerError, ConnectionLostError, UnreachableError
from pyrpc.wire.messages import Ref

# Below this, sending it again costs less than asking a node to keep it.
SHARED_BYTES = 2**20


class SharedArrays:
    """The large arrays among those arguments of a job that are not split; thread-safe.

    Parameters
    ----------
    whole : sequence of object
        What goes whole, positional and named.
    """

    def __init__(self, whole: list[Any]) -> None:
        self._arrays = [value for value in whole if isinstance(value, np.ndarray) and value.nbytes >= SHARED_BYTES]
        self._lock = threading.Lock()
        self._putting: dict[str, threading.Lock] = {}
        # By node: the references by the arrays' ids. Empty: that node gets the arrays themselves.
        self._refs: dict[str, dict[int, Ref]] = {}

    def on(self, node: NodeHandle, deadline: Deadline) -> dict[int, Ref]:
        """References by ``id`` of the arrays, for a node; puts the arrays there if it must, which takes its time.

        Raises
        ------
        UnreachableError
            The node was lost meanwhile; no stage has run.
        """
        if not self._arrays:
            return {}
        with self._lock:
            known = self._refs.get(node.endpoint)
            putting = self._putting.setdefault(node.endpoint, threading.Lock())
        if known is not None:
            return known
        # Held while the arrays travel: the other attempts on this node need them as well and wait for them here.
        with putting:
            known = self._refs.get(node.endpoint)
            if known is None:
                known = self._put(node, deadline)
                with self._lock:
                    self._refs[node.endpoint] = known
        return known

    def _put(self, node: NodeHandle, deadline: Deadline) -> dict[int, Ref]:
        try:
            return {id(array): node.put(array, deadline) for array in self._arrays}
        except ConnectionLostError as error:
            raise UnreachableError(
                "the connection broke while shared arrays were sent", got=error.got, endpoint=node.endpoint
            ) from error
        except CallerError:
            # It does not keep values, or not as large ones: then they go with each chunk.
            return {}

    def forget(self, node: NodeHandle) -> None:
        """The node did not know a reference: from now on it gets the arrays themselves."""
        with self._lock:
            self._refs[node.endpoint] = {}


def replaced(values: list[Any], refs: dict[int, Ref]) -> list[Any]:
    """The values with references in place of the arrays that are shared."""
    return [refs.get(id(value), value) for value in values] if refs else values
