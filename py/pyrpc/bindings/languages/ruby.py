"""Ruby: gems, Arrays that are packed, and what the compiler of 0.17 gets wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from pyrpc.bindings.first_call import Argument, FirstCall
from pyrpc.bindings.language import Language
from pyrpc.bindings.project import Project

_FOLDER = "gen"
_LOAD_ALL = f'Dir["{{lib,{_FOLDER}}}/**/*.rb"].each {{ |path| require File.expand_path(path) }}'
# Methods of Thrift's structs that the library calls on arguments and results: a parameter, or an exception that is
# declared, would hide them.
_OF_STRUCTS = (
    "each_field|fields_with_default_values|instance_variable_get|instance_variable_set|name_to_id|read|send|"
    "sorted_field_ids|struct_fields|validate|write"
)
# What it calls on all structs, and on clients: no field, and no method, may be called the same.
_OF_RECORDS = frozenset(
    {
        *("fields_with_default_values", "initialize", "instance_variable_get", "instance_variable_set", "name_to_id"),
        *("sorted_field_ids", "struct_fields"),
    }
)
_OF_CLIENTS = frozenset(
    {
        *("handle_exception", "initialize", "receive_message", "send_message", "send_message_args"),
        "send_oneway_message",
    }
)
_TEXT = re.compile(r'%q"((?:[^"\\]|\\.)*)"')
_ARGUMENTS = re.compile(
    r"^( +)class \w+_(?:args|result)\n.*?^\1end\n|^ +send_\w+\('.*$|result\.\w+", re.DOTALL | re.MULTILINE
)
_HIDING = re.compile(
    rf"(:name => '(?:{_OF_STRUCTS})(?=')|@(?:{_OF_STRUCTS})\b|:(?:{_OF_STRUCTS})(?= =>)|result\.(?:{_OF_STRUCTS})\b)"
)
_FIELDS = re.compile(r"^((?: +[A-Z]\w* = \d+\n)+)(\n +FIELDS = \{\n)(.*?)(^ +\}\n)", re.DOTALL | re.MULTILINE)
_KEY = re.compile(r"^( +)[A-Z_]\w*(?= => \{:type)", re.MULTILINE)
_CHECK_OF_ENUM = re.compile(r"^ +unless @\w+\.nil\? \|\| [\w:]+::VALID_VALUES\.include\?.*\n.*\n +end\n", re.MULTILINE)
# Parents, and the types of fields.
_PATHS = re.compile(r"((?:^ *class \w+ < |class => )::)([\w:]+)", re.MULTILINE)
# Modules and classes; the class of a union that makes one; arguments and results of methods; members of enums.
_NAMES_OF_CONSTANTS = (
    re.compile(r"^( *(?:class|module) )([a-z_]\w*)", re.MULTILINE),
    re.compile(r"^( +)([a-z_]\w*)(?=\.new\(:)", re.MULTILINE),
    re.compile(r"(?<![\w:'])()(_\w+_(?:args|result))\b"),
    re.compile(r"^( +)(_\w*)(?= = \d+$)", re.MULTILINE),
)
_SENDER = re.compile(r"send_(message|oneway_message|message_args)\((?!')")


def mended(code: str) -> str:
    """The compiler's code as Ruby takes it, and as Thrift means it."""
    code = _constants(_lower_parameters(code))
    # A method 'message' has a sender of the name that the library's own has.
    code = _SENDER.sub(r"send_\1__(", code)
    # %q leaves \n as it is.
    code = _TEXT.sub(lambda found: '"' + re.sub(r"#(?=[{$@])", r"\\#", found[1]) + '"', code)
    # An enum's number that only a newer node knows is no reason to lose the reply, or the error that it is of.
    code = _CHECK_OF_ENUM.sub("", code)
    # Types of the IDL may be called the same.
    code = re.sub(r"(?<=[ (])(?=Set\.new\(\[|StandardError, )", "::", code)
    code = _ARGUMENTS.sub(lambda found: _HIDING.sub(r"\1_", found[0]), code)
    return _FIELDS.sub(_numbered_fields, code)


def _constants(code: str) -> str:
    """Modules, classes and members of enums begin with a capital letter, wherever they are named."""
    code = _PATHS.sub(lambda found: found[1] + _module(found[2]), code)
    for pattern in _NAMES_OF_CONSTANTS:
        code = pattern.sub(lambda found: found[1] + _capital(found[2]), code)
    return re.sub(r"(?<=VALID_VALUES = Set\.new\(\[).*(?=\])", _capital_members, code)


def _capital_members(found: re.Match[str]) -> str:
    return ", ".join(map(_capital, found[0].split(", ")))


def _lower_parameters(code: str) -> str:
    """No parameter of a Ruby method has a capital letter."""
    lines = code.split("\n")
    renamed: dict[str, str] = {}
    for index, line in enumerate(lines):
        head = re.match(r"( +def (?!self)\w+\()(.*)\)$", line)
        if head is not None:
            names = head[2].split(", ")
            renamed = {name: _lower(name, names) for name in names if name[:1].isupper()}
            lines[index] = f"{head[1]}{', '.join(renamed.get(name, name) for name in names)})"
        elif renamed and (call := re.match(r"( +send_\w+\()(.*)\)$", line)) is not None:
            lines[index] = f"{call[1]}{', '.join(_passed(each, renamed) for each in call[2].split(', '))})"
    return "\n".join(lines)


def _passed(argument: str, renamed: Mapping[str, str]) -> str:
    """An argument, ``X`` or ``:X => X``, with the new name of the parameter."""
    key, arrow, name = argument.rpartition(" => ")
    return f"{key}{arrow}{renamed.get(name, name)}"


def _lower(name: str, others: list[str]) -> str:
    lower = name[0].lower() + name[1:]
    while lower in others:
        lower += "_"
    return lower


def _numbered_fields(found: re.Match[str]) -> str:
    """Fields by number, since of two constants of one name, or one that is called FIELDS, a field would be lost."""
    constants = dict(reversed(re.findall(r"^( +(?!FIELDS )[A-Z]\w* = )(\d+)$", found[1], re.MULTILINE)))
    numbers = iter(re.findall(r"\d+$", found[1], re.MULTILINE))
    fields = _KEY.sub(lambda key: f"{key[1]}{next(numbers)}", found[3])
    lines = "".join(f"{name}{number}\n" for name, number in reversed(constants.items()))
    return f"{lines}{found[2]}{fields}{found[4]}"


def _module(name: str) -> str:
    """The module of a namespace or service."""
    return "::".join(map(_capital, re.split(r"\.|::", name)))


def _capital(name: str) -> str:
    """A name as that of a constant, which no underscore begins."""
    return f"X{name}" if name.startswith("_") else name[:1].upper() + name[1:]


def _file(name: str) -> str:
    """Where the compiler puts what has a name: each capital letter but the first gets an underscore."""
    return "/".join(re.sub(r"(?<!^)(?=[A-Z])", "_", part).lower() for part in name.split("."))


def _mend(folder: Path) -> None:
    for path in folder.rglob("*.rb"):
        path.write_text(mended(path.read_text(encoding="utf-8")), encoding="utf-8")


def _names(project: Project) -> Mapping[str, str]:
    required, lines = "", []
    if project.main is not None and project.first_call is not None and project.main.service is not None:
        namespace, service = project.main.namespace("rb"), project.main.service
        name = f"{namespace}.{service}" if namespace else service
        required = f'\nrequire "{_file(name)}"'
        lines = list(_call(project.first_call, service, _module(name)))
    return {"FOLDER": _FOLDER, "REQUIRE": required, "CALL": "".join(f"\n  {line}" for line in lines)}


def _call(call: FirstCall, service: str, module: str) -> Iterator[str]:
    name = "" if service == _capital(service) else f', "{service}"'
    yield f"client = connection.service({module}{name})"
    arguments = ", ".join(map(_value, call.arguments))
    called = f"client.{call.method}({arguments})"
    if not call.returns:
        yield called
        return
    yield f"result = {called}"
    shown = "#{Pyrpc.dtype(result)} #{result.shape}" if call.returns == "tensor" else "#{result.inspect}"
    yield f'puts "{service}.{call.method}: {shown}"'


def _value(argument: Argument) -> str:
    if argument.kind == "tensor":
        return f"Pyrpc.zeros(:{argument.dtype}, {list(argument.shape)})"
    return json.dumps(argument.value)


LANGUAGE = Language(
    name="ruby",
    title="Ruby",
    generator="rb:namespaced",
    namespace="rb",
    folder=_FOLDER,
    runtime="thrift 0.14 with its native extension",
    needs="Ruby 3.1 and the gem thrift 0.14; on Debian or Ubuntu: apt-get install ruby ruby-thrift",
    build=(f"ruby -Ilib -I{_FOLDER} -e '{_LOAD_ALL}'", "gem build client.gemspec"),
    first_call="bin/first_call.rb",
    run=f"ruby -Ilib -I{_FOLDER} bin/first_call.rb",
    names=_names,
    mend=_mend,
    taken={"method": _OF_CLIENTS, "field": _OF_RECORDS},
    # Tried with 0.17 and 0.25.
    before=(0, 18),
)
