"""What bindings are for: the IDLs, the service that is called first, and the name of the package."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pyrpc.bindings.first_call import FirstCall, first_call
from pyrpc.bindings.sources import IdlFile, files_of
from pyrpc.errors import ConfigError
from pyrpc.idl.load import PACKAGED
from pyrpc.idl.model import Service

_PROJECT = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*\Z")


@dataclass(frozen=True, slots=True)
class Project:
    """What the bindings are for.

    Attributes
    ----------
    name : str
        Of the package, in small letters, with hyphens: ``vision-client``.
    files : tuple of IdlFile
        All that is compiled; those that were asked for first, ``pyrpc.thrift`` among the others.
    main : IdlFile or None
        The first that was asked for and has a service; None: only service Node is called.
    first_call : FirstCall or None
        A method of the main service, if it has one that can be called with numbers, texts and arrays.
    """

    name: str
    files: tuple[IdlFile, ...]
    main: IdlFile | None
    first_call: FirstCall | None

    @property
    def pyrpc(self) -> IdlFile:
        """The interface of nodes."""
        return next(file for file in self.files if file.stem == PACKAGED.stem)

    @property
    def services(self) -> tuple[str, ...]:
        """All services, but those of nodes."""
        return tuple(name for file in self.files if file != self.pyrpc for name in file.document.of_kind(Service))


def make_project(paths: Sequence[Path], include_dirs: Sequence[Path], name: str | None = None) -> Project:
    """Read the IDLs that bindings are for.

    Raises
    ------
    ConfigError
        One cannot be read, or the name is none.
    """
    paths = tuple(dict.fromkeys(path.resolve() for path in paths))
    files = files_of(paths, include_dirs)
    asked = files[: len(paths)]
    main = next((file for file in asked if file.service is not None and file.stem != PACKAGED.stem), None)
    stem = main.stem if main is not None else "pyrpc"
    name = name or f"{re.sub('[^a-z0-9]+', '-', stem.lower()).strip('-')}-client"
    if not _PROJECT.match(name):
        raise ConfigError(
            f"the package name {name!r}",
            expected="small letters, digits and hyphens, such as vision-client",
            help="--package NAME",
        )
    return Project(name, files, main, first_call(main.functions) if main is not None else None)
