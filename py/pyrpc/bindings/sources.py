"""The IDLs that bindings are made from: of services in Python, or of files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pyrpc.errors import ConfigError
from pyrpc.idl.load import PACKAGED, functions_of, load_documents
from pyrpc.idl.model import Document, Function, Named, Service, Type, Typedef
from pyrpc.idl.parser import parse
from pyrpc.idl.text import text_of


@dataclass(frozen=True, slots=True)
class IdlFile:
    """One IDL to be compiled.

    Attributes
    ----------
    path : Path
    document : Document
    functions : tuple of Function
        Those of its first service, inherited ones first; of a file that is only included none.
    """

    path: Path
    document: Document
    functions: tuple[Function, ...] = ()

    @property
    def stem(self) -> str:
        """The name of the file without its ending."""
        return self.path.stem

    @property
    def service(self) -> str | None:
        """Its first service, if it has one."""
        return next(iter(self.document.of_kind(Service)), None)

    def namespace(self, language: str) -> str | None:
        """What it says of a language, or of all; None: nothing."""
        known = dict(self.document.namespaces)
        return known.get(language, known.get("*"))


def written(document: Document, folder: Path) -> Path:
    """Write an IDL into a folder, and give its path."""
    path = folder / f"{document.name.rstrip('_').lower()}.thrift"
    if path.exists():
        raise ConfigError(
            f"two services are called {document.name}", help="make bindings for each in a folder of its own"
        )
    path.write_text(text_of(document), encoding="utf-8")
    return path


def files_of(paths: Sequence[Path], include_dirs: Sequence[Path]) -> tuple[IdlFile, ...]:
    """The IDLs and all that they include, the named ones first; ``pyrpc.thrift`` is always there.

    Raises
    ------
    ConfigError
        One cannot be read, or two that differ have the same name.
    """
    found: dict[str, IdlFile] = {}
    included: list[Path] = []
    for path in paths:
        loaded = load_documents(path, include_dirs)
        service = next((name for name, each in loaded.definitions.items() if _is_own_service(name, each)), None)
        own: Iterable[Function] = functions_of(loaded, service) if service is not None else ()
        functions = tuple(_without_typedefs(each, loaded.definitions) for each in own)
        _add(found, IdlFile(path.resolve(), _document(path), functions))
        included.extend(loaded.paths.values())
    for path in included:
        _add(found, IdlFile(path, _document(path)))
    # Beside an IDL may be a pyrpc.thrift of its own.
    if PACKAGED.stem not in found:
        _add(found, IdlFile(PACKAGED, _document(PACKAGED)))
    return tuple(found.values())


def _without_typedefs(function: Function, definitions: Mapping[str, Any]) -> Function:
    """The same function of what its typedefs stand for; those inside of lists and maps stay."""

    def meant(type: Type) -> Type:
        while isinstance(type, Named) and isinstance(definitions.get(type.name), Typedef):
            type = definitions[type.name].type
        return type

    params = tuple(replace(param, type=meant(param.type)) for param in function.params)
    return replace(function, params=params, returns=None if function.returns is None else meant(function.returns))


def _is_own_service(name: str, definition: object) -> bool:
    return isinstance(definition, Service) and "." not in name


def _document(path: Path) -> Document:
    return parse(path.stem, path.read_text(encoding="utf-8"), str(path))


def _add(found: dict[str, IdlFile], file: IdlFile) -> None:
    """Add a file, unless it is there; of two copies the first will do."""
    other = found.setdefault(file.stem, file)
    if other.path != file.path and other.path.read_bytes() != file.path.read_bytes():
        raise ConfigError(
            f"two IDLs are called {file.path.name}",
            got=f"{other.path} and {file.path}",
            help="rename one, or keep one of two copies",
        )
