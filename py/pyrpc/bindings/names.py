"""Names in an IDL that a language cannot have."""

from __future__ import annotations

from collections.abc import Iterator

from pyrpc.bindings.language import Language
from pyrpc.bindings.sources import IdlFile
from pyrpc.errors import ConfigError
from pyrpc.idl.model import Const, Document, Enum, Service, Struct, Typedef

_ON_THE_WIRE = ("method", "service")
# What the fields of each kind of struct are.
_FIELDS = {
    "struct": ("field",),
    "union": ("field", "field of a union"),
    "exception": ("field", "field of an exception"),
}


def check_names(language: Language, file: IdlFile) -> None:
    """Raise ConfigError, which says what has the name and where, for a name that would not build."""
    if language.namespace and file.namespace(language.namespace) is None and not file.stem.isidentifier():
        raise ConfigError(
            f"{file.path.name} would become the package {file.stem}, which {language.title} cannot have",
            help=f"say in it: namespace {language.namespace} NAME",
        )
    for kind, name, where, line in names_of(file.document):
        if name in language.taken.get(kind, ()):
            raise ConfigError(
                f"{file.path.name}, line {line}: {language.title} cannot have a {kind} called {name!r} (in {where})",
                help="rename it" if kind in _ON_THE_WIRE else "rename it: the other end does not see this name",
            )


def names_of(document: Document) -> Iterator[tuple[str, str, str, int]]:
    """What each name is of, the name, what that stands in, and its line."""
    for each in document.definitions:
        if isinstance(each, Struct):
            yield "type", each.name, document.name, each.line
            for kind in _FIELDS[each.kind]:
                yield from ((kind, field.name, each.name, field.line) for field in each.fields)
        elif isinstance(each, Enum):
            yield "type", each.name, document.name, each.line
            yield from (("member", member.name, each.name, each.line) for member in each.members)
        elif isinstance(each, Typedef):
            yield "type", each.name, document.name, each.line
        elif isinstance(each, Const):
            yield "constant", each.name, document.name, each.line
        elif isinstance(each, Service):
            yield "service", each.name, document.name, each.line
            for function in each.functions:
                yield "method", function.name, each.name, function.line
                where = f"{each.name}.{function.name}"
                yield from (("parameter", field.name, where, field.line) for field in function.params)
                yield from (("thrown exception", field.name, where, field.line) for field in function.throws)
