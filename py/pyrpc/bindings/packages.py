"""IDLs in packages of their own, for languages that have no code without one, or two of the same name."""

from __future__ import annotations

import re

from pyrpc.bindings.sources import IdlFile

# Strings and comments first, so that what looks like a header in them stays as it is.
_COMMENT = r"(?P<other>/\*.*?\*/|//[^\n]*|#[^\n]*)"
_INCLUDE = re.compile(rf"{_COMMENT}|\b(?P<word>include\s+[\"'])[^\"'\n]*/(?=[^\"'/\n]+[\"'])", re.DOTALL)


def in_package(file: IdlFile, key: str, package: str) -> str:
    """The text of an IDL in which ``namespace KEY`` is a package, and which finds what it includes beside it."""
    text = file.path.read_text(encoding="utf-8")
    text = _INCLUDE.sub(lambda match: match["other"] or match["word"], text)
    namespace = re.compile(rf"{_COMMENT}|\b(?P<word>namespace\s+{re.escape(key)}\s+)[\w.]+", re.DOTALL)
    if key in dict(file.document.namespaces):
        return namespace.sub(lambda match: match["other"] or f"{match['word']}{package}", text)
    # In the first line, so that the others keep their numbers.
    return f"namespace {key} {package} {text}"
