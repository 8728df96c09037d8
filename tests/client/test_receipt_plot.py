"""A receipt as a picture. What it looks like is for people to judge; that it is drawn, is judged here."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pyrpc.client.receipt import ChunkRecord, Receipt
from pyrpc.client.receipt.plot import Lanes, merged
from pyrpc.errors import ConfigError

KINDS = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}


@pytest.fixture
def receipt() -> Receipt:
    entries = [
        ChunkRecord(0, 0, 10, "a:1", 0, 0, 0.0, 1.0, 0.1, 0.5, 100, 200, "ok"),
        ChunkRecord(1, 10, 20, "b:1", 0, 0, 0.0, 1.5, outcome="failed", error="gone", error_type="ConnectionLostError"),
        ChunkRecord(1, 10, 20, "a:1", 1, 0, 1.0, 1.9, 0.0, 0.5, 100, 200, "ok"),
        ChunkRecord(1, 10, 20, "b:1", 2, 0, 1.6, 2.0, outcome="cancelled"),
        ChunkRecord(1, 10, 20, "b:1", 3, 1, 1.8, 2.1, 0.0, 0.1, outcome="late"),
    ]
    return Receipt("work", 20, ("a:1", "b:1", "c:1"), 2.25, entries, state="done")


@pytest.mark.parametrize("suffix", KINDS)
def test_picture_is_written_by_its_suffix(receipt: Receipt, tmp_path: Path, suffix: str) -> None:
    pytest.importorskip("matplotlib")
    receipt.plot(tmp_path / f"job{suffix}")
    assert (tmp_path / f"job{suffix}").read_bytes().startswith(KINDS[suffix])


def test_picture_says_what_was_lost_to_what(receipt: Receipt, tmp_path: Path) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        receipt.plot(tmp_path / "job.svg")
    text = (tmp_path / "job.svg").read_text()
    wanted = ("work: 20 rows on 3 nodes", "makespan 2.250 s, lower bound", "lost to", "a:1", "c:1", "failed", "rows/s")
    assert [part for part in wanted if part not in text] == []


@pytest.mark.parametrize("nodes", [0, 1, 200])
def test_any_number_of_nodes_gives_a_picture_of_bounded_height(tmp_path: Path, nodes: int) -> None:
    image = pytest.importorskip("matplotlib.image")
    names = tuple(f"host{node}:9090" for node in range(nodes))
    Receipt("work", 0, names, state="running").plot(tmp_path / "job.png")
    height, width = image.imread(tmp_path / "job.png").shape[:2]
    assert (width, height < 1.5 * width) == (1320, True)


def test_picture_needs_the_extra(receipt: Receipt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.setitem(sys.modules, "matplotlib.backends.backend_agg", None)
    with pytest.raises(ConfigError, match=r"pip install 'pyrpc-thrift\[plot\]'"):
        receipt.plot(tmp_path / "job.png")


@pytest.mark.parametrize("name", ["job.json", "job", "job.jpeg"])
def test_picture_of_another_suffix_is_refused(receipt: Receipt, tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=r"a name ending in \.png, \.svg, \.pdf"):
        receipt.plot(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_lanes_of_a_node_lie_around_its_place_and_touch_no_other() -> None:
    lanes = Lanes(["a", "b"], 2)
    middles = [lanes.middle(ChunkRecord(0, 0, 1, node, 0, slot)) for node in "ab" for slot in (0, 1)]
    assert middles == pytest.approx([-0.2, 0.2, 0.8, 1.2])
    bottom, height = lanes.span(middles[1])
    assert bottom + height < lanes.span(middles[2])[0]


def test_bars_too_narrow_to_see_are_joined_and_others_stay_apart() -> None:
    wide = [(0.0, 5.0), (5.0, 9.0)]
    assert merged(wide, 1.0) == wide
    assert merged([(5.0, 6.0), (0.0, 5.0), (6.5, 8.0), (10.0, 10.5)], 1.0) == [(0.0, 8.0), (10.0, 10.5)]
