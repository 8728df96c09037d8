"""Tables and picture of the demo, from receipts made by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pyrpc.client.receipt import ChunkRecord, Receipt
from pyrpc.demo.failure import Failure
from pyrpc.demo.job import STAGES
from pyrpc.demo.report import equality_line, node_table, stage_table
from pyrpc.demo.timeline import StageRun, Timeline

NAMES = {"a:1": "node 1", "b:1": "node 2"}


def on_nodes() -> Timeline:
    timeline = Timeline()
    for number, label in enumerate(STAGES):
        receipt = Receipt(label, 400, tuple(NAMES))
        for chunk, node in enumerate(("a:1", "b:1", "a:1", "a:1")):
            receipt.entries.append(
                ChunkRecord(
                    chunk,
                    100 * chunk,
                    100 * chunk + 100,
                    node,
                    0,
                    slot=chunk % 2,
                    sent_s=0.2 * chunk,
                    done_s=0.2 * chunk + 0.3,
                    service_s=0.25,
                    bytes_out=1_000_000,
                    bytes_in=500_000,
                    outcome="ok" if chunk < 3 or number != 2 else "failed",
                )
            )
        timeline.stages.append(StageRun(label, 400, 2.0 * number, 2.0 * number + 1.0, [(2.0 * number, receipt)]))
    return timeline


def alone() -> Timeline:
    timeline = Timeline()
    timeline.stages = [StageRun(label, 400, 3.0 * n, 3.0 * n + 2.0) for n, label in enumerate(STAGES)]
    return timeline


def test_stage_table_has_rows_time_speed_traffic_and_gain() -> None:
    columns, rows = stage_table(on_nodes(), alone())
    assert [name.removeprefix(">") for name in columns][:4] == ["stage", "rows", "chunks", "time"]
    assert rows[0] == ["preprocess", "400", "4", "1.00 s", "400", "6.0", "2.00 s", "2.0 x"]
    assert rows[-1] == ["all", "1,600", "16", "7.00 s", "229", "24.0", "11.00 s", "1.6 x"]


def test_node_table_has_the_share_of_each_node() -> None:
    _, rows = node_table(on_nodes(), NAMES)
    assert rows[0] == ["node 1", "300", "300", "200", "300", "1,100", "68.8%", "3.00 s"]
    assert rows[1] == ["node 2", "100", "100", "100", "100", "400", "25.0%", "1.00 s"]


def test_what_differs_stands_out() -> None:
    assert equality_line({"x": True, "y": True}) == "x, y: equal bit for bit"
    assert equality_line({"x": True, "y": False}) == "x: equal bit for bit; y: DIFFERENT"
    assert equality_line({"x": False}) == "x: DIFFERENT"


def test_picture_shows_every_stage_on_every_node(tmp_path: Path) -> None:
    image = pytest.importorskip("matplotlib.image")
    from pyrpc.demo.picture import _COLOURS, save_picture

    path = tmp_path / "picture.png"
    failure = Failure("b:1", 4.5, 1, 1, 0, [(5.0, "a:1")])
    save_picture(path, NAMES, alone(), on_nodes(), on_nodes(), failure)
    pixels = np.rint(image.imread(path)[..., :3] * 255).astype(int)
    assert pixels.shape[0] > 600
    assert pixels.shape[1] > 1000
    for colour in _COLOURS.values():
        wanted = [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
        # More than its patch in the legend.
        assert (np.abs(pixels - wanted).max(axis=-1) <= 2).sum() > 3000, colour
