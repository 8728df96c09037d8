"""Bindings in memory, for tests."""

from __future__ import annotations

from pathlib import Path

from pyrpc.bindings import make_bindings
from pyrpc.bindings.compiler import find_compiler
from pyrpc.bindings.language import Language
from pyrpc.bindings.make import Bindings
from pyrpc.bindings.project import make_project


def bindings_of(language: Language, *idls: Path) -> Bindings:
    """The bindings of a language for some IDLs."""
    return make_bindings(language, make_project(idls, []), find_compiler(), [], "module:Class")
