"""Perl: a folder of modules, and arrays by pack and unpack."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from pyrpc.bindings.first_call import Argument, FirstCall
from pyrpc.bindings.language import Language
from pyrpc.bindings.project import Project

_FOLDER = "gen"
# How a result is shown, by what it is.
_SHOWN = {
    "bool": "$result ? 'true' : 'false'",
    "binary": "unpack('H*', $result)",
    "tensor": "'dtype ', $result->{dtype}, ', shape ', join ' x ', @{$result->{shape}}",
}
# Names that are those of package main wherever they stand, unless their package is named.
_MAINS = "ARGV|ARGVOUT|ENV|INC|SIG|STDERR|STDIN|STDOUT|_"
# Methods that Perl calls itself.
_CALLED = frozenset({"AUTOLOAD", "CHECK", "DESTROY", "INIT", "UNITCHECK"})


def _names(project: Project) -> Mapping[str, str]:
    lines: list[str] = []
    if project.main is not None and project.first_call is not None and project.main.service is not None:
        namespace = project.main.namespace("perl")
        package = ".".join(filter(None, [namespace, project.main.service])).replace(".", "::")
        lines = list(_call(project.first_call, project.main.service, package))
    has_arrays = any("zeros(" in line for line in lines)
    return {
        "FOLDER": _FOLDER,
        "IMPORTS": "use Pyrpc::Arrays qw(zeros);\nuse Pyrpc::Connection;" if has_arrays else "use Pyrpc::Connection;",
        "CALL": "\n".join(lines),
    }


def _call(call: FirstCall, service: str, package: str) -> Iterator[str]:
    arguments = ", ".join(map(_value, call.arguments))
    called = f"$connection->service('{package}')->{call.method}({arguments});"
    if not call.returns:
        yield called
        return
    yield f"my $result = {called}"
    yield f"say '{service}.{call.method}: ', {_SHOWN.get(call.returns, '$result')};"


def _value(argument: Argument) -> str:
    if argument.kind == "tensor":
        return f"zeros(PyrpcIdl::DType::{argument.dtype.upper()}, [{', '.join(map(str, argument.shape))}])"
    if argument.kind == "bool":
        return "1" if argument.value else "0"
    # Names have no sign that Perl would take for a variable.
    return json.dumps(argument.value)


def _mend(folder: Path) -> None:
    for path in folder.rglob("*.pm"):
        path.write_text(mended(path.read_text(encoding="utf-8")), encoding="utf-8")


def mended(code: str) -> str:
    """What the compiler wrote, changed where it does not work."""
    for mend in (
        _with_types,
        _without_warnings,
        _without_rest,
        _without_class_accessor,
        _with_sets_as_arrays,
        _with_names_of_their_package,
    ):
        code = mend(code)
    return code


def _with_types(code: str) -> str:
    """Constants that are structs need the structs."""
    package = re.search(r"^package (?:(\S+)::)?Constants;", code, re.MULTILINE)
    if package is None:
        return code
    types = f"{package[1]}::Types" if package[1] else "Types"
    return code.replace("use Thrift::Type;\n", f"use Thrift::Type;\nuse {types};\n", 1)


def _without_warnings(code: str) -> str:
    """Methods may be called ``shift``, and members of enums ``INIT``: that is what was meant."""
    return code.replace("use Thrift::Type;\n", "use Thrift::Type;\nno warnings qw(ambiguous constant);\n", 1)


def _without_rest(code: str) -> str:
    """Without the package of each service that nothing uses, and that cannot have a parameter ``request``."""
    return re.sub(r"^package \S+Rest;\n\nuse strict;\n.*?(?=^package )", "", code, flags=re.MULTILINE | re.DOTALL)


def _without_class_accessor(code: str) -> str:
    """Accessors by the library: those of CPAN are one more thing to install, and go wrong with a field ``get``."""
    return code.replace("use base qw(Class::Accessor);", "use base qw(Pyrpc::Record);")


def _with_sets_as_arrays(code: str) -> str:
    """Sets are references to arrays: the compiler reads hashes, whose keys are no structs, and writes arrays."""
    read = re.compile(r"(\S+) = \{\};(\n\s*my \$_etype\d+ = 0;\n\s*\$xfer \+= \$input->readSetBegin\()")
    code = read.sub(r"\1 = [];\2", code)
    code = re.sub(r"(\S+)->\{(\$elem\d+)\} = 1;", r"push(@{\1}, \2);", code)
    return "".join(_without_keys(code))


def _without_keys(code: str) -> Iterator[str]:
    """The lines, without ``=> 1`` after what stands in brackets: so constants that are sets are written."""
    brackets: list[str] = []
    for line in code.splitlines(keepends=True):
        text = line.rstrip()
        if text.lstrip()[:1] in ("]", "}") and brackets:
            brackets.pop()
        if brackets[-1:] == ["["] and text.endswith(" => 1,"):
            line = text.removesuffix(" => 1,") + ",\n"
        if text[-1:] in ("[", "{"):
            brackets.append(text[-1])
        yield line


def _with_names_of_their_package(code: str) -> str:
    """Methods, and members of enums, with a name of package main are what they should be with their package before."""
    package = ""
    lines = []
    for line in code.splitlines(keepends=True):
        begun = re.match(r"package (\S+);", line)
        package = begun[1] if begun else package
        line = re.sub(rf"^use constant ({_MAINS}) => (-?\d+);", rf"sub {package}::\1 () {{ \2 }}", line)
        lines.append(re.sub(rf"^sub ({_MAINS}) ?\{{", rf"sub {package}::\1 {{", line))
    return "".join(lines)


LANGUAGE = Language(
    name="perl",
    title="Perl",
    generator="perl",
    namespace="perl",
    folder=_FOLDER,
    runtime="Thrift 0.17.0",
    needs="Perl 5.20 with integers of 64 bits, and Thrift: Debian's libthrift-perl, or cpanm --installdeps .",
    build=("find . -name '*.p[lm]' -print0 | xargs -0 -n 1 perl -Ilib -Igen -c",),
    first_call="bin/first_call.pl",
    run="perl bin/first_call.pl",
    names=_names,
    mend=_mend,
    taken={
        "parameter": frozenset({"_"}),
        "method": _CALLED,
        "member": frozenset({"__DATA__", "__END__"}),
        # The compiler has these files already.
        "service": frozenset({"Constants", "Types"}),
    },
    # Tried with 0.17 and 0.25.
    before=(0, 18),
)
