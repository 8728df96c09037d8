"""Draws whole jobs: worlds whose nodes do their worst, and a driver that tells a scheduler of it.

The scheduler is reference/scheduler.py. Each job is judged by reference/check_scheduler.py too before it is written.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, field
from typing import Any

from draw import Case, Draw
from reference import check_scheduler
from reference.scheduler import Scheduler

MOST_EVENTS = 130
NEVER = math.inf
JOB_POLICIES = (
    "min_max", "min_max", "min_max", "min_max", "pull", "round_robin", "random_priority",
    "random", "weighted", "least_loaded", "peak_ewma", "power_of_two",
)  # fmt: skip


@dataclass
class Node:
    """What is true of a node, whatever the scheduler believes."""

    fixed_s: float
    row_s: float
    dies_at: float = NEVER
    returns_at: float = NEVER
    hangs_at: float = NEVER
    wakes_at: float = NEVER
    refuses: float = 0.0
    breaks: float = 0.0
    loses_reply: float = 0.0
    raises: float = 0.0
    tells_load: bool = False
    # When each of its threads is free.
    threads: list[float] = field(default_factory=lambda: [0.0])

    def is_silent(self, now: float) -> bool:
        return self.hangs_at <= now < self.wakes_at

    def is_dead(self, now: float) -> bool:
        return self.dies_at <= now < self.returns_at


@dataclass
class World:
    """A job, its nodes, and what the driver does."""

    case: Case
    nodes: list[Node]
    duplicates: float
    tears_down: float
    cancels_at: float
    rumours: float
    blocks: list[int] = field(default_factory=list)


def draw_job(draw: Draw) -> World:
    """A job of any kind; one in forty on nodes that turn nearly everything away for a long time."""
    world = _draw_any_job(draw)
    if draw.chance(0.025):
        world.case["work"] = ["chunks", [1] * draw.whole(1, 7)]
        world.case["retry"][0] = draw.choice((3, 10))
        world.cancels_at, world.duplicates, world.rumours, world.blocks = NEVER, 0.0, 0.0, []
        world.nodes = [Node(0.0, 0.01, refuses=draw.choice((1.0, 0.97, 0.9))) for _ in range(draw.whole(1, 2))]
        world.case["nodes"] = len(world.nodes)
    return world


def _draw_any_job(draw: Draw) -> World:
    """Fixed chunks, rows that may be cut, or a stream of either; mostly on one to six nodes."""
    count = draw.whole(8, 14) if draw.chance(0.08) else draw.whole(1, 6)
    nodes = [_draw_node(draw, place == 0) for place in range(count)]
    case: Case = {
        "prng": draw.seed(),
        "work": _draw_work(draw, len(nodes)),
        "nodes": len(nodes),
        "window": draw.choice((1, 2, 2, 3)),
        "most_window": draw.choice((0, 0, 4, 6, 16)),
        "retry": [draw.choice((1, 3, 3, 10)), draw.choice((0.1, 0.1, 0.0, 0.02)), 1.0],
        "idempotent": draw.chance(0.85),
        "hedge": draw.chance(0.9),
        "give_up_s": draw.choice((5.0, 5.0, 0.5)),
        "policy": draw.choice(JOB_POLICIES),
        "events": [],
    }
    return World(
        case,
        nodes,
        duplicates=draw.choice((0.0, 0.0, 0.15)),
        tears_down=draw.choice((0.0, 0.5, 1.0)),
        cancels_at=draw.decimal(0, 1, 3) if draw.chance(0.04) else NEVER,
        rumours=draw.choice((0.0, 0.0, 0.05)),
        blocks=[draw.whole(1, 60) for _ in range(draw.whole(0, 4))],
    )


def _draw_node(draw: Draw, is_first: bool) -> Node:
    """The first one is there sooner or later, and does not hang for ever."""
    node = Node(draw.choice((0.0, 0.0, 0.001, 0.003, 0.02)), draw.choice((0.001, 0.01, 0.01, 0.02, 0.1)))
    node.tells_load = draw.chance(0.5)
    if draw.chance(0.3):
        node.threads = [0.0] * draw.whole(2, 3)
    if draw.chance(0.2):
        node.dies_at = draw.decimal(-0.05, 0.3)
        if is_first or draw.chance(0.6):
            node.returns_at = node.dies_at + draw.decimal(0, 3)
    if draw.chance(0.2):
        node.hangs_at = draw.decimal(0, 0.3)
        if is_first or draw.chance(0.3):
            node.wakes_at = node.hangs_at + draw.decimal(0, 6)
    if draw.chance(0.15):
        node.refuses = draw.decimal(0.05, 0.6)
    if draw.chance(0.1):
        node.breaks = draw.decimal(0.05, 0.4)
    if draw.chance(0.1):
        node.loses_reply = draw.decimal(0.05, 0.4)
    if draw.chance(0.03):
        node.raises = 0.1
    return node


def _draw_work(draw: Draw, nodes: int) -> list[Any]:
    kind = draw.choice(("chunks",) * 10 + ("rows",) * 8 + ("stream_rows", "stream_grid"))
    if kind == "chunks":
        count = draw.choice((0, 1, 2, 5, draw.whole(3, 20), draw.whole(10, 35)))
        if draw.chance(0.7):
            return [kind, [draw.choice((1, 1, 5))] * count]
        return [kind, [draw.whole(1, 20) for _ in range(count)]]
    target_s = draw.choice((0.05, 0.05, 0.2))
    if kind == "rows":
        rows = draw.choice((1, draw.whole(1, 30), draw.whole(20, 200), draw.whole(100, 600), draw.whole(500, 3000)))
        most = draw.choice((None, None, draw.whole(5, 90)))
        return [kind, rows, most if most and rows // most < 50 else None, target_s]
    return [kind, target_s] if kind == "stream_rows" else [kind, draw.whole(2, 12)]


class Recorder:
    """Drives a scheduler through a world and writes down each event with its actions."""

    def __init__(self, world: World, draw: Draw) -> None:
        self.world, self.draw, self.case = world, draw, world.case
        self.scheduler = Scheduler(world.case)
        self.queue: list[tuple[float, int, tuple]] = []
        self.order = 0
        self.now = 0.0
        self.wake_at = NEVER

    def run(self) -> Case:
        down = [place for place, node in enumerate(self.world.nodes) if node.is_dead(0.0) and self.draw.chance(0.3)]
        if self.draw.chance(0.03):
            down = list(range(len(self.world.nodes)))
        self.tell(["start", 0.0, down])
        if self.case["work"][0].startswith("stream"):
            self.open_stream()
        if self.world.cancels_at < NEVER:
            self.at(self.world.cancels_at, "cancel")
        while self.queue and len(self.case["events"]) < MOST_EVENTS:
            self.now, _, what = heapq.heappop(self.queue)
            self.happen(*what)
        if not self.scheduler.is_over:
            self.tell(["cancel", self.now])
        self.case["end"] = self.scheduler.counts()
        return self.case

    def open_stream(self) -> None:
        at = 0.0
        for rows in self.world.blocks:
            at = round(at + self.draw.decimal(0, 0.2, 3), 3)
            self.at(at, "more", rows, self.draw.choice((8, 8, 1_000_000)))
        self.at(round(at + self.draw.decimal(0, 0.2, 3), 3), "no_more")

    def at(self, when: float, *what: Any) -> None:
        self.order += 1
        heapq.heappush(self.queue, (max(when, self.now), self.order, what))

    def after(self, seconds: float, *what: Any) -> None:
        self.at(round(self.now + seconds, 4), *what)

    def happen(self, what: str, *rest: Any) -> None:
        if what == "timer":
            if self.wake_at == self.now:
                self.wake_at = NEVER
                self.tell(["timer", self.now])
        elif what == "probed":
            node = self.world.nodes[rest[0]]
            is_up = not node.is_dead(self.now) and not node.is_silent(self.now)
            self.tell(["up" if is_up else "down", self.now, rest[0]])
        else:
            self.tell([what, self.now, *rest])

    def tell(self, event: list[Any]) -> None:
        """One event: what the scheduler says is written down and acted on."""
        asked = [self.scheduler.is_wanted(event[2])] if event[0] in ("done", "failed") else []
        actions = self.scheduler.tell(event)
        self.case["events"].append([*event, *asked, actions])
        for action in actions:
            self.act(*action)
        if actions and self.draw.chance(self.world.rumours):
            self.at(self.now, self.draw.choice(("down", "up")), self.draw.whole(0, len(self.world.nodes) - 1))

    def act(self, what: str, *rest: Any) -> None:
        if what == "send":
            self.send(*rest)
        elif what == "cancel":
            # Some drivers tear the connection down, some wait for the reply.
            if self.draw.chance(self.world.tears_down):
                self.after(self.draw.decimal(0, 0.05), "failed", rest[0], "FINAL", False, None)
        elif what == "probe":
            node = self.world.nodes[rest[0]]
            self.after(2.0 if node.is_silent(self.now) else self.draw.decimal(0, 0.01), "probed", rest[0])
        elif what == "wait":
            self.wake_at = rest[0]
            self.at(rest[0], "timer")

    def send(
        self, attempt_id: int, index: int, start: int, stop: int, place: int, attempt_no: int, hedge: bool
    ) -> None:
        node, draw, now = self.world.nodes[place], self.draw, self.now
        if node.is_dead(now):
            self.after(draw.decimal(0, 0.001), "failed", attempt_id, "NOT_EXECUTED", True, None)
        elif draw.chance(node.refuses):
            asked_ms = None if draw.chance(0.4) else draw.choice((0, draw.whole(1, 200)))
            self.after(0.001, "failed", attempt_id, "NOT_EXECUTED", False, asked_ms)
        else:
            self.run_piece(node, attempt_id, stop - start)

    def run_piece(self, node: Node, attempt_id: int, rows: int) -> None:
        draw, now = self.draw, self.now
        thread = node.threads.index(min(node.threads))
        begins = max(now, node.threads[thread])
        took = (node.fixed_s + rows * node.row_s) * draw.choice((1.0, 1.0, draw.decimal(0.8, 1.2, 2)))
        ends = round(begins + took, 4)
        if node.hangs_at < ends and now < node.wakes_at:
            if node.wakes_at == NEVER:
                return  # no reply, ever
            ends = round(max(ends, node.wakes_at + took), 4)
        node.threads[thread] = ends
        if now < node.dies_at < ends:
            self.at(round(node.dies_at + draw.decimal(0, 0.1), 4), "failed", attempt_id, "UNKNOWN", True, None)
        elif draw.chance(node.raises):
            self.at(ends, "failed", attempt_id, "FINAL", False, None)
        elif draw.chance(node.breaks + node.loses_reply):
            self.at(ends, "failed", attempt_id, "UNKNOWN", draw.chance(0.3), None)
        else:
            ran_s = max(0.0, round(took - node.fixed_s, 4))
            load = [ran_s, round(begins - now, 4)] if node.tells_load else [0.0, 0.0]
            self.at(ends, "done", attempt_id, *load)
            if draw.chance(self.world.duplicates):
                self.at(round(ends + draw.decimal(0, 1), 4), "done", attempt_id, *load)


def jobs(draw: Draw) -> Case:
    """A whole job with its answers."""
    case = Recorder(draw_job(draw), draw).run()
    check_scheduler.check(case)
    return case
