"""Go: modules, and slices."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from pyrpc.bindings.first_call import Argument, FirstCall
from pyrpc.bindings.language import Language
from pyrpc.bindings.project import Project

_THRIFT = "v0.25.0"
_FOLDER = "gen"
# Those that the compiler writes in capitals.
_INITIALISMS = frozenset(
    {
        *(
            "ACL",
            "API",
            "ASCII",
            "CPU",
            "CSS",
            "DNS",
            "EOF",
            "GUID",
            "HTML",
            "HTTP",
            "HTTPS",
            "ID",
            "IP",
            "JSON",
            "LHS",
        ),
        *("QPS", "RAM", "RHS", "RPC", "SLA", "SMTP", "SQL", "SSH", "TCP", "TLS", "TTL", "UDP", "UI", "UID"),
        *("UUID", "URI", "URL", "UTF8", "VM", "XML", "XMPP", "XSRF", "XSS"),
    }
)


def _names(project: Project) -> Mapping[str, str]:
    packages = []
    lines: list[str] = []
    if project.main is not None and project.first_call is not None and project.main.service is not None:
        package = project.main.namespace("go") or project.main.stem.lower()
        packages.append(f"{package.replace('.', '/')}")
        lines = list(_call(project.first_call, project.main.service, package.rpartition(".")[2]))
        if any("pyrpc." in line for line in lines):
            packages.append("pyrpc")
    return {
        "MODULE": project.name,
        "FOLDER": _FOLDER,
        "THRIFT": _THRIFT,
        "IMPORTS": "\n".join(f'\t"{project.name}/{_FOLDER}/{package}"' for package in packages),
        "CALL": "\n".join(lines),
    }


def _call(call: FirstCall, service: str, package: str) -> Iterator[str]:
    for argument in call.arguments:
        if argument.kind == "tensor":
            shape = ", ".join(map(str, argument.shape))
            yield f"{_local(argument)}, err := node.Zeros(pyrpc.DType_{argument.dtype.upper()}, {shape})"
            yield from _CHECK
    arguments = ", ".join(["ctx", *map(_value, call.arguments)])
    yield f'client := {package}.New{_public(service)}Client(connection.Service("{service}"))'
    if not call.returns:
        yield f"if err := client.{_public(call.method)}({arguments}); err != nil {{"
        yield from _CHECK[1:]
        return
    yield f"result, err := client.{_public(call.method)}({arguments})"
    yield from _CHECK
    shown = "result.Dtype, result.Shape" if call.returns == "tensor" else "result"
    yield f'fmt.Println("{service}.{call.method}:", {shown})'


_CHECK = ("if err != nil {", "\tlog.Fatal(err)", "}")


def _value(argument: Argument) -> str:
    if argument.kind == "tensor":
        return _local(argument)
    if argument.kind == "binary":
        return f"[]byte({json.dumps(argument.value)})"
    return json.dumps(argument.value)


def _local(argument: Argument) -> str:
    return f"{argument.name}Tensor"


def _public(name: str) -> str:
    """A name as the compiler writes it for others: ``get_id`` is ``GetID``, and ``new_item`` is ``NewItem_``."""
    words = re.split("_(?=[a-z])", name)
    public = "".join(map(_capitalized, words))
    return f"{public}_" if public.startswith("New") or public.endswith(("Args", "Result")) else public


def _capitalized(word: str) -> str:
    first, line, rest = word.partition("_")
    is_initialism = first.upper() in _INITIALISMS
    return (first.upper() if is_initialism else first[:1].upper() + first[1:]) + line + rest


LANGUAGE = Language(
    name="go",
    title="Go",
    generator="go:package_prefix=@MODULE@/@FOLDER@/,skip_remote",
    namespace="go",
    folder=_FOLDER,
    runtime=f"github.com/apache/thrift {_THRIFT}",
    needs="Go 1.23",
    build=("go mod tidy", "go build ./..."),
    first_call="cmd/first_call/main.go",
    run="go run ./cmd/first_call",
    names=_names,
    taken={"parameter": frozenset({"ctx", "p", "thrift"})},
)
