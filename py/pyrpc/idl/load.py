"""An IDL and what it includes, read from files: every name is resolved, or its line is told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pyrpc.errors import ConfigError
from pyrpc.idl.lexer import Source
from pyrpc.idl.model import (
    RPC_ERROR,
    TENSOR,
    VALUE,
    Const,
    Document,
    Enum,
    Field,
    Function,
    ListOf,
    MapOf,
    Named,
    Service,
    SetOf,
    Special,
    Struct,
    Type,
    Typedef,
)
from pyrpc.idl.parser import parse

# The interface of pyrpc comes with the package, so that nobody has to copy it.
PACKAGED = Path(__file__).parent / "pyrpc.thrift"
_SPECIAL = (TENSOR, VALUE, RPC_ERROR)


@dataclass(slots=True)
class Loaded:
    """All definitions of an IDL and of what it includes.

    Attributes
    ----------
    definitions : dict of str to Definition
        By full names: what another file defines has the name of that file before it. The names in types are full too.
    paths : dict of str to Path
        The files by their names without the ending, this one first.
    """

    name: str
    definitions: dict[str, Any] = field(default_factory=dict)
    paths: dict[str, Path] = field(default_factory=dict)


def load_documents(path: str | Path, include_dirs: Sequence[str | Path] = ()) -> Loaded:
    """Read an IDL and everything that it includes.

    Parameters
    ----------
    include_dirs : sequence of path
        Where to look for included files, after the folder of the file that includes them. ``pyrpc.thrift`` is found
        anyway.

    Raises
    ------
    ConfigError
        A file is missing, a line cannot be read, or a name means nothing: file and line are told.
    """
    path = Path(path)
    loader = _Loader([Path(each) for each in include_dirs])
    loader.load(path.resolve(), "", ())
    return Loaded(path.stem, loader.definitions, {path.stem: path.resolve(), **loader.paths})


class _Loader:
    def __init__(self, include_dirs: list[Path]) -> None:
        self._include_dirs = include_dirs
        self.paths: dict[str, Path] = {}
        self.definitions: dict[str, Any] = {}

    def load(self, path: Path, prefix: str, above: tuple[Path, ...]) -> None:
        """Add the definitions of a file, after those that it includes."""
        if path in above:
            raise ConfigError(f"{path} includes itself", got=" -> ".join(each.name for each in (*above, path)))
        text = _read(path)
        document = parse(path.stem, text, str(path))
        stems = [self._include(each, path, above) for each in document.includes]
        names = _Names(Source(str(path), text), prefix, document, stems, self.definitions)
        own = {prefix + each.name: names.resolved(each) for each in document.definitions}
        self.definitions.update(own)

    def _include(self, include: str, path: Path, above: tuple[Path, ...]) -> str:
        found = self._find(include, path)
        stem = found.stem
        if stem not in self.paths:
            self.paths[stem] = found
            self.load(found, f"{stem}.", (*above, path))
        elif self.paths[stem] != found:
            raise ConfigError(
                f"two included files are called {found.name}",
                got=f"{self.paths[stem]} and {found}",
                help="rename one of them: names in an IDL tell only the name of the file",
            )
        elif found in (*above, path):
            raise ConfigError(f"{found} includes itself", got=" -> ".join(each.name for each in (*above, path, found)))
        return stem

    def _find(self, include: str, path: Path) -> Path:
        for folder in (path.parent, *self._include_dirs):
            if (folder / include).is_file():
                return (folder / include).resolve()
        if include == PACKAGED.name:
            return PACKAGED
        raise ConfigError(
            f"{path} includes {include!r}, which is not there",
            help=f"looked in {', '.join(map(str, [path.parent, *self._include_dirs]))}; add a folder with include_dirs",
        )


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the IDL {path} cannot be read", got=str(error)) from None


class _Names:
    """Makes the names in one document full ones."""

    def __init__(
        self, source: Source, prefix: str, document: Document, stems: list[str], others: dict[str, Any]
    ) -> None:
        self._source = source
        self._prefix = prefix
        self._own = {each.name: each for each in document.definitions}
        self._stem = document.name
        self._stems = stems
        self._others = others

    def resolved(self, definition: Any) -> Any:
        """The same definition with full names."""
        line = definition.line
        if isinstance(definition, Const | Typedef):
            return replace(definition, type=self._type(definition.type, line))
        if isinstance(definition, Struct):
            return replace(definition, fields=self._fields(definition.fields))
        if isinstance(definition, Service):
            functions = tuple(map(self._function, definition.functions))
            extends = definition.extends and self._full(definition.extends, line, (Service,), "a service")
            return replace(definition, functions=functions, extends=extends)
        return definition

    def _function(self, function: Function) -> Function:
        return replace(
            function,
            returns=None if function.returns is None else self._type(function.returns, function.line),
            params=self._fields(function.params),
            throws=tuple(self._thrown(each) for each in self._fields(function.throws)),
        )

    def _thrown(self, field: Field) -> Field:
        kind = field.type
        if kind == Special(RPC_ERROR) or (isinstance(kind, Named) and self._kind_of(kind) == "exception"):
            return field
        raise self._source.error(field.line, f"{field.name} is thrown, and is no exception")

    def _kind_of(self, kind: Named) -> str:
        own = kind.name[len(self._prefix) :] if kind.name.startswith(self._prefix) else ""
        return str(getattr(self._own.get(own) or self._others.get(kind.name), "kind", ""))

    def _fields(self, fields: tuple[Field, ...]) -> tuple[Field, ...]:
        return tuple(replace(each, type=self._type(each.type, each.line)) for each in fields)

    def _type(self, kind: Type, line: int) -> Type:
        if isinstance(kind, ListOf):
            return ListOf(self._type(kind.item, line))
        if isinstance(kind, SetOf):
            return SetOf(self._type(kind.item, line))
        if isinstance(kind, MapOf):
            return MapOf(self._type(kind.key, line), self._type(kind.value, line))
        if isinstance(kind, Named):
            full = self._full(kind.name, line, (Struct, Enum, Typedef), "a type")
            scope, _, name = full.rpartition(".")
            return Special(name) if scope == "pyrpc" and name in _SPECIAL else Named(full)
        return kind

    def _full(self, name: str, line: int, kinds: tuple[type, ...], what: str) -> str:
        """The full name of what is meant, which has to be there."""
        scope, _, last = name.rpartition(".")
        if scope in self._stems:
            found, full = self._others.get(name), name
        else:
            # Its own file may stand before a name, too.
            own = last if scope == self._stem else name
            found, full = self._own.get(own), self._prefix + own
        if isinstance(found, kinds):
            return full
        help = f'include "{scope}.thrift"' if scope and scope not in self._stems else None
        raise self._source.error(line, f"{name} is not {what}" if found else f"{name} is not defined", help)


def functions_of(loaded: Loaded, service: str) -> Iterator[Function]:
    """The functions of a service, those that it inherits first."""
    definition = loaded.definitions.get(service)
    if not isinstance(definition, Service):
        known = [name for name, each in loaded.definitions.items() if isinstance(each, Service)]
        raise ConfigError(
            f"{loaded.name}.thrift has no service {service!r}", help="it has " + (", ".join(known) or "none")
        )
    if definition.extends:
        yield from functions_of(loaded, definition.extends)
    yield from definition.functions
