"""What cannot come from pip: which tools the environments need, whether they are here, and how Debian installs them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

BINDINGS = (
    *("interop-python", "interop-java", "interop-kotlin", "interop-go", "interop-cpp", "interop-rust"),
    *("interop-node", "interop-typescript", "interop-ruby", "interop-php", "interop-perl"),
)
_APT = "on Debian or Ubuntu: sudo apt-get install "


@dataclass(frozen=True)
class Toolchain:
    """Something that cannot come from pip.

    Attributes
    ----------
    name : str
        For people.
    command : tuple of str
        Ends with exit code 0 where it works.
    packages : tuple of str
        Debian's.
    environments : tuple of str
        Those of tox that need it.
    help : str
        How to get it where Debian does not have it; by default how Debian does.
    minimum : tuple of int
        The version that the command has to print; empty: any.
    """

    name: str
    command: tuple[str, ...]
    packages: tuple[str, ...]
    environments: tuple[str, ...]
    help: str = ""
    minimum: tuple[int, ...] = ()

    @property
    def advice(self) -> str:
        """How to get it."""
        return self.help or _APT + " ".join(self.packages)


TOOLCHAINS = (
    *(
        Toolchain(
            name=f"Python 3.{minor}",
            command=(f"python3.{minor}", "--version"),
            packages=(f"python3.{minor}",),
            environments=(f"py3{minor}",),
            help=f"put python3.{minor} on PATH, or run: pyenv install 3.{minor}",
        )
        for minor in (10, 11, 12, 13)
    ),
    Toolchain("Thrift compiler", ("thrift", "-version"), ("thrift-compiler",), ("gen-check", "docs", *BINDINGS)),
    Toolchain(
        name="JDK 17",
        command=("javac", "--version"),
        packages=("openjdk-17-jdk-headless",),
        environments=("java", "interop-java", "interop-kotlin"),
        minimum=(17,),
    ),
    Toolchain("Maven", ("mvn", "--version"), ("maven",), ("java", "interop-java", "interop-kotlin")),
    Toolchain(
        name="Go 1.23",
        command=("go", "version"),
        packages=("golang-go",),
        environments=("interop-go",),
        help="https://go.dev/dl has it",
        minimum=(1, 23),
    ),
    Toolchain(
        name="C++ compiler, CMake and Thrift's library for C++",
        command=("sh", "-c", "c++ --version && cmake --version && pkg-config --exists thrift openssl"),
        packages=("g++", "cmake", "make", "pkg-config", "libthrift-dev", "libboost-dev", "libssl-dev"),
        environments=("interop-cpp",),
    ),
    Toolchain(
        name="Rust 1.85",
        command=("cargo", "--version"),
        packages=("cargo",),
        environments=("interop-rust",),
        help="https://rustup.rs has it",
        minimum=(1, 85),
    ),
    Toolchain(
        name="Node.js 18 and npm",
        command=("sh", "-c", "node --version && npm --version"),
        packages=("nodejs", "npm"),
        environments=("interop-node", "interop-typescript"),
        minimum=(18,),
    ),
    Toolchain(
        "Ruby and its Thrift library", ("ruby", "-rthrift", "-e", "0"), ("ruby", "ruby-thrift"), ("interop-ruby",)
    ),
    Toolchain(
        name="PHP and its Thrift library",
        command=("php", "-r", "exit(is_file('/usr/lib/php/Protocol/TBinaryProtocol.php') ? 0 : 1);"),
        packages=("php-cli", "php-thrift"),
        environments=("interop-php",),
    ),
    Toolchain(
        name="Perl, its Thrift library and IO::Socket::SSL",
        command=("perl", "-MThrift", "-MIO::Socket::SSL", "-e", "0"),
        packages=("perl", "libthrift-perl", "libio-socket-ssl-perl"),
        environments=("interop-perl",),
    ),
)


def works(toolchain: Toolchain) -> bool:
    """Whether the command answers; to be found is not enough: a pyenv shim of another version only complains."""
    try:
        done = subprocess.run(toolchain.command, capture_output=True, text=True, timeout=60, check=False)
    except OSError:
        return False
    version = re.search(r"\d+(?:\.\d+)*", done.stdout)
    numbers = tuple(map(int, version[0].split("."))) if version else ()
    return done.returncode == 0 and (not toolchain.minimum or numbers >= toolchain.minimum)


def put_pyenv_on_path() -> None:
    """Put interpreters that pyenv has, but does not offer just now, where tox looks for them."""
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv", "versions")
    missing = [toolchain.command[0] for toolchain in TOOLCHAINS if not works(toolchain)]
    folders = [str(path.parent) for command in missing for path in sorted(versions.glob(f"*/bin/{command}"))[-1:]]
    os.environ["PATH"] = os.pathsep.join([os.environ["PATH"], *folders])


def install(missing: list[Toolchain]) -> None:
    """Ask Debian for what is missing; what it does not have stays missing."""
    if os.geteuid() != 0 or not shutil.which("apt-get") or not Path("/etc/debian_version").exists():
        return
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-q"], env=environment, check=False)
    for toolchain in missing:
        # A plain name that does not exist would be taken as a pattern, and the dot of python3.10 matches anything.
        packages = [f"?exact-name({package})" for package in toolchain.packages]
        command = ["apt-get", "install", "-q", "-y", "--no-install-recommends", *packages]
        subprocess.run(command, env=environment, check=False)


def missing_toolchains() -> list[Toolchain]:
    """What is not there even after looking at pyenv and asking Debian."""
    put_pyenv_on_path()
    missing = [toolchain for toolchain in TOOLCHAINS if not works(toolchain)]
    if missing:
        install(missing)
    return [toolchain for toolchain in missing if not works(toolchain)]
