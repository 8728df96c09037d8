"""Each example runs as its reader would run it, and prints what stands beside it in expected.txt."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
EXAMPLES = sorted(path.parent for path in TOP.glob("examples/*/main.py"))
# The program that the project began with, as its readers know it.
ARTICLE = """
from pyrpc.server import Server
from pyrpc.client import Client
class MyService(object):
    def add(self, a, b):
        return a + b
server = Server(MyService)
server.start()
client = Client()
result = client.call('MyService.add', 1, 2)
print(result)
"""


def run(example: Path, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run main.py in a fresh process, in an empty folder, with a default port that nobody has."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYRPC_")}
    environment |= {"PYRPC_PORT": str(port), **more}
    command = [sys.executable, str(example / "main.py")]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=100)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_example_prints_what_is_expected(example: Path, tmp_path: Path) -> None:
    done = run(example, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == (example / "expected.txt").read_text()
    assert done.stderr == ""


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_example_says_what_it_shows_and_how_to_run_it(example: Path) -> None:
    text = (example / "README.md").read_text()
    assert text.startswith("# ")
    assert f"python examples/{example.name}/main.py" in text


def test_each_folder_of_examples_is_run() -> None:
    folders = [path for path in TOP.glob("examples/[0-9]*") if path.is_dir()]
    assert sorted(folders) == EXAMPLES


def test_first_example_is_the_article_word_for_word() -> None:
    lines = (TOP / "examples/01_article/main.py").read_text().splitlines()
    assert [line for line in lines if line.strip()] == ARTICLE.strip().splitlines()


@pytest.mark.skipif(shutil.which("thrift") is None, reason="the Thrift compiler is not installed")
def test_stock_client_needs_nothing_but_what_the_compiler_writes(tmp_path: Path) -> None:
    subprocess.run(["thrift", "--gen", "py", "-out", tmp_path, TOP / "thrift/pyrpc.thrift"], check=True)
    paths = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
    example = TOP / "examples/08_stock_thrift"
    done = run(example, tmp_path, PYTHONPATH=paths)
    assert (done.returncode, done.stdout) == (0, (example / "expected.txt").read_text()), done.stderr
