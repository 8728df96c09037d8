"""The text of an IDL as a document: the grammar of Apache Thrift 0.17, by recursive descent.

What only generators look at (annotations, cpp_type, xsd_...) is read and left out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from pyrpc.idl.constants import read_constant
from pyrpc.idl.lexer import Source, Token, tokens
from pyrpc.idl.model import (
    BASE_NAMES,
    NOTHING,
    Base,
    Const,
    Definition,
    Document,
    Enum,
    Field,
    Function,
    ListOf,
    MapOf,
    Member,
    Named,
    Service,
    SetOf,
    Struct,
    Type,
    Typedef,
)

_NEWER = "uuid"
_KEYWORDS = {
    *("include", "cpp_include", "namespace", "const", "typedef", "enum", "senum", "struct", "union", "exception"),
    *("service", "extends", "throws", "oneway", "async", "void", "required", "optional", "map", "set", "list"),
}


def parse(name: str, text: str, file: str | None = None) -> Document:
    """The document of a text.

    Parameters
    ----------
    name : str
        Of the document: the stem of its file.
    file : str, optional
        What messages call it.

    Raises
    ------
    ConfigError
        Names the line, and shows it.
    """
    source = Source(file or name, text)
    return _Parser(source, list(tokens(source, text))).document(name)


class _Parser:
    def __init__(self, source: Source, found: list[Token]) -> None:
        self._source = source
        self._tokens = found
        self._at = 0

    # -- words

    @property
    def next(self) -> Token:
        """The next word, which is not taken yet."""
        return self._tokens[self._at]

    def take(self) -> Token:
        """The next word."""
        token = self._tokens[self._at]
        if token.kind != "end":
            self._at += 1
        return token

    def skip(self, *texts: str) -> bool:
        """Take the next word if it is one of these, outside of quotes."""
        if self.next.text in texts and self.next.kind in ("name", "sign"):
            self.take()
            return True
        return False

    def need(self, text: str, what: str) -> Token:
        """Take a word that has to be there."""
        if self.next.text != text or self.next.kind not in ("name", "sign"):
            self.fail(f"expected {text!r} {what}")
        return self.take()

    def fail(self, expected: str, token: Token | None = None) -> NoReturn:
        """Refuse the next word, or another."""
        token = token or self.next
        shown = token.text if token.kind == "end" else repr(token.text)
        raise self._source.error(token.line, f"{expected}, and there is {shown}")

    def name(self, what: str) -> Token:
        """A name of something; dots belong to what is in another file."""
        token = self.next
        if token.kind != "name" or token.text in _KEYWORDS:
            self.fail(f"expected the name of {what}")
        return self.take()

    def text(self, what: str) -> str:
        """A text in quotes."""
        if self.next.kind != "text":
            self.fail(f"expected {what} in quotes")
        value: str = self.take().value
        return value

    def separator(self) -> None:
        """The comma or semicolon that may stand behind most things."""
        self.skip(",", ";")

    def annotations(self) -> None:
        """What generators may look at: ``(key = "value", ...)``."""
        if not self.skip("("):
            return
        while not self.skip(")"):
            self.name("an annotation")
            if self.skip("="):
                self.text("the value of an annotation")
            self.separator()

    # -- documents

    def document(self, name: str) -> Document:
        """All of it."""
        includes: list[str] = []
        namespaces: list[tuple[str, str]] = []
        definitions: list[Definition] = []
        while self.next.kind != "end":
            if self.skip("include"):
                includes.append(self.text("the path of an IDL"))
            elif self.skip("cpp_include"):
                self.text("the path of a header")
            elif self.skip("namespace"):
                namespaces.append(self._namespace())
            else:
                definitions.append(self._definition())
                self.separator()
        self._check_distinct(definitions)
        return Document(name, tuple(includes), tuple(namespaces), tuple(definitions))

    def _namespace(self) -> tuple[str, str]:
        language = "*" if self.skip("*") else self.name("a language").text
        name = self.take().value if self.next.kind == "text" else self.name("a namespace").text
        self.annotations()
        return language, name

    def _check_distinct(self, definitions: list[Definition]) -> None:
        seen: dict[str, int] = {}
        for each in definitions:
            if each.name in seen:
                raise self._source.error(each.line, f"{each.name} is defined in line {seen[each.name]} already")
            seen[each.name] = each.line

    def _definition(self) -> Definition:
        token = self.take()
        kinds: dict[str, Callable[[Token], Definition]] = {
            "const": self._const,
            "typedef": self._typedef,
            "enum": self._enum,
            "senum": self._senum,
            "struct": self._struct,
            "union": self._struct,
            "exception": self._struct,
            "service": self._service,
        }
        if token.kind != "name" or token.text not in kinds:
            self.fail(f"expected one of {', '.join(kinds)}, include or namespace", token)
        return kinds[token.text](token)

    def _const(self, start: Token) -> Const:
        kind = self.type()
        name = self.name("a constant")
        self.need("=", "after the name of a constant")
        return Const(name.text, kind, read_constant(self), start.doc, start.line)

    def _typedef(self, start: Token) -> Typedef:
        kind = self.type()
        name = self.name("a typedef")
        self.annotations()
        return Typedef(name.text, kind, start.doc, start.line)

    def _senum(self, start: Token) -> Typedef:
        name = self.name("a senum")
        self.need("{", "after the name of a senum")
        while not self.skip("}"):
            self.text("a member")
            self.separator()
        return Typedef(name.text, Base("string"), start.doc, start.line)

    def _enum(self, start: Token) -> Enum:
        name = self.name("an enum")
        self.need("{", "after the name of an enum")
        members: list[Member] = []
        number = -1
        while not self.skip("}"):
            member = self.name("a member")
            number = self._integer("the number of a member") if self.skip("=") else number + 1
            if member.text in {each.name for each in members}:
                raise self._source.error(member.line, f"{name.text} has two members {member.text}")
            self.annotations()
            self.separator()
            members.append(Member(member.text, number, member.doc))
        self.annotations()
        return Enum(name.text, tuple(members), start.doc, None, start.line)

    def _integer(self, what: str) -> int:
        token = self.take()
        if not isinstance(token.value, int) or not -(2**31) <= token.value < 2**31:
            self.fail(f"expected {what}, a whole number of 32 bits", token)
        value: int = token.value
        return value

    def _struct(self, start: Token) -> Struct:
        name = self.name(f"a {start.text}")
        self.skip("xsd_all")
        self.need("{", f"after the name of a {start.text}")
        fields = self._fields("}", name.text)
        self.annotations()
        return Struct(name.text, start.text, fields, start.doc, line=start.line)

    def _fields(self, end: str, where: str) -> tuple[Field, ...]:
        fields: list[Field] = []
        lowest = 0
        while not self.skip(end):
            lowest -= 1
            field = self._field(lowest)
            for other in fields:
                if field.id == other.id or field.name == other.name:
                    same = f"the number {field.id}" if field.id == other.id else f"the name {field.name}"
                    raise self._source.error(field.line, f"two fields of {where} have {same}")
            fields.append(field)
        return tuple(fields)

    def _field(self, number: int) -> Field:
        """A field; one without a number gets a negative one, as the compiler does."""
        start = self.next
        if start.kind == "number":
            number = self._integer("the number of a field")
            if not -(2**15) <= number < 2**15:
                self.fail("expected the number of a field, of 16 bits", start)
            self.need(":", "after the number of a field")
        presence = self.take().text if self.next.text in ("required", "optional") else ""
        kind = self.type()
        is_reference = self.skip("&")
        name = self.name("a field")
        default = read_constant(self) if self.skip("=") else NOTHING
        while self.skip("xsd_optional", "xsd_nillable"):
            pass
        if self.skip("xsd_attrs"):
            self.need("{", "after xsd_attrs")
            self._fields("}", "xsd_attrs")
        self.annotations()
        self.separator()
        doc = start.doc or self._tokens[self._at - 1].remark
        return Field(number, name.text, kind, presence, default, doc, is_reference=is_reference, line=name.line)

    # -- services

    def _service(self, start: Token) -> Service:
        name = self.name("a service")
        extends = self.name("a service").text if self.skip("extends") else None
        self.need("{", "after the name of a service")
        functions: list[Function] = []
        while not self.skip("}"):
            function = self._function()
            if function.name in {each.name for each in functions}:
                raise self._source.error(function.line, f"{name.text} has two functions {function.name}")
            functions.append(function)
        self.annotations()
        return Service(name.text, tuple(functions), extends, start.doc, start.line)

    def _function(self) -> Function:
        start = self.next
        is_oneway = self.skip("oneway", "async")
        returns = None if self.skip("void") else self.type()
        name = self.name("a function")
        self.need("(", "after the name of a function")
        params = self._fields(")", name.text)
        throws: tuple[Field, ...] = ()
        if self.skip("throws"):
            self.need("(", "after throws")
            throws = self._fields(")", f"throws of {name.text}")
        if is_oneway and (returns is not None or throws):
            raise self._source.error(name.line, f"{name.text} is oneway, and nothing comes back from it")
        self.annotations()
        self.separator()
        return Function(name.text, returns, params, throws, is_oneway, start.doc, line=name.line)

    # -- types

    def type(self) -> Type:
        """A type, with what only C++ looks at."""
        token = self.next
        if token.text in ("map", "set", "list") and token.kind == "name":
            kind = self._container(self.take().text)
        else:
            kind = self._simple(self.name("a type"))
        self.annotations()
        return kind

    def _simple(self, token: Token) -> Type:
        if token.text in BASE_NAMES:
            return Base(token.text)
        if token.text == _NEWER:
            raise self._source.error(token.line, "uuid is no type here", "send a string, or 16 bytes of binary")
        old = {"byte": "i8", "slist": "string"}
        return Base(old[token.text]) if token.text in old else Named(token.text)

    def _container(self, kind: str) -> Type:
        self._cpp_type()
        self.need("<", f"after {kind}")
        first = self.type()
        if kind == "map":
            self.need(",", "between the types of a map")
            made: Type = MapOf(first, self.type())
        else:
            made = SetOf(first) if kind == "set" else ListOf(first)
        self.need(">", f"at the end of the type of a {kind}")
        self._cpp_type()
        return made

    def _cpp_type(self) -> None:
        if self.skip("cpp_type"):
            self.text("a type of C++")
