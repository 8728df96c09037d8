"""Classes that are structs in the IDL: dataclasses, NamedTuples and TypedDicts."""

from __future__ import annotations

import dataclasses
import typing
from dataclasses import dataclass
from typing import Any, Protocol

from pyrpc.errors import ConfigError
from pyrpc.idl.defaults import constant_of, doc_of
from pyrpc.idl.keywords import check_distinct, field_identifier
from pyrpc.idl.model import NOTHING, Enum, Field, Struct, Type
from pyrpc.idl.unions import inner_of_optional


class TypeSource(Protocol):
    """Makes types of hints: :class:`pyrpc.idl.hints.Hints`."""

    definitions: dict[str, Struct | Enum]

    def type_of(self, hint: Any, where: str) -> Type:
        """The type that a hint means."""
        ...

    def is_open(self, kind: Type) -> bool:
        """Whether a type is a struct that is being made."""
        ...


@dataclass(frozen=True, slots=True)
class Part:
    """One field of such a class; ``default`` is NOTHING where there is none, or only Python can make it."""

    name: str
    hint: Any
    may_lack: bool
    default: Any = NOTHING


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of such a class."""

    cls: type
    parts: tuple[Part, ...]


def record_of(cls: type) -> Record | None:
    """The fields that such a class is made of, by its constructor; None for any other class.

    Raises
    ------
    ConfigError
        A hint cannot be evaluated.
    """
    if dataclasses.is_dataclass(cls):
        parts = _dataclass_parts(cls)
    elif issubclass(cls, tuple) and hasattr(cls, "_fields"):
        hints = _hints(cls)
        defaults: dict[str, Any] = cls._field_defaults  # type: ignore[attr-defined]
        parts = [
            Part(name, hints.get(name, Any), name in defaults, defaults.get(name, NOTHING)) for name in cls._fields
        ]
    elif typing.is_typeddict(cls):
        hints = _hints(cls)
        required: frozenset[str] = getattr(cls, "__required_keys__", frozenset())
        parts = [Part(name, _without_required(hint), name not in required) for name, hint in hints.items()]
    else:
        return None
    return Record(cls, tuple(parts))


def struct_of(hints: TypeSource, record: Record, name: str) -> Struct:
    """The struct of the IDL for it.

    Raises
    ------
    ConfigError
        A field that cannot be said, by its name.
    """
    cls = record.cls
    fields = [_field(hints, cls, part) for part in record.parts]
    check_distinct([field.name for field in fields], f"class {cls.__name__}")
    return Struct(name, "struct", tuple(fields), doc_of(cls), cls)


def _field(hints: TypeSource, cls: type, part: Part) -> Field:
    where = f"field {part.name!r} of {cls.__name__}"
    inner = inner_of_optional(part.hint)
    kind = hints.type_of(part.hint if inner is None else inner, where)
    default = constant_of(part.default, kind, hints.definitions)
    is_optional = inner is not None or (part.may_lack and default is NOTHING)
    return Field(
        0,
        field_identifier(part.name, where),
        kind,
        "optional" if is_optional else "",
        NOTHING if is_optional else default,
        attribute=part.name,
        may_lack=part.may_lack or inner is not None,
        is_reference=hints.is_open(kind),
    )


def _dataclass_parts(cls: type) -> list[Part]:
    hints = _hints(cls)
    parts = []
    for field in dataclasses.fields(cls):
        if not field.init:
            # It is made of the others, at both ends.
            continue
        default = NOTHING if field.default is dataclasses.MISSING else field.default
        if field.default_factory in (list, dict, set, tuple):
            default = field.default_factory()
        may_lack = default is not NOTHING or field.default_factory is not dataclasses.MISSING
        parts.append(Part(field.name, hints[field.name], may_lack, default))
    return parts


def _hints(cls: type) -> dict[str, Any]:
    try:
        return typing.get_type_hints(cls, include_extras=True)
    except Exception as error:
        raise ConfigError(
            f"the hints of class {cls.__name__} cannot be evaluated",
            got=f"{type(error).__name__}: {error}",
            help="import the names that they use where they can be found when the code runs",
        ) from None


def _without_required(hint: Any) -> Any:
    name = getattr(typing.get_origin(hint), "_name", None)
    return typing.get_args(hint)[0] if name in ("Required", "NotRequired", "ReadOnly") else hint
