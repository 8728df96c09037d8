"""PHP: composer, or files that load themselves, and arrays by pack and unpack."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from pyrpc.bindings.first_call import Argument, FirstCall
from pyrpc.bindings.language import Language
from pyrpc.bindings.project import Project

_THRIFT = "0.17.0"
_FOLDER = "gen"
# How a result is shown, by what it is.
_SHOWN = {
    "bool": "var_export($result, true)",
    "binary": "bin2hex($result)",
    "tensor": "DType::$__names[$result->dtype], ' ', json_encode($result->shape)",
}


def _names(project: Project) -> Mapping[str, str]:
    classes = {"Pyrpc\\Connection"}
    lines: list[str] = []
    if project.main is not None and project.first_call is not None and project.main.service is not None:
        namespace = (project.main.namespace("php") or "").replace(".", "\\")
        client = f"{project.main.service}Client"
        # A class without a namespace is not imported.
        classes |= {f"{namespace}\\{client}"} if namespace else set()
        lines = list(_call(project.first_call, project.main.service, client))
        classes |= {name for name in ("Pyrpc\\Arrays", "PyrpcIdl\\DType") if any(_is_used(name, line) for line in lines)}
    return {
        "VENDOR": "pyrpc",
        "FOLDER": _FOLDER,
        "THRIFT": _THRIFT,
        "IMPORTS": "\n".join(f"use {name};" for name in sorted(classes)),
        "CALL": "\n".join(lines),
    }


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
)
