"""Mends what the compiler writes for Kotlin.

Its clients are those of Thrift's asynchronous Java library, which close the connection after each error that a node
tells, and take no reply above 100 MB; they become clients over the small library of the bindings. Its processors, which
a client does not need, do not build with the library of today. Services forget what they extend, texts in constants
are not quoted, and constants of lists, maps and structs have no value.
"""

from __future__ import annotations

import json
import re

from pyrpc.errors import ConfigError

CALLER = "io.pyrpc.kotlin.Caller"
_CLASS = re.compile(r"^class (\w+)Client\(\n.*?\n\): org\.apache\.thrift\.async\.TAsyncClient\([^\n]*\n", re.M | re.S)
_SEQUENCE = "\n  private val seqId = java.util.concurrent.atomic.AtomicInteger()\n"
_END = "  private suspend fun <R> org.apache.thrift.async.TAsyncClient.transformCallback("
_BODY = re.compile(r"    return transformCallback \{\n.*?ProcessCall\.(\w+)Call\(args.*?\n    \}\n", re.S)
_RESULT = re.compile(r"val result = (\S+)\(\)\.apply \{ read\(protocol\) \}\n(.*?)        \}\n      \}\n", re.S)
_UNKNOWN = "returnString failed: unknown result"
_EMPTY_CONSTANT = re.compile(r"^val (\w+): [^\n]*= *\n(?=const val |val |typealias |\n|\Z)", re.M)
_TEXT_CONSTANT = re.compile(
    r'^(const val \w+: kotlin\.String = )"(.*?)"\n(?=const val |val |typealias |\n|\Z)', re.M | re.S
)


def mended_client(source: str) -> str:
    """A client that calls by a ``Caller``."""
    head, found, calls = source.partition(_END)
    name = _CLASS.search(head)
    if not found or name is None or _SEQUENCE not in head:
        raise _other_code("a client")
    head = _CLASS.sub(rf"class \1Client(private val caller: {CALLER}) : \1 {{\n", head).replace(_SEQUENCE, "")
    known = dict(_calls(calls))
    return _BODY.sub(lambda match: known[match[1]], head) + "}\n"


def _calls(source: str) -> list[tuple[str, str]]:
    """What calls each method, by the name of its class."""
    made = []
    for chunk in source.split("\n    class ")[1:]:
        method = re.search(r'TMessage\("(\w+)"', chunk)
        if method is None:
            raise _other_code("a call")
        made.append((chunk[: chunk.index("Call(")], _call(method[1], _RESULT.search(chunk))))
    return made


def _call(method: str, result: re.Match[str] | None) -> str:
    if result is None:
        return f'    this.caller.callOneway("{method}", args)\n'
    lines = [f'val result = this.caller.call("{method}", args, {result[1]}())']
    for line in result[2].replace(_UNKNOWN, f"{method} failed: unknown result").splitlines():
        text = line.strip()
        lines.append(f"return {text}" if text.startswith("result.success") else text)
    return "".join(f"    {line}\n" for line in lines)


def with_base(source: str, service: str, base: str) -> str:
    """A service, or its client, that extends another; ``base`` is that with its package."""
    package, _, name = base.rpartition(".")
    client = f"{package}.{name}Client" if package else f"{name}Client"
    source = source.replace(f"\ninterface {service} {{\n", f"\ninterface {service} : {base} {{\n")
    return source.replace(
        f"\nclass {service}Client(private val caller: {CALLER}) : {service} {{\n",
        f"\nclass {service}Client(private val caller: {CALLER}) : {service}, {base} by {client}(caller) {{\n",
    )


def mended_constants(source: str) -> str:
    """Constants whose texts are quoted; those that the compiler writes no value of are left out, and named."""
    source = _TEXT_CONSTANT.sub(lambda match: f"{match[1]}{quoted(match[2])}\n", source)
    return _EMPTY_CONSTANT.sub(r"// \1: the compiler writes no constants of lists, sets, maps and structs.\n", source)


def mended_class(source: str) -> str:
    """A struct that can have fields called ``it``, and fields whose type is another name for a container."""
    source = source.replace("writeField(IT_FIELD_DESC) {\n", "writeField(IT_FIELD_DESC) { _ ->\n")
    containers = re.findall(r"va[lr] (\w+): kotlin\.collections\.", source)
    for name in dict.fromkeys(containers):
        source = source.replace(
            f".thenBy {{ it.{name} }}", f".thenBy(org.apache.thrift.TBaseHelper::compareTo) {{ it.{name} }}"
        )
    return source


def quoted(text: str) -> str:
    """A text as Kotlin writes it."""
    return json.dumps(text).replace("$", "\\$")


def _other_code(what: str) -> ConfigError:
    return ConfigError(
        "the Thrift compiler writes other Kotlin than can be mended",
        expected=f"{what} as compiler 0.17 writes it",
        help="use compiler 0.17, or bindings of Java",
    )
