"""Generate code from thrift/pyrpc.thrift, or check that what is committed is what comes out.

Python goes to py/pyrpc/wire/gen, Java to java-client/src/main/java/io/pyrpc/gen.

    python scripts/gen.py                 generate (needs the Thrift compiler)
    python scripts/gen.py --check         generate again and compare (needs the Thrift compiler)
    python scripts/gen.py --check-stamp   compare with the recorded sha256 sums; needs no compiler

Exit code 0: up to date; 1: something differs, each file is named; 2: the check could not be made.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
# By its file: the package needs NumPy, and this does not.
sys.path.append(str(TOP / "py/pyrpc/bindings"))

import java_classes  # noqa: E402

IDL = "thrift/pyrpc.thrift"
# What of the Python package is wanted: not the Node-remote script.
PYTHON_MODULES = ("Node.py", "constants.py", "ttypes.py")
PYTHON_INIT = f'"""What the Thrift compiler makes of {IDL}; never edited by hand, `make gen` writes it."""\n'
# The IDLs of services include it, so it is installed with the package.
PACKAGED_IDL = "py/pyrpc/idl/pyrpc.thrift"


class CannotCheckError(Exception):
    """The compiler is missing or fails, or a file that the check needs is not there."""


def read(path: Path) -> bytes:
    """The bytes of a file that has to be there."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise CannotCheckError(f"cannot read {path}: {error.strerror}") from error


def run_compiler(compiler: str, *arguments: str) -> str:
    """What the compiler prints; raises when it is missing or fails."""
    try:
        done = subprocess.run([compiler, *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise CannotCheckError(
            f"the Thrift compiler ({compiler}) is missing\nhelp: on Debian: apt-get install thrift-compiler"
        ) from None
    if done.returncode != 0:
        raise CannotCheckError(f"{compiler} failed with exit code {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def python_files(package: Path) -> dict[str, bytes]:
    """The generated Python package, by file name."""
    return {"__init__.py": PYTHON_INIT.encode(), **{name: read(package / name) for name in PYTHON_MODULES}}


def java_files(package: Path) -> dict[str, bytes]:
    """The generated Java package, by file name, without what a client does not need."""
    files = {path.name: read(path) for path in sorted(package.glob("*.java"))}
    try:
        node = java_classes.without_classes(files["Node.java"].decode(), java_classes.SERVER_CLASSES)
    except (KeyError, java_classes.NoSuchClassError) as error:
        raise CannotCheckError(f"the compiler writes other Java than it did: {error}") from error
    return {**files, "Node.java": node.encode()}


@dataclass(frozen=True)
class Output:
    """Code in one language.

    ``package`` is the folder that the compiler writes (`namespace` of the IDL), ``folder`` where it is kept.
    """

    generator: str
    package: str
    folder: str
    choose: Callable[[Path], dict[str, bytes]]

    @property
    def stamp(self) -> str:
        """Path of the file with the sha256 sums."""
        return f"{self.folder}/STAMP"


OUTPUTS = (
    # Plain `py`: `py:enum` of 0.17 writes code that fails on unknown numbers.
    Output("py", "pyrpc_idl", "py/pyrpc/wire/gen", python_files),
    # Without the annotation, which carries the date and needs a library of its own.
    Output("java:generated_annotations=suppress", "io/pyrpc/gen", "java-client/src/main/java/io/pyrpc/gen", java_files),
)


def generate(top: Path, output: Output, compiler: str) -> dict[str, bytes]:
    """Every file of a generated package, STAMP included, by its path from the top."""
    version = run_compiler(compiler, "-version").strip()
    with tempfile.TemporaryDirectory(prefix="pyrpc-gen-") as folder:
        run_compiler(compiler, "--gen", output.generator, "-out", folder, str(top / IDL))
        chosen = output.choose(Path(folder, output.package))
    files = {f"{output.folder}/{name}": content for name, content in chosen.items()}
    sums = {IDL: read(top / IDL), **files}
    lines = [f"# {version}", *(f"{digest(sums[path])}  {path}" for path in sorted(sums))]
    files[output.stamp] = ("\n".join(lines) + "\n").encode()
    return files


def digest(content: bytes) -> str:
    """Sha256 in hex."""
    return hashlib.sha256(content).hexdigest()


def committed_paths(top: Path, output: Output) -> set[str]:
    """What lies in a generated package now, without what Python leaves there when it is imported."""
    found = (path for path in (top / output.folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(top).as_posix() for path in found}


def write(top: Path, output: Output, files: dict[str, bytes]) -> None:
    """Replace a generated package by `files`."""
    shutil.rmtree(top / output.folder, ignore_errors=True)
    (top / output.folder).mkdir(parents=True)
    for path, content in files.items():
        (top / path).write_bytes(content)
    (top / PACKAGED_IDL).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(top / IDL, top / PACKAGED_IDL)


def differences(top: Path, output: Output, compiler: str) -> list[str]:
    """What a fresh run of the compiler gives that is not what is committed; empty when all is the same."""
    fresh, present = generate(top, output, compiler), committed_paths(top, output)
    if output.stamp in present:
        theirs, ours = (text.decode().partition("\n")[0] for text in (read(top / output.stamp), fresh[output.stamp]))
        if theirs != ours:
            raise CannotCheckError(f"the committed code is of another compiler; expected {theirs[2:]}, got {ours[2:]}")
    rows = [f"{path}: missing" for path in sorted(fresh.keys() - present)]
    rows += [f"{path}: the compiler does not write this file" for path in sorted(present - fresh.keys())]
    rows += [f"{path}: differs" for path in sorted(fresh.keys() & present) if fresh[path] != read(top / path)]
    return rows


def stamp_differences(top: Path, output: Output) -> list[str]:
    """What is not as the stamp says; empty when all is the same."""
    recorded = read_stamp(top, output)
    present = committed_paths(top, output) - {output.stamp}
    rows = [f"{path}: not in the stamp" for path in sorted(present - recorded.keys())]
    for path, wanted in recorded.items():
        if not (top / path).is_file():
            rows.append(f"{path}: missing")
        elif digest(read(top / path)) != wanted:
            rows.append(f"{path}: changed since it was generated")
    return rows


def read_stamp(top: Path, output: Output) -> dict[str, str]:
    """Path to sha256, as the stamp records them."""
    lines = read(top / output.stamp).decode().splitlines()
    pairs = [line.split(maxsplit=1) for line in lines if line and not line.startswith("#")]
    recorded = {pair[1]: pair[0] for pair in pairs if len(pair) == 2}
    if IDL not in recorded:
        raise CannotCheckError(f"{output.stamp} does not name {IDL}\nhelp: run `make gen`")
    return recorded


def check(top: Path, compiler: str | None) -> int:
    """Compare what is committed with what a compiler makes, or without one with the stamps; tells the exit code."""
    rows: dict[str, None] = {}
    for output in OUTPUTS:
        found = stamp_differences(top, output) if compiler is None else differences(top, output, compiler)
        rows.update(dict.fromkeys(found))
    print("\n".join([*rows, "help: run `make gen` and commit what it writes"] if rows else ["up to date"]))
    return 1 if rows else 0


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line asks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--check", action="store_true", help="generate again and compare")
    what.add_argument("--check-stamp", action="store_true", help="compare with the recorded sums, without a compiler")
    parser.add_argument("--compiler", default="thrift", help="the Thrift compiler (default: %(default)s)")
    parser.add_argument("--top", type=Path, default=TOP, help="top of the source tree (default: this one)")
    options = parser.parse_args(arguments)
    try:
        if options.check or options.check_stamp:
            return check(options.top, None if options.check_stamp else options.compiler)
        # All of it before any of it is written: an IDL that does not compile changes nothing.
        fresh = [(output, generate(options.top, output, options.compiler)) for output in OUTPUTS]
    except CannotCheckError as error:
        print(f"gen.py: {error}", file=sys.stderr)
        return 2
    for output, files in fresh:
        write(options.top, output, files)
        print(f"wrote {output.folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
