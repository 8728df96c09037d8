"""The Java callers: built once by Maven outside of the tree, then a JVM for each contender."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from .contest import leave_out
from .outcome import Outcome
from .processes import TOP, ChildFailedError, Driver, Node

CLIENT, CALLERS = TOP / "java-client", TOP / "benchmarks" / "java"
_BUILD_S = 600.0
# A heap of its own size would depend on the machine, and with it how often the garbage collector runs.
_OPTIONS = ("-Xms64m", "-Xmx2g", "-XX:+UseSerialGC")


class NoJavaError(RuntimeError):
    """Why no Java caller can be measured here."""


def driver_command() -> list[str]:
    """What starts a Java driver, without contender and endpoints; builds it if its sources have changed.

    Raises
    ------
    NoJavaError
        No JDK or no Maven is there, or the build failed.
    """
    for program, package in (
        ("java", "openjdk-17-jdk-headless"),
        ("javac", "openjdk-17-jdk-headless"),
        ("mvn", "maven"),
    ):
        if shutil.which(program) is None:
            raise NoJavaError(f"{program} is not installed (on Debian or Ubuntu: sudo apt-get install {package})")
    target = built()
    # The client of this tree comes first: the local repository of Maven may meanwhile have another tree's.
    paths = [str(target / "client" / "classes"), str(target / "callers" / "classes")]
    paths.append((target / "classpath").read_text().strip())
    return ["java", *_OPTIONS, "-cp", os.pathsep.join(paths), "io.pyrpc.bench.Drive"]


def built() -> Path:
    """The folder with what Maven made of the sources; NoJavaError: it could not."""
    target = _target()
    with _alone(target):
        stamp, sources = target / "sources.sha256", _digest()
        if not stamp.exists() or stamp.read_text() != sources:
            _build(target)
            stamp.write_text(sources)
    return target


def open_java(
    stack: ExitStack,
    outcome: Outcome,
    name: str,
    command: list[str],
    contender: str,
    nodes: list[Node],
    cores: Iterable[int],
) -> Driver | None:
    """A Java driver of a contender, connected to nodes; None: it is noted under its name why not."""
    try:
        return stack.enter_context(Driver(contender, [node.endpoint for node in nodes], cores, command=command))
    except ChildFailedError as error:
        leave_out(outcome, name, error)
        return None


def _target() -> Path:
    """Outside the tree, a folder for each checkout, beside that of tox."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / f"pyrpc-thrift{TOP}" / "+bench-java"


@contextmanager
def _alone(target: Path) -> Iterator[None]:
    """Two runs at once build one after the other."""
    target.mkdir(parents=True, exist_ok=True)
    with (target / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _digest() -> str:
    """Of all that the build reads."""
    digest = hashlib.sha256()
    for folder in (CLIENT, CALLERS):
        for path in [folder / "pom.xml", *sorted((folder / "src" / "main").rglob("*.java"))]:
            digest.update(f"{folder.name} {path.name} {path.stat().st_size}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def _build(target: Path) -> None:
    _maven(CLIENT, f"-Dtarget.directory={target / 'client'}", "-DskipTests", "install")
    paths = f"-Dmdep.outputFile={target / 'classpath'}"
    _maven(CALLERS, f"-Dtarget.directory={target / 'callers'}", paths, "compile", "dependency:build-classpath")


def _maven(folder: Path, *arguments: str) -> None:
    command = ["mvn", "-q", "-B", *arguments]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_BUILD_S)
    except subprocess.TimeoutExpired:
        raise NoJavaError(f"{arguments[-1]} of {folder.name} by Maven took more than {_BUILD_S:g} s") from None
    if done.returncode != 0:
        told = next((line for line in done.stdout.splitlines() if "ERROR" in line), "it said nothing")
        raise NoJavaError(f"{arguments[-1]} of {folder.name} by Maven failed: {told}")
