"""A node is killed in the middle of a job; what that cost."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pyrpc.demo.nodes import Nodes
from pyrpc.demo.timeline import Timeline


@dataclass(frozen=True, slots=True)
class Failure:
    """What became of the chunks of a node that was killed.

    Attributes
    ----------
    endpoint : str
        Which node.
    at_s : float
        When, in seconds since the job began.
    lost : int
        Chunks that were there and were sent again to others.
    refused : int
        Chunks that went there later, found nobody, and were sent to others.
    hedged : int
        Chunks that were sent a second time as the first took long.
    done_elsewhere : list of (float, str)
        When and where the lost ones were done.
    """

    endpoint: str
    at_s: float
    lost: int
    refused: int
    hedged: int
    done_elsewhere: list[tuple[float, str]]

    @property
    def sent_again(self) -> int:
        """Lost or refused."""
        return self.lost + self.refused


class PowerCut:
    """Kills a node, once, when a stage has got so far.

    Parameters
    ----------
    nodes : Nodes
    index : int
        Which of them.
    label : str
        In which stage of the job.
    share : float
        When more than that share of the stage's rows is done; below 1.
    timeline : Timeline
        That of the job.
    """

    def __init__(self, nodes: Nodes, index: int, label: str, share: float, timeline: Timeline) -> None:
        self._nodes = nodes
        self._index = index
        self._label = label
        self._share = share
        self._timeline = timeline
        self._at_s = math.inf

    def watch(self, label: str, share: float) -> None:
        """The job has got so far."""
        if self._at_s == math.inf and label == self._label and share > self._share:
            self._at_s = self._timeline.now_s()
            self._nodes.kill(self._index)

    def consequences(self) -> Failure:
        """What came of it, once the job is over."""
        lost = refused = retries = 0
        done_elsewhere = []
        for run in self._timeline.stages:
            for began_s, receipt in run.receipts:
                failed = [record for record in receipt.entries if record.outcome == "failed"]
                were_there = {record.chunk for record in failed if began_s + record.sent_s <= self._at_s}
                lost += len(were_there)
                refused += len(failed) - len(were_there)
                retries += receipt.retries
                done_elsewhere += [
                    (began_s + record.done_s, record.node)
                    for record in receipt.entries
                    if record.outcome == "ok" and record.chunk in were_there
                ]
        hedged = max(0, retries - lost - refused)
        return Failure(self._nodes[self._index].endpoint, self._at_s, lost, refused, hedged, done_elsewhere)
