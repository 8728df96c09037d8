"""Names that an IDL must not use, since the compiler or one of the languages would not take them.

The names of parameters, fields, types and members of enums are not on the wire, so one that is taken gets an underscore
at its end. The name of a method is on the wire, and gets it all the same: the node knows which method is meant.
"""

from __future__ import annotations

import re

from pyrpc.errors import ConfigError

# What the Thrift compiler reserves for all languages (its list of 2013, which no version has shortened).
_RESERVED = """
BEGIN END __CLASS__ __DIR__ __FILE__ __FUNCTION__ __LINE__ __METHOD__ __NAMESPACE__ abstract alias and args as assert
begin break case catch class clone continue declare def default del delete do dynamic elif else elseif elsif end
enddeclare endfor endforeach endif endswitch endwhile ensure except exec finally float for foreach from function global
goto if implements import in inline instanceof interface is lambda module native new next nil not or package pass public
print private protected raise redo rescue retry register return self sizeof static super switch synchronized then this
throw transient try undef unless unsigned until use var virtual volatile when while with xor yield
"""

_THRIFT = """
async binary bool byte const cpp_include cpp_type double enum exception extends false i8 i16 i32 i64 include list map
namespace oneway optional reference required senum service set slist string struct throws true typedef union uuid void
xsd_all xsd_attrs xsd_nillable xsd_optional
"""

# What is not in the lists above of each language: keywords, and what generated code calls its own. PHP and Perl take
# nearly any name for a method or field.
_LANGUAGES = {
    "py": "None True False nonlocal await",
    "java": "boolean byte char extends final int long short strictfp throws null",
    "go": "chan defer fallthrough func go range select type ctx err p string thrift error len nil int int8 int16 int32 "
    "int64",
    "cpp": """
        alignas alignof and_eq asm auto bitand bitor char char8_t char16_t char32_t co_await co_return co_yield compl
        concept const_cast consteval constexpr constinit decltype dynamic_cast errno explicit export extern friend int
        long major minor mutable noexcept not_eq nullptr operator or_eq requires reinterpret_cast short signed
        static_assert static_cast stderr stdin stdout template thread_local typeid typename using wchar_t xor_eq
        linux unix NULL EOF BIG_ENDIAN BYTE_ORDER HUGE_VAL HZ INFINITY INT_MAX INT_MIN LITTLE_ENDIAN M_PI NAN NODEV
        PACKAGE offsetof int8_t int16_t int32_t int64_t uint32_t
    """,
    "js": "arguments debugger eval export function let null typeof undefined prototype constructor "
    "seqid new_seqid output pClass",
    "rs": "await become box crate dyn enum extern final fn impl let loop macro match mod move mut override priv pub "
    "ref Self trait type typeof unsafe unsized where message_ident ENUM_VALUES enum_values",
    "rb": """
        fields_with_default_values handle_exception initialize instance_variable_get instance_variable_set name_to_id
        receive_message send_message send_message_args send_oneway_message sorted_field_ids struct_fields
    """,
    "kotlin": "fun object typealias val java kotlin org",
    # What every class of the compiler has, and the one constant that no class has.
    "php": "_TSPEC isValidate Class CLASS",
}
# Methods of the structs that compilers write, in Python, C++ and Go, and what those use: a field, or a parameter, would
# hide them.
_METHODS_OF_STRUCTS = frozenset({"read", "write", "thrift_spec", "printTo", "rhs", "to_string"})
# What methods of clients in JavaScript and C++ use, and a parameter would hide.
_OF_METHODS = frozenset({"Promise", "Thrift", "reject", "resolve", "_return", "cseqid", "sentry"})
TAKEN = frozenset(f"{_RESERVED} {_THRIFT} {' '.join(_LANGUAGES.values())}".split())

# What generated code, or a language, calls a type already; compared without regard to case, as PHP does.
_TYPE_NAMES = """
array bool boolean box callable client closure die double echo empty error eval exception exit float fn function
generator hash include_once insteadof int integer isset iterable iterator list long map match mixed nil null number
object option ordered processor promise range readonly require require_once result self set some static string struct
symbol table tensor thrift trait unset value vec vector void
abstract and as break case catch class clone const constant continue declare default do else elseif enddeclare endfor
endforeach endif endswitch endwhile enum extends false final finally for foreach global goto if implements include
instanceof interface namespace never new or parent print private protected public return static switch tbase texception
throw tprotocol true try ttype use var while xor yield
all_structs constants fid fix_spec fname ftype iface int64 iprot sys tmessagetype tprocessor ttransport ttypes
"""
TAKEN_TYPES = frozenset(_TYPE_NAMES.split())

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def identifier(name: str, where: str) -> str:
    """The name that something has in the IDL: its own, or with an underscore at the end where that is taken.

    Raises
    ------
    ConfigError
        No name of Thrift: it has signs other than ASCII letters, digits and underscores.
    """
    if _NAME.match(name) is None:
        raise ConfigError(
            f"{where}: the name {name!r} cannot stand in an IDL",
            expected="ASCII letters, digits and underscores",
            help="rename it; a stage may have another name on the node: @stage(name='...')",
        )
    # Two underscores at the beginning belong to the compilers of C and C++.
    while name.startswith("__"):
        name = name[1:]
    return f"{name}_" if name in TAKEN else name


def field_identifier(name: str, where: str) -> str:
    """The same for the name of a field."""
    name = identifier(name, where)
    return f"{name}_" if name in _METHODS_OF_STRUCTS else name


def parameter_identifier(name: str, where: str) -> str:
    """The same for the name of a parameter."""
    name = field_identifier(name, where)
    return f"{name}_" if name in _OF_METHODS else name


def type_identifier(name: str, where: str) -> str:
    """The same for the name of a struct, enum or service."""
    name = identifier(name, where)
    return f"{name}_" if name.lower() in TAKEN_TYPES else name


def check_distinct(names: list[str], where: str) -> None:
    """Refuse names that become one in some language: Go writes fooBar and foo_bar alike.

    Raises
    ------
    ConfigError
    """
    seen: dict[str, str] = {}
    for name in names:
        key = "".join(part[:1].upper() + part[1:] for part in name.split("_"))
        if key in seen:
            raise ConfigError(
                f"{where}: the names {seen[key]!r} and {name!r} are one in some languages",
                expected="names that differ in more than underscores",
                help="rename one of them",
            )
        seen[key] = name
