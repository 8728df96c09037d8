"""C++: CMake, and vectors."""

from __future__ import annotations

import errno
import json
import signal
from collections.abc import Iterator, Mapping

from pyrpc.bindings.first_call import Argument, FirstCall
from pyrpc.bindings.language import Language
from pyrpc.bindings.languages.cpp_code import mend
from pyrpc.bindings.names import names_of
from pyrpc.bindings.project import Project
from pyrpc.bindings.sources import IdlFile
from pyrpc.errors import ConfigError
from pyrpc.idl.model import Service

_THRIFT = "0.17"
_FOLDER = "gen"
_KEYWORDS = """
alignas alignof and and_eq asm auto bitand bitor bool break case catch char char8_t char16_t char32_t class co_await
co_return co_yield compl concept const const_cast consteval constexpr constinit continue decltype default delete do
double dynamic_cast else enum explicit export extern false float for friend goto if inline int long mutable namespace
new noexcept not not_eq nullptr operator or or_eq private protected public register reinterpret_cast requires return
short signed sizeof static static_assert static_cast struct switch template this thread_local throw true try typedef
typeid typename union unsigned using virtual void volatile wchar_t while xor xor_eq
"""
# Of headers that the compiler's code includes, beside those of errors and signals.
_MACROS = """
BIG_ENDIAN BUFSIZ BYTE_ORDER CLOCKS_PER_SEC EOF EXIT_FAILURE EXIT_SUCCESS HUGE_VAL HZ INFINITY INT_MAX INT_MIN
LITTLE_ENDIAN LONG_MAX LONG_MIN M_E M_PI NAN NODEV NULL NZERO PACKAGE PDP_ENDIAN RAND_MAX SEEK_CUR SEEK_END SEEK_SET
UINT_MAX WEOF assert errno linux offsetof stderr stdin stdout unix
"""
# Of the same headers, with arguments: they mean no harm where no parenthesis follows.
_CALLED = frozenset("MAX MIN alloca clrbit howmany isclr isset major makedev minor powerof2 roundup setbit".split())  # noqa: SIM905
_WORDS = (
    frozenset(f"{_KEYWORDS} {_MACROS}".split())
    | frozenset(errno.errorcode.values())
    | frozenset(each.name for each in signal.Signals)
)
_NUMBERS = frozenset({"int8_t", "int16_t", "int32_t", "int64_t", "uint32_t"})
# What every class of the compiler has beside its fields.
_OF_STRUCTS = frozenset({"printTo", "read", "rhs", "to_string", "write"})
_OF_CLIENTS = frozenset({"getInputProtocol", "getOutputProtocol", "iprot_", "oprot_", "piprot_", "poprot_"})


def _names(project: Project) -> Mapping[str, str]:
    _check_services(project)
    for file in project.files:
        _check_members(file)
    includes = {"pyrpc/connection.h"}
    lines: list[str] = []
    if project.main is not None and project.first_call is not None and project.main.service is not None:
        service = project.main.service
        namespace = (project.main.namespace("cpp") or "").replace(".", "::")
        includes.add(f"{_FOLDER}/{service}.h")
        lines = list(_call(project.first_call, service, f"::{namespace}::" if namespace else "::"))
        includes |= {"pyrpc/tensor.h"} if any("pyrpc::zeros" in line for line in lines) else set()
    return {
        "FOLDER": _FOLDER,
        "THRIFT": _THRIFT,
        "INCLUDES": "\n".join(f'#include "{name}"' for name in sorted(includes)),
        "CALL": "\n".join(lines),
    }


def _check_services(project: Project) -> None:
    """The compiler makes a file of each service, in whatever namespace it is."""
    seen: dict[str, str] = {}
    for file in project.files:
        for name in file.document.of_kind(Service):
            other = seen.setdefault(name, file.path.name)
            if other != file.path.name:
                raise ConfigError(
                    f"{other} and {file.path.name} both have a service {name}: C++ has a file {name}.h for one",
                    help="rename one, or make bindings for each in a folder of its own",
                )


def _check_members(file: IdlFile) -> None:
    """A class cannot have a field, and an enum a member, of its own name."""
    for kind, name, where, line in names_of(file.document):
        if kind in ("field", "member") and name == where:
            raise ConfigError(
                f"{file.path.name}, line {line}: C++ cannot have a {kind} called as what it is in, {name!r}",
                help="rename one of them: the other end does not see these names",
            )


def _call(call: FirstCall, service: str, namespace: str) -> Iterator[str]:
    yield f'auto client = connection.service<{namespace}{service}Client>("{service}");'
    arguments = ", ".join(map(_value, call.arguments))
    if not call.returns:
        yield f"client.{call.method}({arguments});"
    elif call.returns in ("string", "binary", "tensor"):
        yield f"{'pyrpc::idl::Tensor' if call.returns == 'tensor' else 'std::string'} result;"
        yield f"client.{call.method}({', '.join(['result', arguments] if arguments else ['result'])});"
    else:
        yield f"const auto result = client.{call.method}({arguments});"
    if call.returns == "tensor":
        yield f'std::cout << "{service}.{call.method}: " << result.dtype << ", " << result.data.size() << " bytes\\n";'
    elif call.returns:
        # A number of eight bits would be shown as a character.
        shown = "static_cast<int>(result)" if call.returns in ("byte", "i8") else "result"
        yield f"std::cout << std::boolalpha << \"{service}.{call.method}: \" << {shown} << '\\n';"


def _value(argument: Argument) -> str:
    if argument.kind == "tensor":
        shape = ", ".join(map(str, argument.shape))
        return f"pyrpc::zeros(pyrpc::idl::DType::{argument.dtype.upper()}, {{{shape}}})"
    return json.dumps(argument.value)


LANGUAGE = Language(
    name="cpp",
    title="C++",
    generator="cpp:no_skeleton,moveable_types",
    namespace="cpp",
    folder=_FOLDER,
    runtime=f"libthrift {_THRIFT}",
    needs="a compiler of C++17, CMake 3.16, pkg-config; of Debian libthrift-dev, libboost-dev and libssl-dev",
    build=("cmake -S . -B build", "cmake --build build --parallel 4"),
    first_call="first_call.cpp",
    run="build/first_call",
    names=_names,
    mend=mend,
    taken={
        "parameter": _WORDS | _CALLED | _NUMBERS | _OF_STRUCTS | {"_return", "cseqid", "sentry", "size_t"},
        "field": _WORDS | _CALLED | _NUMBERS | _OF_STRUCTS,
        "field of an exception": frozenset({"what", "thriftTExceptionMessageHolder_"}),
        "method": _WORDS | _CALLED | _NUMBERS | _OF_CLIENTS | {"size_t"},
        "member": _WORDS | {"type"},
        "type": _WORDS | _CALLED | _NUMBERS | {"std", "swap"},
        "service": _WORDS,
    },
)
