"""``pyrpc serve`` in one process: what it hosts, how it starts and how it ends."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyrpc import Client
from pyrpc.cli.load import instantiated, load_service
from pyrpc.errors import NodeError
from pyrpc.stage.registry import Registry

Until = Callable[[Callable[[], object]], None]


@pytest.mark.parametrize(
    ("service", "stage"),
    [
        ("lab:Lab", "Lab.pid"),
        ("lab:lab", "Lab.pid"),
        ("lab:lab.pid", "pid"),
        ("lab:double", "double"),
        ("lab", "lab.double"),
        ("lab.py:Lab", "Lab.pid"),
        ("./lab.py", "lab.double"),
    ],
)
@pytest.mark.usefixtures("here")
def test_services_are_named_in_several_ways(service: str, stage: str) -> None:
    assert stage in [info.name for info in Registry(instantiated(load_service(service), service)).infos()]


def test_one_line_on_stdout_whatever_the_services_print(start_node: Any, folder: Path) -> None:
    node = start_node("lab:Lab", "lab:double")
    with Client(node.endpoint) as client:
        client.call("Lab.extract", np.load(folder / "few.npy"))
        assert client.call("double", 2) == 4
    node.signal(signal.SIGTERM)
    code, out, err = node.end()
    assert (code, out) == (0, "")
    assert node.ready_line == f"listening on {node.endpoint}\n"
    assert err.splitlines() == ["said at the import", "said by the stage"]


# Arguments of serve, what the error says, what the help says.
BAD = [
    (["lob:Lab"], "no module 'lob'", "did you mean lab?"),
    (["lab:Lob"], "lab has no 'Lob'", "did you mean lab:Lab?"),
    (["lob.py:Lab"], "no file lob.py", "did you mean lab.py?"),
    (["hollow"], "no functions of its own", "hollow:Only"),
    (["raising"], "cannot import raising: ZeroDivisionError: division by zero (raising.py:2)", "--verbose"),
    (["incomplete.py"], "No module named 'no_such_library' (incomplete.py:1)", "no_such_library installed"),
    (["unreadable"], "SyntaxError: invalid syntax (unreadable.py, line 1)", "--verbose"),
    (["program"], "it calls sys.exit('usage') (program.py:2)", "__name__"),
    (["needy:Needy"], "constructor of Needy needs arguments", "serve module:x"),
    (["poor:Poor"], "Poor() failed for poor:Poor: RuntimeError: no device (poor.py:2)", "--verbose"),
    ([":x"], "':x'", "module:Object"),
    (["lab:Lab", "lab:lab"], "two stages are called", "name one of them"),
    (["lab:Lab", "--host", "0.0.0.0"], "would let everybody", "--insecure"),
    (["lab:Lab", "--threads", "0"], "'0' is not a whole number", "pyrpc serve --help"),
    (["lab:Lab", "--port", "70000"], "'70000' is not a port", "pyrpc serve --help"),
    ([], "required: SERVICE", "pyrpc serve --help"),
]


@pytest.mark.parametrize(("args", "error", "help"), BAD, ids=[" ".join(case[0]) for case in BAD])
def test_what_cannot_be_served_is_told_in_one_line(here: Any, args: list[str], error: str, help: str) -> None:
    done = here("serve", *args)
    assert (done.code, done.out) == (2, "")
    lines = [line for line in done.lines if line != "said at the import"]
    assert len(lines) == 2
    assert lines[0].startswith("pyrpc: error: ") and error in lines[0]
    assert lines[1].startswith("help: ") and help in lines[1]


def test_verbose_shows_the_traceback_of_an_import(here: Any) -> None:
    done = here("serve", "raising", "--verbose")
    assert 'raising.py", line 2, in f' in done.err
    assert done.lines[-2].startswith("pyrpc: error: ")


@pytest.mark.parametrize("workers", [1, 2])
def test_port_that_is_taken_is_told(pyrpc_command: Any, workers: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = pyrpc_command("serve", "lab:Lab", "--port", port, "--workers", workers)
    assert done.code == 2
    assert done.lines[-2].startswith(f"pyrpc: error: cannot listen on 127.0.0.1:{port}")
    assert done.lines[-1] == "help: another program has that port: choose one with --port, or --port 0 for a free one"


@pytest.mark.parametrize("options", [[], ["--workers", "2"]], ids=["alone", "workers"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_first_signal_finishes_running_calls(
    start_node: Any, tmp_path: Path, until: Until, options: list[str], number: int
) -> None:
    node = start_node("lab:Lab", *options)
    started, go = tmp_path / "started", tmp_path / "go"
    with Client(node.endpoint) as client:
        running = client.submit("Lab.hold", str(started), str(go))
        until(started.exists)
        node.signal(number)
        until(lambda: is_refusing(node.endpoint))
        go.touch()
        assert running.result(20) == "done"
    assert node.end()[:2] == (0, "")


@pytest.mark.parametrize("options", [[], ["--workers", "2"]], ids=["alone", "workers"])
def test_second_signal_ends_it_at_once(start_node: Any, tmp_path: Path, until: Until, options: list[str]) -> None:
    node = start_node("lab:Lab", *options)
    started = tmp_path / "started"
    with Client(node.endpoint) as client:
        client.submit("Lab.hold", str(started), str(tmp_path / "never"))
        until(started.exists)
        node.signal(signal.SIGTERM)
        until(lambda: is_refusing(node.endpoint))
        node.signal(signal.SIGTERM)
        # Its standard error ends only when the workers are gone too.
        assert node.end()[0] == 128 + signal.SIGTERM


def test_grace_time_ends_a_call_that_does_not(start_node: Any, tmp_path: Path, until: Until) -> None:
    node = start_node("lab:Lab", "--grace", "0.2")
    started = tmp_path / "started"
    with Client(node.endpoint) as client:
        client.submit("Lab.hold", str(started), str(tmp_path / "never"))
        until(started.exists)
        node.signal(signal.SIGTERM)
        assert node.end()[0] == 0


def is_refusing(endpoint: str) -> bool:
    """Whether a new caller is turned away."""
    try:
        with Client(endpoint) as client:
            client.call("Lab.pid", timeout_s=0.2)
    except NodeError:
        return True
    except TimeoutError:
        pass
    return False
