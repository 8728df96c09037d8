"""Drives the production scheduler through a scenario, as client/scatter.py drives it through a real job.

Nothing is decided here. Of each attempt there are at most two events, the end on its node and the reply at the client,
so that a million chunks take seconds beside the planner's own time.

What the driver does, as the real one: it keeps one wake-up time; asks ``is_wanted`` before ``done``; reports a
cancelled attempt as failed at once, as a connection that is broken off does; answers a probe of a node that hangs
after ``PROBE_S``. A node drops what is cancelled before it begins, as a node does that sees its caller gone; what
runs, runs on.
"""

from __future__ import annotations

import heapq
import math
from array import array
from collections.abc import Callable
from typing import Any

from pyrpc.errors import FailureClass
from pyrpc.plan.actions import Action, CancelAttempt, Fail, Finish, Probe, Send, WaitUntil
from pyrpc.plan.prng import SplitMix64
from pyrpc.plan.retry import RetryPolicy
from pyrpc.plan.scheduler import Scheduler
from pyrpc.plan.window import FIRST, most_window
from pyrpc.simulate.bound import lower_bound_s
from pyrpc.simulate.node import Flight, SimulatedNode
from pyrpc.simulate.outcome import AttemptTrace, NodeTotals, Outcome, latencies
from pyrpc.simulate.scenario import Scenario

# How long client/scatter.py waits for the answer to a probe.
PROBE_S = 2.0

Event = tuple[float, int, Callable[[Any], None], Any]


def simulate(scenario: Scenario, *, keep_attempts: bool = False) -> Outcome:
    """Run the job of a scenario on its nodes.

    Parameters
    ----------
    scenario : Scenario
    keep_attempts : bool
        Whether the outcome lists each attempt.

    Returns
    -------
    Outcome
        The same for the same scenario, on any machine.
    """
    return Engine(scenario, keep_attempts=keep_attempts).run()


class Engine:
    """One simulated job; ``run`` it once."""

    def __init__(self, scenario: Scenario, *, keep_attempts: bool = False) -> None:
        job = scenario.job
        self._scenario = scenario
        self._scheduler = Scheduler(
            job.work(len(scenario.nodes)),
            [node.name for node in scenario.nodes],
            window=FIRST if job.window is None else job.window,
            most_window=most_window(len(scenario.nodes)) if job.window is None else 0,
            retry=RetryPolicy(),
            idempotent=job.idempotent,
            prng=SplitMix64(scenario.seed),
            hedge=job.hedge,
            policy=scenario.policy,
        )
        self._nodes = {
            model.name: SimulatedNode(place, model, job, scenario.seed) for place, model in enumerate(scenario.nodes)
        }
        self._now = 0.0
        self._wake_at = math.inf
        self._heap: list[Event] = []
        self._number = 0
        self._client_free_at = 0.0
        self._flights: dict[int, Flight] = {}
        # Of each chunk that is not done: its first sending, and its rows.
        self._first_sent: dict[int, tuple[float, int, int]] = {}
        self._state = ""
        # What the outcome is made of.
        self._totals = [NodeTotals(model.name) for model in scenario.nodes]
        self._latencies = array("d")
        self._probes: list[tuple[str, float, bool]] = []
        self._attempts: list[AttemptTrace] | None = [] if keep_attempts else None
        self._sends = self._rows_sent = 0

    def run(self) -> Outcome:
        """To its end."""
        for node in self._nodes.values():
            if node.model.dies_at_s < math.inf:
                self._at(node.model.dies_at_s, self._dies, node)
            if node.model.returns_at_s < math.inf:
                self._at(node.model.returns_at_s, self._returns, node)
        self._take(self._scheduler.start(0.0))
        heap, pop, timeout_s = self._heap, heapq.heappop, self._scenario.job.timeout_s
        while not self._state:
            event_at = heap[0][0] if heap else math.inf
            next_at = event_at if event_at <= self._wake_at else self._wake_at
            if next_at >= timeout_s:
                self._now, self._state = timeout_s, "timed out"
            elif next_at < event_at:
                self._now, self._wake_at = next_at, math.inf
                self._take(self._scheduler.timer(next_at))
            else:
                self._now, _, happen, what = pop(heap)
                happen(what)
        return self._outcome()

    def _at(self, moment: float, happen: Callable[[Any], None], what: object) -> None:
        self._number += 1
        heapq.heappush(self._heap, (moment, self._number, happen, what))

    # -- what the planner says

    def _take(self, actions: list[Action]) -> None:
        for action in actions:
            if isinstance(action, Send):
                self._send(action)
            elif isinstance(action, WaitUntil):
                self._wake_at = action.at
            elif isinstance(action, CancelAttempt):
                flight = self._flights[action.attempt_id]
                flight.is_cancelled = True
                self._at(self._now, self._given_up, flight)
            elif isinstance(action, Probe):
                self._probe(self._nodes[action.node])
            elif isinstance(action, Finish):
                self._state = "done"
            elif isinstance(action, Fail):
                self._state = f"failed: {action.reason}"
                if action.error is not None:
                    raise action.error

    def _send(self, send: Send) -> None:
        node = self._nodes[send.node]
        flight = self._flights[send.attempt_id] = Flight(send, node, self._now)
        self._sends += 1
        self._rows_sent += flight.rows
        self._totals[node.index].sends += 1
        chunk = send.chunk
        if chunk.index not in self._first_sent:
            self._first_sent[chunk.index] = (self._began(send), chunk.start, chunk.stop)
        leaves_s = self._now
        if self._scenario.job.client_s:
            leaves_s = max(leaves_s, self._client_free_at) + self._scenario.job.client_s
            self._client_free_at = leaves_s
        if node.is_dead:
            self._at(leaves_s + 2 * node.half_s, self._not_reached, flight)
            return
        flight.arrives_s = node.arrival_s(flight.rows, leaves_s)
        if node.happens(node.model.overloaded):
            self._at(flight.arrives_s + node.half_s, self._turned_away, flight)
        elif node.free_threads:
            self._run(flight)
        else:
            node.waiting.append(flight)

    def _began(self, send: Send) -> float:
        """When its rows were sent first: of a piece that was cut from another one, with that."""
        if send.attempt_no:
            chunk = send.chunk
            for began_s, start, stop in self._first_sent.values():
                if start <= chunk.start and chunk.stop <= stop:
                    return began_s
        return self._now

    def _probe(self, node: SimulatedNode) -> None:
        answer_at, is_up = self._now + 2 * node.half_s, not node.is_dead
        if is_up and node.is_hung(self._now):
            is_up = node.model.wakes_at_s < self._now + PROBE_S
            answer_at = node.model.wakes_at_s + node.half_s if is_up else self._now + PROBE_S
        self._at(answer_at, self._probed, (node, is_up))

    # -- what happens on the nodes

    def _run(self, flight: Flight) -> None:
        node = flight.node
        node.free_threads -= 1
        end_s = node.run(flight, self._now)
        if end_s < math.inf:
            self._at(end_s, self._ran, flight)

    def _ran(self, flight: Flight) -> None:
        node = flight.node
        if flight.epoch != node.epoch:
            return
        self._totals[node.index].busy_s += flight.service_s
        node.free_threads += 1
        waiting = node.waiting
        while waiting:
            following = waiting.popleft()
            if not following.is_cancelled:
                self._run(following)
                break
        if flight.is_reported:
            return
        ended = self._broke if node.happens(node.model.fails) else self._replied
        reply_s = node.reply_s(flight.rows, self._now)
        if reply_s > self._now:
            self._at(reply_s, ended, flight)
        else:
            ended(flight)

    def _dies(self, node: SimulatedNode) -> None:
        node.die()
        lost = [flight for flight in self._flights.values() if flight.node is node]
        for flight in lost:
            self._at(self._now + node.half_s, self._lost, flight)

    def _returns(self, node: SimulatedNode) -> None:
        node.come_back()

    # -- what the client learns

    def _replied(self, flight: Flight) -> None:
        if flight.is_reported or flight.epoch != flight.node.epoch:
            return
        flight.is_reported = True
        send = flight.send
        del self._flights[send.attempt_id]
        is_first = self._scheduler.is_wanted(send.attempt_id)
        if is_first:
            index = send.chunk.index
            self._latencies.append(self._now - self._first_sent.pop(index)[0])
            totals = self._totals[flight.node.index]
            totals.rows += flight.rows
            totals.chunks += 1
        queued_s = flight.ran_from_s - flight.arrives_s
        if self._attempts is not None:
            self._record(flight, "ok" if is_first else "late", None)
        self._take(self._scheduler.done(send.attempt_id, self._now, service_s=flight.service_s, queued_s=queued_s))

    def _broke(self, flight: Flight) -> None:
        self._failed(flight, FailureClass.UNKNOWN, "WorkerLostError")

    def _lost(self, flight: Flight) -> None:
        self._failed(flight, FailureClass.UNKNOWN, "ConnectionLostError", is_node_loss=True)

    def _not_reached(self, flight: Flight) -> None:
        self._failed(flight, FailureClass.NOT_EXECUTED, "UnreachableError", is_node_loss=True)

    def _turned_away(self, flight: Flight) -> None:
        asked_s = flight.node.model.retry_after_s
        retry_after_ms = None if asked_s is None else round(asked_s * 1000)
        self._failed(flight, FailureClass.NOT_EXECUTED, "OverloadedError", retry_after_ms=retry_after_ms)

    def _given_up(self, flight: Flight) -> None:
        self._failed(flight, FailureClass.UNKNOWN, "CancelledError")

    def _failed(
        self,
        flight: Flight,
        failure: FailureClass,
        error_type: str,
        *,
        is_node_loss: bool = False,
        retry_after_ms: int | None = None,
    ) -> None:
        if flight.is_reported:
            return
        flight.is_reported = True
        attempt_id = flight.send.attempt_id
        del self._flights[attempt_id]
        if self._attempts is not None:
            self._record(flight, "cancelled" if flight.is_cancelled else "failed", error_type)
        self._take(
            self._scheduler.failed(
                attempt_id, failure, self._now, node_lost=is_node_loss, retry_after_ms=retry_after_ms
            )
        )

    def _probed(self, answer: tuple[SimulatedNode, bool]) -> None:
        node, is_up = answer
        name = node.model.name
        self._probes.append((name, self._now, is_up))
        event = self._scheduler.node_up if is_up else self._scheduler.node_down
        self._take(event(name, self._now))

    # -- what is left

    def _record(self, flight: Flight, outcome: str, error_type: str | None) -> None:
        assert self._attempts is not None
        is_answered = outcome in ("ok", "late")
        chunk = flight.send.chunk
        self._attempts.append(
            AttemptTrace(
                flight.node.model.name,
                chunk.start,
                chunk.stop,
                flight.send.attempt_no,
                flight.sent_s,
                self._now,
                flight.ran_from_s if is_answered else flight.sent_s,
                flight.ran_to_s if is_answered else flight.sent_s,
                flight.ran_from_s - flight.arrives_s if is_answered else 0.0,
                flight.service_s if is_answered else 0.0,
                outcome,
                error_type,
            )
        )

    def _outcome(self) -> Outcome:
        scenario, scheduler = self._scenario, self._scheduler
        if self._attempts is not None:
            for flight in self._flights.values():
                self._record(flight, "cancelled", "CancelledError")
        return Outcome(
            policy=scenario.policy,
            hedge=scenario.job.hedge,
            seed=scenario.seed,
            nodes=len(scenario.nodes),
            rows=scenario.job.rows,
            state=self._state,
            makespan_s=self._now + scenario.job.start_s,
            lower_bound_s=lower_bound_s(scenario),
            chunks=len(self._latencies),
            sends=self._sends,
            hedges=scheduler.hedges,
            resends=scheduler.resends,
            late=scheduler.late,
            rows_sent=self._rows_sent,
            latency_s=latencies(self._latencies),
            by_node=self._totals,
            probes=self._probes,
            attempts=self._attempts or [],
        )
