"""Which method the first call of new bindings calls, and with what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pyrpc.errors import ConfigError
from pyrpc.idl.model import TENSOR, Base, Field, Function, Special, Type
from pyrpc.stage.spec import ELLIPSIS, parse_spec
from pyrpc.wire.messages import TensorSpec

# How long a dimension is that has a name, or none.
_DIM = 2
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
        Of a tensor: NumPy's name.
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
        kinds = [_kind(field.type) for field in function.params]
        returns = "" if function.returns is None else _kind(function.returns)
        # Go keeps what begins with an underscore to itself.
        if None in kinds or returns is None or function.is_oneway or function.name.startswith("_"):
            continue
        arguments = (
            _argument(number, field, kind)
            for number, (field, kind) in enumerate(zip(function.params, kinds, strict=True), 1)
            if kind is not None
        )
        yield FirstCall(function.name, tuple(arguments), returns)


def _kind(type: Type) -> str | None:
    if type == Special(TENSOR):
        return "tensor"
    return type.name if isinstance(type, Base) else None


def _argument(number: int, field: Field, kind: str) -> Argument:
    if kind == "tensor":
        dtype, shape = _tensor(field.doc)
        return Argument(field.name, kind, None, dtype, shape)
    if kind in ("string", "binary"):
        return Argument(field.name, kind, field.name)
    if kind == "bool":
        return Argument(field.name, kind, True)
    return Argument(field.name, kind, number + 0.5 if kind == "double" else number)


def _tensor(declared: str) -> tuple[str, tuple[int, ...]]:
    """Dtype and shape that fit what the IDL's comment says of an array; of one that says nothing two times three."""
    words = declared.split()
    try:
        spec = parse_spec(words[0] if words else "any")
    except ConfigError:
        spec = TensorSpec(())
    name = spec.dtypes[0] if spec.dtypes else "float"
    dims = [dim for dim in spec.dims if dim != ELLIPSIS] if spec.dims is not None else ["_", "3"]
    return _OF_CLASSES.get(name, name), tuple(int(dim) if dim.isdigit() else _DIM for dim in dims)
