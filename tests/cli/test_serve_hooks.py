"""``setup`` and ``close`` of services that ``pyrpc serve`` hosts, in one process and in workers."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pyrpc import Client

HOOKED = """
import os
import pathlib
import time


def note(what):
    print(what, "of Model")
    with open("notes", "a") as notes:
        notes.write(what + "\\n")


class Model:
    def setup(self):
        note("setup")

    def close(self):
        note("close")

    def predict(self, x):
        return 2 * x


class Poor(Model):
    def setup(self):
        raise OSError("no device")


class Slow(Model):
    def setup(self):
        note("began")
        time.sleep(60)


class Careless(Model):
    def close(self):
        raise OSError("gone already")
"""
Until = Callable[[Callable[[], object]], None]


@pytest.fixture(autouse=True)
def notes(folder: Path) -> Path:
    (folder / "hooked.py").write_text(HOOKED)
    path = folder / "notes"
    path.write_text("")
    return path


def noted(notes: Path) -> list[str]:
    return notes.read_text().split()


@pytest.mark.parametrize("workers", [1, 2])
def test_setup_comes_before_the_ready_line_and_close_after_sigterm(start_node: Any, notes: Path, workers: int) -> None:
    node = start_node("hooked:Model", "--workers", workers)
    assert noted(notes) == ["setup"] * workers
    with Client(node.endpoint) as client:
        assert client.call("Model.predict", 2) == 4
        assert [stage.name for stage in client.stages()] == ["Model.predict"]
    node.signal(signal.SIGTERM)
    code, out, err = node.end()
    # What hooks print is no ready line.
    assert (code, out) == (0, "")
    assert noted(notes) == ["setup"] * workers + ["close"] * workers
    assert err.count("setup of Model") == err.count("close of Model") == workers


@pytest.mark.parametrize("workers", [1, 3])
def test_error_in_setup_is_told_and_ends_the_start(pyrpc_command: Any, workers: int) -> None:
    done = pyrpc_command("serve", "hooked:Poor", "--port", 0, "--workers", workers)
    assert (done.code, done.out) == (2, "")
    assert done.lines == [
        "pyrpc: error: setup of Poor failed: OSError: no device (hooked.py:26)",
        "help: --verbose shows the traceback",
    ]


def test_traceback_of_setup_is_shown_when_asked_for(pyrpc_command: Any) -> None:
    done = pyrpc_command("serve", "hooked:Poor", "--port", 0, "--verbose")
    assert 'raise OSError("no device")' in done.err


@pytest.mark.parametrize("workers", [1, 2])
def test_sigterm_during_setup_ends_it_at_once(pyrpc_command: Any, notes: Path, until: Until, workers: int) -> None:
    process: subprocess.Popen[str] = pyrpc_command.start("serve", "hooked:Slow", "--port", 0, "--workers", workers)
    try:
        until(lambda: len(noted(notes)) == workers)
        process.terminate()
        assert process.wait(10) in (-signal.SIGTERM, 128 + signal.SIGTERM)
    finally:
        process.kill()
        out, _ = process.communicate()
    assert out == ""


def test_error_in_close_is_logged_and_costs_nothing(start_node: Any) -> None:
    node = start_node("hooked:Careless")
    node.signal(signal.SIGTERM)
    code, _, err = node.end()
    assert code == 0
    assert "close of Careless failed" in err
    assert "gone already" in err
