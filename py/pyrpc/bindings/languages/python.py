"""Python without pyrpc: Apache Thrift and NumPy, for machines that have nothing else."""

from __future__ import annotations

import json
import keyword
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from pyrpc.bindings.first_call import Argument, FirstCall
from pyrpc.bindings.language import Language
from pyrpc.bindings.project import Project
from pyrpc.bindings.sources import IdlFile
from pyrpc.errors import ConfigError

_THRIFT = "thrift>=0.25.0"
_NUMPY = "numpy>=2.0"
_BFLOAT16 = "ml_dtypes>=0.5"
# A package of that name would hide another one.
_NOT_OURS = {*sys.stdlib_module_names, "thrift", "numpy", "ml_dtypes"}
# What takes all names of a module but those with an underscore.
_STAR = "from .ttypes import *\n"
_KEYWORDS = frozenset(keyword.kwlist)
_TAKEN_TYPES = """
Client Iface Processor TMessageType TProcessor TTransport TType all_structs fid fix_spec fname ftype iprot len range sys
"""
# Names of the first call's program.
_LOCAL = {"sys", "np", "connect", "connection", "info", "client", "result", "to_array", "to_tensor", "DType", "print"}


def _names(project: Project) -> Mapping[str, str]:
    package = _package(project.name)
    for file in project.files:
        _module(file)
    imports, lines = _program(project, package)
    needed = [_THRIFT, _NUMPY, *([_BFLOAT16] if _has_bfloat16(project) else [])]
    return {
        "PACKAGE": package,
        "TITLE_OF_SERVICES": f"Calls {' and '.join(project.services) or 'nodes of pyrpc'}",
        "DEPENDENCIES": ", ".join(f'"{each}"' for each in needed),
        "IMPORTS": "\n".join(imports),
        "CALL": "\n".join(lines),
    }


def _program(project: Project, package: str) -> tuple[list[str], list[str]]:
    """What the first call imports, and what it does with its connection."""
    lines = ["info = connection.node.ping()", 'print("node", info.node_id, "of pyrpc", info.version)']
    services: list[str] = []
    if project.main is not None and project.first_call is not None and project.main.service is not None:
        service = project.main.service
        local = f"{service}_client" if service in _LOCAL else service
        alias = "" if local == service else f" as {local}"
        services = [f"from {package}.gen.{_module(project.main)} import {service}{alias}"]
        lines += _call(project.first_call, service, local)
    used = [name for name in ("DType", "connect", "to_array", "to_tensor") if name == "connect" or name in str(lines)]
    numpy = ["import numpy as np"] if "np." in str(lines) else []
    return [*numpy, f"from {package} import {', '.join(used)}", *services], lines


def _package(name: str) -> str:
    package = name.replace("-", "_")
    if package in _NOT_OURS or keyword.iskeyword(package):
        raise ConfigError(
            f"a Python package cannot be called {package!r}",
            expected="a name that neither Python nor what it needs has",
            help=f"--package {name}-client",
        )
    return package


def _module(file: IdlFile) -> str:
    module = file.namespace("py") or file.stem
    if any(map(keyword.iskeyword, module.split("."))):
        raise ConfigError(
            f"{file.path.name} would become the Python module {module}, which cannot be imported",
            help="say in it: namespace py NAME",
        )
    return module


def _has_bfloat16(project: Project) -> bool:
    """Whether a contract names it; NumPy does not have it."""
    return any("bfloat16" in file.path.read_text(encoding="utf-8") for file in project.files if file != project.pyrpc)


def _call(call: FirstCall, service: str, local: str) -> Iterator[str]:
    yield f'client = connection.service("{service}", {local}.Client)'
    called = f"client.{call.method}({', '.join(map(_value, call.arguments))})"
    if not call.returns:
        yield called
    elif call.returns == "tensor":
        yield f"result = to_array({called})"
        yield f'print("{service}.{call.method}:", result.dtype, result.shape)'
    else:
        yield f'print("{service}.{call.method}:", {called})'


def _value(argument: Argument) -> str:
    if argument.kind == "binary":
        return f"b{json.dumps(argument.value)}"
    if argument.kind != "tensor":
        return repr(argument.value) if isinstance(argument.value, bool) else json.dumps(argument.value)
    if argument.dtype == "bfloat16":
        return f'to_tensor(np.zeros({argument.shape}, "uint16"), DType.BFLOAT16)'
    return f'to_tensor(np.zeros({argument.shape}, "{argument.dtype}"))'


def _mend(folder: Path) -> None:
    """Leave out programs that nobody asked for, and let services know types whose names begin with an underscore."""
    for path in folder.rglob("*-remote"):
        path.unlink()
    for types in folder.rglob("ttypes.py"):
        hidden = re.findall(r"^class (_\w+)", types.read_text(encoding="utf-8"), re.MULTILINE)
        for path in types.parent.glob("*.py") if hidden else ():
            text = path.read_text(encoding="utf-8")
            named = f"{_STAR}from .ttypes import {', '.join(hidden)}\n"
            path.write_text(text.replace(_STAR, named, 1), encoding="utf-8")


LANGUAGE = Language(
    name="python",
    title="Python",
    generator="py:package_prefix=@PACKAGE@.gen.",
    namespace="py",
    folder="@PACKAGE@/gen",
    runtime="thrift 0.25 (PyPI)",
    needs="Python 3.10",
    build=("python3 -m venv .venv", ".venv/bin/pip install --quiet ."),
    first_call="first_call.py",
    run=".venv/bin/python first_call.py",
    names=_names,
    mend=_mend,
    taken={
        "parameter": _KEYWORDS | {"TMessageType", "read", "thrift_spec", "write"},
        "field": _KEYWORDS | {"read", "thrift_spec", "write"},
        "method": _KEYWORDS | {"_iprot", "_oprot", "_seqid"},
        "member": _KEYWORDS | {"_NAMES_TO_VALUES", "_VALUES_TO_NAMES"},
        "type": _KEYWORDS | frozenset(_TAKEN_TYPES.split()),
        "service": _KEYWORDS | {"constants", "ttypes"},
    },
)
