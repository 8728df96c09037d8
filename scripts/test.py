"""Run the whole tox matrix, first installing what is missing where that is possible. `make test` calls this.

As root on Debian a missing toolchain is installed. Elsewhere the environments that need it are left out, which the last
lines tell; with CI=true that is a failure. Arguments go to tox (after `--`: to pytest).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "pyrpc-thrift")
WORK_DIR = CACHE / TOP.relative_to("/") / "+tox"
# More environments than cores take less time in all, but the tests of faults need the machine to keep up.
PARALLEL = str(os.cpu_count() or 1)
ENVIRONMENTS = ("py310", "py311", "py312", "py313", "fuzz", "lint", "gen-check", "docs", "simulation")


@dataclass(frozen=True)
class Toolchain:
    """Something that cannot come from pip: how it is called, asked, and installed, and what needs it."""

    name: str
    command: str
    ask: str
    debian_package: str
    environments: tuple[str, ...]
    help: str


TOOLCHAINS = (
    *(
        Toolchain(
            name=f"Python 3.{minor}",
            command=f"python3.{minor}",
            ask="--version",
            debian_package=f"python3.{minor}",
            environments=(f"py3{minor}",),
            help=f"put python3.{minor} on PATH, or run: pyenv install 3.{minor}",
        )
        for minor in (10, 11, 12, 13)
    ),
    Toolchain(
        name="Thrift compiler",
        command="thrift",
        ask="-version",
        debian_package="thrift-compiler",
        environments=("gen-check",),
        help="on Debian or Ubuntu: sudo apt-get install thrift-compiler",
    ),
)


def works(toolchain: Toolchain) -> bool:
    """Whether the command answers; to be found is not enough: a pyenv shim of another version only complains."""
    try:
        done = subprocess.run([toolchain.command, toolchain.ask], capture_output=True, timeout=60, check=False)
    except OSError:
        return False
    return done.returncode == 0


def put_pyenv_on_path() -> None:
    """Put interpreters that pyenv has, but does not offer just now, where tox looks for them."""
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv", "versions")
    missing = [toolchain.command for toolchain in TOOLCHAINS if not works(toolchain)]
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
        package = f"?exact-name({toolchain.debian_package})"
        command = ["apt-get", "install", "-q", "-y", "--no-install-recommends", package]
        subprocess.run(command, env=environment, check=False)


def missing_toolchains() -> list[Toolchain]:
    """What is not there even after looking at pyenv and asking Debian."""
    put_pyenv_on_path()
    missing = [toolchain for toolchain in TOOLCHAINS if not works(toolchain)]
    if missing:
        install(missing)
    return [toolchain for toolchain in missing if not works(toolchain)]


def remove_caches_of_gone_checkouts() -> None:
    """Each checkout has gigabytes of environments; a clone that was deleted needs them no more."""
    for folder, names, _ in os.walk(CACHE):
        kept = {"+tox", "+tool"} & set(names)
        names[:] = [name for name in names if name not in kept]
        if kept and not Path("/", Path(folder).relative_to(CACHE), "tox.ini").exists():
            for name in kept:
                shutil.rmtree(Path(folder, name), ignore_errors=True)


def count_results(reports: list[Path]) -> Counter[str]:
    """Tests by how they ended, over all JUnit reports."""
    counts: Counter[str] = Counter()
    for report in reports:
        for suite in ElementTree.parse(report).iter("testsuite"):
            failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
            skipped = int(suite.get("skipped", 0))
            counts += Counter(failed=failed, skipped=skipped, passed=int(suite.get("tests", 0)) - failed - skipped)
    return counts


def main(arguments: list[str]) -> int:
    """Run tox on every environment whose toolchain is there, then tell what was left out and sum up."""
    os.chdir(TOP)
    remove_caches_of_gone_checkouts()
    missing = missing_toolchains()
    skipped = {environment for toolchain in missing for environment in toolchain.environments}
    chosen = [environment for environment in ENVIRONMENTS if environment not in skipped]
    for report in WORK_DIR.glob("*/junit.xml"):
        report.unlink()
    tox = [sys.executable, "-m", "tox", "run-parallel", "--parallel-no-spinner", "--parallel", PARALLEL]
    code = subprocess.run([*tox, "-e", ",".join(chosen), *arguments], check=False).returncode
    for toolchain in missing:
        print(f"missing: {toolchain.name}; not run: {', '.join(toolchain.environments)}")
        print(f"help: {toolchain.help}")
    if missing and os.environ.get("CI") == "true":
        print("CI=true: a missing toolchain is a failure")
        code = code or 1
    counts = count_results(sorted(WORK_DIR.glob("*/junit.xml")))
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped", flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
