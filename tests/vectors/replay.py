"""Tells the production scheduler the events of a recorded job."""

from __future__ import annotations

from typing import Any

from pyrpc.errors import FailureClass
from pyrpc.plan.actions import Action, CancelAttempt, Fail, Finish, Probe, Send, WaitUntil
from pyrpc.plan.partition import Chunk
from pyrpc.plan.prng import SplitMix64
from pyrpc.plan.retry import RetryPolicy
from pyrpc.plan.scheduler import Scheduler
from pyrpc.plan.work import DivisibleWork, FixedWork, StreamGrid, StreamRows, Work


def work_of(work: list[Any], nodes: int) -> Work:
    """The work that a case describes."""
    kind, *rest = work
    if kind == "chunks":
        stops = [sum(rest[0][: place + 1]) for place in range(len(rest[0]))]
        return FixedWork([Chunk(place, stop - rest[0][place], stop) for place, stop in enumerate(stops)])
    if kind == "rows":
        return DivisibleWork(rest[0], max_rows=rest[1], target_s=rest[2], nodes=nodes)
    return StreamRows(target_s=rest[0], nodes=nodes) if kind == "stream_rows" else StreamGrid(chunk_rows=rest[0])


class Replay:
    """A scheduler made from the arguments of a case."""

    def __init__(self, case: dict[str, Any]) -> None:
        self._events = case["events"]
        self.names = [f"n{place}" for place in range(case["nodes"])]
        self.scheduler = Scheduler(
            work_of(case["work"], case["nodes"]),
            self.names,
            window=case["window"],
            most_window=case["most_window"],
            retry=RetryPolicy(*case["retry"]),
            idempotent=case["idempotent"],
            prng=SplitMix64(int(case["prng"])),
            hedge=case["hedge"],
            give_up_s=case["give_up_s"],
            policy=case["policy"],
        )

    def tell(self, event: list[Any]) -> list[list[Any]]:
        """One event without its answer; its answer. Done and failed get ``is_wanted`` at the end of the event."""
        what, now, *rest = event
        job = self.scheduler
        if what in ("done", "failed"):
            event.append(job.is_wanted(rest[0]))
        if what == "start":
            actions = job.start(now, [self.names[place] for place in rest[0]])
        elif what == "done":
            actions = job.done(rest[0], now, service_s=rest[1], queued_s=rest[2])
        elif what == "failed":
            actions = job.failed(rest[0], FailureClass[rest[1]], now, node_lost=rest[2], retry_after_ms=rest[3])
        elif what in ("up", "down"):
            actions = (job.node_up if what == "up" else job.node_down)(self.names[rest[0]], now)
        elif what == "more":
            actions = job.more(rest[0], rest[1], now)
        else:
            actions = {"timer": job.timer, "cancel": job.cancel, "no_more": job.no_more}[what](now)
        return [self.plain(action) for action in actions]

    def plain(self, action: Action) -> list[Any]:
        """An action as the vectors have it."""
        if isinstance(action, Send):
            chunk, place = action.chunk, self.names.index(action.node)
            where = [chunk.index, chunk.start, chunk.stop, place]
            return ["send", action.attempt_id, *where, action.attempt_no, action.hedge]
        if isinstance(action, CancelAttempt):
            return ["cancel", action.attempt_id, self.names.index(action.node)]
        if isinstance(action, Probe):
            return ["probe", self.names.index(action.node)]
        if isinstance(action, WaitUntil):
            return ["wait", action.at]
        if isinstance(action, Fail):
            return ["fail", action.attempt_id, action.reason]
        assert isinstance(action, Finish)
        return ["finish"]

    def actions(self) -> list[list[list[Any]]]:
        """The answers to all events of the case."""
        said = []
        for event in self._events:
            is_answered_by_wanted = event[0] in ("done", "failed")
            asked = event[: -2 if is_answered_by_wanted else -1]
            said.append(self.tell(asked))
            if is_answered_by_wanted and asked[-1] != event[-2]:
                said[-1].append(["is_wanted", asked[-1]])
        return said

    def counts(self) -> list[int]:
        """[rows_left, late, hedges, resends]."""
        job = self.scheduler
        return [job.rows_left, job.late, job.hedges, job.resends]
