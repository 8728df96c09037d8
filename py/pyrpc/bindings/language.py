"""What the bindings of one language consist of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pyrpc.bindings.project import Project
from pyrpc.bindings.sources import IdlFile


def _nothing(folder: Path) -> None:
    """What the compiler writes needs no mending."""


def _complete(folder: Path, file: IdlFile, project: Project) -> None:
    """The compiler leaves nothing out."""


@dataclass(frozen=True, slots=True)
class Language:
    """One language.

    Attributes
    ----------
    name : str
        On the command line, and of the folder below ``templates/``.
    title : str
        For people.
    generator : str
        What the compiler gets as ``--gen``; ``@NAME@`` stands for what ``names`` gives.
    namespace : str
        The language's key in the ``namespace`` lines of an IDL; empty: its code has no namespaces.
    folder : str
        Where the compiler's code goes, below the folder of the bindings. ``@NAME@`` as above.
    runtime : str
        The Thrift library that the code is built with, and its version.
    needs : str
        What has to be installed to build it.
    build : tuple of str
        Shell commands that build it, in the folder of the bindings.
    first_call : str
        The program of the first call, below the folder of the bindings, once it is written.
    run : str
        The shell command that runs it; host and port are added.
    names : callable
        What the placeholders of the templates stand for, beside those that every language has.
    fence : str
        What Markdown calls the language; its name by default.
    mend : callable
        Changes what the compiler wrote, in its folder.
    idl : callable or None
        The text of an IDL as the compiler gets it; None: as it is.
    complete : callable
        Adds what the compiler leaves out of an IDL, in its folder, after ``mend``.
    taken : mapping of str to frozenset of str
        Names that the compiler writes as they are, and that do not build: by what they would be the name of, which is
        "parameter", "field", "field of an exception", "field of a union", "thrown exception", "method", "member" (of an
        enum), "constant", "type" or "service". Found by building them all.
    base : str
        Folder below ``templates/`` whose files come along, for languages that have much in common; a file of the
        language's own folder takes the place of one with the same name.
    since : tuple of int
        The first version of the compiler that can do it.
    before : tuple of int
        The first version whose code the library does not run any more; empty: none is known.
    """

    name: str
    title: str
    generator: str
    namespace: str
    folder: str
    runtime: str
    needs: str
    build: tuple[str, ...]
    first_call: str
    run: str
    names: Callable[[Project], Mapping[str, str]]
    fence: str = ""
    mend: Callable[[Path], None] = field(default=_nothing)
    idl: Callable[[IdlFile], str] | None = None
    complete: Callable[[Path, IdlFile, Project], None] = field(default=_complete)
    taken: Mapping[str, frozenset[str]] = field(default_factory=dict)
    base: str = ""
    since: tuple[int, ...] = (0, 13)
    before: tuple[int, ...] = ()
