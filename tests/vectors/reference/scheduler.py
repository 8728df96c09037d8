"""A second scheduler, from "Scheduler" of thrift/PLANNER.md: events and actions as the vectors have them."""

from __future__ import annotations

from math import inf

from . import cost
from .nodes import Attempt, Node, Nodes, Piece, Timers, asked_s
from .placement import placement
from .prng import Prng
from .window import Window
from .work import Work


class Scheduler:
    """One job, made from the arguments of a case; ``tell`` takes an event without its answers and gives the actions."""

    def __init__(self, case: dict) -> None:
        self.case = case
        self.prng = Prng(int(case["prng"]))
        self.work = Work(case["work"], case["nodes"])
        self.timers = Timers()
        self.job_line = cost.empty_line()
        windows = [Window(case["window"], case["most_window"]) for _ in range(case["nodes"])]
        self.nodes = Nodes(windows, case["give_up_s"], self.timers, self.job_line)
        self.placement = placement(case["policy"], self.nodes, self.work, self.job_line, self.prng)
        self.nodes.changed = self.placement.changed
        self.n = case["nodes"]
        self.open, self.rows_left = 0, self.work.rows
        self.retries: list[Piece] = []
        self.refused: list[Piece] = []
        self.live: dict[int, Attempt] = {}
        self.last_id = 0
        self.durations: list[float] = []
        self.in_flight: list[Piece] = []  # all queues of stragglers in one, as in hedge.py
        self.progress_at = -inf
        self.announced = self.hedge_at = self.look_again_at = inf
        self.began, self.first_sends, self.spent = 0.0, 0, 0
        self.is_over = False
        self.late = self.hedges = self.resends = 0
        self.now = 0.0
        self.out: list[list] = []

    def is_wanted(self, attempt_id: int) -> bool:
        attempt = self.live.get(attempt_id)
        return attempt is not None and not attempt.piece.is_done and not self.is_over

    def tell(self, event: list) -> list[list]:
        what, self.now, *rest = event
        self.out = []
        if not self.is_over or what == "done":
            getattr(self, f"on_{what}")(*rest)
        return self.out

    def counts(self) -> list[int]:
        return [self.rows_left, self.late, self.hedges, self.resends]

    # -- events

    def on_start(self, down: list[int]) -> None:
        if not self.work.pieces_left and not self.work.is_open:
            self.is_over = True
            self.out.append(["finish"])
            return
        self.began = self.now
        for node in self.nodes.all:
            if node.place in down and len(down) < self.n:
                self.nodes.take_down(node, self.now)
            else:
                self.nodes.place(node)
        self.dispatch()

    def on_done(self, attempt_id: int, service_s: float, queued_s: float) -> None:
        attempt = self.live.pop(attempt_id, None)
        if attempt is None or self.is_over:
            self.late += 1
            return
        node, piece, elapsed = attempt.node, attempt.piece, self.now - attempt.sent_at
        began = max(attempt.sent_at, node.freed_at)
        was_alone = node.queue == [attempt] and attempt.sent_at >= node.freed_at
        node.learn(attempt.rows, self.now - began, elapsed, service_s, queued_s, was_alone)
        node.window.done(attempt.rows, node.in_flight, self.now, service_s > 0 and queued_s > 0.25 * service_s)
        self.nodes.slot_freed(attempt, self.now)
        node.answered_at, node.failures, node.probe_wait_s = self.now, 0, 0.1
        piece.live.remove(attempt)
        if piece.is_done:
            self.late += 1
        else:
            self.complete(piece, elapsed)
        if not self.is_over:
            self.dispatch()

    def complete(self, piece: Piece, duration: float) -> None:
        self.durations.append(duration)
        self.progress_at = self.now
        self.rows_left -= piece.rows
        for other in (piece, piece.origin, *piece.heirs):
            if other is not None and not other.is_done:
                self.close(other)
        self.finish_if_done()

    def close(self, piece: Piece) -> None:
        piece.is_done = True
        self.open -= 1
        self.forget(piece)
        for attempt in piece.live:
            self.cancel(attempt)

    def cancel(self, attempt: Attempt) -> None:
        if not attempt.is_cancelled:
            attempt.is_cancelled = True
            self.out.append(["cancel", attempt.attempt_id, attempt.node.place])

    def finish_if_done(self) -> None:
        if not self.open and not self.work.pieces_left and not self.work.is_open:
            self.is_over = True
            self.out.append(["finish"])

    def on_failed(self, attempt_id: int, failure: str, node_lost: bool, asked_ms: int | None) -> None:
        attempt = self.live.pop(attempt_id, None)
        if attempt is None:
            return
        node, piece = attempt.node, attempt.piece
        piece.live.remove(attempt)
        self.nodes.slot_freed(attempt, self.now)
        if node_lost or (attempt.is_cancelled and node.answered_at < attempt.sent_at):
            if node.up and attempt.epoch == node.epoch:
                self.nodes.take_down(node, self.now)
        elif piece.is_done:
            self.nodes.pause(node, asked_s(asked_ms), self.now)
        else:
            self.nodes.pause_after_failure(node, failure, asked_ms, self.now)
        reason = None if piece.is_done else self.judge(piece, node, failure, node_lost)
        if reason is not None:
            self.end(attempt_id, reason)
        else:
            self.dispatch()

    def end(self, attempt_id: int | None, reason: str) -> None:
        self.on_cancel()
        self.out.append(["fail", attempt_id, reason])

    def on_cancel(self) -> None:
        self.is_over = True
        for attempt in self.live.values():
            self.cancel(attempt)

    def judge(self, piece: Piece, node: Node, failure: str, node_lost: bool) -> str | None:
        if failure == "FINAL":
            return "final"
        if failure == "UNKNOWN":
            if not self.case["idempotent"]:
                return "unknown"
            piece.failed_on.add(node)
        delay = self.delay(piece, failure, node_lost)
        if piece.live:
            if delay == 0 and not piece.heirs:
                self.hedge_lost(piece)
            return None
        if piece.heirs:
            self.close(piece)
            return None
        self.forget(piece)
        is_spent = piece.failures >= self.case["retry"][0] or piece.losses >= 3 or piece.unreached > 3 * (self.n + 3)
        if delay is None or is_spent:
            return "exhausted"
        if failure == "NOT_EXECUTED" and not node_lost:
            self.refused.append(piece)
        elif delay > 0:
            self.timers.set(self.now + delay, "retry", piece)
        else:
            self.retries.insert(0, piece)
        return None

    def delay(self, piece: Piece, failure: str, node_lost: bool) -> float | None:
        max_attempts, backoff_s, backoff_max_s = self.case["retry"]
        if failure == "UNKNOWN" and node_lost:
            piece.losses += 1
            return 0.0 if piece.losses < 3 else None
        if failure == "UNKNOWN":
            piece.failures += 1
            if piece.failures >= max_attempts:
                return None
            return 0.0 + self.prng.uniform() * min(backoff_max_s, backoff_s * 2.0 ** min(piece.failures - 1, 62))
        if node_lost:
            piece.unreached += 1
            return 0.0 if piece.unreached <= 3 * (self.n + 3) else None
        if piece.live:
            return 0.0
        if piece.refusals == 0:
            piece.refused_since = self.now
        piece.refusals += 1
        since = max(piece.refused_since, self.progress_at)
        return 0.0 if piece.refusals < max_attempts or self.now - since < 30 else None

    def on_down(self, place: int) -> None:
        node = self.nodes.all[place]
        if node.up:
            self.nodes.take_down(node, self.now)
        elif node.probing:
            self.nodes.probe_later(node, self.now)
        self.dispatch()

    def on_up(self, place: int) -> None:
        if not self.nodes.all[place].up:
            self.nodes.bring_up(self.nodes.all[place])
            self.dispatch()

    def on_timer(self) -> None:
        self.announced = inf
        if self.now >= self.nodes.give_up_at:
            self.end(None, "no_nodes")
            return
        while (timer := self.timers.pop_due(self.now)) is not None:
            at, _, kind, subject = timer
            if kind == "resume" and subject.paused_until is not None and subject.paused_until <= self.now:
                subject.paused_until = None
                self.nodes.place(subject)
            elif kind == "probe" and not subject.up and not subject.probing and subject.probe_at <= self.now:
                subject.probing = True
                self.out.append(["probe", subject.place])
            elif kind == "retry":
                self.retries.insert(0, subject)
            elif kind == "forgive" and subject.forgive_at == at:
                subject.failed_on.clear()
        self.dispatch()

    def on_more(self, rows: int, row_bytes: int) -> None:
        self.work.add(rows, row_bytes)
        self.rows_left += rows
        self.dispatch()

    def on_no_more(self) -> None:
        self.work.is_open = False
        self.finish_if_done()
        if not self.is_over:
            self.dispatch()

    # -- handing out

    def dispatch(self) -> None:
        self.look_again_at = self.hedge_at = inf
        while self.refused and self.budget_at() <= self.now:
            self.spent += 1
            self.retries.append(self.refused.pop(0))
        if self.refused:
            self.look_again_at = self.budget_at()
        self.send_retries()
        while self.work.pieces_left:
            placed = self.placement.next(self.now)
            if placed is None:
                self.look_again_at = min(self.look_again_at, self.placement.look_again_at)
                break
            piece = Piece(*self.work.take(placed[1]))
            self.open += 1
            self.first_sends += 1
            self.send(piece, placed[0])
        if self.case["hedge"] and self.case["idempotent"] and not self.work.pieces_left:
            self.send_hedges()
        wake = min(self.timers.first_at(), self.hedge_at, self.look_again_at)
        if wake < self.announced:
            self.announced = wake
            self.out.append(["wait", wake])

    def budget_at(self) -> float:
        wanted = self.spent + 1 - 0.2 * self.first_sends
        return self.now if wanted <= 5 else self.began + wanted / 10.0 + 1e-6

    def send(self, piece: Piece, node: Node, as_hedge: bool = False) -> None:
        self.last_id += 1
        attempt = self.live[self.last_id] = Attempt(self.last_id, piece, node, self.now)
        piece.live.append(attempt)
        piece.last_sent, piece.forgive_at = self.now, None
        self.nodes.slot_taken(attempt)
        is_extra = as_hedge or (piece.origin is not None and not piece.origin.is_done)
        self.hedges += is_extra
        self.resends += piece.sends > 0 and not is_extra
        if as_hedge:
            self.forget(piece)
            piece.hedges += 1
        if piece not in self.in_flight:
            self.in_flight.append(piece)
        where = [piece.index, piece.start, piece.stop, node.place]
        self.out.append(["send", self.last_id, *where, piece.sends, is_extra])
        piece.sends += 1

    def send_retries(self) -> None:
        aside: list[Piece] = []
        for _ in range(min(16, len(self.retries))):
            if not self.nodes.free():
                break
            piece = self.retries.pop(0)
            if piece.is_done:
                continue
            node = self.node_for(piece)
            if node is None:
                aside.append(piece)
            else:
                self.send(self.cut_to_fit(piece, node), node)
        self.retries[:0] = aside

    def node_for(self, piece: Piece) -> Node | None:
        avoid = piece.failed_on | piece.running_on()
        node = self.placement.best_free(piece.rows, self.now, avoid)
        if node is None:
            if not any(other.up and other not in avoid for other in self.nodes.all):
                return next((other for other in self.nodes.free() if other not in piece.running_on()), None)
            if piece.forgive_at is None:
                piece.forgive_at = self.now + max(1.0, self.wait_s())
                self.timers.set(piece.forgive_at, "forgive", piece)
            return None
        if self.placement.declines(node, piece.rows, self.now, avoid):
            self.look_again_at = min(self.look_again_at, self.placement.look_again_at)
            return None
        return node

    def cut_to_fit(self, piece: Piece, node: Node) -> Piece:
        if not self.work.is_divisible or node.samples == 0 or piece.heirs:
            return piece
        rows = max(1, int((self.work.target_s - node.line["piece_s"]) / node.line["row_s"]))
        if 2 * rows > piece.rows:
            return piece
        middle = piece.start + rows
        part = piece.part(*self.work.renumbered(piece.start, middle))
        piece.index, piece.start, piece.stop = self.work.renumbered(middle, piece.stop)
        if piece.origin is not None:
            part.origin = piece.origin
            piece.origin.heirs.append(part)
        self.open += 1
        self.retries.insert(0, piece)
        return part

    # -- stragglers

    def wait_s(self) -> float:
        kept = sorted(self.durations[-127:])
        return max(0.1, 3.0 * kept[len(kept) // 2]) if kept else 1.0

    def forget(self, piece: Piece) -> None:
        if piece in self.in_flight:
            self.in_flight.remove(piece)

    def hedge_lost(self, piece: Piece) -> None:
        if piece.hedges > 0:
            self.forget(piece)
            piece.hedges -= 1
            piece.last_sent = piece.live[-1].sent_at
            self.in_flight.insert(0, piece)

    def candidates(self) -> list[tuple[float, Piece, Node]]:
        found = []
        free = self.nodes.free()
        for hedges in sorted({piece.hedges for piece in self.in_flight}):
            for piece in self.in_flight:
                able = [node for node in free if node not in piece.running_on()]
                if piece.hedges == hedges and able:
                    fresh = [node for node in able if node not in piece.failed_on]
                    found.append((piece.last_sent + self.wait_s() * 4.0**hedges, piece, (fresh or able)[0]))
                    break
        return found

    def send_hedges(self) -> None:
        while self.nodes.free():
            candidates = self.candidates()
            due = [(piece, node) for at, piece, node in candidates if at <= self.now]
            if not due:
                self.hedge_at = min((at for at, _, _ in candidates), default=inf)
                return
            piece, node = due[0]
            is_whole = piece.origin is None and piece.hedges == 0
            if self.work.is_divisible and is_whole and piece.rows > 1 and self.n > 2:
                self.take_over(piece)
                self.send_retries()
            else:
                best = self.placement.best_free(piece.rows, self.now, piece.failed_on | piece.running_on())
                self.send(piece, best or node, as_hedge=True)

    def take_over(self, piece: Piece) -> None:
        count = min(piece.rows, 2 * (self.n - 1))
        self.forget(piece)
        for k in range(count):
            bounds = [piece.start + piece.rows * edge // count for edge in (k, k + 1)]
            heir = piece.part(*self.work.renumbered(*bounds))
            heir.origin = piece
            heir.failed_on |= {attempt.node for attempt in piece.live}
            piece.heirs.append(heir)
        self.open += count
        self.retries += piece.heirs
