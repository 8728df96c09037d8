"""What a map over no rows gives, told by the contract alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyrpc.stage.spec import DTYPE_CLASSES
from pyrpc.wire.messages import StageInfo, TensorSpec

# An empty array of text has no longest element; one character is the least width that NumPy has.
_DTYPES: dict[str, Any] = {"bytes": "S1", "str": "U1", "string": np.dtypes.StringDType()}


def empty_result(
    info: StageInfo, bindings: Mapping[str, int] | None = None
) -> NDArray[Any] | tuple[NDArray[Any], ...] | None:
    """The arrays of 0 rows that a stage would give for 0 rows.

    Parameters
    ----------
    info : StageInfo
        The stage; what it gives must be declared.
    bindings : mapping of str to int, optional
        Sizes of named dims, as ``check_call`` on the empty inputs gives them. A first dim counts as the rows: 0.

    Returns
    -------
    ndarray, tuple of ndarray, or None
        None: the contract leaves a dtype or a dim open.
    """
    arrays: list[NDArray[Any]] = []
    for spec in info.gives or ():
        dtype, shape = _dtype(spec), _shape(spec, bindings or {})
        if dtype is None or shape is None:
            return None
        arrays.append(np.empty(shape, dtype))
    if not arrays:
        return None
    return tuple(arrays) if info.gives_tuple else arrays[0]


def _dtype(spec: TensorSpec) -> np.dtype[Any] | None:
    if len(spec.dtypes) != 1 or spec.dtypes[0] in ("datetime64", "timedelta64", *DTYPE_CLASSES):
        return None
    try:
        dtype: np.dtype[Any] = np.dtype(_DTYPES.get(spec.dtypes[0], spec.dtypes[0]))
        return dtype
    except TypeError:  # bfloat16, in a process without ml_dtypes
        return None


def _shape(spec: TensorSpec, bindings: Mapping[str, int]) -> tuple[int, ...] | None:
    if not spec.dims:
        return None
    rows, *rest = spec.dims
    if not rows.isidentifier() or rows == "_" or bindings.get(rows, 0) != 0:
        return None
    sizes = {**bindings, rows: 0}
    shape = [0, *(int(dim) if dim.isdigit() else sizes.get(dim, -1) for dim in rest)]
    return None if -1 in shape else tuple(shape)
