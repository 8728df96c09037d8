"""What a node was doing at each moment of a job, as far as its caller can tell.

A caller knows when it sent a chunk and when the reply came, how long the chunk waited and ran on the node, and often
when the reply began to arrive. From these it places the running at the end of an attempt, just before the reply, the
waiting before that, and its own preparation at the beginning; what remains is transfer. Where the beginning of the
reply is not known, the transfer is shared between both ways by the bytes that went each way.
"""

from __future__ import annotations

from collections.abc import Iterable

from pyrpc.client.receipt.records import ChunkRecord

# What a node with nothing in flight is found to be doing is told by causes.py.
RUNNING, QUEUED, TRANSFER, PREPARING, UNANSWERED = range(5)
_IDLE = 5
# A stage may be too quick for the node's clock of microseconds; 0 would make it infinitely fast.
LEAST_S = 1e-6

Span = tuple[float, float]


def run_span(entry: ChunkRecord) -> Span:
    """When an answered attempt ran, in seconds since the job began; all of it where the node told no times."""
    if not entry.service_s and not entry.queued_s:
        return entry.sent_s, entry.done_s
    service_s = max(entry.service_s, LEAST_S)
    began_s = entry.sent_s + entry.prepare_s
    if entry.replied_s:
        stop = entry.replied_s
    else:
        moved_s = max(0.0, entry.done_s - began_s - entry.queued_s - service_s)
        moved_bytes = entry.bytes_out + entry.bytes_in
        stop = entry.done_s - moved_s * (entry.bytes_in / moved_bytes if moved_bytes else 0.5)
    stop = min(max(stop, entry.sent_s), entry.done_s)
    return max(entry.sent_s, stop - service_s), stop


def queue_span(entry: ChunkRecord, ran_from_s: float) -> Span:
    """When it waited on the node: just before it ran."""
    return max(entry.sent_s, ran_from_s - entry.queued_s), ran_from_s


class NodeSpans:
    """The time of one node, shared out.

    Attributes
    ----------
    seconds : list of float
        For RUNNING to UNANSWERED: each moment counts once, for the first of them that holds for any attempt.
    idle : list of (start, stop)
        When nothing was in flight.
    """

    __slots__ = ("idle", "seconds")

    def __init__(self, entries: Iterable[ChunkRecord], until_s: float) -> None:
        self.seconds = [0.0] * _IDLE
        self.idle: list[Span] = []
        counts = [0] * _IDLE
        at_s = 0.0
        for moment_s, kind, change in sorted(_changes(entries)):
            moment_s = min(max(moment_s, 0.0), until_s)
            if moment_s > at_s:
                self._spend(counts, at_s, moment_s)
                at_s = moment_s
            counts[kind] += change
        if until_s > at_s:
            self._spend(counts, at_s, until_s)

    def _spend(self, counts: list[int], start_s: float, stop_s: float) -> None:
        for kind, count in enumerate(counts):
            if count:
                self.seconds[kind] += stop_s - start_s
                return
        if self.idle and self.idle[-1][1] == start_s:
            start_s = self.idle.pop()[0]
        self.idle.append((start_s, stop_s))


def _changes(entries: Iterable[ChunkRecord]) -> Iterable[tuple[float, int, int]]:
    for entry in entries:
        whole = TRANSFER if entry.is_answered else UNANSWERED
        spans = [(whole, (entry.sent_s, entry.done_s))]
        if entry.is_answered:
            ran = run_span(entry)
            spans.append((RUNNING, ran))
            if entry.queued_s:
                spans.append((QUEUED, queue_span(entry, ran[0])))
            if entry.prepare_s:
                # Preparing comes after transfer in the order of kinds, so the whole must leave this part out.
                ready_s = min(entry.sent_s + entry.prepare_s, entry.done_s)
                spans[0] = (TRANSFER, (ready_s, entry.done_s))
                spans.append((PREPARING, (entry.sent_s, ready_s)))
        for kind, (start_s, stop_s) in spans:
            if stop_s > start_s:
                yield start_s, kind, 1
                yield stop_s, kind, -1
