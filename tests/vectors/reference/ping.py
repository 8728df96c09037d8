"""Whom to ping, from "Pings" of thrift/PLANNER.md."""

from __future__ import annotations

from math import inf

from .outlier import Health


def fill(case: dict) -> dict:
    """["start", now]; ["ok" | "fail", node, now]: a call ended; ["ended", node, now, is_there]; and with answers

    ["idle", now, called_at], ["due", now], ["wake"].
    """
    count, every_s = case["nodes"], case["every_s"]
    healths = [Health() for _ in range(count)]
    replied = [0.0] * count
    heard, next_at = [-inf] * count, [-inf] * count
    asked: set[int] = set()
    settled_at = inf

    def due_at(node: int) -> float:
        if node in asked:
            return inf
        if healths[node].failures == 0:
            at = max(replied[node], heard[node]) + every_s
        else:
            at = next_at[node] if next_at[node] > -inf else healths[node].down_until
        return max(at, settled_at)

    for step in case["steps"]:
        what, *rest = step
        if what == "start":
            settled_at = rest[0] + min(1.0, every_s)
        elif what == "idle":
            step.append(rest[0] - max(rest[1], settled_at) >= 60.0)
        elif what == "due":
            due = [node for node in range(count) if due_at(node) <= rest[0]][: 16 - len(asked)]
            asked.update(due)
            for node in due:
                healths[node].hold(rest[0] + 2.0 + 0.5)
            step.append(due)
        elif what == "wake":
            step.append(inf if len(asked) >= 16 else min(map(due_at, range(count))))
        else:
            node, now = rest[:2]
            is_good = what == "ok" or (what == "ended" and rest[2])
            if is_good:
                healths[node].on_success()
            else:
                healths[node].on_failure(now)
            if what == "ok":
                replied[node] = now
            if what == "ended":
                asked.discard(node)
                heard[node], next_at[node] = (now, -inf) if is_good else (heard[node], healths[node].down_until)
                if not is_good:
                    healths[node].hold(healths[node].down_until + 2.0 + 0.5)
    return case
