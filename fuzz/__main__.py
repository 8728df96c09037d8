"""``python -m fuzz``: each target for so many seconds, one after the other; see README.md."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from fuzz.seeds import CORPUS, SEEDS

_TOP = CORPUS.parent.parent
# Inputs stay small: lengths and counts that lie need few bytes, and short inputs are tried more often.
_OPTIONS = ("-max_len=4096", "-timeout=30", "-rss_limit_mb=2048", "-print_final_stats=1", "-verbosity=1")
# The memory that tracemalloc loses (rules.py) ends with its process.
_RUN_S = 600


def _arguments(given: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m fuzz", description="Look for bytes that break a decoder.")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"{', '.join(SEEDS)} (default: all)")
    parser.add_argument("--seconds", type=int, default=60, help="for each target (default: 60)")
    parser.add_argument("--corpus", type=Path, help="a folder that keeps what is found, for a next run to go on from")
    parser.add_argument("--replay", type=Path, nargs="+", metavar="FILE", help="run these inputs and nothing else")
    arguments = parser.parse_args(given)
    unknown = [target for target in arguments.targets if target not in SEEDS]
    if unknown:
        parser.error(f"no target {unknown[0]!r}; there are {', '.join(SEEDS)}")
    return arguments


def replay(target: str, paths: list[Path]) -> None:
    """Run inputs without atheris; what they break is raised."""
    check = importlib.import_module(f"fuzz.{target}").check
    for path in paths:
        check(path.read_bytes())


def fuzz(target: str, seconds: int, corpus: Path, found: Path) -> int:
    """Run one target in processes of their own, one after the other; returns an exit code, 0: nothing was found."""
    corpus.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "fuzz.drive", target, *_OPTIONS]
    command += [f"-dict={CORPUS.with_name('thrift.dict')}", f"-artifact_prefix={found}/{target}-"]
    command += [str(corpus), str(CORPUS / target)]
    code = 0
    while seconds > 0 and code == 0:
        # What libFuzzer tells goes to one place, in its order.
        limit = f"-max_total_time={min(seconds, _RUN_S)}"
        code = subprocess.run([*command, limit], cwd=_TOP, stderr=sys.stdout, check=False).returncode
        seconds -= _RUN_S
    return code


def main(given: list[str]) -> int:
    """Returns 0 if nothing was found."""
    arguments = _arguments(given)
    targets = arguments.targets or list(SEEDS)
    for target in targets:
        replay(target, arguments.replay or sorted((CORPUS / target).iterdir()))
    if arguments.replay:
        return 0
    if importlib.util.find_spec("atheris") is None:
        print("atheris is not installed: only the seeds were run; pip install atheris (Linux on x86-64 has wheels)")
        return 1 if os.environ.get("CI") == "true" else 0
    with tempfile.TemporaryDirectory() as scratch:
        found = Path(scratch, "found")
        found.mkdir()
        corpus = arguments.corpus or Path(scratch, "corpus")
        codes = [fuzz(target, arguments.seconds, corpus / target, found) for target in targets]
        kept = _keep(found)
    for path in kept:
        print(f"found: {path}\nreplay: python -m fuzz {path.name.partition('-')[0]} --replay {path}")
    return max(codes)


def _keep(found: Path) -> list[Path]:
    """Move what was found to where it stays; without a file to look at, a log must do: print the bytes."""
    kept = []
    for path in sorted(found.iterdir()):
        print(f"{path.name}: {path.read_bytes().hex()}")
        target = Path(tempfile.gettempdir(), path.name)
        target.write_bytes(path.read_bytes())
        kept.append(target)
    return kept


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
