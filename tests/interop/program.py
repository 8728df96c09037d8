"""A program in another language: made of bindings, built, and run against a node."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.interop.checks import CHECKS

TOP = Path(__file__).resolve().parents[2]
SERVICE = TOP / "tests/interop/service.py"
_LINE = re.compile(r"(ok|fail|none) ([^:]*?)(?:: (.*))?$")
_BUILD_S = 1200
_RUN_S = 300


class BuildError(AssertionError):
    """A command failed; what it printed is told."""


@dataclass(frozen=True)
class Outcome:
    """How a check ended: ``word`` is ok, fail or none, ``note`` what stands after it."""

    word: str
    note: str


@dataclass(frozen=True)
class Program:
    """The program of one language.

    Attributes
    ----------
    name : str
        Of its folder, and of its row in the results.
    title : str
        Of its row in the table.
    runtime : str
        The Thrift library and its version, for the table.
    run : str
        Shell command that runs it, in the folder of the bindings; host, port and protocol are added.
    files : mapping of str to str
        Files beside the test, and where they go in the folder of the bindings.
    build : tuple of str
        Shell commands that build it, after those of the bindings.
    lacks : mapping of str to str
        Checks that the language cannot pass, and why; a protocol may stand before the name: ``compact 64 MiB``.
    bindings : str or None
        The language of ``pyrpc bindings``; None: the program does without.
    environment : mapping of str to str
        Of all commands; ``{cache}`` stands for a folder that stays.
    """

    name: str
    title: str
    runtime: str
    run: str
    files: Mapping[str, str]
    build: tuple[str, ...] = ()
    lacks: Mapping[str, str] = field(default_factory=dict)
    bindings: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)

    def make(self, folder: Path) -> Built:
        """Make its bindings in a folder, and build them and it."""
        if self.bindings is None:
            folder.mkdir()
            built = self._in(folder)
        else:
            built = self.make_bindings(folder, f"{SERVICE}:Interop")
        for source, place in self.files.items():
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(SERVICE.parent / self.name / source, folder / place)
        for command in self.build:
            built.shell(command, _BUILD_S)
        return built

    def make_bindings(self, folder: Path, source: str) -> Built:
        """Make bindings for a service or an IDL in a folder, and build them as their README says."""
        from pyrpc.bindings import LANGUAGES

        assert self.bindings is not None
        built = self._in(folder)
        arguments = ["-m", "pyrpc", "bindings", self.bindings, source, "-o", str(folder)]
        _command([sys.executable, *arguments], TOP, built.environment, _BUILD_S)
        for command in LANGUAGES[self.bindings].build:
            built.shell(command, _BUILD_S)
        return built

    def _in(self, folder: Path) -> Built:
        cache = os.environ.get("PYRPC_INTEROP_CACHE") or str(folder)
        added = {key: value.format(cache=cache) for key, value in self.environment.items()}
        return Built(self, folder, {**os.environ, "PYTHON": sys.executable, **added})

    def lack(self, protocol: str, check: str) -> str | None:
        """Why it cannot pass a check, if it cannot."""
        return self.lacks.get(f"{protocol} {check}", self.lacks.get(check))


@dataclass(frozen=True)
class Built:
    """A program that can be run."""

    program: Program
    folder: Path
    environment: Mapping[str, str]

    def shell(self, command: str, timeout_s: float, more: Mapping[str, str] | None = None) -> str:
        """What a shell command prints, in the folder; ``more`` is added to the environment."""
        return _command(["sh", "-c", command], self.folder, {**self.environment, **(more or {})}, timeout_s)

    def first_call(self, host: str, port: str) -> str:
        """What the first call of the bindings prints."""
        from pyrpc.bindings import LANGUAGES

        assert self.program.bindings is not None
        return self.shell(f"{LANGUAGES[self.program.bindings].run} {host} {port}", _RUN_S)

    def checks(self, host: str, port: str, protocol: str, secure: Mapping[str, str]) -> dict[str, Outcome]:
        """How each check ends in one protocol; those that it says nothing of are missing."""
        output = self.shell(f"{self.program.run} {host} {port} {protocol}", _RUN_S, secure)
        print(output)
        found = filter(None, map(_LINE.match, output.splitlines()))
        outcomes = {match[2]: Outcome(match[1], match[3] or "") for match in found}
        unknown = set(outcomes) - set(CHECKS)
        assert not unknown, f"nobody asked for {unknown}"
        return outcomes


def write_results(program: Program, outcomes: Mapping[str, Mapping[str, Outcome]], folder: Path) -> None:
    """One row of the table, as JSON."""
    checks = {
        check: {
            protocol: [found[check].word, found[check].note] for protocol, found in outcomes.items() if check in found
        }
        for check in CHECKS
    }
    row = {"title": program.title, "runtime": program.runtime, "lacks": dict(program.lacks), "checks": checks}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{program.name}.json").write_text(json.dumps(row, indent=1, ensure_ascii=False) + "\n")


def _command(command: list[str], folder: Path, environment: Mapping[str, str], timeout_s: float) -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=timeout_s,
        check=False,
    )
    output = done.stdout.decode(errors="replace")
    if done.returncode:
        raise BuildError(f"{' '.join(command)}: exit code {done.returncode}\n{output[-8000:]}")
    return output
