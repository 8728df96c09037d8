"""Under a lock only fields are read and written; docs/concurrency.md names every lock. Reads the sources."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[1]
# testing and demo are for tests and for show.
PARTS = ("client", "server", "transport", "plan", "stage", "wire", "cli")
MAKERS = {"Lock", "RLock", "Condition", "Semaphore", "BoundedSemaphore"}
# Methods whose name tells that they block, do input or output, log, or run what somebody else wrote.
NOT_UNDER_A_LOCK = {
    *("send", "sendall", "sendmsg", "recv", "recv_into", "connect", "accept", "shutdown", "select", "exchange"),
    *("debug", "info", "warning", "error", "exception", "critical", "print", "write", "flush", "open"),
    *("sleep", "join", "result", "set_result", "set_exception", "progress", "request", "invoke", "call"),
}


def sources() -> Iterator[tuple[Path, ast.Module]]:
    for part in PARTS:
        for path in sorted((TOP / "py/pyrpc" / part).rglob("*.py")):
            if "gen" not in path.parts:
                yield path, ast.parse(path.read_text())


def called(node: ast.Call) -> str:
    return getattr(node.func, "attr", getattr(node.func, "id", ""))


def locks_of(tree: ast.Module) -> Iterator[str]:
    """``Class.attribute`` of each lock that is kept in an attribute."""
    for cls in ast.walk(tree):
        if not isinstance(cls, ast.ClassDef):
            continue
        for node in ast.walk(cls):
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and called(node.value) in MAKERS:
                for target in node.targets:
                    if isinstance(target, ast.Attribute):
                        yield f"{cls.name}.{target.attr}"


def is_lock(expression: ast.expr) -> bool:
    return isinstance(expression, ast.Attribute) and expression.attr in {"_lock", "_changed"}


def calls_under_a_lock(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.With) and any(is_lock(item.context_expr) for item in node.items):
            for statement in node.body:
                for inner in ast.walk(statement):
                    if isinstance(inner, ast.Call):
                        yield inner.lineno, called(inner)


def test_every_lock_is_named_on_the_page() -> None:
    page = (TOP / "docs/concurrency.md").read_text()
    found = {lock for _, tree in sources() for lock in locks_of(tree)}
    assert len(found) >= 10
    assert sorted(lock for lock in found if f"`{lock}`" not in page) == []


def test_every_lock_on_the_page_is_there() -> None:
    page = (TOP / "docs/concurrency.md").read_text()
    found = {lock for _, tree in sources() for lock in locks_of(tree)} | {"SharedArrays._putting"}
    rows = [line.split("|")[1].strip(" `") for line in page.splitlines() if line.startswith("| `") and "._" in line]
    assert sorted(set(rows) - found) == []


def test_nothing_blocks_or_talks_under_a_lock() -> None:
    broken = [
        f"{path.relative_to(TOP)}:{line} {name}"
        for path, tree in sources()
        for line, name in calls_under_a_lock(tree)
        if name in NOT_UNDER_A_LOCK
    ]
    assert broken == []


@pytest.mark.parametrize("body", ["_log.info('x')", "self._sock.send(b'')", "if x:\n                time.sleep(1)"])
def test_broken_rule_is_found(body: str) -> None:
    source = f"class A:\n    def f(self):\n        with self._lock:\n            {body}\n"
    names = {name for _, name in calls_under_a_lock(ast.parse(source))}
    assert names & NOT_UNDER_A_LOCK
