"""Kotlin: Maven, coroutines, and arrays of primitive types."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from pyrpc.bindings.first_call import Argument, FirstCall
from pyrpc.bindings.kotlin_code import mended_class, mended_client, mended_constants, quoted, with_base
from pyrpc.bindings.language import Language
from pyrpc.bindings.packages import in_package
from pyrpc.bindings.project import Project
from pyrpc.bindings.sources import IdlFile
from pyrpc.idl.keywords import identifier
from pyrpc.idl.load import PACKAGED
from pyrpc.idl.model import Service

# Earlier ones read without bounds.
_THRIFT = "0.25.0"
_FOLDER = "gen"
_PYRPC = "io.pyrpc.kotlin.gen"

# Keywords, and the first words of packages.
_WORDS = """
as break class continue do else false for fun if in interface is java kotlin null object org package return super this
throw true try typealias typeof val var when while
"""
_KEYWORDS = frozenset(_WORDS.split())


def package_of(file: IdlFile) -> str:
    """Where the code of an IDL is. The compiler takes what the IDL says of Java; that of Kotlin comes first."""
    if file.stem == PACKAGED.stem:
        return _PYRPC
    said = dict(file.document.namespaces).get("kotlin") or file.namespace("java")
    return said or identifier(file.stem.lower(), file.path.name)


def _idl(file: IdlFile) -> str:
    return in_package(file, "java", package_of(file))


def _mend(folder: Path) -> None:
    """What only a server needs goes; what does not build, or forgets something, is mended."""
    for path in sorted(folder.rglob("*.kt")):
        source = path.read_text(encoding="utf-8")
        if "): org.apache.thrift.TBaseAsyncProcessor<" in source:
            path.unlink()
        elif "): org.apache.thrift.async.TAsyncClient(" in source:
            path.write_text(mended_client(source), encoding="utf-8")
        elif path.stem.endswith("Constants"):
            path.write_text(mended_constants(source), encoding="utf-8")
        else:
            path.write_text(mended_class(source), encoding="utf-8")


def _complete(folder: Path, file: IdlFile, project: Project) -> None:
    """Services extend what they extend."""
    packages = {each.stem: package_of(each) for each in project.files}
    code = folder.joinpath(*package_of(file).split("."))
    for service in file.document.of_kind(Service).values():
        if service.extends is None:
            continue
        scope, _, name = service.extends.rpartition(".")
        base = f"{packages[scope]}.{name}" if scope else name
        for path in (code / f"{service.name}.kt", code / f"{service.name}Client.kt"):
            path.write_text(with_base(path.read_text(encoding="utf-8"), service.name, base), encoding="utf-8")


def _names(project: Project) -> Mapping[str, str]:
    imports = {"io.pyrpc.kotlin.Connection"}
    lines: list[str] = []
    if project.main is not None and project.first_call is not None and project.main.service is not None:
        service = project.main.service
        imports.add(f"{package_of(project.main)}.{service}Client")
        lines = list(_call(project.first_call, service))
        code = "\n".join(lines)
        known = {"zeros(": "io.pyrpc.kotlin.zeros", "DType.": f"{_PYRPC}.DType"}
        imports |= {path for word, path in known.items() if word in code}
    return {
        "GROUP": project.name.replace("-", "."),
        "FOLDER": _FOLDER,
        "THRIFT": _THRIFT,
        "IMPORTS": "\n".join(f"import {each}" for each in sorted(imports)),
        "CALL": "\n".join(lines),
    }


def _call(call: FirstCall, service: str) -> Iterator[str]:
    arguments = ", ".join(map(_value, call.arguments))
    yield f"val client = {service}Client(connection.service({json.dumps(service)}))"
    method = f"client.{call.method}({arguments})"
    if not call.returns:
        yield method
        return
    yield f"val result = {method}"
    shown = "${result.dtype} ${result.shape}" if call.returns == "tensor" else "$result"
    yield f'println("{service}.{call.method}: {shown}")'


def _value(argument: Argument) -> str:
    if argument.kind == "tensor":
        shape = "".join(f", {dim}" for dim in argument.shape)
        return f"zeros(DType.{argument.dtype.upper()}{shape})"
    if argument.kind in ("string", "binary"):
        text = quoted(str(argument.value))
        return text if argument.kind == "string" else f"{text}.toByteArray()"
    return json.dumps(argument.value)


LANGUAGE = Language(
    name="kotlin",
    title="Kotlin",
    generator="kotlin",
    namespace="java",
    folder=_FOLDER,
    runtime=f"libthrift {_THRIFT}",
    needs="a JDK of version 17 or later, and Maven",
    build=("mvn -q -B package",),
    first_call="src/main/kotlin/FirstCall.kt",
    run="java -jar target/bindings.jar",
    names=_names,
    mend=_mend,
    taken={
        kind: _KEYWORDS | taken
        for kind, taken in {
            "parameter": frozenset[str](),
            "thrown exception": frozenset[str](),
            "field": frozenset({"_Fields"}),
            "method": frozenset({"getClass", "notify", "notifyAll", "wait"}),
            "member": frozenset({"entries", "name", "ordinal", "value"}),
            "type": frozenset({"_Fields", "Companion"}),
            "service": frozenset[str](),
        }.items()
    },
    idl=_idl,
    complete=_complete,
    since=(0, 17),
)
