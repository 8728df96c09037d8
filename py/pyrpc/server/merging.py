"""Several calls as one: which fit together, their arrays in one, and the results apart again."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np

from pyrpc.errors import BadResultError
from pyrpc.stage.batch import Slot

# A longer one is compared by its digest; as a part of a key it would be kept.
_MAX_KEPT_CHARS = 256
# Of arrays that go whole. Above it the digest costs more than the call may gain, and only the same object is equal:
# what map sends once per node with broadcast() is.
_MAX_DIGESTED_BYTES = 1 << 20
# A part of a result up to this size is copied, so that a slow reader of one row does not keep all rows in memory.
_MAX_COPIED_BYTES = 64 * 1024


def kind_of(positional: Sequence[Any], named: Mapping[str, Any], slots: Sequence[Slot]) -> Hashable | None:
    """What calls must have in common to be merged; None: nobody can tell.

    For arrays with rows the dtype and the shape of a row; for everything else its value, bit for bit: 1, 1.0 and True
    are three values, and so are 0.0 and -0.0.
    """
    try:
        return (
            tuple(_row_kind(value) if i in slots else _value_kind(value) for i, value in enumerate(positional)),
            # Sorted, since a map of Thrift has no order; a Go client sends another one each time.
            tuple((key, _row_kind(named[key]) if key in slots else _value_kind(named[key])) for key in sorted(named)),
        )
    except TypeError:
        return None


def rows_of(positional: Sequence[Any], named: Mapping[str, Any], slots: Sequence[Slot]) -> int | None:
    """How many rows the arrays have; None: none, or not all the same number."""
    counts = {len(positional[slot] if isinstance(slot, int) else named[slot]) for slot in slots}
    return counts.pop() if len(counts) == 1 else None


def merged(
    calls: Sequence[tuple[list[Any], dict[str, Any]]], slots: Sequence[Slot]
) -> tuple[list[Any], dict[str, Any]]:
    """The arguments of one call for all: arrays with rows one behind the other in fresh memory, the rest as it is."""
    first_positional, first_named = calls[0]
    if len(calls) == 1:
        return first_positional, first_named
    positional, named = list(first_positional), dict(first_named)
    for slot in slots:
        if isinstance(slot, int):
            positional[slot] = np.concatenate([args[slot] for args, _ in calls])
        else:
            named[slot] = np.concatenate([kwargs[slot] for _, kwargs in calls])
    return positional, named


def apart(method: str, value: Any, counts: Sequence[int]) -> list[Any]:
    """The result of a merged call, one for each of the calls, which had so many rows.

    Small parts are copies; larger ones are views of the result.

    Raises
    ------
    BadResultError
        It is neither an array nor a tuple of arrays, or does not have one row for each row.
    """
    outputs = value if isinstance(value, tuple | list) else (value,)
    total = sum(counts)
    for output in outputs:
        if not isinstance(output, np.ndarray) or not output.ndim or len(output) != total:
            raise _wrong_rows(method, output, total, len(counts))
    if len(counts) == 1:
        return [value]
    columns = [_cut(output, counts) for output in outputs]
    if isinstance(value, tuple | list):
        return [tuple(parts) for parts in zip(*columns, strict=True)] if columns else [()] * len(counts)
    return columns[0]


def _cut(array: np.ndarray, counts: Sequence[int]) -> list[np.ndarray]:
    parts = []
    start = 0
    for count in counts:
        part = array[start : start + count]
        parts.append(part.copy() if part.nbytes <= _MAX_COPIED_BYTES else part)
        start += count
    return parts


def _row_kind(array: np.ndarray) -> Hashable:
    if array.dtype.itemsize == 0:
        raise TypeError("NumPy makes S0 into S1 when it lays such arrays one behind the other")
    return array.dtype, array.shape[1:]


def _value_kind(value: Any) -> Hashable:
    """Equal for values that a stage cannot tell apart. TypeError: unknown."""
    kind = type(value)
    if value is None or kind is bool or kind is int:
        return kind, value
    if kind is float:
        return kind, struct.pack("<d", value)
    if kind is str or kind is bytes:
        return kind, value if len(value) <= _MAX_KEPT_CHARS else _digest(value)
    if kind is list or kind is tuple:
        return kind, tuple(map(_value_kind, value))
    if kind is dict:
        return kind, tuple((key, _value_kind(value[key])) for key in sorted(value))
    if isinstance(value, np.ndarray):
        return value.dtype, value.shape, _array_digest(value)
    raise TypeError(f"{kind.__name__} has no kind")


def _array_digest(array: np.ndarray) -> Hashable:
    if array.nbytes > _MAX_DIGESTED_BYTES:
        # The calls of an open batch hold it, so its id stays taken.
        return id(array)
    if array.dtype.kind == "T":
        # The memory of such an array holds where the texts are, not the texts.
        return _digest("\0".join(f"{len(text)} {text}" for text in array.ravel().tolist()))
    return _digest(array.tobytes())


def _digest(data: str | bytes) -> bytes:
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    return hashlib.blake2b(raw, digest_size=32).digest()


def _wrong_rows(method: str, output: Any, total: int, calls: int) -> BadResultError:
    is_array = isinstance(output, np.ndarray) and output.ndim > 0
    return BadResultError(
        f"{method} is batched and gave the wrong number of rows",
        expected=f"an array of {total} rows, or a tuple of such arrays: one row for each row of {calls} call(s)",
        got=f"{len(output)} rows" if is_array else f"{type(output).__name__} {getattr(output, 'shape', '')}".strip(),
        help="give one row for each row, or leave batch out",
    )
