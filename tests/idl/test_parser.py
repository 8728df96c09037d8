"""Every IDL that the compiler takes is read; what is wrong with another is told with its line."""

from __future__ import annotations

import enum
import shutil
import subprocess
from pathlib import Path

import pytest

import pyrpc.idl
from pyrpc.errors import ConfigError
from pyrpc.idl.model import Base, Enum, Function, ListOf, MapOf, Named, Service, SetOf, Struct, Typedef
from pyrpc.idl.parser import parse
from pyrpc.idl.text import text_of

HERE = Path(__file__).parent
TOP = HERE.parents[1]
EVERYTHING = HERE / "everything.thrift"
needs_compiler = pytest.mark.skipif(shutil.which("thrift") is None, reason="the Thrift compiler is missing")


@needs_compiler
@pytest.mark.parametrize("language", ["py", "java", "go", "cpp", "js:node", "rs", "rb", "php", "perl"])
def test_compiler_takes_the_idl_that_has_everything(tmp_path: Path, language: str) -> None:
    where = ["-I", str(TOP / "thrift"), "-I", str(HERE), "-o", str(tmp_path)]
    subprocess.run(["thrift", "-r", *where, "--gen", language, str(EVERYTHING)], check=True, capture_output=True)


def test_what_is_read_is_what_is_written() -> None:
    document = parse("everything", EVERYTHING.read_text())
    again = parse("everything", text_of(document))
    assert again == document


def test_types_and_words_of_other_ages_are_read() -> None:
    document = parse(
        "old",
        """
        typedef slist Words  // a list that became a text
        senum Kind { "a", "b" }
        struct S xsd_all {
          i32 first;
          string second xsd_optional,
          list<i32> cpp_type "std::deque<int>" third
          map cpp_type "M" <byte, set<bool>> fourth = {1: [true]} (a = "b", c)
        } (d)
        service T { async void f(i32 x) }
        """,
    )
    assert document.of_kind(Typedef)["Words"].type == Base("string")
    struct = document.of_kind(Struct)["S"]
    assert [field.id for field in struct.fields] == [-1, -2, -3, -4]
    assert struct.fields[3].type == MapOf(Base("i8"), SetOf(Base("bool")))
    (function,) = document.of_kind(Service)["T"].functions
    assert function == Function("f", None, function.params, is_oneway=True)


def test_numbers_of_members_go_on_from_the_one_before() -> None:
    document = parse("e", "enum E { A, B = 0x10, C, D = -1; E }")
    assert [each.number for each in document.of_kind(Enum)["E"].members] == [0, 16, 17, -1, 0]


def test_comments_before_something_are_its_docstring() -> None:
    document = parse("d", "/** One.\n *\n * Two. */\nstruct S { /** Three. */ 1: i32 x /* no doc */ }")
    struct = document.of_kind(Struct)["S"]
    assert struct.doc == "One.\n\nTwo."
    assert struct.fields[0].doc == "Three."


WRONG = [
    ("struct S {\n  1: i32 x =\n}", 3, "expected a constant"),
    ("struct S {\n  1 i32 x\n}", 2, "expected ':' after the number of a field"),
    ("struct S {\n  1: i32 x\n  1: i32 y\n}", 3, "two fields of S have the number 1"),
    ("struct S {\n  1: i32 x\n  2: i32 x\n}", 3, "two fields of S have the name x"),
    ("struct S {\n  40000: i32 x\n}", 2, "of 16 bits"),
    ("struct {\n}", 1, "expected the name of a struct"),
    ("struct S {\n  1: list<i32 x\n}", 2, "expected '>'"),
    ("struct S {\n  1: map<i32> x\n}", 2, "expected ','"),
    ("struct S {\n  1: i32 x\n", 3, "the end of the file"),
    ("struct A {}\nstruct A {}", 2, "A is defined in line 1 already"),
    ("strukt S {}", 1, "expected one of const"),
    ("service S {\n  i32 f(1: i32 x\n}", 3, "expected a type|expected the name of a type"),
    ("service S {\n  oneway i32 f()\n}", 2, "nothing comes back"),
    ("service S {\n  void f()\n  void f()\n}", 3, "two functions f"),
    ("enum E {\n  A = 1\n  A = 2\n}", 3, "two members A"),
    ("enum E {\n  A = 1.5\n}", 2, "a whole number of 32 bits"),
    ('const string X = "never', 1, "a text that does not end"),
    ("/* never\n", 1, "a comment that does not end"),
    ("struct S {\n  1: i32 $x\n}", 2, "'$' is no sign of the language"),
    ("struct S {\n  1: uuid x\n}", 2, "uuid is no type here"),
    ("include shared\n", 1, "the path of an IDL in quotes"),
]


@pytest.mark.parametrize(("text", "line", "told"), WRONG, ids=[each[2] for each in WRONG])
def test_line_that_cannot_be_read_is_shown(text: str, line: int, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse("wrong", text, "some/wrong.thrift")
    assert f"some/wrong.thrift, line {line}: " in caught.value.message
    assert any(part in caught.value.message for part in told.split("|")), caught.value.message
    lines = text.split("\n")
    assert (caught.value.got or "") == lines[line - 1].strip()


UNKNOWN = [
    ("struct S {\n  1: Nothing x\n}", 2, "Nothing is not defined"),
    ("struct S {\n  1: list<other.Thing> x\n}", 2, "other.Thing is not defined"),
    ("service S extends T {\n}", 1, "T is not defined"),
    ("struct T {}\nservice S extends T {}", 2, "T is not a service"),
    ("struct T {}\nservice S {\n  void f() throws (1: T t)\n}", 3, "is no exception"),
    ("const i32 X = 'text'", 1, "a constant is not of its type"),
    ("const i8 X = 300", 1, "a constant is not of its type"),
    ("const i32 X = Y", 1, "Y is neither a constant nor a member"),
    ("struct S {\n  1: i32 x = 'a'\n}", 2, "a constant is not of its type"),
]


@pytest.mark.parametrize(("text", "line", "told"), UNKNOWN, ids=[each[2] for each in UNKNOWN])
def test_name_that_means_nothing_is_told_with_its_line(tmp_path: Path, text: str, line: int, told: str) -> None:
    path = tmp_path / "names.thrift"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        pyrpc.idl.load(path)
    assert told in caught.value.message
    assert f"line {line}:" in caught.value.message


def test_includes_are_found_beside_the_file_and_in_other_folders(tmp_path: Path) -> None:
    (tmp_path / "top").mkdir()
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/a.thrift").write_text('include "b.thrift"\nstruct A { 1: b.B b }')
    (tmp_path / "lib/b.thrift").write_text("struct B { 1: i32 x = 3 }")
    path = tmp_path / "top/top.thrift"
    path.write_text('include "a.thrift"\ninclude "pyrpc.thrift"\nstruct S { 1: a.A a; 2: pyrpc.Value v }')
    with pytest.raises(ConfigError, match=r"includes 'a.thrift', which is not there") as caught:
        pyrpc.idl.load(path)
    assert str(tmp_path / "top") in (caught.value.help or "")
    idl = pyrpc.idl.load(path, (tmp_path / "lib",))
    assert idl.S(a=idl.a.A(b=idl.b.B())).a.b.x == 3


def test_files_that_include_each_other_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.thrift").write_text('include "b.thrift"')
    (tmp_path / "b.thrift").write_text('include "a.thrift"')
    with pytest.raises(ConfigError, match="includes itself"):
        pyrpc.idl.load(tmp_path / "a.thrift")


def test_two_included_files_of_one_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x/b.thrift").write_text("struct X {}")
    (tmp_path / "b.thrift").write_text('include "x/b.thrift"')
    (tmp_path / "a.thrift").write_text('include "b.thrift"')
    with pytest.raises(ConfigError, match=r"two included files are called b\.thrift|includes itself"):
        pyrpc.idl.load(tmp_path / "a.thrift")


def test_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nothing\.thrift cannot be read"):
        pyrpc.idl.load(tmp_path / "nothing.thrift")


class TestClasses:
    """What is loaded, as Python sees it."""

    idl = pyrpc.idl.load(EVERYTHING)

    def test_constants_have_the_values_of_their_types(self) -> None:
        idl = self.idl
        assert (idl.YES, idl.ANSWER, idl.LARGE, idl.HALF, idl.TINY) == (True, 42, -127, 0.5, -0.0015)
        assert idl.TEXT == 'a "quoted" text\n'
        assert idl.FAVORITE is idl.Color.GREEN
        assert idl.MOST == 12
        assert idl.PRIMES == [2, 3, 5, 7]
        assert {"a", "b"} == idl.WORDS
        assert idl.TABLE == {"one": [1], "two": [1, 2]}
        assert idl.shared.Point(x=0.0, y=0.0) == idl.ORIGIN

    def test_fields_that_are_not_given_are_their_defaults_or_none(self) -> None:
        it = self.idl.Everything(number=1)
        assert (it.flag, it.small, it.text, it.names) == (True, -1, "default", {"x"})
        assert it.color is self.idl.Color.BLUE
        assert it.weight is self.idl.shared.Weight.HEAVY
        assert it.short_number is None

    def test_defaults_are_not_shared(self) -> None:
        self.idl.Everything(number=1).names.add("y")
        assert self.idl.Everything(number=1).names == {"x"}

    def test_enums_are_ints(self) -> None:
        assert issubclass(self.idl.Color, enum.IntEnum)
        assert self.idl.shared.Weight.MIDDLE == 17

    def test_exceptions_can_be_raised_and_say_what_they_hold(self) -> None:
        with pytest.raises(self.idl.Refused, match=r"Refused\(code=3, why='no'\)"):
            raise self.idl.Refused(code=3, why="no")

    def test_unions_take_one_member(self) -> None:
        assert self.idl.Shape(radius=1.0).radius == 1.0
        with pytest.raises(TypeError, match="takes one member"):
            self.idl.Shape(radius=1.0, empty=True)

    def test_structs_may_be_keys(self) -> None:
        point = self.idl.shared.Point
        assert {point(x=1.0, y=2.0): 1}[point(x=1.0, y=2.0)] == 1

    def test_types_have_full_names(self) -> None:
        from pyrpc.idl.classes import definitions_of

        definitions = definitions_of(self.idl).definitions
        assert definitions["Path"].type == ListOf(Named("shared.Point"))
        assert definitions["shared.Missing"].fields[0].type == Named("shared.Id")


def test_a_comment_behind_a_field_is_what_is_said_of_it() -> None:
    document = parse(
        "remarks",
        "struct P {\n  1: i64 x, // how far\n  2: i64 y // how high\n"
        "  /** Said before. */ 3: i64 z // not this\n  4: i64 t\n}\n"
        "service S { i64 add(\n  1: i64 a, 2: i64 b // the other\n) /* both */ }",
    )
    struct, service = document.definitions
    assert [field.doc for field in struct.fields] == ["how far", "how high", "Said before.", ""]
    assert [param.doc for param in service.functions[0].params] == ["", "the other"]
