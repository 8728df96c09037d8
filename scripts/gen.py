"""Generate py/pyrpc/wire/gen from thrift/pyrpc.thrift, or check that what is committed is what comes out.

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
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
IDL = "thrift/pyrpc.thrift"
GEN = "py/pyrpc/wire/gen"
STAMP = f"{GEN}/STAMP"
# What the compiler calls the package (`namespace py` of the IDL), and what of it is wanted: not the Node-remote script.
COMPILED_PACKAGE = "pyrpc_idl"
MODULES = ("Node.py", "constants.py", "ttypes.py")
INIT = f'"""What the Thrift compiler makes of {IDL}; never edited by hand, `make gen` writes it."""\n'


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


def generate(top: Path, compiler: str) -> dict[str, bytes]:
    """Every file of the generated package, STAMP included, by its path from the top."""
    version = run_compiler(compiler, "-version").strip()
    with tempfile.TemporaryDirectory(prefix="pyrpc-gen-") as folder:
        # Plain `py`: `py:enum` of 0.17 writes code that fails on unknown numbers.
        run_compiler(compiler, "--gen", "py", "-out", folder, str(top / IDL))
        files = {f"{GEN}/{name}": read(Path(folder, COMPILED_PACKAGE, name)) for name in MODULES}
    files[f"{GEN}/__init__.py"] = INIT.encode()
    sums = {IDL: read(top / IDL), **files}
    lines = [f"# {version}", *(f"{digest(sums[path])}  {path}" for path in sorted(sums))]
    files[STAMP] = ("\n".join(lines) + "\n").encode()
    return files


def digest(content: bytes) -> str:
    """Sha256 in hex."""
    return hashlib.sha256(content).hexdigest()


def committed_paths(top: Path) -> set[str]:
    """What lies in the generated package now, without what Python leaves there when it is imported."""
    found = (path for path in (top / GEN).rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(top).as_posix() for path in found}


def write(top: Path, files: dict[str, bytes]) -> None:
    """Replace the generated package by `files`."""
    shutil.rmtree(top / GEN, ignore_errors=True)
    (top / GEN).mkdir(parents=True)
    for path, content in files.items():
        (top / path).write_bytes(content)


def differences(top: Path, compiler: str) -> list[str]:
    """What a fresh run of the compiler gives that is not what is committed; empty when all is the same."""
    fresh, present = generate(top, compiler), committed_paths(top)
    if STAMP in present:
        theirs, ours = (content.decode().partition("\n")[0] for content in (read(top / STAMP), fresh[STAMP]))
        if theirs != ours:
            raise CannotCheckError(f"the committed code is of another compiler; expected {theirs[2:]}, got {ours[2:]}")
    rows = [f"{path}: missing" for path in sorted(fresh.keys() - present)]
    rows += [f"{path}: the compiler does not write this file" for path in sorted(present - fresh.keys())]
    rows += [f"{path}: differs" for path in sorted(fresh.keys() & present) if fresh[path] != read(top / path)]
    return rows


def stamp_differences(top: Path) -> list[str]:
    """What is not as the stamp says; empty when all is the same."""
    recorded = read_stamp(top)
    present = committed_paths(top) - {STAMP}
    rows = [f"{path}: not in the stamp" for path in sorted(present - recorded.keys())]
    for path, wanted in recorded.items():
        if not (top / path).is_file():
            rows.append(f"{path}: missing")
        elif digest(read(top / path)) != wanted:
            rows.append(f"{path}: changed since it was generated")
    return rows


def read_stamp(top: Path) -> dict[str, str]:
    """Path to sha256, as the stamp records them."""
    lines = read(top / STAMP).decode().splitlines()
    pairs = [line.split(maxsplit=1) for line in lines if line and not line.startswith("#")]
    recorded = {pair[1]: pair[0] for pair in pairs if len(pair) == 2}
    if IDL not in recorded:
        raise CannotCheckError(f"{STAMP} does not name {IDL}\nhelp: run `make gen`")
    return recorded


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
            rows = stamp_differences(options.top) if options.check_stamp else differences(options.top, options.compiler)
            print("\n".join([*rows, "help: run `make gen` and commit what it writes"] if rows else ["up to date"]))
            return 1 if rows else 0
        write(options.top, generate(options.top, options.compiler))
    except CannotCheckError as error:
        print(f"gen.py: {error}", file=sys.stderr)
        return 2
    print(f"wrote {GEN}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
