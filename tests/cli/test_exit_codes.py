"""Whatever goes wrong is told in one line, with a line that helps, and an exit code that says whose fault it was."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pyrpc.cli import failures
from pyrpc.errors import PyrpcError

GOOD = ["images.npy", "-o", "out.npy"]
# Command line with E for the endpoint, exit code, what the error says, what the help says.
CASES = [
    (["call", "E", "Lab.ecko"], 2, "no method 'ecko'", "did you mean 'Lab.echo'?"),
    (["call", "E", "Lab.echo", "[1, 2"], 2, "begins as JSON", "quote it for the shell"),
    (["call", "E", "Lab.echo", "True"], 2, "True is Python", "write true"),
    (["call", "E", "Lab.echo", "@imges.npy"], 2, "no file imges.npy", "did you mean images.npy?"),
    (["call", "E", "Lab.echo", "@objects.npy"], 2, "Python objects", "numpy.save"),
    (["call", "E", "Lab.echo", "@text.npy"], 2, "text.npy", "numpy.save"),
    (["call", "E", "Lab.echo", "-k", "a"], 2, "-k NAME=VALUE", None),
    (["call", "E", "Lab.echo", "-k", "a=1", "-k", "a=2"], 2, "twice", None),
    (["call", "E", "Lab.echo", "1", "2"], 2, "wrong arguments", "parameters are x"),
    (["call", "E", "Lab.extract", "[1]"], 2, "uint8[n,8,8]", None),
    (["call", "E"], 2, "required: METHOD", "pyrpc call --help"),
    (["call", "E", "Lab.echo", "--timeout", "-1"], 2, "'-1' is not a number of seconds", "pyrpc call --help"),
    (["call", "h:x", "Lab.echo"], 2, "'h:x'", "host:port"),
    (["call", "E", "Lab.fail"], 1, "ValueError: two lines, and \\x1b[31m red", "--verbose"),
    (["call", "127.0.0.1:1", "Lab.echo"], 3, "127.0.0.1:1", "is it running?"),
    (["map", "E", "Lab.fail", *GOOD], 1, "ValueError: two lines", "--verbose"),
    (["map", "E", "Lab.short", *GOOD], 1, "wrong number of rows", "reduce"),
    (["map", "E", "Lab.extrct", *GOOD], 2, "extrct", "'Lab.extract'"),
    (["map", "E", "Lab.extract", "few.npy", *GOOD], 2, "different numbers of rows", "-k NAME=@file.npy"),
    (["map", "E", "Lab.extract", "images.npy", "-o", "out.txt"], 2, "out.txt", None),
    (["map", "E", "Lab.extract", "images.npy", "-o", "no/out.npy"], 2, "no folder no", None),
    (["map", "E", "Lab.extract", "two.npz", "-o", "out.npy"], 2, "several arrays", "numpy.save"),
    (["map", "E", "Lab.extract", *GOOD, "--chunk-bytes", "1x"], 2, "'1x'", "pyrpc map --help"),
    (["ls", "E", "Lob"], 2, "'Lob'", "'Lab'"),
    (["stats", "127.0.0.1:1"], 3, "127.0.0.1:1", "is it running?"),
    (["lst"], 2, "no command 'lst'", "did you mean ls?"),
    (["--nope"], 2, "--nope", "pyrpc --help"),
]


@pytest.mark.parametrize(("line", "code", "error", "help"), CASES, ids=[" ".join(case[0]) for case in CASES])
def test_bad_input_is_told_in_one_line(
    here: Any, endpoint: str, line: list[str], code: int, error: str, help: str | None
) -> None:
    done = here(*[endpoint if word == "E" else word for word in line])
    assert (done.code, done.out) == (code, "")
    assert done.lines[0].startswith("pyrpc: error: ") and error in done.lines[0]
    assert len(done.lines) <= 2 and all(each.startswith("help: ") for each in done.lines[1:])
    assert help is None or help in done.lines[1]


def test_the_process_ends_with_that_code_and_without_a_traceback(pyrpc_command: Any, endpoint: str) -> None:
    done = pyrpc_command("call", endpoint, "Lab.fail")
    assert (done.code, done.out, len(done.lines)) == (1, "", 2)
    assert "Traceback" not in done.err


def test_traceback_of_the_node_is_shown_when_wanted(here: Any, endpoint: str) -> None:
    done = here("call", endpoint, "Lab.fail", "-v")
    assert done.code == 1
    assert done.lines[0].startswith("Traceback") and any("in fail" in line for line in done.lines)
    assert done.lines[-1].startswith("pyrpc: error: ")
    assert "\x1b" not in done.err


def test_time_that_is_over_has_a_code_of_its_own(here: Any, endpoint: str, folder: Path) -> None:
    go = folder / "go"
    done = here("call", endpoint, "Lab.hold", folder / "timed", go, "--timeout", "0.2")
    go.touch()
    assert (done.code, done.lines[1]) == (4, "help: give more time with --timeout")


def test_interrupted_call_ends_with_130(
    pyrpc_command: Any, endpoint: str, tmp_path: Path, until: Callable[[Callable[[], object]], None]
) -> None:
    started, go = tmp_path / "started", tmp_path / "go"
    process = pyrpc_command.start("call", endpoint, "Lab.hold", started, go)
    until(started.exists)
    process.send_signal(signal.SIGINT)
    err = process.communicate()[1]
    go.touch()
    assert (process.returncode, err) == (130, "pyrpc: interrupted\n")


def test_output_that_cannot_be_written_is_refused_before_the_work(here: Any) -> None:
    # Nobody listens there: had it asked, the code were 3.
    assert here("call", "127.0.0.1:1", "Lab.echo", "-o", "no/out.npy").code == 2


def test_every_error_has_a_code() -> None:
    def classes(root: type[PyrpcError]) -> list[type[PyrpcError]]:
        return [root, *(cls for child in root.__subclasses__() for cls in classes(child))]

    faults = {"caller": failures.CALLER_FAULT, "stage": failures.STAGE_FAULT}
    special = {"DeadlineExceeded": 4, "ExpiredError": 4, "CancelledError": 130}
    for cls in classes(PyrpcError):
        expected = special.get(cls.__name__, faults.get(cls.fault.value, failures.NODE_FAULT))
        assert failures.exit_code(cls("x")) == expected, cls


def test_fault_of_pyrpc_itself_is_told_as_such(here: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(args: object) -> int:
        raise KeyError("inside")

    monkeypatch.setattr("pyrpc.cli.call.run", broken)
    done = here("call", "-", "x")
    assert (done.code, done.lines[0]) == (70, "pyrpc: error: a fault of pyrpc itself: KeyError('inside')")


@pytest.mark.parametrize("command", ["serve", "call", "map", "reduce", "ls", "stats", "ping", "simulate"])
def test_help_has_examples(here: Any, command: str) -> None:
    done = here(command, "--help")
    assert done.code == 0
    assert f"\nexamples:\n  pyrpc {command} " in done.out


def test_help_tells_the_commands_and_the_exit_codes(here: Any) -> None:
    done = here("--help")
    assert done.code == 0
    assert "exit codes:" in done.out and "examples:" in done.out
    names = ("serve", "call", "map", "reduce", "ls", "stats", "ping", "simulate")
    assert all(f"\n  {name} " in done.out for name in names)


def test_no_command_at_all_shows_the_help_and_fails(here: Any) -> None:
    done = here()
    assert (done.code, done.out) == (2, "")
    assert "examples:" in done.err


def test_help_loads_neither_numpy_nor_the_client() -> None:
    program = "import sys; from pyrpc.cli.main import main; main(['call', '--help']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = done.stdout.splitlines()[-1].split()
    assert not {"numpy", "thrift", "rich", "pyrpc.client.client"} & set(loaded)
