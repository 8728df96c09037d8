"""Maps go on while workers are killed, again and again."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import numpy as np
import pytest

spec = importlib.util.spec_from_file_location("storm", Path(__file__).with_name("storm.py"))
storm = importlib.util.module_from_spec(spec)
sys.modules["storm"] = storm
spec.loader.exec_module(storm)

# By hand: python -m tests.faults.storm --seconds 120 --maps 10000
SECONDS = float(os.environ.get("PYRPC_STORM_S", "5"))


@pytest.mark.slow
def test_killed_workers_cost_no_row_and_no_bit() -> None:
    tally = storm.run(SECONDS, 20, nodes=2, workers=4, every_s=2.0, callers=2, seed=1)
    assert tally.is_clean, tally
    assert tally.kills >= SECONDS / 5


class Receipt:
    def __init__(self, rows: list[tuple[int, int, str]]) -> None:
        self.entries = [type("Entry", (), {"start_row": a, "stop_row": b, "outcome": how}) for a, b, how in rows]
        self.retries = 0


@pytest.mark.parametrize(
    ("rows", "changed", "counts"),
    [
        ([(0, 2, "ok"), (2, 4, "failed"), (2, 4, "ok")], 0.0, (0, 0, 0)),
        ([(0, 2, "ok"), (2, 4, "failed")], 0.0, (2, 0, 0)),
        ([(0, 2, "ok"), (1, 4, "ok")], 0.0, (0, 1, 0)),
        ([(0, 4, "ok")], 1e-16, (0, 0, 1)),
    ],
)
def test_lost_and_duplicated_rows_and_other_bits_are_noticed(
    rows: list[tuple[int, int, str]], changed: float, counts: tuple[int, int, int]
) -> None:
    x = np.zeros((4, 2))
    tally = storm.Tally()
    tally.add(x, storm.mix(x) + changed, type("Job", (), {"receipt": Receipt(rows)}))
    assert (tally.lost, tally.duplicated, tally.differing) == counts
    assert tally.is_clean == (counts == (0, 0, 0))
