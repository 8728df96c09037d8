"""Values that callers left on the node: sent once, used by many calls."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from typing import Any

import numpy as np

from pyrpc.errors import TooLargeError, UnknownRefError
from pyrpc.wire.messages import Ref

_DEFAULT_BYTES = 2**30


class Store:
    """Values by a hash of their content; the longest unused go when room is needed. Thread-safe.

    Parameters
    ----------
    max_bytes : int
        What the arrays and bytes held may add up to.
    """

    def __init__(self, max_bytes: int = _DEFAULT_BYTES) -> None:
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._held: OrderedDict[str, tuple[Any, int]] = OrderedDict()
        self._bytes = 0

    def put(self, value: Any) -> Ref:
        """Keep a value. Arrays are made read-only: many calls will see them.

        Raises
        ------
        TooLargeError
        """
        digest = hashlib.blake2b(digest_size=16)
        size = _digest(digest, value)
        if size > self._max_bytes:
            raise TooLargeError(
                "the value is too large to be kept", expected=f"at most {self._max_bytes} bytes", got=f"{size} bytes"
            )
        key = digest.hexdigest()
        with self._lock:
            if key not in self._held:
                self._held[key] = (value, size)
                self._bytes += size
            self._held.move_to_end(key)
            while self._bytes > self._max_bytes:
                self._bytes -= self._held.popitem(last=False)[1][1]
        return Ref(key)

    def get(self, ref: Ref) -> Any:
        """The value that a reference names.

        Raises
        ------
        UnknownRefError
        """
        with self._lock:
            held = self._held.get(ref.id)
            if held is None:
                raise UnknownRefError(
                    "the node does not hold this reference",
                    got=ref.id[:64],
                    help="put the value again: the node was restarted, or needed the room",
                )
            self._held.move_to_end(ref.id)
            return held[0]

    def release(self, ref: Ref) -> None:
        """Let a value go; one that is not held is no error."""
        with self._lock:
            held = self._held.pop(ref.id, None)
            if held is not None:
                self._bytes -= held[1]

    def resolve(self, value: Any) -> Any:
        """The value itself, or what it names where it is a reference; lists and dicts are looked into."""
        if isinstance(value, Ref):
            return _without_shared_containers(self.get(value))
        if isinstance(value, list):
            return [self.resolve(item) for item in value]
        if isinstance(value, dict):
            return {key: self.resolve(item) for key, item in value.items()}
        return value


def _without_shared_containers(value: Any) -> Any:
    """The same with lists and dicts of its own: a stage that changes its argument must not change that of others."""
    if isinstance(value, list):
        return [_without_shared_containers(item) for item in value]
    if isinstance(value, dict):
        return {key: _without_shared_containers(item) for key, item in value.items()}
    return value


def _digest(digest: hashlib.blake2b, value: Any) -> int:
    """Add a value to the digest, with its type; returns about how many bytes it takes."""
    if isinstance(value, np.ndarray):
        value.flags.writeable = False
        digest.update(f"array {value.dtype.str} {value.dtype.name} {value.shape};".encode())
        if value.dtype.kind == "T":
            return _digest(digest, value.reshape(-1).tolist())
        digest.update(value.reshape(-1).view(np.uint8).data)
        return value.nbytes
    if isinstance(value, list):
        digest.update(f"list {len(value)};".encode())
        return sum(_digest(digest, item) for item in value) + 8 * len(value)
    if isinstance(value, dict):
        digest.update(f"dict {len(value)};".encode())
        return sum(_digest(digest, key) + _digest(digest, item) for key, item in value.items())
    raw = value if isinstance(value, bytes) else repr(value).encode()
    digest.update(f"{type(value).__name__} {len(raw)};".encode())
    digest.update(raw)
    return len(raw)
