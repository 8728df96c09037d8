"""Rust: a crate, slices, and arrays of the crate ndarray."""

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
from pyrpc.idl.model import Service

_FOLDER = "src/idl"
_KEYWORD_LIST = """
Self abstract as async await become box break const continue crate do dyn else enum extern false final fn for if impl
in let loop macro match mod move mut override priv pub ref return self static struct super trait true try type typeof
unsafe unsized use virtual where while yield
"""
_KEYWORDS = frozenset(_KEYWORD_LIST.split())
# Those that cannot be escaped as r#name.
_NEVER_RAW = frozenset({"Self", "crate", "self", "super"})
# What a generated module imports or calls so already.
_MODULES = frozenset({"fmt", "std", "core", "alloc", "thrift", "idl"})
# What a type cannot be called in generated code. Found by building one of each name.
_TYPE_LIST = """
ApplicationError ApplicationErrorKind BTreeMap BTreeSet Box Default Display Err Error Formatter From Into None Ok Option
OrderedFloat ProtocolError ProtocolErrorKind Rc RefCell Self Some String TFieldIdentifier TInputProtocol TListIdentifier
TMapIdentifier TMessageIdentifier TMessageType TOutputProtocol TProcessor TSerializable TSetIdentifier TStructIdentifier
TThriftClient TType TryFrom Vec
"""
_TYPES = frozenset(_TYPE_LIST.split())
_TYPE_PARAMETER = re.compile(r"F\d+\Z")
_CRATES = frozenset({"thrift", "bytemuck", "num-complex", "ndarray", "half", "std", "core", "alloc", "test"})


def _names(project: Project) -> Mapping[str, str]:
    crate = project.name.replace("-", "_")
    if project.name in _CRATES or crate in _KEYWORDS:
        raise ConfigError(
            f"the package name {project.name!r} is taken in Rust", help="give it another one: --name vision-client"
        )
    modules = sorted(map(_module, project.files))
    for file in project.files:
        _check_types(file)
    return {
        "CRATE": crate,
        "MODULES": "\n".join(f"pub mod {module};" for module in modules),
        **_first_call(project, crate),
    }


def _module(file: IdlFile) -> str:
    """The module that a file becomes."""
    module = snake_case(file.stem)
    if not module.isidentifier() or module in _KEYWORDS or module in _MODULES:
        raise ConfigError(
            f"{file.path.name} would become the module {module}, which Rust cannot have", help="rename the file"
        )
    return module


def _check_types(file: IdlFile) -> None:
    for kind, name, where, line in names_of(file.document):
        type = camel_case(name)
        if kind == "type" and (type in _TYPES or _TYPE_PARAMETER.match(type)):
            raise ConfigError(
                f"{file.path.name}, line {line}: Rust cannot have a type called {name!r} (in {where}): "
                f"the compiler's code has another {type}",
                help="rename it: the other end does not see this name",
            )


def _first_call(project: Project, crate: str) -> dict[str, str]:
    imports = [f"{crate}::idl::pyrpc::TNodeSyncClient", f"{crate}::{{Connection, Options}}"]
    lines: list[str] = []
    if project.main is not None and project.first_call is not None and project.main.service is not None:
        call, service = project.first_call, project.main.service
        client = f"{camel_case(service)}SyncClient"
        traits: dict[str, set[str]] = {_module(project.main): {client}}
        file, owner = _owner(project, call.method)
        traits.setdefault(_module(file), set()).add(f"T{camel_case(owner)}SyncClient")
        imports += [f"{crate}::idl::{module}::{_group(names)}" for module, names in traits.items()]
        if any(argument.kind == "tensor" for argument in call.arguments):
            imports[1] = f"{crate}::{{Connection, DType, Options, Tensor}}"
        lines = list(_call(call, service, client))
    return {"IMPORTS": "\n".join(f"use {each};" for each in sorted(imports)), "CALL": "\n".join(lines)}


def _group(names: set[str]) -> str:
    return next(iter(names)) if len(names) == 1 else f"{{{', '.join(sorted(names))}}}"


def _owner(project: Project, method: str) -> tuple[IdlFile, str]:
    """The service that has a method of the main one, and its file: that of an inherited one is another's."""
    assert project.main is not None
    assert project.main.service is not None
    file, name = project.main, project.main.service
    while True:
        service: Service = file.document.of_kind(Service)[name]
        if service.extends is None or any(function.name == method for function in service.functions):
            return file, name
        stem, _, name = service.extends.rpartition(".")
        file = next((each for each in project.files if each.stem == stem), file)


def _call(call: FirstCall, service: str, client: str) -> Iterator[str]:
    yield f'let mut client = connection.service("{service}", {client}::new);'
    method = snake_case(call.method)
    arguments = ", ".join(map(_value, call.arguments))
    called = f"client.{_raw(method)}({arguments})?;"
    yield f"let result = {called}" if call.returns else called
    if call.returns == "tensor":
        yield f'println!("{service}.{call.method}: {{:?}} {{:?}}", result.dtype, result.shape);'
    elif call.returns:
        yield f'println!("{service}.{call.method}: {{{"result:?" if call.returns == "binary" else "result"}}}");'


def _value(argument: Argument) -> str:
    if argument.kind == "tensor":
        shape = ", ".join(map(str, argument.shape))
        return f"Tensor::zeros(DType::{argument.dtype.upper()}, &[{shape}])?"
    text = json.dumps(argument.value)
    if argument.kind == "binary":
        return f"b{text}.to_vec()"
    if argument.kind == "string":
        return f"{text}.to_owned()"
    return f"{text}.into()" if argument.kind == "double" else text


def snake_case(name: str) -> str:
    """A name as the compiler writes methods, parameters, fields and modules."""
    return re.sub("(?<!^)([A-Z])", r"_\1", name).lower().replace("__", "_")


def camel_case(name: str) -> str:
    """A name as the compiler writes types."""
    camel = re.sub("_+([^_])", lambda match: match[1].upper(), name).replace("_", "")
    return camel[:1].upper() + camel[1:]


def _raw(name: str) -> str:
    if name in _NEVER_RAW:
        return f"{name}_"
    return f"r#{name}" if name in _KEYWORDS else name


# -- what the compiler wrote

_USE = re.compile(r"^use crate::(?:\w+::)*(\w+);$", re.MULTILINE)
_METHOD = re.compile(r"(^ +fn )(\w+)(?=\(&mut self)", re.MULTILINE)
_CLIENT = re.compile(r"^impl <C: (TThriftClient [^>]*)> (\w+) for C \{$", re.MULTILINE)
_CONSTANT = re.compile(r'(^pub const \w+: &str = ")(.*?)(";\n\n)', re.MULTILINE | re.DOTALL)
_BYTES = re.compile(r'(^pub const \w+: &\[u8\] = )b(".*?")(;\n\n)', re.MULTILINE | re.DOTALL)
_TEXT = re.compile(r'((?:let \w+ = |\.push\(|\.insert\()")(.*?)("\.to_owned\(\)(?:\.into_bytes\(\))?[;)])', re.DOTALL)


def mended(code: str) -> str:
    """What the compiler wrote, so that it builds and does not fall over what a node sends.

    Its modules are in one place, whatever the namespaces; texts are escaped; methods may be keywords; memory is not
    taken for as many elements as somebody claims to send; a union of a later version is an error, not a panic; and
    exceptions tell what they hold.
    """
    code = _USE.sub(r"use super::\1;", code)
    # So that a type may be called C, and a method sequence_number.
    code = _CLIENT.sub(r"impl <Client_: \1> \2 for Client_ {", code)
    code = code.replace("self.sequence_number()", "TThriftClient::sequence_number(self)")
    code = _METHOD.sub(lambda match: match[1] + _raw(match[2]), code)
    code = _CONSTANT.sub(_escaped, code)
    code = _BYTES.sub(lambda match: f'{match[1]}"{_escape(match[2][1:-1])}".as_bytes(){match[3]}', code)
    code = _TEXT.sub(_escaped, code)
    for size in ("list_ident.size", "set_ident.size"):
        code = code.replace(
            f"Vec::with_capacity({size} as usize)", f"Vec::with_capacity(thrift::protocol::prealloc_size({size}))"
        )
    code = code.replace(
        'Ok(ret.expect("return value should have been constructed"))',
        "ret.ok_or_else(|| thrift::Error::Protocol(ProtocolError::new("
        'ProtocolErrorKind::InvalidData, "received a union with an unknown field")))',
    )
    return re.sub(r'(write!\(f, "remote service threw \w+)("\))', r'\1: {:?}", self)', code)


def _escaped(match: re.Match[str]) -> str:
    return match[1] + _escape(match[2]) + match[3]


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\r", "\\r")


def _mend(folder: Path) -> None:
    for path in folder.glob("*.rs"):
        path.write_text(mended(path.read_text(encoding="utf-8")), encoding="utf-8")


LANGUAGE = Language(
    name="rust",
    title="Rust",
    generator="rs",
    namespace="rs",
    folder=_FOLDER,
    runtime="crate thrift 0.25",
    needs="Rust 1.85",
    build=("cargo build --quiet",),
    first_call="examples/first_call.rs",
    run="cargo run --quiet --example first_call --",
    names=_names,
    mend=_mend,
    taken={
        "parameter": frozenset({"await", "dyn", "message_ident"}),
        "field": frozenset({"await", "dyn"}),
        "member": frozenset({"ENUM_VALUES", "enum_values"}),
    },
    # Tried with 0.17 and 0.25.
    before=(0, 18),
)
