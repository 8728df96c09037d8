"""The arguments of a map or reduce: which are split, and what each chunk gets of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyrpc.client.broadcast import Broadcast
from pyrpc.errors import ArgumentError, LengthMismatchError
from pyrpc.plan.partition import Chunk


class SplitArguments:
    """Positional and named arguments of a job.

    Arrays with rows are split along axis 0, all at the same rows; scalars, text, None, 0-d arrays and what is marked
    with ``pyrpc.broadcast`` go whole, and so does everything passed by name.

    Raises
    ------
    LengthMismatchError
        The arrays have different numbers of rows.
    ArgumentError
        There is nothing to split.
    """

    def __init__(self, stage: str, args: tuple[object, ...], kwargs: dict[str, object]) -> None:
        self.positional = [unwrapped(value) for value in args]
        self.named = {name: unwrapped(value) for name, value in kwargs.items()}
        self._split = [is_split(value) for value in args]
        arrays = [value for value, is_split in zip(self.positional, self._split, strict=True) if is_split]
        if not arrays:
            raise ArgumentError(
                f"nothing to split for {stage}",
                expected="at least one array with rows",
                got=", ".join(type(value).__name__ for value in args) or "no positional argument",
                help="pass the rows as a NumPy array (numpy.asarray(x)); to call it once use call",
            )
        self.rows: int = arrays[0].shape[0]
        if any(array.shape[0] != self.rows for array in arrays):
            raise LengthMismatchError(
                f"the arrays for {stage} have different numbers of rows",
                expected="the same length along axis 0",
                got=" and ".join(str(array.shape[0]) for array in arrays),
                help="mark what is not to be split: pyrpc.broadcast(x)",
            )
        self.row_bytes = sum(map(bytes_of, arrays)) // self.rows if self.rows else 0

    def whole(self) -> list[Any]:
        """What goes whole to every chunk."""
        kept = [value for value, is_split in zip(self.positional, self._split, strict=True) if not is_split]
        return kept + list(self.named.values())

    def of(self, chunk: Chunk) -> list[Any]:
        """The positional arguments for one chunk; views of the arrays, no copies."""
        start, stop = chunk.start, chunk.stop
        return [
            value[start:stop] if is_split else value
            for value, is_split in zip(self.positional, self._split, strict=True)
        ]


def is_split(value: object) -> bool:
    """Whether it is an array with rows."""
    return isinstance(value, np.ndarray) and value.ndim > 0


def bytes_of(array: np.ndarray[Any, Any]) -> int:
    """About what travels. Text of any length lies elsewhere than in the array that nbytes tells of."""
    if array.dtype.kind != "T":
        return array.nbytes
    try:
        return array.nbytes + int(np.strings.str_len(array).sum())
    except (TypeError, ValueError):  # Missing values; such an array is refused when it is to be sent.
        return array.nbytes


def unwrapped(value: object) -> Any:
    """What is marked with ``pyrpc.broadcast``, or the value itself."""
    return value.value if isinstance(value, Broadcast) else value
