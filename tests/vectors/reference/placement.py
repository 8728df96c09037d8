"""Who gets the next piece of a job, from "Placement" of thrift/PLANNER.md."""

from __future__ import annotations

from math import exp, inf

from . import cost
from .balance import Reference
from .nodes import Node, Nodes
from .partition import ceil_div
from .prng import Prng
from .work import Work


class Pull:
    """Also what the others have in common."""

    def __init__(self, nodes: Nodes, work: Work, job_line: dict, prng: Prng) -> None:
        self.nodes, self.work, self.job_line, self.prng = nodes, work, job_line, prng
        self.n = len(nodes.all)
        self.look_again_at = inf

    def changed(self, node: Node) -> None:
        pass

    def next(self, now: float) -> tuple[Node, int] | None:
        free = self.nodes.free()
        return (free[0], self.half_a_share()) if free else None

    def half_a_share(self) -> int:
        return max(1, self.work.rows_left // (2 * self.n))

    def best_free(self, rows: int, now: float, avoid: set[Node]) -> Node | None:
        return next((node for node in self.nodes.free() if node not in avoid), None)

    def declines(self, node: Node, rows: int, now: float, avoid: set[Node]) -> bool:
        return False


class RoundRobin(Pull):
    turn = 0

    def next(self, now: float) -> tuple[Node, int] | None:
        self.look_again_at = inf
        for _ in range(self.n):
            node = self.nodes.all[self.turn]
            if node.is_usable and node.level is None:
                head = node.queue[0]
                patient_until = max(head.sent_at, node.freed_at) + max(1.0, 4.0 * node.predict(head.rows))
                if now < patient_until:
                    self.look_again_at = patient_until
                    return None
            self.turn = (self.turn + 1) % self.n
            if node.level is not None:
                return node, max(1, self.work.rows // (16 * self.n))
        return None


class RandomPriority(Pull):
    def next(self, now: float) -> tuple[Node, int] | None:
        free = self.nodes.free()
        return (free[self.prng.below(len(free))], self.half_a_share()) if free else None


class Balanced(Pull):
    """A balancer of single calls among the free nodes."""

    def __init__(self, policy: str, *parts) -> None:
        super().__init__(*parts)
        self.balancer = Reference(policy)
        # Of each node: samples, known_at, peak_s; slowness, seen_at.
        self.seen = [[0, 0.0, 0.0, 0.0, 0.0] for _ in self.nodes.all]

    def changed(self, node: Node) -> None:
        seen = self.seen[node.place]
        if node.samples != seen[0]:
            took, now = node.last_row_s, node.freed_at
            keep = exp(-max(0.0, now - seen[1]) / 10.0)
            peak_s = took if took >= seen[2] else seen[2] * keep + took * (1.0 - keep)
            seen[:3] = [node.samples, now, peak_s]
        seen[3] = node.predict(node.last_rows) / cost.predict(self.job_line, node.last_rows) if node.samples else 0.0
        seen[4] = max(0.0, node.freed_at)

    def pick(self, nodes: list[Node], now: float) -> Node | None:
        views = [[f"n{node.place}", node.in_flight, 1.0, *self.seen[node.place][2:]] for node in nodes]
        return nodes[self.balancer.pick(views, self.prng, now)] if nodes else None

    def next(self, now: float) -> tuple[Node, int] | None:
        node = self.pick([node for node in self.nodes.all if node.level is not None], now)
        return None if node is None else (node, self.half_a_share())

    def best_free(self, rows: int, now: float, avoid: set[Node]) -> Node | None:
        return self.pick([node for node in self.nodes.all if node.level is not None and node not in avoid], now)


def foresee(node: Node) -> None:
    if node.queue:
        head, *others = node.queue
        node.head_s = node.predict(head.rows) or 1e-9
        node.head_due = node.free_at = max(head.sent_at, node.freed_at) + node.head_s
        for attempt in others:
            node.free_at += node.predict(attempt.rows)
        node.start_at = node.free_at
        if node.lanes > 1:
            foresee_lanes(node)
    else:
        node.head_due = inf
        node.start_at = node.free_at = max(0.0, node.freed_at)
    rows = node.last_rows
    node.pace = rows / node.predict(rows) if rows > 0 else 1.0 / node.line["row_s"]
    node.speed, node.taken = node.pace, node.pace * node.free_at


def foresee_lanes(node: Node) -> None:
    lane_ends = [-inf] * node.lanes
    ended = []
    for attempt in node.queue:
        takes = node.run(attempt.rows) or 1e-9
        lane = lane_ends.index(min(lane_ends))
        lane_ends[lane] = max(attempt.sent_at, lane_ends[lane]) + takes
        ended.append((lane_ends[lane], takes))
    node.head_due, node.head_s = min(ended, key=lambda pair: pair[0])
    node.start_at = min(lane_ends)


def starts(node: Node, now: float) -> tuple[float, float]:
    if node.lanes == 1:
        return outlook(node, now)
    late = now - node.head_due
    if not node.queue or late <= 0:
        return (max(now, node.start_at), 1.0) if node.queue else (now, 1.0)
    slowness = 1.0 + late / node.head_s
    if node.start_at == -inf:
        return now, slowness
    return now + late + 0.05 * node.head_s + slowness * (node.start_at - node.head_due), slowness


def outlook(node: Node, now: float) -> tuple[float, float]:
    if not node.queue:
        return now, 1.0
    late = now - node.head_due
    if late <= 0:
        return node.free_at, 1.0
    slowness = 1.0 + late / node.head_s
    return now + late + 0.05 * node.head_s + slowness * (node.free_at - node.head_due), slowness


def ends(node: Node, rows: int, now: float) -> float:
    start_at, slowness = starts(node, now)
    return start_at + slowness * node.run(rows)


class MinMax(Pull):
    def __init__(self, *parts) -> None:
        super().__init__(*parts)
        self.sum_speed = self.sum_taken = 0.0
        self.was_known, self.changes, self.declined = False, 0, 0
        self.summed_at, self.rows_then, self.sums = -inf, 0, (0.0, 0.0)

    @property
    def is_known(self) -> bool:
        return self.job_line["samples"] > 0

    def changed(self, node: Node) -> None:
        self.sum_speed -= node.speed
        self.sum_taken -= node.taken
        if node.is_usable and self.is_known:
            foresee(node)
            self.sum_speed += node.speed
            self.sum_taken += node.taken
        else:
            node.speed = node.taken = 0.0
        self.changes += 1
        if self.is_known and not self.was_known:
            self.was_known, self.changes = True, 4096
            for other in self.nodes.all:
                if other.is_usable:
                    foresee(other)
        if self.changes >= 4096:
            self.changes, self.sum_speed, self.sum_taken = 0, 0.0, 0.0
            for other in self.nodes.all:
                self.sum_speed += other.speed
                self.sum_taken += other.taken

    def renewed(self, now: float) -> tuple[float, float]:
        speed = taken = 0.0
        for node in self.nodes.all:
            if node.is_usable:
                free_at, slowness = outlook(node, now)
                pace = node.pace / slowness
                speed += pace
                taken += pace * free_at
        return speed, taken

    def next(self, now: float) -> tuple[Node, int] | None:
        self.look_again_at = inf
        free = self.nodes.free()
        if not free:
            return None
        if not self.is_known:
            if free[0].in_flight > 0 and self.work.pieces_left < 4 * self.n:
                return None
            return free[0], self.work.first_rows if self.work.is_divisible else 1
        return self.cut(free[0], now) if self.work.is_divisible else self.hand_out(free[0], now)

    def look_again(self, now: float, takes: float) -> None:
        self.look_again_at = min(self.look_again_at, now + max(0.002, takes / 4))

    # -- chunks that are not cut

    def hand_out(self, node: Node, now: float) -> tuple[Node, int] | None:
        rows, left = self.work.next_rows, self.work.rows_left
        if self.is_needed(node, rows, left, now):
            return node, rows
        best = self.earliest(rows, now)
        if best is None:
            self.look_again(now, node.predict(rows))
            return None
        if best is not node and self.is_needed(best, rows, left, now):
            return best, rows
        if self.others_have_plenty(best, rows, now):
            return None
        if self.others_are_sooner(best, rows, self.work.pieces_left, now, set()):
            return None
        return best, rows

    def is_needed(self, node: Node, rows: int, rows_left: int, now: float) -> bool:
        if now > node.head_due or (node.in_flight > 0 and node.samples == 0):
            return False
        at = max(now, node.start_at) + node.run(rows)
        return (self.sum_speed - node.speed) * at - (self.sum_taken - node.taken) < rows_left

    def earliest(self, rows: int, now: float) -> Node | None:
        is_scarce = self.work.pieces_left <= self.n
        able = [
            node
            for node in self.nodes.free()
            if node.in_flight < node.lanes
            or not (node.samples == 0 or (is_scarce and node.overhead_s < 0.1 * node.predict(rows)))
        ]
        return min(able, key=lambda node: ends(node, rows, now), default=None)

    def others_have_plenty(self, node: Node, rows: int, now: float) -> bool:
        takes = ends(node, rows, now) - now
        if not self.summed_at <= now <= self.summed_at + takes / 16:
            self.summed_at, self.rows_then, self.sums = now, self.work.rows_left, self.renewed(now)
        speed, taken = self.sums
        others = (speed - node.pace) * (now + takes * (1 - 0.05)) - taken
        if others < self.rows_then + 2 * rows * self.n:
            return False
        self.look_again(now, takes)
        return True

    def others_are_sooner(self, node: Node, rows: int, pieces: int, now: float, avoid: set[Node]) -> bool:
        takes = ends(node, rows, now) - now
        until = now + takes * (1 - 0.05)
        for other in self.nodes.all:
            if other is node or not other.is_usable or other in avoid:
                continue
            start_at, slowness = starts(other, now)
            if start_at < until:
                pieces -= other.lanes * int((until - start_at) / (slowness * other.run(rows)))
                if pieces <= 0:
                    self.look_again(now, takes)
                    return True
        return False

    # -- rows that may be cut

    def cut(self, node: Node, now: float) -> tuple[Node, int] | None:
        speed, taken = self.sum_speed, self.sum_taken
        at = (self.work.rows_left + taken) / speed if speed > 0 else now
        if at - now < 10 * self.work.target_s:
            speed, taken = self.renewed(now)
            at = (self.work.rows_left + taken) / speed
        rows = self.share(node, at, speed, taken, now)
        if rows == 0:
            size = self.declined
            best = self.best_free(size or 1, now, set())
            if best is not node:
                node, rows = best, self.share(best, at, speed, taken, now)
                if rows == 0 and size > 0:
                    pieces = ceil_div(self.work.rows_left, size)
                    rows = 0 if self.others_are_sooner(best, size, pieces, now, set()) else size
        if rows > 0:
            return node, rows
        if not self.work.is_open:
            self.look_again(now, at - now)
        return None

    def share(self, node: Node, at: float, speed: float, taken: float, now: float) -> int:
        work, line = self.work, node.line
        self.declined = 0
        if node.samples == 0:
            return 0 if node.in_flight > 0 and work.pieces_left < 4 * self.n else work.first_rows
        free_at, _ = outlook(node, now)
        start_at, slowness = starts(node, now)
        left = (at - start_at) / slowness
        least = max(0.001, 4 * node.width * line["piece_s"])
        if node.in_flight > 0 and left < least:
            return 0
        takes = min(work.target_s, max(left / 2, least))
        rows = int((takes / node.width - line["piece_s"]) / line["row_s"])
        rows = max(1, min(rows, 8 * node.most_rows, work.rows_left))
        takes = slowness * node.run(rows)
        pace = node.pace / slowness
        rest = speed - pace
        if rest > 0 and (work.rows_left + taken - pace * free_at) / rest < start_at + takes * (1 - 0.05):
            if self.others_are_sooner(node, rows, ceil_div(work.rows_left, rows), now, set()):
                self.declined = rows
                return 0
        return rows

    # -- pieces that are sent again

    def best_free(self, rows: int, now: float, avoid: set[Node]) -> Node | None:
        able = [node for node in self.nodes.free() if node not in avoid]
        if not self.is_known:
            return able[0] if able else None
        return min(able, key=lambda node: ends(node, rows, now), default=None)

    def declines(self, node: Node, rows: int, now: float, avoid: set[Node]) -> bool:
        self.look_again_at = inf
        if not self.is_known or self.is_needed(node, rows, self.work.rows_left + rows, now):
            return False
        return self.others_are_sooner(node, rows, self.work.pieces_left + 1, now, avoid)


def placement(policy: str, *parts) -> Pull:
    own = {"min_max": MinMax, "pull": Pull, "round_robin": RoundRobin, "random_priority": RandomPriority}
    return own[policy](*parts) if policy in own else Balanced(policy, *parts)
