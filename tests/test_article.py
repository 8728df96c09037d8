"""The program that the project is known by runs word for word, as a script of its own in a fresh process."""

from __future__ import annotations

import fcntl
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

PROGRAM = """\
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
DEFAULT_PORT = 9090
ENDS_S = 30


def run(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the program; a process that does not end by itself is a failure."""
    script = folder / "article.py"
    script.write_text(PROGRAM)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYRPC_")}
    return subprocess.run(
        [sys.executable, str(script)],
        env={**inherited, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=ENDS_S,
    )


def outcome(done: subprocess.CompletedProcess[str]) -> tuple[str, str, int]:
    return done.stdout, done.stderr, done.returncode


def is_free(port: int) -> bool:
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", port))
            sock.listen()
        except OSError:
            return False
    return True


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@pytest.fixture
def default_port_to_ourselves() -> Iterator[None]:
    """Test runs on one machine, such as those of several Pythons, take turns at the one port."""
    with open(Path(tempfile.gettempdir()) / f"pyrpc-tests-{os.getuid()}-port-{DEFAULT_PORT}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def test_program_prints_3_and_ends(tmp_path: Path) -> None:
    for _ in range(5):
        done = run(tmp_path, PYRPC_PORT=str(free_port()))
        # Another process may have been given the port in between.
        if "cannot listen" not in done.stderr:
            break
    assert outcome(done) == ("3\n", "", 0)


def test_program_prints_3_on_the_default_port(tmp_path: Path, default_port_to_ourselves: None) -> None:
    if not is_free(DEFAULT_PORT):
        pytest.skip(f"another program on this machine has port {DEFAULT_PORT}")
    done = run(tmp_path)
    if "cannot listen" in done.stderr:
        pytest.skip(f"another program on this machine took port {DEFAULT_PORT} just now")
    assert outcome(done) == ("3\n", "", 0)


def test_program_runs_again_at_once_on_the_same_port(tmp_path: Path) -> None:
    """The connections of the run before are still on the kernel's books."""
    port = str(free_port())
    for _ in range(2):
        assert outcome(run(tmp_path, PYRPC_PORT=port)) == ("3\n", "", 0)
