"""Which method the first call of new bindings calls, and with what."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pyrpc.errors import ConfigError
from pyrpc.idl.model import TENSOR, Base, Field, Function, Special, Type
from pyrpc.stage.spec import DTYPE_NAMES, ELLIPSIS, parse_spec
from pyrpc.wire.messages import TensorSpec

# How long a dimension is that has a name, or none.
_DIM = 2
# Larger arrays are nothing for a first call.
_MAX_ELEMENTS = 2**20
# Those that have a zero in every language; dates and texts have not.
_NUMBERS = frozenset(
    name for name in DTYPE_NAMES if name not in ("datetime64", "timedelta64", "bytes", "str", "string")
)
# The one of a class of dtypes that every language has.
_OF_CLASSES = {"any": "float64", "number": "float64", "float": "float64", "int": "int64", "uint": "uint8"}


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument.

    Attributes
    ----------
    name : str
    kind : str
        A base type of Thrift ("i64", "string" ...), or "tensor".
    value : bool, int, float, str or None
        None: of a tensor.
    dtype : str
        Of a tensor: the name of a dtype of numbers, which NumPy and, in capitals, DType have alike.
    shape : tuple of int
        Of a tensor.
    """

    name: str
    kind: str
    value: bool | int | float | str | None
    dtype: str = ""
    shape: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class FirstCall:
    """A method and what to call it with; ``returns`` is a base type, "tensor", or "" for nothing."""

    method: str
    arguments: tuple[Argument, ...]
    returns: str


def first_call(functions: Iterable[Function]) -> FirstCall | None:
    """The first of the functions that takes and gives nothing but numbers, texts and arrays; None: there is none."""
    return next(_calls(functions), None)


def _calls(functions: Iterable[Function]) -> Iterator[FirstCall]:
    for function in functions:
        returns = "" if function.returns is None else _kind(function.returns)
        # Go keeps what begins with an underscore to itself.
        if returns is None or function.is_oneway or function.name.startswith("_"):
            continue
        arguments = [_argument(number, field) for number, field in enumerate(function.params, 1)]
        known = tuple(argument for argument in arguments if argument is not None)
        if len(known) == len(arguments):
            yield FirstCall(function.name, known, returns)


def _kind(type: Type) -> str | None:
    if type == Special(TENSOR):
        return "tensor"
    return type.name if isinstance(type, Base) else None


def _argument(number: int, field: Field) -> Argument | None:
    kind = _kind(field.type)
    if kind is None:
        return None
    if kind == "tensor":
        dtype, shape = _tensor(field.doc)
        return Argument(field.name, kind, None, dtype, shape) if math.prod(shape) <= _MAX_ELEMENTS and dtype else None
    if kind in ("string", "binary"):
        return Argument(field.name, kind, field.name)
    if kind == "bool":
        return Argument(field.name, kind, True)
    return Argument(field.name, kind, number + 0.5 if kind == "double" else number)


def _tensor(declared: str) -> tuple[str, tuple[int, ...]]:
    """Dtype and shape that fit what the IDL's comment says of an array; of one that says nothing two times three.

    The dtype is empty if none that fits is of numbers.
    """
    words = declared.partition(";")[0].split()
    try:
        spec = parse_spec(words[0] if words else "any")
    except ConfigError:
        spec = TensorSpec(())
    names = [_OF_CLASSES.get(name, name) for name in spec.dtypes or ("any",)]
    dims = [dim for dim in spec.dims if dim != ELLIPSIS] if spec.dims is not None else ["_", "3"]
    shape = tuple(int(dim) if dim.isdigit() else _DIM for dim in dims)
    return next((name for name in names if name in _NUMBERS), ""), shape
