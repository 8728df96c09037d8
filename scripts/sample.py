"""Run the Java sample on nodes of this machine: writes its pictures, starts nodes, builds it, runs it.

    python scripts/sample.py [--target FOLDER] [TIMES]

``make sample`` calls this, and `tox -e java`, which builds outside the tree. The exit code is the sample's.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from pyrpc.demo.folder import write_pictures
from pyrpc.demo.nodes import Nodes

JAVA = Path(__file__).resolve().parent.parent / "java-client"
SERVICE = "pyrpc.demo.stages:Digits"
NODES = 2


def maven(folder: Path, *arguments: str) -> int:
    """Run Maven in a folder, quietly but for errors; its exit code."""
    try:
        return subprocess.run(["mvn", "-q", "-B", *arguments], cwd=folder, check=False).returncode
    except FileNotFoundError:
        print("the sample needs Maven; help: on Debian or Ubuntu: sudo apt-get install maven", file=sys.stderr)
        return 2


def main(arguments: list[str] | None = None) -> int:
    """Build, start, run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", type=Path, default=JAVA / "target", help="where classes go (default: the tree)")
    parser.add_argument("times", nargs="?", type=int, default=40, help="how often all pictures are learned from")
    options = parser.parse_args(arguments)
    client, samples = (f"-Dtarget.directory={options.target.resolve() / part}" for part in ("client", "samples"))
    # Into the local repository, as for any program that depends on the client.
    code = maven(JAVA, "install", "-DskipTests", client) or maven(JAVA / "samples", "compile", samples)
    if code:
        return code
    with tempfile.TemporaryDirectory() as folder, Nodes(SERVICE, NODES) as nodes:
        print(f"{write_pictures(Path(folder))} pictures in {folder}", flush=True)
        endpoints = ",".join(node.endpoint for node in nodes)
        words = f"{folder} {endpoints} {options.times}"
        print(f"LearnDigits {words}", flush=True)
        return maven(JAVA / "samples", "exec:java", samples, f"-Dexec.args={words}")


if __name__ == "__main__":
    sys.exit(main())
