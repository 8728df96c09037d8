"""Windows, from "Windows" of thrift/PLANNER.md. A trial is the list of its pieces."""

from __future__ import annotations


class Window:
    def __init__(self, size: int, most: int) -> None:
        self.size, self.most, self.is_settled = size, max(size, most), most <= size
        self.lanes, self.width = 1, 1.0
        self.ran = self.added = 0.0
        self.base, self.before = 0.0, size
        self.skip = self.largest = 0
        self.trial: tuple[float, list[int]] | None = None

    def again(self) -> Window:
        other = Window(self.size, self.most)
        for name in ("is_settled", "base", "before", "lanes", "width", "ran", "added"):
            setattr(other, name, getattr(self, name))
        return other

    def ran_beside(self, service_s: float, added_s: float) -> None:
        self.ran, self.added = self.ran * 0.85 + service_s, self.added * 0.85 + added_s
        width = self.ran / max(self.added, 1e-9)
        self.lanes = max(1, min(self.size, int(width + 0.5)))
        self.width = 1.0 if self.lanes == 1 else min(width, float(self.size))

    def done(self, rows: int, in_flight: int, now: float, waited: bool) -> None:
        if self.is_settled:
            return
        if waited and self.base > 0:
            self.size, self.is_settled = self.before, True
            return
        self.largest = max(self.largest, rows)
        if in_flight < self.size:
            self.trial = None
        elif self.skip:
            self.skip -= 1
        elif self.trial is None:
            self.trial = now, []
        else:
            since, pieces = self.trial
            pieces.append(rows)
            if self.largest > 4 * min(pieces):
                self.trial = now, []
            elif len(pieces) >= max(8, 2 * self.size):
                self.trial = None
                self.judge(sum(pieces) / max(now - since, 1e-9))

    def judge(self, rate: float) -> None:
        if rate < 1.25 * self.base:
            self.size, self.is_settled = self.before, True
        elif self.lanes < self.size or self.size == self.most:
            self.is_settled = True
        else:
            self.base, self.before = rate, self.size
            self.size = self.skip = min(2 * self.size, self.most)


def fill(case: dict) -> dict:
    """["beside", service_s, added_s], ["done", rows, in_flight, now, waited] and ["again"]; each gets

    [size, is_settled, lanes, width] after it. An in_flight of null is as many as may be.
    """
    window = Window(case["size"], case["most"])
    for step in case["steps"]:
        what, *rest = step
        if what == "again":
            window = window.again()
        elif what == "beside":
            window.ran_beside(*rest)
        else:
            step[2] = window.size if rest[1] is None else rest[1]
            window.done(rest[0], step[2], rest[2], rest[3])
        step.append([window.size, window.is_settled, window.lanes, window.width])
    return case
