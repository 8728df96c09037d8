"""The line that tells how far a job is."""

from __future__ import annotations

import io
import types

import pytest

from pyrpc.client import progress as module
from pyrpc.client.progress import ProgressLine, progress_of
from pyrpc.errors import ConfigError


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(module, "time", types.SimpleNamespace(monotonic=lambda: now[0]))
    return now


def last_line(out: io.StringIO) -> str:
    return out.getvalue().rpartition("\r")[2].rstrip(" ")


def test_line_tells_rows_speed_and_time_left(clock: list[float]) -> None:
    out = io.StringIO()
    line = ProgressLine("work", out)
    clock[0] += 2
    line(200, 1000)
    assert last_line(out) == "work: 200/1000 rows (20%), 100 rows/s, 8.0 s left"
    clock[0] += 8
    line(1000, 1000)
    written = last_line(out)
    assert written.rstrip() == "work: 1000/1000 rows (100%), 100 rows/s"
    # As wide as any line before it, so that nothing of those is left.
    assert len(written) == 79
    assert written.endswith("\n")


def test_line_is_written_ten_times_a_second_at_most(clock: list[float]) -> None:
    out = io.StringIO()
    line = ProgressLine("work", out)
    for done in range(100):
        clock[0] += 0.01
        line(done, 1000)
    assert 9 <= out.getvalue().count("\r") <= 11


def test_end_is_written_once(clock: list[float]) -> None:
    out = io.StringIO()
    line = ProgressLine("work", out)
    line(0, 0)
    line(0, 0)
    assert out.getvalue().count("\n") == 1
    assert "(100%)" in out.getvalue()


def test_progress_is_a_line_a_callable_or_nothing() -> None:
    assert progress_of(None, "x") is None
    assert progress_of(False, "x") is None
    assert isinstance(progress_of(True, "x"), ProgressLine)
    assert progress_of(max, "x") is max
    with pytest.raises(ConfigError, match="progress"):
        progress_of("yes", "x")  # type: ignore[arg-type]
