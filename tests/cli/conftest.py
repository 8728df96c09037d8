"""The real command as a process, and real nodes to ask."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from pyrpc.cli.main import main

PATIENCE_S = 30.0

SERVICES = '''
"""What the nodes of these tests host."""
import os
import pathlib
import time

import numpy as np

import pyrpc

print("said at the import")


class Lab:
    """Stages of all kinds."""

    @pyrpc.stage(takes="uint8[n,8,8]", gives="float32[n,64]", idempotent=True)
    def extract(self, images, scale: float = 1.0):
        """Features of each picture.

        The second paragraph.
        """
        print("said by the stage")
        return images.reshape(len(images), 64).astype(np.float32) * np.float32(scale)

    def pair(self, images):
        return images.sum(axis=(1, 2)), images.mean(axis=(1, 2))

    @pyrpc.stage(batch=pyrpc.Batch())
    def halve(self, images):
        return images // 2

    def total(self, images):
        return {"sum": images.sum(), "rows": len(images)}

    def short(self, images):
        return images[1:]

    def echo(self, x=None, **named):
        return {"x": x, **named} if named else x

    def pid(self) -> int:
        return os.getpid()

    def fail(self, x=None):
        raise ValueError("two\\nlines, and \\x1b[31m red")

    def hold(self, started, go):
        """Tell that it runs, and run until it may go."""
        pathlib.Path(started).touch()
        while not pathlib.Path(go).exists():
            time.sleep(0.005)
        return "done"

    def watch(self, x, started, stopped):
        """Tell that it runs, and run until nobody waits for it."""
        pathlib.Path(started).touch()
        while not pyrpc.current_call().cancelled:
            time.sleep(0.005)
        pathlib.Path(stopped).touch()


lab = Lab()


def double(x):
    return 2 * x
'''
BROKEN = {
    "raising": "def f():\n    return 1 / 0\nf()\n",
    "incomplete": "import no_such_library\n",
    "unreadable": "def f(:\n    pass\n",
    "program": "import sys\nsys.exit('usage')\n",
    "dying": "import os\nos._exit(7)\n",
    "needy": "class Needy:\n    def __init__(self, size): pass\n    def f(self): pass\n",
    "poor": "class Poor:\n    def __init__(self): raise RuntimeError('no device')\n    def f(self): pass\n",
    "hollow": "class Only:\n    def f(self): pass\n",
}


@dataclass
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """Of standard error."""
        return self.err.splitlines()


@dataclass
class Command:
    """Runs ``pyrpc`` in a folder."""

    folder: Path
    extra_env: dict[str, str] = field(default_factory=dict)

    @property
    def env(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PYRPC_")}
        return {**kept, "COLUMNS": "120", "TERM": "xterm", "LC_ALL": "C.UTF-8", **self.extra_env}

    def start(self, *args: object, **options: object) -> subprocess.Popen[str]:
        """The process; its output is piped unless options say otherwise."""
        piped = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        command = [sys.executable, "-m", "pyrpc", *map(str, args)]
        return subprocess.Popen(command, cwd=self.folder, env=self.env, **{**piped, **options})  # type: ignore[call-overload,no-any-return]

    def __call__(self, *args: object, input: bytes | None = None) -> Done:
        """Run it to its end."""
        stdin = subprocess.DEVNULL if input is None else subprocess.PIPE
        with self.start(*args, stdin=stdin, text=False) as process:
            out, err = process.communicate(input, timeout=PATIENCE_S)
        return Done(process.returncode, out.decode(errors="replace"), err.decode())

    def on_terminal(self, *args: object, without: str = "") -> Done:
        """Run it on a terminal of 120 columns, as if the module ``without`` were not installed."""
        ours, theirs = pty.openpty()
        program = f"import sys; sys.modules[{without!r}] = None; from pyrpc.cli.main import main; sys.exit(main())"
        command = [sys.executable, "-c", program, *map(str, args)]
        process = subprocess.Popen(command, cwd=self.folder, env=self.env, stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        shown = b""
        # On Linux the end of a terminal is an error.
        with contextlib.suppress(OSError):
            while more := os.read(ours, 65536):
                shown += more
        os.close(ours)
        return Done(process.wait(PATIENCE_S), shown.decode(), "")


class Node:
    """A node that ``pyrpc serve`` started."""

    def __init__(self, command: Command, *args: object) -> None:
        self.process = command.start("serve", *args)
        assert self.process.stdout is not None
        self.ready_line = self.process.stdout.readline()
        if not self.ready_line:
            raise AssertionError(f"not ready: {self.process.communicate()[1]}")
        self.endpoint = self.ready_line.removeprefix("listening on ").strip()

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def end(self) -> tuple[int, str, str]:
        """Wait for its end: exit code, the rest of standard output, and standard error."""
        out, err = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, out, err


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> Iterator[None]:
    """A shell in the background starts pytest with Ctrl-C switched off, which its children inherit."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Modules to host, and arrays to send."""
    path = tmp_path_factory.mktemp("cli")
    (path / "lab.py").write_text(SERVICES)
    for name, source in BROKEN.items():
        (path / f"{name}.py").write_text(source)
    images = np.random.default_rng(3).integers(0, 256, (1000, 8, 8), dtype=np.uint8)
    np.save(path / "images.npy", images)
    np.save(path / "few.npy", images[:10])
    np.save(path / "none.npy", images[:0])
    np.save(path / "objects.npy", np.array([{}], dtype=object))
    np.savez(path / "two.npz", a=np.arange(3), b=np.ones(2))
    (path / "text.npy").write_text("no array")
    (path / "some.json").write_text('{"a": [1, null]}')
    return path


@pytest.fixture(scope="module")
def pyrpc_command(folder: Path) -> Command:
    """The command, in the folder."""
    return Command(folder)


@pytest.fixture(scope="module")
def start_node(pyrpc_command: Command) -> Iterator[Callable[..., Node]]:
    """Starts nodes that end with the module's tests at the latest."""
    with contextlib.ExitStack() as stack:

        def start(*args: object) -> Node:
            node = Node(pyrpc_command, *args, "--port", 0)
            stack.callback(_end, node)
            return node

        yield start


def _end(node: Node) -> None:
    if node.process.poll() is None:
        node.process.terminate()
        try:
            node.process.wait(5)
        except subprocess.TimeoutExpired:
            node.process.kill()
    node.process.communicate()


@pytest.fixture(scope="module")
def endpoint(start_node: Callable[..., Node]) -> str:
    """A node that hosts Lab."""
    return start_node("lab:Lab").endpoint


@pytest.fixture
def here(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., Done]]:
    """Runs the command in this process: a process of its own for each case of a table would take its time."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name in ("PYRPC_ENDPOINTS", "PYRPC_PORT"):
        monkeypatch.delenv(name, raising=False)
    modules = set(sys.modules)

    def run(*args: object) -> Done:
        code = main([str(arg) for arg in args])
        out, err = capfd.readouterr()
        return Done(code, out, err)

    yield run
    for name in set(sys.modules) - modules:
        if Path(getattr(sys.modules[name], "__file__", None) or os.devnull).parent == folder:
            del sys.modules[name]


@pytest.fixture
def until() -> Callable[[Callable[[], object]], None]:
    """Waits until something is so."""

    def wait(is_so: Callable[[], object]) -> None:
        end = time.monotonic() + PATIENCE_S
        while not is_so():
            assert time.monotonic() < end, "it never came to be"
            time.sleep(0.01)

    return wait
