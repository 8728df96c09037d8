"""Clients in other languages: what the Thrift compiler writes, made into something that builds.

``bindings/make.py`` runs the compiler (``bindings/compiler.py``) over the IDLs of some services
(``bindings/project.py``) and adds what a language needs (``bindings/languages/``, one module each, and
``bindings/templates/``, one folder each): a file to build it by, a small library for arrays and connections, and a
first call. ``bindings/folder.py`` writes it down without touching what somebody changed.
"""

from __future__ import annotations

from pyrpc.bindings.languages import LANGUAGES
from pyrpc.bindings.make import make_bindings

__all__ = ["LANGUAGES", "make_bindings"]
