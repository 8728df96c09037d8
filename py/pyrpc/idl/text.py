"""A document as the text that the Thrift compiler reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyrpc.idl.model import (
    NOTHING,
    Const,
    ConstMap,
    Document,
    Enum,
    Field,
    Function,
    ListOf,
    MapOf,
    Name,
    Service,
    SetOf,
    Special,
    Struct,
    Type,
    Typedef,
)

_WIDTH = 110


def text_of(document: Document) -> str:
    """The whole IDL, with a line end at its end."""
    parts = [*comment(document.doc, "")] if document.doc else []
    parts += [f'include "{path}"' for path in document.includes]
    parts.append("")
    parts += [f"namespace {language} {name}" for language, name in document.namespaces]
    for definition in document.definitions:
        parts.append("")
        parts += comment(definition.doc, "")
        parts += _definition(definition)
    return "\n".join(parts) + "\n"


def type_text(kind: Type) -> str:
    """A type as it is written."""
    if isinstance(kind, ListOf):
        return f"list<{type_text(kind.item)}>"
    if isinstance(kind, SetOf):
        return f"set<{type_text(kind.item)}>"
    if isinstance(kind, MapOf):
        return f"map<{type_text(kind.key)}, {type_text(kind.value)}>"
    return f"pyrpc.{kind.name}" if isinstance(kind, Special) else kind.name


def constant_text(value: Any) -> str:
    """A constant as it is written."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Name):
        return value.text
    if isinstance(value, str):
        quote = "'" if '"' in value and "'" not in value else '"'
        for sign, escape in (("\\", "\\\\"), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t"), (quote, f"\\{quote}")):
            value = value.replace(sign, escape)
        return f"{quote}{value}{quote}"
    if isinstance(value, list):
        return f"[{', '.join(map(constant_text, value))}]"
    if isinstance(value, ConstMap):
        return f"{{{', '.join(f'{constant_text(key)}: {constant_text(item)}' for key, item in value.pairs)}}}"
    if isinstance(value, dict):
        return "{}"
    return repr(value)


def comment(doc: str, indent: str) -> list[str]:
    """The lines of a comment; none for no text."""
    if not doc:
        return []
    lines = [_harmless(line) for line in doc.splitlines()]
    if len(lines) == 1 and len(lines[0]) < _WIDTH:
        return [f"{indent}/** {lines[0]} */"]
    return [f"{indent}/**", *(f"{indent} * {line}".rstrip() for line in lines), f"{indent} */"]


def _harmless(line: str) -> str:
    """What neither ends the comment nor stops a compiler of another language, whose comment it becomes."""
    line = line.replace("*/", "* /").replace("\\u", "\\ u")
    return "".join(c if c.isprintable() else " " for c in line).rstrip()


def _definition(definition: Const | Typedef | Enum | Struct | Service) -> list[str]:
    if isinstance(definition, Const):
        return [f"const {type_text(definition.type)} {definition.name} = {constant_text(definition.value)}"]
    if isinstance(definition, Typedef):
        return [f"typedef {type_text(definition.type)} {definition.name}"]
    if isinstance(definition, Enum):
        return list(_enum(definition))
    if isinstance(definition, Struct):
        return list(_struct(definition))
    return list(_service(definition))


def _enum(definition: Enum) -> Iterator[str]:
    yield f"enum {definition.name} {{"
    for member in definition.members:
        yield from comment(member.doc, "  ")
        yield f"  {member.name} = {member.number}"
    yield "}"


def _struct(definition: Struct) -> Iterator[str]:
    yield f"{definition.kind} {definition.name} {{"
    for field in definition.fields:
        yield from comment(field.doc, "  ")
        yield f"  {_field(field)}"
    yield "}"


def _service(definition: Service) -> Iterator[str]:
    extends = f" extends {definition.extends}" if definition.extends else ""
    yield f"service {definition.name}{extends} {{"
    for index, function in enumerate(definition.functions):
        if index:
            yield ""
        yield from comment(function.doc, "  ")
        yield from _function(function)
    yield "}"


def _function(function: Function) -> Iterator[str]:
    returns = "void" if function.returns is None else type_text(function.returns)
    head = f"  {'oneway ' if function.is_oneway else ''}{returns} {function.name}("
    throws = f" throws ({', '.join(map(_field, function.throws))})" if function.throws else ""
    line = f"{head}{', '.join(map(_field, function.params))}){throws}"
    if len(line) <= _WIDTH and not any(param.doc for param in function.params):
        yield line
        return
    yield head
    for index, param in enumerate(function.params):
        comma = "," if index < len(function.params) - 1 else ""
        # A plain comment: some versions of the compiler warn of a docstring that belongs to nothing.
        doc = f"  // {_harmless(' '.join(param.doc.split()))}" if param.doc else ""
        yield f"    {_field(param)}{comma}{doc}"
    yield f"  ){throws}"


def _field(field: Field) -> str:
    presence = f"{field.presence} " if field.presence else ""
    default = "" if field.default is NOTHING else f" = {constant_text(field.default)}"
    reference = " &" if field.is_reference else " "
    return f"{field.id}: {presence}{type_text(field.type)}{reference}{field.name}{default}"
