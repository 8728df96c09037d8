"""JavaScript for Node.js: npm, and typed arrays. TypeScript has most of it in common, see there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping

from pyrpc.bindings.first_call import Argument, FirstCall
from pyrpc.bindings.language import Language
from pyrpc.bindings.project import Project

THRIFT = "0.24.0"
FOLDER = "gen"
# The templates that both have.
BASE = "javascript"
# Keywords that the compiler lets through.
_KEYWORDS = frozenset(["arguments", "debugger", "eval", "export", "let", "null", "typeof", "__proto__"])
TAKEN: Mapping[str, frozenset[str]] = {
    "parameter": _KEYWORDS | {"Promise", "Thrift", "output", "reject", "resolve", "write"},
    "field": frozenset({"__proto__", "read", "write"}),
    "thrown exception": frozenset({"__proto__", "read", "success"}),
    "method": frozenset(["__proto__", "_reqs", "_seqid", "constructor", "new_seqid", "output", "pClass", "seqid"]),
    "member": frozenset({"__proto__"}),
    "constant": frozenset({"__proto__"}),
    "type": _KEYWORDS | {"Int64", "Thrift", "exports", "require", "thrift", "ttypes"},
}


def javascript_names(
    project: Project, *, imported: Callable[[str, str], str], has_exact_types: bool
) -> Mapping[str, str]:
    """What the placeholders of the templates stand for.

    Parameters
    ----------
    imported : callable
        The statement that brings names from a file of the bindings.
    has_exact_types : bool
        An i64 is given as an Int64, since a number would not be let through.
    """
    call = project.first_call
    service = project.main.service if project.main is not None else None
    lines = list(_STAGES) if call is None or service is None else list(_call(call, service, has_exact_types))
    text = "\n".join(lines)
    helpers = [name for name in ("int64", "toArray", "zeros") if f"{name}(" in text]
    imports = [imported(f"{{ {', '.join(['connect', *helpers])} }}", "pyrpc")]
    if "DType." in text:
        imports.append(imported("{ DType }", f"{FOLDER}/pyrpc_types"))
    if lines != list(_STAGES):
        imports.append(imported("service", f"{FOLDER}/{service}"))
    return {"FOLDER": FOLDER, "THRIFT": THRIFT, "IMPORTS": "\n".join(imports), "CALL": text}


# What is called where no service has a method that can be.
_STAGES = (
    "for (const stage of await connection.node.stages(connection.options())) {",
    "  console.log(stage.name);",
    "}",
)


def _call(call: FirstCall, service: str, has_exact_types: bool) -> Iterator[str]:
    arguments = ", ".join(_value(argument, has_exact_types) for argument in call.arguments)
    yield f'const client = connection.client(service, "{service}");'
    if not call.returns:
        yield f"await client.{call.method}({arguments});"
        yield f'console.log("{service}.{call.method}: done");'
        return
    yield f"const result = await client.{call.method}({arguments});"
    shown = {"tensor": "toArray(result)", "i64": "String(result)"}.get(call.returns, "result")
    yield f'console.log("{service}.{call.method}:", {shown});'


def _value(argument: Argument, has_exact_types: bool) -> str:
    if argument.kind == "tensor":
        return f"zeros(DType.{argument.dtype.upper()}, [{', '.join(map(str, argument.shape))}])"
    value = json.dumps(argument.value)
    if argument.kind == "binary":
        return f"Buffer.from({value})"
    return f"int64({value})" if argument.kind == "i64" and has_exact_types else value


def _required(names: str, path: str) -> str:
    return f'const {names} = require("./{path}");'


def _names(project: Project) -> Mapping[str, str]:
    names = javascript_names(project, imported=_required, has_exact_types=False)
    return {
        **names,
        "LIBRARY": 'require("./pyrpc")',
        "TYPES": f'require("./{FOLDER}/pyrpc_types")',
        "WHOLE": "Parameters and fields of type i64 take numbers and bigints, too",
    }


LANGUAGE = Language(
    name="node",
    title="Node.js",
    generator="js:node,es6",
    namespace="",
    folder=FOLDER,
    runtime=f"npm thrift {THRIFT}",
    needs="Node.js 18 or later, and npm",
    build=("npm install",),
    first_call="first_call.js",
    run="node first_call.js",
    names=_names,
    fence="js",
    taken=TAKEN,
    base=BASE,
)
