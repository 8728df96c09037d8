"""Nodes, timers and pieces of a job, from "Job nodes" and "Scheduler" of thrift/PLANNER.md."""

from __future__ import annotations

from math import inf

from . import cost
from .window import Window


class Timers:
    """A list that is searched."""

    def __init__(self) -> None:
        self.all: list[tuple] = []
        self.count = 0

    def set(self, at: float, kind: str, subject: object = None) -> None:
        self.count += 1
        self.all.append((at, self.count, kind, subject))

    def first_at(self) -> float:
        return min((timer[0] for timer in self.all), default=inf)

    def pop_due(self, now: float) -> tuple | None:
        due = [timer for timer in self.all if timer[0] <= now]
        if not due:
            return None
        first = min(due, key=lambda timer: timer[:2])
        self.all.remove(first)
        return first


class Piece:
    """A chunk with a past."""

    def __init__(self, index: int, start: int, stop: int) -> None:
        self.index, self.start, self.stop = index, start, stop
        self.live: list[Attempt] = []
        self.heirs: list[Piece] = []
        self.origin: Piece | None = None
        self.is_done = False
        self.failed_on: set[Node] = set()
        self.forgive_at: float | None = None
        self.last_sent = self.refused_since = 0.0
        self.sends = self.hedges = self.failures = self.losses = self.unreached = self.refusals = 0

    @property
    def rows(self) -> int:
        return self.stop - self.start

    def part(self, index: int, start: int, stop: int) -> Piece:
        other = Piece(index, start, stop)
        for name in ("sends", "last_sent", "failures", "losses", "unreached", "refusals", "refused_since"):
            setattr(other, name, getattr(self, name))
        other.failed_on = set(self.failed_on)
        return other

    def running_on(self) -> set[Node]:
        nodes = {attempt.node for attempt in self.live}
        if self.origin is not None and not self.origin.is_done:
            nodes |= {attempt.node for attempt in self.origin.live}
        return nodes


class Attempt:
    def __init__(self, attempt_id: int, piece: Piece, node: Node, now: float) -> None:
        self.attempt_id, self.piece, self.node, self.sent_at = attempt_id, piece, node, now
        self.rows, self.epoch, self.is_cancelled = piece.rows, node.epoch, False


class Node:
    """One node: what is known of it, its costs and predictions."""

    def __init__(self, place: int, job_line: dict, window: Window) -> None:
        self.place, self.job_line, self.window = place, job_line, window
        self.up, self.epoch, self.paused_until = True, 0, None
        self.queue: list[Attempt] = []
        self.freed_at = self.answered_at = -inf
        self.last_rows = self.failures = 0
        self.probing, self.probe_at, self.probe_wait_s = False, 0.0, 0.1
        self.head_due, self.head_s, self.free_at, self.pace, self.speed, self.taken = inf, 0.0, 0.0, 0.0, 0.0, 0.0
        self.start_at = 0.0
        self.level: int | None = None
        self.stamp = 0
        self.own = cost.empty_line()
        self.was_outlier = False
        self.most_rows, self.last_row_s, self.service_row_s, self.overhead_s = 0, 0.0, 0.0, 0.0

    @property
    def in_flight(self) -> int:
        return len(self.queue)

    @property
    def is_usable(self) -> bool:
        return self.up and self.paused_until is None

    @property
    def samples(self) -> int:
        return self.own["samples"]

    @property
    def line(self) -> dict:
        return self.own if self.samples else self.job_line

    def predict(self, rows: int) -> float:
        return cost.predict(self.line, rows)

    @property
    def lanes(self) -> int:
        return self.window.lanes

    @property
    def width(self) -> float:
        return self.window.width

    def run(self, rows: int) -> float:
        return self.width * self.predict(rows)

    def learn(
        self, rows: int, added_s: float, elapsed_s: float, service_s: float, queued_s: float, was_alone: bool
    ) -> None:
        if service_s > 0 and not was_alone:
            self.window.ran_beside(service_s, added_s)
        if self.samples > 2:
            most = 4.0 * cost.predict(self.own, rows)
            is_outlier = added_s > most
            added_s = most if is_outlier and not self.was_outlier else added_s
            self.was_outlier = is_outlier
        cost.add(self.own, rows, added_s)
        cost.add(self.job_line, rows, added_s)
        self.most_rows = max(self.most_rows, rows)
        self.last_row_s = elapsed_s / max(rows, 1)
        if service_s > 0:
            weight = 1.0 if self.samples == 1 else 1.0 - 0.85
            self.service_row_s += weight * (service_s / max(rows, 1) - self.service_row_s)
            self.overhead_s += weight * (max(0.0, elapsed_s - service_s - queued_s) - self.overhead_s)


class Nodes:
    """All nodes of a job; ``changed`` is the placement's."""

    def __init__(self, windows: list[Window], give_up_s: float, timers: Timers, job_line: dict) -> None:
        self.all = [Node(place, job_line, window) for place, window in enumerate(windows)]
        self.give_up_s, self.timers = give_up_s, timers
        self.give_up_at = inf
        self.stamps = 0
        self.changed = None

    def free(self) -> list[Node]:
        return sorted((node for node in self.all if node.level is not None), key=lambda node: (node.level, node.stamp))

    def place(self, node: Node) -> None:
        level = node.in_flight if node.is_usable and node.in_flight < node.window.size else None
        if level != node.level:
            self.stamps += 1
            node.level, node.stamp = level, self.stamps
        self.changed(node)

    def slot_taken(self, attempt: Attempt) -> None:
        attempt.node.queue.append(attempt)
        attempt.node.last_rows = attempt.rows
        self.place(attempt.node)

    def slot_freed(self, attempt: Attempt, now: float) -> None:
        attempt.node.queue.remove(attempt)
        attempt.node.freed_at = now
        self.place(attempt.node)

    def take_down(self, node: Node, now: float) -> None:
        node.up = False
        node.epoch += 1
        self.place(node)
        self.probe_later(node, now)
        if not any(other.up for other in self.all):
            self.give_up_at = now + self.give_up_s
            self.timers.set(self.give_up_at, "give up")

    def bring_up(self, node: Node) -> None:
        node.up, node.probing, node.paused_until = True, False, None
        self.give_up_at = inf
        self.place(node)

    def probe_later(self, node: Node, now: float) -> None:
        node.probing = False
        node.probe_at = now + node.probe_wait_s
        self.timers.set(node.probe_at, "probe", node)
        node.probe_wait_s = min(1.0, 2 * node.probe_wait_s)

    def pause(self, node: Node, wait_s: float, now: float) -> None:
        if node.up and wait_s > 0 and (node.paused_until is None or now + wait_s > node.paused_until):
            node.paused_until = now + wait_s
            self.timers.set(node.paused_until, "resume", node)
            self.place(node)

    def pause_after_failure(self, node: Node, failure: str, asked_ms: int | None, now: float) -> None:
        if node.paused_until is None:
            node.failures += 1
        steps = node.failures if failure == "NOT_EXECUTED" and asked_ms is None else node.failures - 1
        backoff = min(1.0, 0.1 * 2.0 ** min(steps - 1, 62)) if steps > 0 else 0.0
        self.pause(node, max(asked_s(asked_ms), backoff), now)


def asked_s(asked_ms: int | None) -> float:
    return max(0, asked_ms or 0) / 1000
