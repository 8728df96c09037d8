"""The Thrift compiler: where it is, which version it is, and what it says when it does not like an IDL."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pyrpc.errors import ConfigError
from pyrpc.idl.load import load_documents

TESTED = (0, 17)
HOW_TO_GET_IT = (
    "on Debian or Ubuntu: apt-get install thrift-compiler; on macOS: brew install thrift; --compiler tells where it is"
)
_TIMEOUT_S = 60
_COMPLAINT = re.compile(r"\[(?:ERROR|FAILURE):")


@dataclass(frozen=True, slots=True)
class Compiler:
    """One that works: the command, and its version as numbers."""

    command: str
    version: tuple[int, ...]

    @property
    def version_text(self) -> str:
        """Such as ``0.17.0``."""
        return ".".join(map(str, self.version))

    @property
    def is_tested(self) -> bool:
        """Whether it is the version that the bindings are tested with."""
        return self.version[: len(TESTED)] == TESTED

    def check(self, idl: Path, include_dirs: Sequence[Path]) -> None:
        """Let it read an IDL and what that includes.

        Raises
        ------
        ConfigError
            It does not like it: ``got`` is what it says, with file and line.
        """
        try:
            with tempfile.TemporaryDirectory(prefix="pyrpc-check-") as folder:
                self.generate("json", idl, Path(folder), include_dirs)
        except ConfigError as error:
            # It does not say where a name stands that means nothing.
            if _COMPLAINT.match(error.got or "") is None:
                load_documents(idl, include_dirs)
            raise

    def generate(self, generator: str, idl: Path, folder: Path, include_dirs: Sequence[Path]) -> None:
        """Write the code for one IDL, without what it includes, into a folder.

        Raises
        ------
        ConfigError
            The compiler does not like the IDL: ``got`` is what it says, with file and line.
        """
        includes = [word for each in include_dirs for word in ("-I", str(each))]
        done = _run(self.command, *includes, "--gen", generator, "-out", str(folder), str(idl))
        if done.returncode:
            raise ConfigError(f"the Thrift compiler {self.version_text} refuses {idl.name}", got=_complaint(done))


def find_compiler(command: str = "thrift") -> Compiler:
    """The compiler behind a command.

    Raises
    ------
    ConfigError
        There is none, or it does not tell its version.
    """
    done = _run(command, "-version")
    version = re.match(r"Thrift version (\d+(?:\.\d+)*)", done.stdout)
    if version is None:
        raise ConfigError(
            f"{command} is not the Thrift compiler",
            expected="'Thrift version ...' for -version",
            got=(done.stdout or done.stderr).strip()[:200] or f"exit code {done.returncode}",
            help=HOW_TO_GET_IT,
        )
    return Compiler(command, tuple(map(int, version[1].split("."))))


def _run(command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            [command, *arguments],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_TIMEOUT_S,
            check=False,
        )
    except FileNotFoundError:
        raise ConfigError(f"the Thrift compiler ({command}) is missing", help=HOW_TO_GET_IT) from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigError(f"the Thrift compiler ({command}) does not run", got=str(error), help=HOW_TO_GET_IT) from None


def _complaint(done: subprocess.CompletedProcess[str]) -> str:
    """What it says is wrong; it goes on in the next line, after the place."""
    lines = [line.strip() for line in f"{done.stderr}\n{done.stdout}".splitlines() if line.strip()]
    first = next((index for index, line in enumerate(lines) if _COMPLAINT.match(line)), None)
    if first is None:
        return " ".join(lines)[:500] or f"exit code {done.returncode}"
    return " ".join(lines[first : first + 2])
