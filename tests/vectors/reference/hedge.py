"""When to send something twice, from "Hedges of single calls" and "Stragglers" of thrift/PLANNER.md."""

from __future__ import annotations

from math import inf


def fill_call_hedge(case: dict) -> dict:
    """Figures after each of the latencies that case["ask"] names by their number, the first being 1.

    case["idempotent"] is [after how many latencies it becomes known, what], in order.
    """
    seen = case["latencies"]
    known = dict(case["idempotent"])
    is_idempotent = None
    figures = [0.0, 0.0]
    case["figures"] = []
    for count in range(len(seen) + 1):
        if count == 8 or (count >= 20 and (count - 20) % 32 == 0):
            kept = sorted(seen[max(0, count - 128) : count])
            rank = next(rank for rank in range(1, len(kept) + 1) if 100 * rank >= 95 * len(kept))
            figures = [kept[len(kept) // 2], kept[rank - 1]]
        is_idempotent = known.get(count, is_idempotent)
        if count in case["ask"]:
            may = is_idempotent is True and count >= 20
            case["figures"].append([*figures, max(0.001, figures[1]) if may else inf])
    return case


class Queues:
    """All chunks in flight in one list, in the order of their queues' making; nothing is kept sorted."""

    def __init__(self) -> None:
        self.durations: list[float] = []
        self.queue: list[int] = []
        self.hedges: dict[int, int] = {}
        self.last_sent: dict[int, float] = {}
        self.runs_on: dict[int, list[tuple[str, float]]] = {}
        self.failed_on: dict[int, list[str]] = {}

    def wait_s(self) -> float:
        kept = sorted(self.durations[-127:])
        return max(0.1, 3 * kept[len(kept) // 2]) if kept else 1.0

    def add(self, chunk: int) -> None:
        if chunk not in self.queue:
            self.queue.append(chunk)

    def remove(self, chunk: int) -> None:
        if chunk in self.queue:
            self.queue.remove(chunk)

    def do(self, what: str, chunk: int, node: str, now: float) -> None:
        if what in ("send", "hedge"):
            self.hedges.setdefault(chunk, 0)
            self.last_sent[chunk] = now
            self.runs_on.setdefault(chunk, []).append((node, now))
            self.failed_on.setdefault(chunk, [])
        if what == "send":
            self.add(chunk)
        elif what == "hedge":
            self.remove(chunk)
            self.hedges[chunk] += 1
            self.add(chunk)
        elif what == "lost":
            self.ended(chunk, node)
            if self.hedges[chunk] > 0:
                self.remove(chunk)
                self.hedges[chunk] -= 1
                self.last_sent[chunk] = self.runs_on[chunk][-1][1]
                self.queue.insert(0, chunk)  # one list for all queues: its front is the front of each
        elif what == "remove":
            self.remove(chunk)
            self.runs_on[chunk].clear()
        elif what == "fail":
            self.ended(chunk, node)
            self.failed_on[chunk].append(node)

    def ended(self, chunk: int, node: str) -> None:
        self.runs_on[chunk] = [(name, at) for name, at in self.runs_on[chunk] if name != node]

    def candidates(self, free: list[str]) -> list[list]:
        found = []
        for hedges in range(max(self.hedges.values(), default=0) + 1):
            for chunk in self.queue:
                if self.hedges[chunk] == hedges and (node := self.node(chunk, free)) is not None:
                    found.append([self.last_sent[chunk] + self.wait_s() * 4.0**hedges, chunk, node])
                    break
        return found

    def node(self, chunk: int, free: list[str]) -> str | None:
        busy = [node for node, _ in self.runs_on[chunk]]
        able = [node for node in free if node not in busy]
        fresh = [node for node in able if node not in self.failed_on[chunk]]
        return (fresh or able or [None])[0]


def fill_stragglers(case: dict) -> dict:
    """["send"|"hedge"|"lost"|"fail", chunk, node, now], ["remove", chunk, "", now], ["took", s] gets wait_s,

    ["ask", free nodes] gets the candidates.
    """
    queues = Queues()
    for step in case["steps"]:
        if step[0] == "took":
            queues.durations.append(step[1])
            step.append(queues.wait_s())
        elif step[0] == "ask":
            step.append(queues.candidates(step[1]))
        else:
            queues.do(*step)
    return case
