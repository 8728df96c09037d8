"""The clock that tests of time compare with."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.own_time import OwnTime

TOP = Path(__file__).resolve().parents[1]


def test_turns_that_come_in_time_count_in_full_and_others_as_one_turn() -> None:
    clock = OwnTime()
    began = time.monotonic() + 1.0
    clock.seen(began)
    shown = clock.seen(began)
    assert clock.seen(began + 0.005) - shown == pytest.approx(0.005)
    assert clock.seen(began + 0.025) - shown == pytest.approx(0.025)
    assert clock.seen(began + 9.025) - shown == pytest.approx(0.075)
    assert clock.seen(began + 8.0) - shown == pytest.approx(0.075)
    assert clock.seen(began + 9.035) - shown == pytest.approx(0.085)


def test_waiting_counts(own_time: Callable[[], float]) -> None:
    began = own_time()
    while own_time() - began < 0.2:
        time.sleep(0.01)


STOPPED = """
import time
from tests.own_time import OwnTime
with OwnTime() as own_time:
    began = own_time(), time.monotonic()
    print("ready", flush=True)
    input()
    print(time.monotonic() - began[1], own_time() - began[0])
"""


def test_time_in_which_the_process_is_stopped_does_not_count() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", STOPPED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=TOP
    )
    with process:
        assert process.stdout is not None and process.stdin is not None
        assert process.stdout.readline() == "ready\n"
        os.kill(process.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)
        time.sleep(0.4)
        os.kill(process.pid, signal.SIGCONT)
        elapsed_s, own_s = map(float, process.communicate("\n", timeout=30)[0].split())
    assert elapsed_s >= 0.4
    assert own_s <= elapsed_s - 0.3
