"""Arrows between the parts of pyrpc only go down. Reads the sources, also imports that run late or never."""

from __future__ import annotations

import ast
import graphlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "py/pyrpc"

GROUND = {"errors", "deadline"}
BELOW_PROGRAMS = GROUND | {"wire", "stage", "idl", "transport", "plan", "tracing"}
PROGRAMS = {"client", "server", "simulate"}
# Part -> parts it may import beside itself. "pyrpc" is the front door, `import pyrpc` itself.
ALLOWED = {
    "errors": set(),
    "deadline": set(),
    "wire": GROUND,
    "stage": GROUND | {"wire"},
    "idl": GROUND | {"wire", "stage"},
    "transport": GROUND | {"wire"},
    "plan": GROUND,
    "tracing": GROUND,
    **dict.fromkeys(PROGRAMS, BELOW_PROGRAMS),
    "testing": BELOW_PROGRAMS | PROGRAMS | {"pyrpc"},
    # demo is what one subcommand runs, and prints as the others do: one layer with cli, without circles of modules.
    "bindings": GROUND | {"wire", "stage", "idl"},
    "demo": BELOW_PROGRAMS | PROGRAMS | {"pyrpc", "cli"},
    "cli": BELOW_PROGRAMS | PROGRAMS | {"pyrpc", "demo", "bindings"},
    "pyrpc": BELOW_PROGRAMS | PROGRAMS,
    "__main__": {"cli"},
}

SOCKETS = {"socket", "selectors", "select", "ssl", "socketserver", "asyncio"}
PROCESSES = {"subprocess", "multiprocessing"}
THREADS = {"threading", "_thread", "concurrent", "queue"}
NOT_PURE = SOCKETS | PROCESSES | THREADS | {"time", "datetime", "random", "secrets", "os", "numpy"}
THREAD_MAKERS = {"Thread", "Timer", "ThreadPoolExecutor", "start_new_thread"}
CORE_DEPENDENCIES = {"numpy", "thrift"}
# Parts that may start processes and use the extras: nothing that a node or a caller needs.
OUTERMOST = {"bindings", "cli", "demo", "testing"}
PLOT = "pyrpc.client.receipt.plot"
METRICS = "pyrpc.server.metrics"


class Tree:
    """The modules of a source tree, what they import, and what of that breaks a rule."""

    def __init__(self, package: Path) -> None:
        self.parsed = {self._name(package, path): ast.parse(path.read_text()) for path in package.rglob("*.py")}
        self.packages = {self._name(package, path) for path in package.rglob("__init__.py")}
        self.parsed = {name: tree for name, tree in self.parsed.items() if not name.startswith("pyrpc.wire.gen")}
        self.front_door = {
            alias.asname or alias.name: node.module
            for node in ast.walk(self.parsed.get("pyrpc", ast.Module([], [])))
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("pyrpc.")
            for alias in node.names
        }

    @staticmethod
    def _name(package: Path, path: Path) -> str:
        parts = path.relative_to(package.parent).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    def imports(self, module: str) -> Iterator[str]:
        """Every module that this one names in an import statement, wherever that stands."""
        for node in ast.walk(self.parsed[module]):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                source = self._source(module, node)
                yield from filter(None, (self._target(source, alias.name) for alias in node.names))
            elif isinstance(node, ast.Call) and called_name(node) in {"import_module", "__import__"}:
                yield from (arg.value for arg in node.args if isinstance(arg, ast.Constant))

    def _source(self, module: str, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        parts = module.split(".")
        above = parts[: len(parts) - node.level + (module in self.packages)]
        return ".".join([*above, *([node.module] if node.module else [])])

    def _target(self, source: str, name: str) -> str | None:
        """What `from source import name` reaches: a module, a name of the front door, or something in source."""
        if f"{source}.{name}" in self.parsed or f"{source}.{name}" == "pyrpc.wire.gen":
            return f"{source}.{name}"
        if source == "pyrpc":
            return None if name == "__version__" else self.front_door.get(name, source)
        return source

    def violations(self) -> list[str]:
        """Every broken rule, one line each; empty when all is well."""
        rows = [row for module in sorted(self.parsed) for row in self._violations_of(module)]
        return rows + self._circles()

    def _violations_of(self, module: str) -> Iterator[str]:
        part = part_of(module)
        if part not in ALLOWED:
            yield f"{module}: part {part} has no line in the table of layers"
            return
        for target in self.imports(module):
            top = target.split(".")[0]
            if top == "pyrpc":
                if part_of(target) not in {part, *ALLOWED[part]}:
                    yield f"{module} imports {target}: not an arrow that goes down"
                if target.startswith("pyrpc.wire.gen") and part != "wire":
                    yield f"{module} imports {target}: only wire sees generated code"
            elif not may_import(module, part, top):
                yield f"{module} imports {target}: not for this part"
        if part == "client" and module != "pyrpc.client.scatter" and makes_threads(self.parsed[module]):
            yield f"{module} starts threads: only pyrpc.client.scatter does"

    def _circles(self) -> list[str]:
        graph = {module: {target for target in self.imports(module) if target in self.parsed} for module in self.parsed}
        try:
            graphlib.TopologicalSorter(graph).prepare()
        except graphlib.CycleError as error:
            return ["circle: " + " -> ".join(reversed(error.args[1]))]
        return []


def part_of(module: str) -> str:
    """pyrpc.client.resolve.static -> client; the front door is a part of its own."""
    return [*module.split("."), "pyrpc"][1]


def may_import(module: str, part: str, top: str) -> bool:
    """Whether a module may import something from outside pyrpc, by its top-level name."""
    if part == "plan" and top in NOT_PURE:
        return False
    if part == "idl" and top in NOT_PURE - {"numpy"}:
        return False
    if top in SOCKETS:
        # testing plays the network, with faults.
        return part in {"transport", "testing"}
    if top in PROCESSES:
        return part in OUTERMOST or module == "pyrpc.server.workers"
    if top in sys.stdlib_module_names or top in CORE_DEPENDENCIES:
        return True
    # A receipt draws a picture where somebody asks for one.
    extras = {(PLOT, "matplotlib"), (METRICS, "prometheus_client"), ("pyrpc.tracing", "opentelemetry")}
    return part in OUTERMOST or (part, top) in (("wire", "ml_dtypes"), ("wire", "crc32c")) or (module, top) in extras


def called_name(node: ast.Call) -> str:
    return getattr(node.func, "attr", getattr(node.func, "id", ""))


def makes_threads(tree: ast.Module) -> bool:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and called_name(node) in THREAD_MAKERS:
            return True
        if isinstance(node, ast.ClassDef) and any(ast.unparse(base).endswith("Thread") for base in node.bases):
            return True
    return False


def test_arrows_between_the_parts_only_go_down() -> None:
    tree = Tree(PACKAGE)
    assert len(tree.parsed) > 20
    assert not tree.violations(), "\n".join(tree.violations())


# What each line of the table forbids, and how the check says so.
FORBIDDEN = [
    ("errors", "import pyrpc.deadline", "pyrpc.deadline: not an arrow"),
    ("wire/codec", "from pyrpc.stage import registry", "pyrpc.stage.registry: not an arrow"),
    ("wire/codec", "from ..transport.pool import Pool", "pyrpc.transport.pool: not an arrow"),
    ("transport/pool", "def f():\n    from pyrpc.stage import registry", "pyrpc.stage.registry: not an arrow"),
    ("plan/retry", "from pyrpc.wire import codec", "pyrpc.wire.codec: not an arrow"),
    ("client/client", "from pyrpc.server.server import Server", "pyrpc.server.server: not an arrow"),
    ("client/client", "from pyrpc import Server", "pyrpc.server: not an arrow"),
    ("client/client", "import importlib\nimportlib.import_module('pyrpc.server')", "pyrpc.server: not an arrow"),
    ("client/client", "import pyrpc", "pyrpc: not an arrow"),
    ("server/server", "from pyrpc.client.client import Client", "pyrpc.client.client: not an arrow"),
    ("server/server", "from pyrpc.cli import main", "pyrpc.cli.main: not an arrow"),
    (
        "stage/registry",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from pyrpc.transport.pool import Pool",
        "pyrpc.transport.pool: not an arrow",
    ),
    ("cli/main", "from pyrpc.testing import clock", "pyrpc.testing.clock: not an arrow"),
    ("demo/job", "from pyrpc.cli import main", "circle: "),
    ("client/client", "from pyrpc.demo import job", "pyrpc.demo.job: not an arrow"),
    ("testing/clock", "from pyrpc.cli import main", "pyrpc.cli.main: not an arrow"),
    ("client/gather", "from pyrpc.wire.gen.ttypes import Tensor", "only wire sees generated code"),
    ("client/gather", "from pyrpc.wire import gen", "only wire sees generated code"),
    ("client/gather", "import socket", "socket: not for this part"),
    ("server/server", "import subprocess", "subprocess: not for this part"),
    ("client/gather", "import matplotlib.pyplot", "matplotlib.pyplot: not for this part"),
    ("idl/hints", "import threading", "threading: not for this part"),
    ("idl/hints", "from pyrpc.server import server", "pyrpc.server.server: not an arrow"),
    ("wire/codec", "from pyrpc.idl.model import Type", "pyrpc.idl.model: not an arrow"),
    ("plan/retry", "import time", "time: not for this part"),
    ("plan/retry", "from numpy.random import default_rng", "numpy.random: not for this part"),
    ("client/gather", "import threading\nthreading.Thread(target=print)", "pyrpc.client.gather starts threads"),
    ("client/gather", "from threading import Thread\nclass T(Thread): ...", "pyrpc.client.gather starts threads"),
    ("util/strings", "", "part util has no line in the table"),
    ("wire/codec", "from pyrpc.wire import status", "circle: "),
]


@pytest.fixture
def healthy(tmp_path: Path) -> Path:
    """A small tree that keeps every rule."""
    package = tmp_path / "pyrpc"
    sources = {
        "__init__": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from pyrpc.server import Server",
        "errors": "import enum",
        "deadline": "import time",
        "wire/gen/ttypes": "import nothing_that_is_checked",
        "wire/codec": "from pyrpc.wire.gen import ttypes\nimport numpy\nimport ml_dtypes",
        "wire/status": "from pyrpc import errors\nfrom .codec import x",
        "transport/pool": "import socket\nimport threading\nfrom pyrpc.wire import codec",
        "stage/registry": "from ..wire import status",
        "plan/retry": "import heapq\nfrom pyrpc.errors import PyrpcError",
        "client/client": "from pyrpc.client import scatter",
        "client/scatter": "import threading\nthreading.Thread()\nfrom ..plan.retry import x",
        "server/server": "from pyrpc import __version__\nfrom pyrpc.stage.registry import x",
        "server/workers": "import subprocess",
        "testing/clock": "from pyrpc import Server",
        "demo/job": "import sklearn\nfrom pyrpc.client.client import Client",
        "cli/main": "import pyrpc, rich, subprocess\nfrom pyrpc import Server\nfrom pyrpc.demo import job",
        "__main__": "from pyrpc.cli.main import main",
    }
    for name, source in sources.items():
        path = package / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        (path.parent / "__init__.py").touch()
        path.write_text(source)
    return package


def test_tree_that_keeps_the_rules_passes(healthy: Path) -> None:
    assert Tree(healthy).violations() == []


@pytest.mark.parametrize(("module", "source", "complaint"), FORBIDDEN)
def test_broken_rule_is_named(healthy: Path, module: str, source: str, complaint: str) -> None:
    path = healthy / f"{module}.py"
    path.parent.mkdir(exist_ok=True)
    with path.open("a") as file:
        file.write("\n" + source)
    rows = Tree(healthy).violations()
    assert any(complaint in row for row in rows), rows
