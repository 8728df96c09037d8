"""One node on the virtual clock: its link, its threads, and what has gone wrong with it."""

from __future__ import annotations

import math
from collections import deque

from pyrpc.plan.actions import Send
from pyrpc.plan.prng import SplitMix64
from pyrpc.simulate.luck import SHIFT, Deck, luck_table
from pyrpc.simulate.scenario import JobModel, NodeModel


class Flight:
    """One attempt, from its Send until the planner was told of its end."""

    __slots__ = (
        "arrives_s", "epoch", "is_cancelled", "is_reported", "node", "ran_from_s", "ran_to_s", "rows", "send",
        "sent_s", "service_s",
    )  # fmt: skip

    def __init__(self, send: Send, node: SimulatedNode, sent_s: float) -> None:
        self.send = send
        self.rows = send.chunk.stop - send.chunk.start
        self.node = node
        self.epoch = node.epoch
        self.sent_s = self.arrives_s = self.ran_from_s = self.ran_to_s = sent_s
        self.service_s = 0.0
        self.is_cancelled = False
        self.is_reported = False


class SimulatedNode:
    """The state of a node.

    What it draws depends on how much it drew before and on nothing else: all policies meet the same luck.

    Attributes
    ----------
    free_threads : int
    waiting : deque of Flight
        Those that arrived, or will, and have no thread.
    epoch : int
        How often it died.
    is_dead : bool
    """

    __slots__ = (
        "_deck", "_in_at", "_in_s", "_luck", "_out_at", "_out_s", "_prng", "epoch", "free_threads", "half_s", "index",
        "is_dead", "is_plain", "model", "waiting",
    )  # fmt: skip

    def __init__(self, index: int, model: NodeModel, job: JobModel, seed: int) -> None:
        self.index = index
        self.model = model
        self.free_threads = model.threads
        self.waiting: deque[Flight] = deque()
        self.epoch = 0
        self.is_dead = False
        self.half_s = model.latency_s / 2
        # Seconds a row needs on the link, and since when the link is free.
        self._out_s, self._in_s = job.row_bytes / model.bytes_per_s, job.result_row_bytes / model.bytes_per_s
        self._out_at = self._in_at = 0.0
        self._prng = SplitMix64(SplitMix64(seed + 0x9E37 * (index + 1)).next_u64())
        self._deck = Deck(model.jitter_factors, self._prng) if model.jitter_factors else None
        self._luck = () if self._deck else luck_table(model.jitter_kind, model.jitter)
        self.is_plain = math.isinf(model.hangs_at_s)

    def happens(self, share: float) -> bool:
        """Whether something happens that happens in this share of the cases."""
        return share > 0 and self._prng.uniform() < share

    def arrival_s(self, rows: int, leaves_s: float) -> float:
        """When a request of so many rows is there."""
        if self._out_s:
            leaves_s = self._out_at = max(leaves_s, self._out_at) + rows * self._out_s
        return leaves_s + self.half_s

    def reply_s(self, rows: int, leaves_s: float) -> float:
        """When the reply for so many rows is with the client."""
        if self._in_s:
            leaves_s = self._in_at = max(leaves_s, self._in_at) + rows * self._in_s
        return leaves_s + self.half_s

    def service_s(self, rows: int) -> float:
        """How long so many rows run this time."""
        model = self.model
        seconds = model.piece_s + rows * model.row_s
        if self._luck:
            seconds *= self._luck[self._prng.next_u64() >> SHIFT]
        elif self._deck is not None:
            seconds *= self._deck.deal()
        if model.straggler_share and self._prng.uniform() < model.straggler_share:
            seconds *= model.straggler_factor
        return seconds

    def run(self, flight: Flight, at_s: float) -> float:
        """Begin an attempt, at that time or as soon as it is there or the node awake; when it ends, or inf."""
        start_s = at_s if at_s > flight.arrives_s else flight.arrives_s
        service_s = self.service_s(flight.rows)
        end_s = start_s + service_s
        if not self.is_plain:
            model = self.model
            if model.hangs_at_s <= start_s < model.wakes_at_s:
                start_s, end_s = model.wakes_at_s, model.wakes_at_s + service_s
            elif start_s < model.hangs_at_s < end_s:
                end_s += model.wakes_at_s - model.hangs_at_s
        flight.ran_from_s, flight.ran_to_s, flight.service_s = start_s, end_s, end_s - start_s
        return end_s

    def die(self) -> None:
        """All that it had is gone."""
        self.epoch += 1
        self.is_dead = True
        self.waiting.clear()

    def come_back(self) -> None:
        """It is there again, and idle."""
        self.is_dead = False
        self.free_threads = self.model.threads

    def is_hung(self, now: float) -> bool:
        """Whether it is stopped."""
        return self.model.hangs_at_s <= now < self.model.wakes_at_s
