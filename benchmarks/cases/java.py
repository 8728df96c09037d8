"""What the benchmarks of the Java client share: its contenders, and a run without a JDK."""

from __future__ import annotations

import importlib.util
from contextlib import ExitStack
from dataclasses import dataclass

from ..harness.contest import leave_out
from ..harness.java import NoJavaError, driver_command, open_java
from ..harness.outcome import Outcome
from ..harness.processes import ChildFailedError, Driver, Node

OURS = "pyrpc"
LEFT_OUT = "the Java client"


@dataclass(frozen=True)
class Contender:
    """A row of the table, the name that its driver knows, and the server that it calls."""

    name: str
    caller: str
    server: str


CONTENDERS = (
    Contender(OURS, "pyrpc", "pyrpc"),
    Contender("stock libthrift framed", "stock:framed", "pyrpc"),
    Contender("stock libthrift fast-framed", "stock:fast-framed", "pyrpc"),
    Contender("grpc-java unary", "grpc", "grpc"),
)
DROPPED = Contender("pyrpc, results not closed", "pyrpc:dropped", "pyrpc")


def command_or_note(outcome: Outcome) -> list[str] | None:
    """What starts a Java driver; None: it is noted why there is none, and the run goes on, as without other peers."""
    try:
        return driver_command()
    except NoJavaError as error:
        leave_out(outcome, LEFT_OUT, error)
        return None


def installed(outcome: Outcome, contenders: tuple[Contender, ...]) -> list[Contender]:
    """Those whose servers can be started here; of the others it is noted what to install."""
    found = []
    for contender in contenders:
        if contender.server == "grpc" and importlib.util.find_spec("grpc") is None:
            leave_out(outcome, contender.name, "grpcio is not installed (pip install '.[bench]')")
        else:
            found.append(contender)
    return found


def open_contenders(
    stack: ExitStack,
    outcome: Outcome,
    contenders: tuple[Contender, ...],
    node_cores: set[int],
    driver_cores: set[int],
    elements: int,
) -> list[tuple[Contender, Driver]]:
    """A node and a JVM for each, loaded, what comes back compared; those that fail are noted and left out."""
    command = command_or_note(outcome)
    found: list[tuple[Contender, Driver]] = []
    for contender in installed(outcome, contenders) if command else ():
        assert command is not None
        try:
            node = stack.enter_context(Node(contender.server, node_cores))
        except ChildFailedError as error:
            leave_out(outcome, contender.name, error)
            continue
        driver = open_java(stack, outcome, contender.name, command, contender.caller, [node], driver_cores)
        if driver is None:
            continue
        driver.ask("load", elements=elements)
        if driver.ask("check"):
            found.append((contender, driver))
        else:
            leave_out(outcome, contender.name, "what came back was not what was sent")
    return found
