"""What the Thrift compiler writes for C++, made into something that builds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from pyrpc.errors import ConfigError

# From the bits that tell which fields are set, or the class without such, to what prints it.
_CLASS = re.compile(
    r"(?:typedef struct _(?P<bits>\w+)__isset \{(?:(?!\n\}).)*\n\} _\w+__isset;\n\n)?"
    r"(?:/\*\*\n(?: \*[^\n]*\n)+)?"
    r"class (?P<name>\w+) : public [^\n]*\{\n.*?\n\};\n\n"
    r"void swap\([^\n]*;\n\n"
    r"(?:std::ostream& operator<<\([^\n]*;\n\n)?",
    re.DOTALL,
)
_DECLARED = re.compile(r"^class \w+;\n\n", re.MULTILINE)
_FIELD = re.compile(r"^  (\w+) (\w+);$", re.MULTILINE)
_ALIAS = re.compile(r"^typedef (?:class +)?(\w+) +(\w+);$", re.MULTILINE)
_COMPARED = re.compile(r" {4}(?:if \(!\((?P<plain>\w+) == rhs\.\w+\)\)|else if \(__isset\.(?P<optional>\w+) && )")
_RESULT = re.compile(r"^( +)(xfer \+= )(\(\*\(this->success\)\))(\.read\(iprot\);)$", re.MULTILINE)
_GUESS = re.compile(
    r"^ +bool wasSet = false;\n(?:^ +if \([^\n]*\) \{ wasSet = true; \}\n)*^ +if \(!wasSet\)[^\n]*\n", re.MULTILINE
)


def mend(folder: Path) -> None:
    """Put classes in an order that builds, compare those that are keys, and keep just what other ends send."""
    for path in folder.glob("*_types.h"):
        header = path.read_text(encoding="utf-8")
        path.write_text(of_any_number(in_order(header)), encoding="utf-8")
        code = path.with_suffix(".cpp")
        # Without types there is a header alone.
        if code.exists():
            code.write_text(compared(code.read_text(encoding="utf-8"), header), encoding="utf-8")
    for path in folder.glob("*.cpp"):
        path.write_text(of_one_call(without_guesses(path.read_text(encoding="utf-8"))), encoding="utf-8")


def in_order(header: str) -> str:
    """The header of types with each class after those that it has fields of: the compiler keeps the IDL's order.

    Raises
    ------
    ConfigError
        A class is part of itself.
    """
    found = {match["name"]: match[0] for match in _CLASS.finditer(header)}
    aliases = {alias: name for name, alias in _ALIAS.findall(header)}
    parts = {name: [_part(type, aliases) for type, _ in _FIELD.findall(text)] for name, text in found.items()}
    _check_cycles(found, {name: [part for part in of if part in found] for name, of in parts.items()}, aliases)
    order: dict[str, None] = {}

    def place(name: str) -> None:
        if name in found and name not in order:
            for part in parts[name]:
                place(part)
            order[name] = None

    for name in found:
        place(name)
    names = iter(order)
    return _declared_first(_CLASS.sub(lambda _: found[next(names)], header))


def _declared_first(header: str) -> str:
    """Names of classes before other names for them, which an IDL may have before the classes."""
    first = re.search(r"^typedef (?!struct _)", header, re.MULTILINE)
    if first is None:
        return header
    declared = "".join(_DECLARED.findall(header))
    return header[: first.start()] + declared + _DECLARED.sub("", header[first.start() :])


def _part(type: str, aliases: Mapping[str, str]) -> str:
    while type in aliases:
        type = aliases[type]
    return type


def _check_cycles(found: Mapping[str, str], parts: Mapping[str, list[str]], aliases: Mapping[str, str]) -> None:
    try:
        TopologicalSorter(parts).prepare()
    except CycleError as error:
        part, whole, *_ = cycle = error.args[1]
        field = next(field for type, field in _FIELD.findall(found[whole]) if _part(type, aliases) == part)
        raise ConfigError(
            f"field {field!r} of struct {whole} makes {part} part of itself, which C++ cannot have",
            got=" in ".join(cycle),
            help=f'make the field a reference: optional {part} &{field} (cpp.ref = "")',
        ) from None


def of_any_number(header: str) -> str:
    """The header with enums that may have any number: a node may send one that is not among the members."""
    return re.sub(r"^  enum type \{$", "  enum type : int32_t {", header, flags=re.MULTILINE)


def without_guesses(code: str) -> str:
    """Without the lines that take a field that is a reference for not set when nothing in it was.

    They ask required fields, too, which do not tell.
    """
    return _GUESS.sub("", code)


def of_one_call(code: str) -> str:
    """The code that empties a result before it is read: what a reply leaves out would be that of an earlier call.

    Lists, sets and maps are emptied by what the compiler writes.
    """
    return _RESULT.sub(r"\1\3 = {};\n\1\2\3\4", code)


def compared(code: str, header: str) -> str:
    """The code with the comparisons that maps and sets need: the compiler declares them, and writes none."""
    lines = []
    for found in _CLASS.finditer(header):
        name, equal = found["name"], _equal(found[0])
        if "bool operator < " in found[0] and equal is not None:
            lines += [f"bool {name}::operator<(const {name}& {'rhs' if equal else ''}) const {{", *_less(equal)]
            lines += ["  return false;", "}", ""]
    # Before the line that closes the namespace, if there is one.
    end = match.start() if lines and (match := re.search(r"^\}+ // namespace\s*\Z", code, re.MULTILINE)) else len(code)
    return code[:end] + "\n".join(lines) + "\n" + code[end:] if lines else code


def _equal(text: str) -> Mapping[str, bool] | None:
    """The fields that are compared, and whether they may be left out."""
    body = re.search(r"bool operator == \([^\n]*\n  \{\n(.*?)\n  \}\n", text, re.DOTALL)
    if body is None:
        return None
    return {match["plain"] or match["optional"]: match["plain"] is None for match in _COMPARED.finditer(body[1])}


def _less(fields: Mapping[str, bool]) -> Iterator[str]:
    for field, is_optional in fields.items():
        if is_optional:
            yield f"  if (__isset.{field} != rhs.__isset.{field}) return rhs.__isset.{field};"
        when = f"__isset.{field} && " if is_optional else ""
        yield f"  if ({when}{field} < rhs.{field}) return true;"
        yield f"  if ({when}rhs.{field} < {field}) return false;"
