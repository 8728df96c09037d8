"""Where clients meet the faults of ``common.json``: starts the nodes of an entry, and harms them when told.

Clients of any language are tested with it, each by a test of its own, so that what is done to nodes stands once. A line
on stdin is answered by a line of JSON on stdout:

- ``begin NAME``: start what that entry wants. The answer tells the ``endpoints``, and the file ``ca`` where nodes speak
  TLS.
- ``harm``: do to the nodes what the entry says.
- ``end``: kill them. The answer tells how many calls ``ran``.

At the end of stdin all nodes are killed.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# What nodes import is imported before they are forked.
import numpy as np

from pyrpc import Client
from pyrpc.cli.main import main as command
from pyrpc.server import Server  # noqa: F401
from pyrpc.testing import FaultProxy, Faults

LIST = Path(__file__).with_name("common.json")
STAGES = Path(__file__).with_name("common_stages.py")
TOKENS = "alice alice-s3cret\nbob bob-s3cret Work.echo\n"
_BUSY_S = 60.0


class Node:
    """One node in a process of its own, forked from this one."""

    def __init__(self, number: int, options: list[str], folder: Path) -> None:
        come, go = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(come)
            _become_node(number, options, folder, go)
        os.close(go)
        with os.fdopen(come) as lines:
            line = lines.readline()
        if not line.startswith("listening on "):
            log = (folder / f"log{number}.txt").read_text()
            raise RuntimeError(f"the node did not start with {options}: {log}")
        self.endpoint = line.split()[2]

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
            # Gone when this returns; its number stays taken until the end.
            os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)

    def stop(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)
        # The signal is on its way only: on a busy machine threads go on for a moment.
        os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def drain(self) -> None:
        os.kill(self.pid, signal.SIGTERM)

    def end(self) -> None:
        self.kill()
        os.waitpid(self.pid, 0)


def _become_node(number: int, options: list[str], folder: Path, go: int) -> None:
    try:
        # A terminal's Ctrl-C is for the stand, which kills its nodes.
        os.setpgid(0, 0)
        log = os.open(folder / f"log{number}.txt", os.O_WRONLY | os.O_CREAT)
        for target, source in ((0, os.open(os.devnull, os.O_RDONLY)), (1, go), (2, log)):
            os.dup2(source, target)
        os.environ["PYRPC_STAND_NODE"] = str(number)
        os.environ["PYRPC_STAND_RAN"] = str(folder / f"ran{number}")
        sys.stdout = os.fdopen(1, "w")
        command(["serve", f"{STAGES}:Work", "--port", "0", *options])
    finally:
        os._exit(0)


class Certificates:
    """A CA, another one that nobody trusts, and what they sign."""

    def __init__(self, folder: Path) -> None:
        # Late: most faults need none.
        import trustme

        self._folder = folder
        self._ca, self._other = trustme.CA(), trustme.CA()
        self.ca = folder / "ca.pem"
        self._ca.cert_pem.write_to_path(str(self.ca))

    def options(self, kind: str) -> list[str]:
        """What starts a node with one: right, expired, other CA, other host."""
        now = datetime.datetime.now(datetime.timezone.utc)
        last = now + datetime.timedelta(days=-1 if kind == "expired" else 1)
        signer = self._other if kind == "other CA" else self._ca
        host = "somebody.else" if kind == "other host" else "127.0.0.1"
        made = signer.issue_cert(host, not_before=now - datetime.timedelta(days=10), not_after=last)
        cert, key = self._folder / "node.pem", self._folder / "node.key"
        cert.write_bytes(b"".join(part.bytes() for part in made.cert_chain_pems))
        made.private_key_pem.write_to_path(str(key))
        return ["--tls-cert", str(cert), "--tls-key", str(key)]


class Stand:
    """The nodes of one entry, and what stands before them."""

    def __init__(self, entry: dict[str, Any], folder: Path) -> None:
        self._entry = entry
        self._folder = folder
        self._nodes: list[Node] = []
        self._rest = contextlib.ExitStack()
        self.answer: dict[str, Any] = {}

    def begin(self) -> None:
        wants = self._entry["nodes"]
        options = list(wants.get("serve", []))
        if "tokens" in wants:
            tokens = self._folder / "tokens.txt"
            tokens.write_text(TOKENS)
            tokens.chmod(0o600)
            options += ["--tokens", str(tokens)]
        if "tls" in wants:
            certificates = Certificates(self._folder)
            self.answer["ca"] = str(certificates.ca)
            # A node that is silent speaks nothing at all, and one that is plain no TLS.
            options += [] if wants["tls"] in ("silent", "plain") else certificates.options(wants["tls"])
        if wants.get("tls") == "silent":
            endpoints = [self._silent()]
        else:
            # All of them before anything here has a thread: they are forked.
            for number in range(wants["count"]):
                self._nodes.append(Node(number, options, self._folder))
            endpoints = [node.endpoint for node in self._nodes]
        if "proxy" in wants:
            endpoints[:1] = [self._proxy(endpoints[0], wants["proxy"])]
        self.answer["endpoints"] = ",".join(endpoints)

    def _silent(self) -> str:
        """Takes connections and says nothing."""
        port = self._rest.enter_context(socket.create_server(("127.0.0.1", 0)))
        return f"127.0.0.1:{port.getsockname()[1]}"

    def _proxy(self, node: str, wants: dict[str, Any]) -> str:
        proxy = self._rest.enter_context(FaultProxy(node))
        faults = {name: Faults(**wants[name]) for name in ("to_node", "to_client") if name in wants}
        proxy.afflict(**faults, connections=wants.get("connections"))
        return proxy.endpoint

    def harm(self) -> None:
        harm = self._entry["harm"]
        self._await_runs(harm.get("after_runs", 0))
        has_run = [number for number in range(len(self._nodes)) if self._ran(number)]
        for number in has_run if harm["to"] == "who ran it" else harm["to"]:
            harms: dict[str, Callable[[Node], None]] = {
                "kill": Node.kill,
                "stop": Node.stop,
                "drain": Node.drain,
                "keep busy": self._keep_busy,
            }
            harms[harm["what"]](self._nodes[number])

    def _await_runs(self, count: int) -> None:
        """Until so many calls have begun."""
        until = time.monotonic() + _BUSY_S
        while self._all_ran() < count and time.monotonic() < until:
            time.sleep(0.002)

    def _all_ran(self) -> int:
        return sum(self._ran(number) for number in range(len(self._nodes)))

    def _ran(self, number: int) -> int:
        ran = self._folder / f"ran{number}"
        return ran.stat().st_size if ran.exists() else 0

    def _keep_busy(self, node: Node) -> None:
        """Calls that take all threads of the node, and all places in its queue."""
        client = self._rest.enter_context(Client(node.endpoint))
        for count in range(1, self._entry["harm"]["calls"] + 1):
            client.submit("Work.once", 0, _BUSY_S)
            until = time.monotonic() + 30
            while not self._has(client, count) and time.monotonic() < until:
                time.sleep(0.002)

    @staticmethod
    def _has(client: Client, count: int) -> bool:
        (stats,) = client.stats().values()
        return stats.load.in_flight + stats.load.queued >= count

    def end(self) -> None:
        for node in self._nodes:
            node.end()
        self._rest.close()
        self.answer = {"ran": self._all_ran()}


@contextlib.contextmanager
def stood(entry: dict[str, Any]) -> Iterator[Stand]:
    """The stand of an entry, which is taken down whatever happens."""
    with tempfile.TemporaryDirectory(prefix="pyrpc-stand-") as folder:
        stand = Stand(entry, Path(folder))
        try:
            yield stand
        finally:
            stand.end()


def say(answer: dict[str, Any]) -> None:
    print(json.dumps(answer), flush=True)


def serve() -> None:
    np.zeros(1)
    entries = {entry["name"]: entry for entry in json.loads(LIST.read_text())["faults"]}
    while line := sys.stdin.readline():
        with stood(entries[line.removeprefix("begin ").strip()]) as stand:
            stand.begin()
            say(stand.answer)
            while (order := sys.stdin.readline().strip()) == "harm":
                stand.harm()
                say({})
        # At the end of stdin too, where nobody reads it.
        assert order in ("end", ""), order
        say(stand.answer)


if __name__ == "__main__":
    serve()
