"""TypeScript, for Node.js: the library of JavaScript, whose types the compiler reads from its comments."""

from __future__ import annotations

from collections.abc import Mapping

from pyrpc.bindings.language import Language
from pyrpc.bindings.languages.node import BASE, FOLDER, TAKEN, THRIFT, javascript_names
from pyrpc.bindings.project import Project

_TYPESCRIPT = "5.9"
# What declarations cannot have either.
_TAKEN = {
    "field": frozenset({"constructor"}),
    "type": frozenset({"infer", "keyof", "readonly", "unique"}),
    "constant": frozenset({"debugger", "export", "null", "typeof"}),
}


def _imported(names: str, path: str) -> str:
    return f'import {names if names.startswith("{") else f"* as {names}"} from "../{path}";'


def _names(project: Project) -> Mapping[str, str]:
    names = javascript_names(project, imported=_imported, has_exact_types=True)
    return {
        **names,
        "TYPESCRIPT": _TYPESCRIPT,
        "LIBRARY": 'from "../pyrpc"',
        "TYPES": f'from "../{FOLDER}/pyrpc_types"',
        "WHOLE": "That is what parameters and fields of type i64 take",
    }


LANGUAGE = Language(
    name="typescript",
    title="TypeScript",
    generator="js:node,ts,es6",
    namespace="",
    folder=FOLDER,
    runtime=f"npm thrift {THRIFT}",
    needs=f"Node.js 18 or later, and npm, which gets TypeScript {_TYPESCRIPT}",
    build=("npm install", "npm run build"),
    first_call="src/first_call.ts",
    run="node build/src/first_call.js",
    names=_names,
    fence="ts",
    taken={kind: names | _TAKEN.get(kind, frozenset()) for kind, names in TAKEN.items()},
    base=BASE,
)
