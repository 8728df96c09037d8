"""PHP: composer, or files that load themselves, and arrays by pack and unpack."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from pyrpc.bindings.first_call import Argument, FirstCall
from pyrpc.bindings.language import Language
from pyrpc.bindings.names import names_of
from pyrpc.bindings.project import Project
from pyrpc.bindings.sources import IdlFile
from pyrpc.errors import ConfigError

_THRIFT = "0.17.0"
_FOLDER = "gen"
# What no class can be called, however it is written: words of the language, and what the compiler's files import.
_NO_TYPES = """
abstract and array as break callable case catch class clone const continue declare default die do echo else elseif empty
enddeclare endfor endforeach endif endswitch endwhile enum eval exit extends false final finally float fn for foreach
function global goto if implements include include_once instanceof insteadof int interface isset iterable list match
mixed namespace never new null object or parent print private protected public readonly require require_once return self
static string switch throw trait true try unset use var void while xor yield bool constant
TApplicationException TBase TBinaryProtocolAccelerated TException TMessageType TProtocol TProtocolException TType
"""
# What every class of the compiler has beside its fields.
_STATIC = frozenset({"_TSPEC", "isValidate"})
_GET = """    public static function get($constant)
    {
        return static::$$constant ??= static::{"init_$constant"}();
    }

"""


def _however(words: str) -> frozenset[str]:
    return frozenset(
        written for word in words.split() for written in (word, word.lower(), word.capitalize(), word.upper())
    )


# How a result is shown, by what it is.
_SHOWN = {
    "bool": "var_export($result, true)",
    "binary": "bin2hex($result)",
    "tensor": "DType::$__names[$result->dtype], ' ', json_encode($result->shape)",
}


def _names(project: Project) -> Mapping[str, str]:
    for file in project.files:
        _check_capitals(file)
    classes = {"Pyrpc\\Connection"}
    lines: list[str] = []
    if project.main is not None and project.first_call is not None and project.main.service is not None:
        namespace = (project.main.namespace("php") or "").replace(".", "\\")
        client = f"{project.main.service}Client"
        # A class without a namespace is not imported.
        classes |= {f"{namespace}\\{client}"} if namespace else set()
        lines = list(_call(project.first_call, project.main.service, client))
        classes |= {
            name for name in ("Pyrpc\\Arrays", "PyrpcIdl\\DType") if any(_is_used(name, line) for line in lines)
        }
    return {
        "VENDOR": "pyrpc",
        "FOLDER": _FOLDER,
        "THRIFT": _THRIFT,
        "IMPORTS": "\n".join(f"use {name};" for name in sorted(classes, key=str.lower)),
        "CALL": "\n".join(lines),
    }


def _check_capitals(file: IdlFile) -> None:
    """Refuse types, and methods of a service, whose names differ in capitals only."""
    seen: dict[tuple[str, str, str], str] = {}
    for kind, name, where, line in names_of(file.document):
        if kind not in ("type", "method"):
            continue
        other = seen.setdefault((kind, where, name.lower()), name)
        if other != name:
            raise ConfigError(
                f"{file.path.name}, line {line}: the {kind}s {other!r} and {name!r} (in {where}) are one in PHP",
                expected="names that differ in more than capitals",
                help="rename one of them",
            )


def _is_used(name: str, line: str) -> bool:
    return name.rpartition("\\")[2] + "::" in line


def _call(call: FirstCall, service: str, client: str) -> Iterator[str]:
    arguments = ", ".join(map(_value, call.arguments))
    called = f"$connection->service({client}::class)->{call.method}({arguments});"
    if not call.returns:
        yield called
        return
    yield f"$result = {called}"
    yield f"echo '{service}.{call.method}: ', {_SHOWN.get(call.returns, '$result')}, PHP_EOL;"


def _value(argument: Argument) -> str:
    if argument.kind == "tensor":
        return f"Arrays::zeros(DType::{argument.dtype.upper()}, {json.dumps(argument.shape)})"
    # Names have no sign that PHP would take for a variable.
    return json.dumps(argument.value)


def _mend(folder: Path) -> None:
    for path in folder.rglob("Constant.php"):
        path.write_text(without_deprecation(path.read_text(encoding="utf-8")), encoding="utf-8")


def without_deprecation(code: str) -> str:
    """Constants that are read as Thrift's library does it, without what PHP 8.2 warns of."""
    return re.sub(r"(^final class Constant extends \S+\n\{\n)", rf"\1{_GET}", code, flags=re.MULTILINE)


LANGUAGE = Language(
    name="php",
    title="PHP",
    generator="php",
    namespace="php",
    folder=_FOLDER,
    runtime=f"apache/thrift {_THRIFT}",
    needs="PHP 8.1, and Debian's php-thrift or composer",
    build=("find . -name '*.php' -print0 | xargs -0 -n 1 php -l > /dev/null",),
    first_call="bin/first_call.php",
    run="php bin/first_call.php",
    names=_names,
    mend=_mend,
    taken={
        "parameter": _STATIC,
        "field": _STATIC,
        "field of an exception": frozenset({"file", "line"}),
        "method": frozenset({"__halt_compiler"}) | _STATIC,
        "member": _however("class"),
        "type": _however(_NO_TYPES),
    },
    # Tried with 0.17 and 0.25.
    before=(0, 18),
)
