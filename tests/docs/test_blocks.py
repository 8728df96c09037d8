"""The code blocks of README and docs run, and print what stands below them."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
RUNNER = Path(__file__).with_name("run_blocks.py")
PATTERNS = ("*.md", "docs/**/*.md", "thrift/*.md", "examples/*/*.md", "benchmarks/*.md")
FILES = sorted(path for pattern in PATTERNS for path in TOP.glob(pattern))


def has_blocks(path: Path) -> bool:
    return any(f"```{kind}\n" in path.read_text() for kind in ("python", "console"))


WITH_BLOCKS = [path for path in FILES if has_blocks(path)]


def run(path: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYRPC_")}
    command = [sys.executable, str(RUNNER), str(path)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=110)


@pytest.mark.parametrize("path", WITH_BLOCKS, ids=lambda path: str(path.relative_to(TOP)))
def test_blocks_run_and_print_what_stands_there(path: Path, tmp_path: Path) -> None:
    done = run(path, tmp_path)
    assert done.returncode == 0, done.stderr


# -- the rules of the runner themselves

PYTHON = "```python\n{}\n```\n"


@pytest.mark.parametrize(
    "markdown",
    [
        PYTHON.format("x = 1") + PYTHON.format("print(x + 1)") + "\n```text\n2\n```\n",
        PYTHON.format("print('a 7 b')") + "\n```text\na ... b\n```\n",
        PYTHON.format("print(1)") + "\nBy the way:\n```text\n2\n```\n",
        PYTHON.format("# seven.py\nSEVEN = 7") + PYTHON.format("from seven import SEVEN"),
        "```toml\n# a.toml\nx = 7\n```\n```console\n$ cat a.toml\n# a.toml\nx = 7\n```\n",
        "```console\n$ echo one\none\n$ echo \\\n    two\ntwo\n```\n",
        "```console\n$ sh -c 'echo ready; sleep 60' &\nready\n```\n",
        "```console\n$ pyrpc no-such-command\npyrpc: error: ...\n```\n",
        PYTHON.format("import os; print(9090 == int(os.environ['PYRPC_PORT']))") + "```text\nTrue\n```\n",
        "```sh\nfalse\n```\n",
    ],
)
def test_runner_accepts(markdown: str, tmp_path: Path) -> None:
    document = tmp_path / "doc.md"
    document.write_text(markdown)
    done = run(document, tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("markdown", "complaint"),
    [
        (PYTHON.format("print(1)") + "```text\n2\n```\n", "doc.md:5: printed\n1"),
        (PYTHON.format("x = 1\nx / 0"), "doc.md"),
        ("```console\n$ false\n```\n", "exit code 1 of false"),
        ("```console\n$ echo 1\n2\n```\n", "printed\n1"),
    ],
)
def test_runner_refuses(markdown: str, complaint: str, tmp_path: Path) -> None:
    document = tmp_path / "doc.md"
    document.write_text(markdown)
    done = run(document, tmp_path)
    assert done.returncode == 1
    assert complaint in done.stderr


def test_ports_are_shown_as_the_file_names_them() -> None:
    spec = importlib.util.spec_from_file_location("run_blocks", RUNNER)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    ports = module.Ports()
    real = ports.real("serve --port 9091, 19091")
    assert real != "serve --port 9091, 19091"
    assert ports.shown(real) == "serve --port 9091, 19091"
