"""Arrays against specs: dtype, number of dims, sizes, and named dims that must agree over one call.

Only ``.dtype`` and ``.shape`` are looked at, so a caller is told before any data moves.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from pyrpc.errors import BadResultError, ContractError
from pyrpc.stage.spec import ELLIPSIS, dtype_name, expand_dtypes, format_spec
from pyrpc.wire.messages import Ref, TensorSpec

# A process meets few dtypes, but each width of bytes and str is one more.
_MAX_KNOWN_DTYPES = 256


def check_arrays(
    specs: Sequence[tuple[str, TensorSpec]],
    arrays: Iterable[Any],
    bindings: dict[str, int],
    *,
    where: str,
    is_result: bool = False,
) -> None:
    """Check arrays against their specs, binding named dims.

    Parameters
    ----------
    specs : sequence of (str, TensorSpec)
        What each array is called in messages, and what it must be.
    arrays : iterable
        As many; anything that has ``dtype`` and ``shape``. A Ref passes: the node that holds it knows more.
    bindings : dict of str to int
        Sizes of named dims; read and filled, so that one dict for inputs and outputs makes them agree.
    where : str
        The stage, for messages.
    is_result : bool
        The arrays come from the stage: what does not fit is the stage's fault.

    Raises
    ------
    ContractError, or BadResultError with ``is_result``
        With expected (the spec, dims that other arrays bound shown with their size), got and help.
    """
    for (name, spec), array in zip(specs, arrays, strict=True):
        array_check(spec).check(name, array, bindings, where, is_result)


def format_array(x: object) -> str:
    """What an array is, as specs write it: ``float64[10,28,28]``; the type's name for anything else."""
    if x is None:
        return "None"
    try:
        return f"{dtype_name(x.dtype)}[{','.join(map(str, x.shape))}]"  # type: ignore[attr-defined]
    except (AttributeError, TypeError):
        return type(x).__name__


class ArrayCheck:
    """One spec, compiled; ``check`` takes under a microsecond for an array that fits."""

    __slots__ = ("_accepted", "_accepts", "_any_leading", "_dims", "_ndim", "spec")

    def __init__(self, spec: TensorSpec) -> None:
        self.spec = spec
        self._accepted = expand_dtypes(spec)
        self._accepts: dict[Any, bool] = {}
        dims = spec.dims
        self._any_leading = dims is None or dims[:1] == (ELLIPSIS,)
        # A number is a size, a name binds, None takes any size.
        self._dims = tuple(map(_compiled_dim, dims[self._any_leading :])) if dims is not None else ()
        self._ndim = len(self._dims)

    def check(self, name: str, array: Any, bindings: dict[str, int], where: str, is_result: bool) -> None:
        """Raise unless the array fits; see :func:`check_arrays`."""
        already_bound = len(bindings)
        try:
            if self._accepts[array.dtype] and self._shape_fits(array.shape, bindings):
                return
        except (AttributeError, TypeError, KeyError):
            # Not an array, or a dtype not met before: both may take their time.
            if isinstance(array, Ref):
                return
            if self._learn(array) and self._shape_fits(array.shape, bindings):
                return
        for unbound in list(bindings)[already_bound:]:
            del bindings[unbound]
        raise self._misfit(name, array, bindings, where, is_result)

    def _shape_fits(self, shape: tuple[int, ...], bindings: dict[str, int]) -> bool:
        if self._any_leading:
            if self._ndim == 0:
                return True
            if len(shape) > self._ndim:
                shape = shape[-self._ndim :]
        if len(shape) != self._ndim:
            return False
        for dim, size in zip(self._dims, shape, strict=False):
            if dim.__class__ is str:
                if bindings.setdefault(dim, size) != size:
                    return False
            elif dim is not None and dim != size:
                return False
        return True

    def _learn(self, array: Any) -> bool:
        """Whether it is an array whose dtype fits; remembered for the dtype."""
        dtype = getattr(array, "dtype", None)
        if not isinstance(dtype, np.dtype) or not isinstance(getattr(array, "shape", None), tuple):
            return False
        if len(self._accepts) >= _MAX_KNOWN_DTYPES:
            self._accepts.clear()
        name = dtype_name(dtype)
        # "datetime64" takes any unit: the name up to its bracket.
        fits = not self._accepted or name in self._accepted or name.partition("[")[0] in self._accepted
        self._accepts[dtype] = fits
        return fits

    def _misfit(
        self, name: str, array: Any, bindings: Mapping[str, int], where: str, is_result: bool
    ) -> ContractError | BadResultError:
        if not isinstance(getattr(array, "dtype", None), np.dtype):
            what, help = "is not a NumPy array", f"make it one with np.asarray(x{_dtype_argument(self.spec)})"
        elif not self._learn(array):
            what, help = "has the wrong dtype", f"convert with {_conversion(self.spec)}"
        else:
            what, help = "has the wrong shape", self._shape_help(array.shape, bindings)
        error = BadResultError if is_result else ContractError
        if is_result:
            help = f"the stage's result must fit what it gives: {help}"
        expected = format_spec(_with_sizes(self.spec, bindings))
        return error(f"{where}: {name} {what}", expected=expected, got=format_array(array), help=help)

    def _shape_help(self, shape: tuple[int, ...], bindings: Mapping[str, int]) -> str:
        missing = self._ndim - len(shape)
        if missing > 0:
            return "one row alone needs its axis of rows too: x[np.newaxis]" if missing == 1 else "reshape it"
        if missing < 0 and not self._any_leading:
            return f"reshape it to {self._ndim} dim{'s' * (self._ndim != 1)}"
        offset = len(shape) - self._ndim
        here: dict[str, int] = {}
        for axis, (dim, size) in enumerate(zip(self._dims, shape[offset:], strict=True), start=offset):
            if isinstance(dim, int) and dim != size:
                return f"make axis {axis} {dim} long"
            if isinstance(dim, str):
                bound = bindings.get(dim, here.setdefault(dim, size))
                if bound != size:
                    return f"{dim} is {bound} already in this call, and {size} here: make them agree"
        return "reshape it"


@functools.lru_cache(maxsize=1024)
def array_check(spec: TensorSpec) -> ArrayCheck:
    """The compiled form of a spec, one for all users of it."""
    return ArrayCheck(spec)


def _compiled_dim(dim: str) -> int | str | None:
    if dim == "_":
        return None
    return int(dim) if dim.isascii() and dim.isdigit() else dim


def _with_sizes(spec: TensorSpec, bindings: Mapping[str, int]) -> TensorSpec:
    if spec.dims is None:
        return spec
    return TensorSpec(spec.dtypes, tuple(f"{dim}={bindings[dim]}" if dim in bindings else dim for dim in spec.dims))


# What a class or a name without a width is best made into.
_NUMPY_CALLS = {
    "int": "'int64'",
    "uint": "'uint64'",
    "float": "'float32'",
    "number": "'float32'",
    "bfloat16": "ml_dtypes.bfloat16",
    "datetime64": "'datetime64[ns]'",
    "timedelta64": "'timedelta64[ns]'",
    "bytes": "'S'",
    "str": "'U'",
    "string": "np.dtypes.StringDType()",
}


def _conversion(spec: TensorSpec) -> str:
    # "any" takes every dtype of NumPy, so what did not fit came from elsewhere.
    return f"x.astype({_numpy_dtype(spec.dtypes[0])})" if spec.dtypes else "np.asarray(x)"


def _dtype_argument(spec: TensorSpec) -> str:
    return f", dtype={_numpy_dtype(spec.dtypes[0])}" if spec.dtypes else ""


def _numpy_dtype(name: str) -> str:
    return _NUMPY_CALLS.get(name, f"'{name}'")
