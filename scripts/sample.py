"""Run the Java sample on nodes of this machine: writes its pictures, starts nodes, builds it, runs it.

``make sample`` calls this. Arguments go to the sample: how often it learns from all pictures. The exit code is its own.
"""

from __future__ import annotations

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


def main(arguments: list[str]) -> int:
    """Build, start, run."""
    # Into the local repository, as for any program that depends on the client.
    code = maven(JAVA, "install", "-DskipTests") or maven(JAVA / "samples", "compile")
    if code:
        return code
    with tempfile.TemporaryDirectory() as folder, Nodes(SERVICE, NODES) as nodes:
        print(f"{write_pictures(Path(folder))} pictures in {folder}", flush=True)
        endpoints = ",".join(node.endpoint for node in nodes)
        words = " ".join([folder, endpoints, *arguments])
        print(f"LearnDigits {words}", flush=True)
        return maven(JAVA / "samples", "exec:java", f"-Dexec.args={words}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
