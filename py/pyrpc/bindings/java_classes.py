"""Take nested classes out of generated Java.

The compiler's Processor and AsyncProcessor do not compile against the library of today, and a client needs neither.
"""

from __future__ import annotations

import re

# What a server needs.
SERVER_CLASSES = ("Processor", "AsyncProcessor")
# What calls without a thread need, on Thrift's transport for it alone.
ASYNC_CLASSES = ("AsyncIface", "AsyncClient")


class NoSuchClassError(Exception):
    """The source has no class of that name where one is to be taken out."""


def without_classes(source: str, names: tuple[str, ...]) -> str:
    """The source of a class without some of its nested classes and interfaces.

    The compiler indents what is nested by two spaces, and so the brace that ends it.

    Raises
    ------
    NoSuchClassError
        One of them is not there, or does not end: the compiler writes otherwise than it did.
    """
    for name in names:
        first = re.search(rf"^  public (?:static class|interface) {re.escape(name)}\b.*\n", source, re.MULTILINE)
        if first is None:
            raise NoSuchClassError(f"there is no nested class {name}")
        end = re.compile(r"^  \}\n\n?", re.MULTILINE).search(source, first.end())
        if end is None:
            raise NoSuchClassError(f"the nested class {name} does not end")
        source = source[: first.start()] + source[end.end() :]
    return source
