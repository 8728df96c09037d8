"""Run the code blocks of one Markdown file, in order, and compare what they print: python run_blocks.py FILE.md

The rules, which CONTRIBUTING.md tells to writers:

- ``python``: run, all blocks of a file in one namespace. A block whose first line is ``# name.py`` is saved under that
  name instead.
- ``toml`` whose first line is ``# name.toml``: saved under that name.
- ``text`` right after a python block: what that block prints.
- ``console``: lines that begin with ``$`` are commands, the others what they print. A command that ends with ``&``
  goes on until the file ends.
- ``...`` in what is printed stands for anything.
- Ports 9090 to 9099 stand for free ports. Blocks of any other kind are not run.

Runs in the current folder, which should be empty. Exit code 1: a block fails; it is named on stderr.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COMMAND_S = 60
_FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"# ([\w.-]+\.\w+)\n")
_PORT = re.compile(r"\b909\d\b")


class BlockError(Exception):
    """A block that does not do what stands there."""


@dataclass(frozen=True)
class Block:
    """What stands between two fences; ``follows`` is whether only blank lines part it from the block before."""

    kind: str
    text: str
    line: int
    follows: bool


def blocks_of(markdown: str) -> list[Block]:
    """All fenced blocks, in order."""
    blocks = []
    end = 0
    for match in _FENCE.finditer(markdown):
        line = markdown.count("\n", 0, match.start()) + 2
        blocks.append(Block(match[1], match[2], line, markdown[end : match.start()].strip() == ""))
        end = match.end()
    return blocks


def fits(expected: str, got: str) -> bool:
    """Whether what was printed is what was expected; ``...`` stands for anything, blanks at line ends do not count."""
    wanted, printed = (re.sub(r"[ \t]+$", "", text.strip("\n"), flags=re.MULTILINE) for text in (expected, got))
    pattern = ".*?".join(re.escape(part) for part in wanted.split("..."))
    return re.fullmatch(pattern, printed, re.DOTALL) is not None


class Ports:
    """Free ports in place of those that the text names, and back again in what is printed."""

    def __init__(self) -> None:
        self._real: dict[str, str] = {}

    def real(self, text: str) -> str:
        """The text with real ports."""
        return _PORT.sub(lambda match: self._port(match[0]), text)

    def shown(self, text: str) -> str:
        """The text with the ports that the file names."""
        for named, port in self._real.items():
            text = re.sub(rf"\b{port}\b", named, text)
        return text

    def _port(self, named: str) -> str:
        if named not in self._real:
            with socket.create_server(("127.0.0.1", 0)) as sock:
                self._real[named] = str(sock.getsockname()[1])
        return self._real[named]


class Document:
    """One file that is being run."""

    def __init__(self, path: Path) -> None:
        self._name = path.name
        self._blocks = blocks_of(path.read_text())
        self._ports = Ports()
        self._namespace: dict[str, Any] = {"__name__": "__main__"}
        self._background: list[subprocess.Popen[str]] = []

    def run(self) -> None:
        """Run all blocks; raises BlockError at the first that fails."""
        os.environ["PYRPC_PORT"] = self._ports.real("9090")
        _put_commands_on_path()
        sys.path.insert(0, os.getcwd())
        try:
            for index, block in enumerate(self._blocks):
                following = self._blocks[index + 1] if index + 1 < len(self._blocks) else None
                if block.kind == "python":
                    self._python(block, following)
                elif block.kind == "console":
                    self._console(block)
                elif block.kind == "toml" and (file := _FILE.match(block.text)) is not None:
                    Path(file[1]).write_text(block.text)
        finally:
            self._end_background()

    # -- python

    def _python(self, block: Block, following: Block | None) -> None:
        text = self._ports.real(block.text)
        file = _FILE.match(text)
        if file is not None:
            Path(file[1]).write_text(text)
            return
        printed = io.StringIO()
        # Line numbers in tracebacks are those of the file.
        code = compile("\n" * (block.line - 1) + text, self._name, "exec")
        with contextlib.redirect_stdout(printed):
            exec(code, self._namespace)
        if following is not None and following.kind == "text" and following.follows:
            self._compare(following.line, following.text, printed.getvalue())

    def _compare(self, line: int, expected: str, got: str) -> None:
        got = self._ports.shown(got)
        if not fits(expected, got):
            raise BlockError(f"{self._name}:{line}: printed\n{got}\nwhere expected was\n{expected}")

    # -- commands

    def _console(self, block: Block) -> None:
        text = block.text.replace("\\\n", "")
        for part in re.split(r"^(?=\$ )", text, flags=re.MULTILINE):
            if part.strip():
                command, _, expected = part.removeprefix("$ ").partition("\n")
                self._command(block.line, self._ports.real(command.strip()), expected)

    def _command(self, line: int, command: str, expected: str) -> None:
        if command.endswith("&"):
            self._compare(line, expected, self._begin(command.removesuffix("&"), expected.strip().count("\n") + 1))
            return
        done = subprocess.run(
            ["bash", "-c", command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=COMMAND_S,
        )
        if done.returncode != 0 and "pyrpc: error: " not in expected:
            raise BlockError(f"{self._name}:{line}: exit code {done.returncode} of {command}\n{done.stdout}")
        self._compare(line, expected, done.stdout)

    def _begin(self, command: str, lines: int) -> str:
        """Start a command that goes on, and return the first lines that it prints."""
        process = subprocess.Popen(
            ["bash", "-c", f"exec {command}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._background.append(process)
        assert process.stdout is not None
        timer = threading.Timer(COMMAND_S, process.kill)
        timer.start()
        printed = "".join(process.stdout.readline() for _ in range(lines))
        timer.cancel()
        threading.Thread(target=process.stdout.read, daemon=True).start()
        return printed

    def _end_background(self) -> None:
        for process in self._background:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        for process in self._background:
            process.wait(COMMAND_S)


def _put_commands_on_path() -> None:
    """Make ``python`` and ``pyrpc`` those of this interpreter, whatever is installed."""
    folder = Path(".bin")
    folder.mkdir()
    for name, arguments in (("python", ""), ("pyrpc", "-m pyrpc")):
        script = folder / name
        script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {arguments} "$@"\n')
        script.chmod(0o755)
    os.environ["PATH"] = f"{folder.resolve()}{os.pathsep}{os.environ['PATH']}"


if __name__ == "__main__":
    try:
        Document(Path(sys.argv[1]).resolve()).run()
    except BlockError as error:
        sys.exit(str(error))
