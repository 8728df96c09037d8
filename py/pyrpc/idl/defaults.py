"""Defaults of Python as constants of the IDL, where there is one, and docstrings."""

from __future__ import annotations

import enum
import inspect
import math
from typing import Any

from pyrpc.idl.keywords import identifier
from pyrpc.idl.model import NOTHING, Base, Enum, ListOf, MapOf, Name, Named, SetOf, Struct, Type

_I64 = 2**63


def constant_of(value: Any, kind: Type, definitions: dict[str, Struct | Enum]) -> Any:
    """The constant that an IDL may say for a default; NOTHING where it cannot."""
    if isinstance(kind, Base):
        return _base_constant(value, kind.name)
    if isinstance(kind, Named):
        definition = definitions.get(kind.name)
        if isinstance(value, enum.Enum) and isinstance(definition, Enum):
            return Name(f"{kind.name}.{identifier(value.name, kind.name)}")
        return NOTHING
    # A constant list or map is one object for all calls in some languages; but an empty one can do no harm.
    if isinstance(kind, ListOf | SetOf) and isinstance(value, list | tuple | set | frozenset) and not value:
        return []
    if isinstance(kind, MapOf) and isinstance(value, dict) and not value:
        return {}
    return NOTHING


def _base_constant(value: Any, name: str) -> Any:
    if name == "bool":
        return value if isinstance(value, bool) else NOTHING
    if name == "double":
        is_plain = isinstance(value, int | float) and not isinstance(value, bool)
        return float(value) if is_plain and math.isfinite(value) else NOTHING
    if name == "string":
        # The compiler's escapes differ between languages; such a text is better said in a comment.
        return value if isinstance(value, str) and value.isprintable() and not set(value) & set("\"'\\") else NOTHING
    if name == "binary" or isinstance(value, bool) or not isinstance(value, int):
        return NOTHING
    return value if -_I64 <= value < _I64 else NOTHING


def doc_of(thing: Any) -> str:
    """The docstring that somebody wrote for it: not what dataclass, Enum or a base class put there."""
    doc = getattr(thing, "__doc__", None)
    if not isinstance(doc, str) or (isinstance(thing, type) and doc.startswith(f"{thing.__name__}(")):
        return ""
    if doc in ("An enumeration.", enum.Enum.__doc__, enum.IntEnum.__doc__):
        return ""
    return inspect.cleandoc(doc)
