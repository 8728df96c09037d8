"""A rolling restart fails no call."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.faults.rolling import roll

RESTARTS = int(os.environ.get("PYRPC_RESTARTS", "3"))


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_rolling_restart_under_load_fails_no_call(tmp_path: Path, workers: int) -> None:
    outcome = roll(tmp_path, RESTARTS if workers == 1 else max(2, RESTARTS // 2), workers=workers, seed=workers)
    assert [repr(error) for error in outcome.failures] == []
    assert set(outcome.codes) == {0}
    assert min(outcome.calls.values()) >= 5
    assert outcome.calls.keys() == {"call", "slow", "sparse", "large", "submit", "map"}
