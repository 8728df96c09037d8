"""Java: Maven, and arrays of primitive types."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from pyrpc.bindings.first_call import Argument, FirstCall
from pyrpc.bindings.java_classes import ASYNC_CLASSES, SERVER_CLASSES, NoSuchClassError, without_classes
from pyrpc.bindings.language import Language
from pyrpc.bindings.packages import in_package
from pyrpc.bindings.project import Project
from pyrpc.bindings.sources import IdlFile
from pyrpc.errors import ConfigError
from pyrpc.idl.keywords import identifier
from pyrpc.idl.load import PACKAGED

_THRIFT = "0.25.0"
_FOLDER = "gen"
_PYRPC = "io.pyrpc.bindings.gen"
# Keywords, and what is none for the compiler. What begins with "java" or "org" is that of packages.
_WORDS = """
_ boolean byte char double extends final float int java long null org short strictfp throws
"""
_KEYWORDS = frozenset(_WORDS.split())
_TYPES = _KEYWORDS | frozenset(["_Fields", "permits", "record", "sealed", "var", "yield"])
# Final methods of all objects; and what the accessors of a field would be called like.
_METHODS = _KEYWORDS | frozenset(
    {*("getClass", "notify", "notifyAll", "wait", "toString", "hashCode"), *("getInputProtocol", "getOutputProtocol")}
)
# What every struct has of its own; parameters and declared exceptions are fields of structs.
_STRUCT = _KEYWORDS | frozenset({"Class", "STRUCT_DESC", "_Fields", "__isset_bitfield", "metaDataMap"})
# Of the first call, which has them from elsewhere.
_OTHER_CLASSES = frozenset({"Connection", "Tensors", "DType", "NodeInfo", "FirstCall", "String", "System", "Integer"})


def package_of(file: IdlFile) -> str:
    """Where the code of an IDL is: never in the package without a name, from which nothing can be imported."""
    if file.stem == PACKAGED.stem:
        # Not io.pyrpc.gen, which pyrpc's own Java client has: both may be on one class path.
        return _PYRPC
    return file.namespace("java") or identifier(file.stem.lower(), file.path.name)


def _idl(file: IdlFile) -> str:
    return in_package(file, "java", package_of(file))


def _mend(folder: Path) -> None:
    """A server's classes do not build with the library of today; those for calls without a thread clash with names."""
    for path in folder.rglob("*.java"):
        source = path.read_text(encoding="utf-8")
        if "  public static class Processor<" in source:
            path.write_text(_without_unused(source), encoding="utf-8")


def _without_unused(source: str) -> str:
    try:
        return without_classes(source, (*SERVER_CLASSES, *ASYNC_CLASSES))
    except NoSuchClassError as error:
        raise ConfigError("the Thrift compiler writes other Java than can be mended", got=str(error)) from None


def _names(project: Project) -> Mapping[str, str]:
    imports = {"io.pyrpc.bindings.Connection", f"{_PYRPC}.NodeInfo"}
    lines: list[str] = []
    if project.main is not None and project.first_call is not None and project.main.service is not None:
        name = f"{package_of(project.main)}.{project.main.service}"
        is_imported = project.main.service not in _OTHER_CLASSES
        if is_imported:
            imports.add(name)
        lines = list(_call(project.first_call, project.main.service, project.main.service if is_imported else name))
        code = "\n".join(lines)
        known = {
            "Tensors.": "io.pyrpc.bindings.Tensors",
            " DType.": f"{_PYRPC}.DType",
            "(DType.": f"{_PYRPC}.DType",
            "Tensor result": f"{_PYRPC}.Tensor",
            "ByteBuffer.": "java.nio.ByteBuffer",
            "StandardCharsets.": "java.nio.charset.StandardCharsets",
        }
        imports |= {path for word, path in known.items() if word in code}
    return {
        "GROUP": project.name.replace("-", "."),
        "FOLDER": _FOLDER,
        "THRIFT": _THRIFT,
        "IMPORTS": "\n".join(f"import {each};" for each in sorted(imports)),
        "CALL": "\n".join(lines),
    }


def _call(call: FirstCall, service: str, client: str) -> Iterator[str]:
    arguments = ", ".join(map(_value, call.arguments))
    yield f'{client}.Client client = new {client}.Client(connection.service("{service}"));'
    method = f"client.{call.method}({arguments})"
    if not call.returns:
        yield f"{method};"
    elif call.returns == "tensor":
        yield f"Tensor result = {method};"
        yield f'System.out.println("{service}.{call.method}: " + result.getDtype() + " " + result.getShape());'
    else:
        yield f'System.out.println("{service}.{call.method}: " + {method});'


def _value(argument: Argument) -> str:
    text = json.dumps(argument.value)
    if argument.kind == "tensor":
        shape = "".join(f", {dim}" for dim in argument.shape)
        return f"Tensors.zeros(DType.{argument.dtype.upper()}{shape})"
    if argument.kind == "binary":
        return f"ByteBuffer.wrap({text}.getBytes(StandardCharsets.UTF_8))"
    return {"i8": f"(byte) {text}", "byte": f"(byte) {text}", "i16": f"(short) {text}", "i64": f"{text}L"}.get(
        argument.kind, text
    )


LANGUAGE = Language(
    name="java",
    title="Java",
    generator="java:generated_annotations=suppress",
    namespace="java",
    folder=_FOLDER,
    runtime=f"libthrift {_THRIFT}",
    needs="a JDK of version 17 or later, and Maven",
    build=("mvn -q -B package",),
    first_call="src/main/java/FirstCall.java",
    run="java -jar target/bindings.jar",
    names=_names,
    mend=_mend,
    taken={
        "parameter": _STRUCT,
        "thrown exception": _STRUCT | frozenset({"success", "hashCode"}),
        "field": _STRUCT | frozenset({"class", "optionals", "hashCode"}),
        "field of an exception": frozenset({"cause", "stackTrace", "suppressed"}),
        "field of a union": frozenset({"field", "iprot", "oprot", "wait"}),
        "method": _METHODS,
        "member": _KEYWORDS | frozenset({"value"}),
        "type": _TYPES,
        "service": _TYPES | frozenset(["Client", "Factory", "Iface"]),
    },
    idl=_idl,
)
