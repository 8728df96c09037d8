"""The words of an IDL, each with its line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from pyrpc.errors import ConfigError

_TOKEN = re.compile(
    r"""
      (?P<space>\s+)
    | (?P<doc>/\*\*(?!/).*?\*/)
    | (?P<comment>//[^\n]*|\#[^\n]*|/\*.*?\*/)
    | (?P<number>[+-]?(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?))
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*)
    | (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<sign>[{}()\[\]<>,;:=*&])
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "'": "'", "\\": "\\"}


@dataclass(frozen=True, slots=True)
class Token:
    """One word.

    Attributes
    ----------
    kind : str
        "name", "number", "text", "sign" or "end".
    text : str
        As it stands there.
    value : object
        Of a number or text.
    doc : str
        The comment ``/** ... */`` before it.
    remark : str
        The comment ``// ...`` behind it in its line.
    """

    kind: str
    text: str
    line: int
    value: Any = None
    doc: str = ""
    remark: str = ""


class Source:
    """The text of an IDL, and what it is called in messages."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self._lines = text.split("\n")

    def error(self, line: int, what: str, help: str | None = None) -> ConfigError:
        """The error for a line, which it shows."""
        shown = self._lines[line - 1].strip() if 0 < line <= len(self._lines) else ""
        return ConfigError(f"{self.name}, line {line}: {what}", got=shown[:160] or None, help=help)


def tokens(source: Source, text: str) -> Iterator[Token]:
    """All words, and one that tells the end.

    Raises
    ------
    ConfigError
        Something is no word of the language.
    """
    line, doc, at = 1, "", 0
    last: Token | None = None
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise source.error(line, _strange(text, at))
        at = match.end()
        kind, found = match.lastgroup or "", match[0]
        if kind == "doc":
            doc = _doc(found)
        elif kind == "comment":
            if last is not None and last.line == line and found.startswith("//"):
                last = replace(last, remark=found[2:].strip())
        elif kind != "space":
            if last is not None:
                yield last
            last = Token(kind, found, line, _value(kind, found), doc)
            doc = ""
        line += found.count("\n")
    if last is not None:
        yield last
    yield Token("end", "the end of the file", line)


def _strange(text: str, at: int) -> str:
    if text[at] in "\"'":
        return "a text that does not end"
    return "a comment that does not end" if text.startswith("/*", at) else f"{text[at]!r} is no sign of the language"


def _value(kind: str, found: str) -> Any:
    if kind == "number":
        if "x" in found.lower():
            return int(found, 16)
        return float(found) if any(sign in found for sign in ".eE") else int(found)
    if kind == "text":
        return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[0]), found[1:-1], flags=re.DOTALL)
    return None


def _doc(comment: str) -> str:
    lines = [re.sub(r"^\s*\*? ?", "", line).rstrip() for line in comment[3:-2].split("\n")]
    return "\n".join(lines).strip()
