"""What is told of a node that was killed."""

from __future__ import annotations

from typing import cast

from pyrpc.client.receipt import ChunkRecord, Receipt
from pyrpc.demo.failure import PowerCut
from pyrpc.demo.nodes import Nodes
from pyrpc.demo.timeline import StageRun, Timeline


class FakeNodes:
    """Two nodes, of which none is real."""

    def __init__(self) -> None:
        self.killed: list[int] = []
        self.endpoint = "b:1"

    def __getitem__(self, index: int) -> FakeNodes:
        return self

    def kill(self, index: int) -> None:
        self.killed.append(index)


class SetTimeline(Timeline):
    """Its time is what a test says."""

    time_s = 0.0

    def now_s(self) -> float:
        return self.time_s


def record(chunk: int, node: str, attempt: int, sent_s: float, done_s: float, outcome: str) -> ChunkRecord:
    return ChunkRecord(chunk, 0, 10, node, attempt, sent_s=sent_s, done_s=done_s, outcome=outcome)


def test_node_is_killed_once_after_its_share_of_the_right_stage() -> None:
    nodes = FakeNodes()
    cut = PowerCut(cast(Nodes, nodes), 1, "train", 0.5, SetTimeline())
    for label, share in [("features", 0.9), ("train", 0.5)]:
        cut.watch(label, share)
    assert nodes.killed == []
    for share in (0.51, 0.6, 1.0):
        cut.watch("train", share)
    assert nodes.killed == [1]


def test_chunks_that_were_there_are_told_from_those_that_came_later() -> None:
    timeline = SetTimeline()
    cut = PowerCut(cast(Nodes, FakeNodes()), 1, "train", 0.5, timeline)
    timeline.time_s = 10.0
    cut.watch("train", 0.6)
    first = Receipt("s", 30, ("a:1", "b:1"))
    first.entries = [
        record(0, "a:1", 0, 0.0, 1.5, "ok"),
        record(1, "b:1", 0, 0.5, 1.1, "failed"),
        record(1, "a:1", 1, 1.1, 2.0, "ok"),
        record(2, "b:1", 0, 1.05, 1.06, "failed"),
        record(2, "a:1", 1, 1.06, 2.5, "ok"),
    ]
    second = Receipt("s", 10, ("a:1", "b:1"))
    second.entries = [record(0, "a:1", 0, 0.0, 1.0, "late"), record(0, "a:1", 1, 0.5, 0.9, "ok")]
    timeline.stages = [StageRun("train", 40, 9.0, 20.0, [(9.0, first), (12.0, second)])]
    failure = cut.consequences()
    assert (failure.endpoint, failure.at_s) == ("b:1", 10.0)
    assert (failure.lost, failure.refused, failure.hedged, failure.sent_again) == (1, 1, 1, 2)
    assert failure.done_elsewhere == [(11.0, "a:1")]
