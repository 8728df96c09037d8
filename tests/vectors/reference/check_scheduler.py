"""Judges a recorded job by what must hold whatever the policy: from "Scheduler" of thrift/PLANNER.md, in own books.

The books are kept by rows, not by pieces: what was sent, what is in flight and what was taken of each row.
"""

from __future__ import annotations

from dataclasses import dataclass, field

CLOSE_S = 1e-9
# Whoever is free gets what is left: there is no idle node while rows wait.
GREEDY = {"pull", "random_priority", "random", "weighted", "least_loaded", "peak_ewma", "power_of_two"}
PROBE_WAITS = (0.1, 0.2, 0.4, 0.8, 1.0)


class BrokenError(Exception):
    """A rule that does not hold."""


def must(holds: bool, rule: str, *facts: object) -> None:
    if not holds:
        raise BrokenError(f"{rule} {facts}")


@dataclass
class Attempt:
    """What was sent and not reported."""

    index: int
    start: int
    stop: int
    node: int
    sent_at: float
    epoch: int
    is_cancelled: bool = False

    @property
    def rows(self) -> range:
        return range(self.start, self.stop)


@dataclass
class Node:
    """What was told of a node."""

    is_up: bool = True
    epoch: int = 0
    down_at: float = 0.0
    is_probed: bool = False
    paused_until: float = -1.0
    answered_at: float = -1.0
    in_flight: int = 0


@dataclass
class Past:
    """What came of a chunk of a fixed grid."""

    sends: int = 0
    failures: dict[str, int] = field(default_factory=dict)
    is_refused: bool = False
    refused_since: float | None = None


class Books:
    """All that is known of one job."""

    def __init__(self, case: dict) -> None:
        self.case = case
        self.nodes = [Node() for _ in range(case["nodes"])]
        kind, *rest = case["work"]
        self.is_grid = kind in ("chunks", "stream_grid")
        self.is_open = kind.startswith("stream")
        self.rows = sum(rest[0]) if kind == "chunks" else rest[0] if kind == "rows" else 0
        self.sent: set[int] = set()
        self.taken: set[int] = set()
        self.live: dict[int, Attempt] = {}
        self.pasts: dict[int, Past] = {}
        self.durations: list[float] = []
        self.last_id = 0
        self.first_sends = self.refused_sends = 0
        self.wake_at: float | None = None
        self.began = self.now = 0.0
        self.progress_at = -1.0
        self.end: list | None = None
        self.reported: Attempt | None = None
        self.event: list = []
        self.is_wanted = False
        self.late = self.hedges = self.resends = 0

    # -- what the scheduler is told

    def hear(self, event: list) -> None:
        what, now, *rest = event
        must(now >= self.now, "time does not go back", event)
        self.now, self.event, self.reported, self.is_wanted = now, event, None, False
        if what in ("done", "failed"):
            self.hear_end(what, *rest)
        elif self.end is None:
            getattr(self, f"hear_{what}")(*rest)

    def hear_start(self, down: list[int]) -> None:
        self.began = self.now
        if len(down) < len(self.nodes):
            for place in down:
                self.goes_down(self.nodes[place])

    def hear_more(self, rows: int, row_bytes: int) -> None:
        self.rows += rows

    def hear_no_more(self) -> None:
        self.is_open = False

    def hear_timer(self) -> None:
        self.wake_at = None

    def hear_cancel(self) -> None:
        self.end = ["cancelled"]

    def hear_down(self, place: int) -> None:
        node = self.nodes[place]
        if node.is_up:
            self.goes_down(node)
        elif node.is_probed:
            node.is_probed, node.down_at = False, self.now

    def hear_up(self, place: int) -> None:
        node = self.nodes[place]
        if not node.is_up:
            node.is_up, node.is_probed, node.paused_until = True, False, -1.0

    def goes_down(self, node: Node) -> None:
        node.is_up, node.is_probed, node.down_at = False, False, self.now
        node.epoch += 1

    def hear_end(self, what: str, attempt_id: int, *rest: object) -> None:
        self.is_wanted = bool(rest[-1])
        attempt = self.live.pop(attempt_id, None)
        is_counted = attempt is not None and self.end is None
        must(
            self.is_wanted == (is_counted and not attempt.is_cancelled), "a first reply is wanted, no other", self.event
        )
        self.late += what == "done" and not self.is_wanted
        if attempt is None:
            return
        self.reported = attempt
        node = self.nodes[attempt.node]
        node.in_flight -= 1
        if not is_counted:
            return
        if what == "done":
            node.answered_at = self.now
            if self.is_wanted:
                self.take(attempt)
        else:
            self.hear_failed(attempt, node, *rest[:-1])

    def take(self, attempt: Attempt) -> None:
        must(self.taken.isdisjoint(attempt.rows), "a row is taken once", self.event)
        self.taken.update(attempt.rows)
        self.durations.append(self.now - attempt.sent_at)
        self.progress_at = self.now

    def hear_failed(self, attempt: Attempt, node: Node, failure: str, is_lost: bool, asked_ms: int | None) -> None:
        seems_hung = attempt.is_cancelled and node.answered_at < attempt.sent_at
        if is_lost or seems_hung:
            if node.is_up and attempt.epoch == node.epoch:
                self.goes_down(node)
        elif node.is_up:
            # One that comes during a pause may come too late to count: it was sent before.
            is_news = self.is_wanted and self.now >= node.paused_until
            is_plain = failure == "NOT_EXECUTED" and asked_ms is None and is_news
            pause_s = 0.1 if is_plain else max(0, asked_ms or 0) / 1000
            if pause_s:
                node.paused_until = max(node.paused_until, self.now + pause_s)
        if self.is_wanted and self.is_grid:
            past = self.pasts[attempt.index]
            kind = f"{failure} lost" if is_lost else failure
            is_alone = not any(other.index == attempt.index for other in self.live.values())
            if kind != "NOT_EXECUTED" or is_alone:
                past.failures[kind] = past.failures.get(kind, 0) + 1
                if kind == "NOT_EXECUTED" and past.refused_since is None:
                    past.refused_since = self.now
            past.is_refused = kind == "NOT_EXECUTED" and is_alone

    # -- what it says

    def say(self, action: list) -> None:
        what, *rest = action
        must(self.end is None or (what == "cancel" and self.event[0] == "cancel"), "nothing after the end", action)
        getattr(self, f"say_{what}")(*rest)

    def say_send(self, attempt_id, index, start, stop, place, attempt_no, is_hedge) -> None:
        action = (self.event, attempt_id, index)
        node = self.nodes[place]
        must(attempt_id == self.last_id + 1, "attempts are numbered from 1", action)
        must(node.is_up, "nothing is sent to a node that is down", action)
        must(self.now >= node.paused_until - CLOSE_S, "nothing is sent to a node that is paused", action)
        most = max(self.case["window"], self.case["most_window"])
        must(node.in_flight < most, "no more than the window is in flight", action)
        must(0 <= start < stop <= self.rows, "rows are those of the job", action)
        rows = range(start, stop)
        must(self.taken.isdisjoint(rows), "nothing is sent again that is done", action)
        twins = [
            other
            for other in self.live.values()
            if not other.is_cancelled and other.start < stop and start < other.stop
        ]
        must(all(other.node != place for other in twins), "no rows are in flight twice on a node", action)
        must(is_hedge == bool(twins), "a hedge is of rows in flight, all else is not", action)
        if is_hedge:
            self.check_hedge(index, twins, action)
        elif attempt_no:
            self.resends += 1
            self.check_again(index, action)
        else:
            must(self.sent.isdisjoint(rows), "rows are sent for the first time once", action)
            self.first_sends += 1
        if self.is_grid:
            past = self.pasts.setdefault(index, Past())
            must(attempt_no == past.sends, "attempts of a chunk are counted", action)
            past.sends += 1
            past.is_refused = False
        self.hedges += is_hedge
        self.sent.update(rows)
        self.last_id = attempt_id
        node.in_flight += 1
        self.live[attempt_id] = Attempt(index, start, stop, place, self.now, node.epoch)

    def check_hedge(self, index: int, twins: list[Attempt], action: tuple) -> None:
        must(self.case["hedge"] and self.case["idempotent"], "hedges only where they are allowed", action)
        same = [other for other in twins if other.index == index]
        # What is less than a chunk waits for more rows of its stream; and more rows may come after a take-over.
        kind, size, *_ = self.case["work"]
        is_rest = self.is_open and kind == "stream_grid" and self.rows - len(self.sent) < size
        is_late = kind == "stream_rows" and not same
        must(len(self.sent) == self.rows or is_rest or is_late, "first all rows, then hedges", action)
        if not same:
            must(not self.is_grid and len(self.nodes) > 2, "only rows that may be cut are taken over", action)
            return
        kept = sorted(self.durations[-127:])
        wait_s = max(0.1, 3 * kept[len(kept) // 2]) if kept else 1.0
        # One more duplicate each time four times as much later.
        due_at = max(other.sent_at for other in same) + wait_s * 4.0 ** (len(same) - 1)
        must(self.now >= due_at - CLOSE_S, "a hedge waits for a straggler", action, due_at)

    def check_again(self, index: int, action: tuple) -> None:
        if not self.is_grid:
            return
        past = self.pasts[index]
        for kind, bound in self.bounds().items():
            must(past.failures.get(kind, 0) < bound, "attempts are bounded", action, kind)
        if past.is_refused:
            self.refused_sends += 1
            most = 0.2 * self.first_sends + max(5.0, 10.0 * (self.now - self.began))
            must(self.refused_sends <= most + 1e-6, "the budget of refused chunks is kept", action, most)

    def bounds(self) -> dict[str, int]:
        return {
            "FINAL": 1,
            "UNKNOWN": self.case["retry"][0] if self.case["idempotent"] else 1,
            "UNKNOWN lost": 3 if self.case["idempotent"] else 1,
            "NOT_EXECUTED lost": 3 * (len(self.nodes) + 3) + 1,
        }

    def say_cancel(self, attempt_id: int, place: int) -> None:
        attempt = self.live.get(attempt_id)
        must(attempt is not None, "only what is in flight is cancelled", self.event, attempt_id)
        must(not attempt.is_cancelled and attempt.node == place, "once, and where it runs", self.event, attempt_id)
        attempt.is_cancelled = True

    def say_probe(self, place: int) -> None:
        node = self.nodes[place]
        must(not node.is_up and not node.is_probed, "what is down is probed, once at a time", self.event, place)
        waited_s = self.now - node.down_at
        must(any(abs(waited_s - wait_s) < 1e-6 for wait_s in PROBE_WAITS), "probes come by steps", self.event, waited_s)
        node.is_probed = True

    def say_wait(self, at: float) -> None:
        must(at > self.now, "a time to wait for is to come", self.event, at)
        must(self.wake_at is None or at < self.wake_at, "only an earlier time is news", self.event, at)
        self.wake_at = at

    def say_finish(self) -> None:
        self.end = ["finish"]
        must(not self.is_open and len(self.taken) == self.rows, "all rows are done at the end", self.event)

    def say_fail(self, attempt_id: int | None, reason: str) -> None:
        self.end = ["fail", reason]
        if reason == "no_nodes":
            must(attempt_id is None and all(not node.is_up for node in self.nodes), "a node is up", self.event)
            return
        must(self.is_wanted and self.event[2] == attempt_id, "it is the attempt that was reported", self.event)
        failure, is_lost = self.event[3], self.event[4]
        if reason == "final":
            must(failure == "FINAL", "a stage has failed", self.event)
        elif reason == "unknown":
            must(failure == "UNKNOWN" and not self.case["idempotent"], "it must not run again", self.event)
        else:
            must(reason == "exhausted" and self.case["idempotent"] | (failure == "NOT_EXECUTED"), reason, self.event)
            if self.is_grid:
                self.check_exhausted(self.pasts[self.reported.index], is_lost)

    def check_exhausted(self, past: Past, is_lost: bool) -> None:
        is_spent = any(past.failures.get(kind, 0) >= bound for kind, bound in self.bounds().items())
        if past.refused_since is not None and not is_lost:
            has_waited = self.now - max(past.refused_since, self.progress_at) >= 30.0 - CLOSE_S
            is_spent |= has_waited and past.failures["NOT_EXECUTED"] >= self.case["retry"][0]
        must(is_spent, "a bound is reached", self.event, past)

    # -- after each event

    def look(self) -> None:
        is_done = not self.is_open and len(self.taken) == self.rows
        if self.event[0] != "cancel" and (self.end is None or self.end == ["finish"]):
            must(is_done == (self.end is not None), "a job ends when its rows are done", self.event)
        for attempt in self.live.values():
            is_late = not self.taken.isdisjoint(attempt.rows)
            must(attempt.is_cancelled == (is_late or self.end is not None), "what is not wanted is cancelled", attempt)
        if self.end is not None:
            return
        must(not (self.is_wanted and self.event[0] == "failed" and self.event[3] == "FINAL"), "it fails", self.event)
        if (
            len(self.sent) < self.rows
            and self.case["policy"] in GREEDY
            and not self.case["work"][0].startswith("stream")
        ):
            free = [place for place, node in enumerate(self.nodes) if self.is_surely_free(node)]
            must(not free, "no node is idle while rows wait", self.event, free)
        is_waiting = self.live or self.wake_at is not None or self.is_open
        must(bool(is_waiting) or any(node.is_probed for node in self.nodes), "something is to come", self.event)

    def is_surely_free(self, node: Node) -> bool:
        """Up, with room, and nothing was ever heard that could have it paused."""
        return node.is_up and node.in_flight < self.case["window"] and not self.has_failures

    @property
    def has_failures(self) -> bool:
        return any(event[0] == "failed" for event in self.case["events"])


def check(case: dict) -> None:
    """Raise BrokenError with the rule and the event unless the job keeps all rules."""
    books = Books(case)
    for event in case["events"]:
        books.hear(event[:-1])
        for action in event[-1]:
            books.say(action)
        books.look()
    counts = [books.rows - len(books.taken), books.late, books.hedges, books.resends]
    must(case["end"] == counts, "the counts are those of the events", case["end"], counts)
