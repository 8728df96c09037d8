"""A virtual network and clock: nodes with faults, and a driver that keeps the contract of client/scatter.py."""

from __future__ import annotations

import heapq
from collections.abc import Callable

from tests.simulation import faults
from tests.simulation.chance import Chance
from tests.simulation.job import FOREVER, draw_job
from tests.simulation.rules import Broken, Rules, Sent, must

from pyrpc.errors import FailureClass
from pyrpc.plan.actions import Action, CancelAttempt, Fail, Finish, Probe, Send, WaitUntil
from pyrpc.plan.scheduler import Scheduler

FINAL, UNKNOWN, NOT_EXECUTED = FailureClass.FINAL, FailureClass.UNKNOWN, FailureClass.NOT_EXECUTED
MOST_EVENTS = 50_000
PROBE_S = 2.0
Trace = Callable[[str], None]


class Running:
    """An attempt as the network knows it. ``number`` makes events of its past stale."""

    __slots__ = ("fate", "node", "number", "send", "starts")

    def __init__(self, send: Send, node: Node) -> None:
        self.send = send
        self.node = node
        self.fate = "reply"
        self.number = 0
        self.starts = 0.0


class Node:
    """What is true of a node, whatever the scheduler believes."""

    __slots__ = (
        "asked_ms", "factor", "fate_number", "free_at", "held", "name", "refuses", "row_s", "running", "state",
        "state_number",
    )  # fmt: skip

    def __init__(self, name: str, row_s: float) -> None:
        self.name = name
        self.row_s = row_s
        self.state = "works"  # or "dead", "hung"
        self.state_number = 0
        self.factor = 1.0
        self.refuses = 0.0
        self.asked_ms: int | None = None
        self.free_at = 0.0
        self.running: dict[int, Running] = {}
        self.held: list[Running] = []


class World:
    """One job with its faults, from its seed to its end.

    Parameters
    ----------
    seed : int
        Decides everything.
    make : callable
        The scheduler, or a broken one.
    trace : callable, optional
        Told of everything that happens, in words.
    """

    def __init__(self, seed: int, make: Callable[..., Scheduler] = Scheduler, trace: Trace | None = None) -> None:
        self.seed = seed
        self.chance = Chance(seed)
        self.job = job = draw_job(self.chance)
        self.nodes = [Node(f"n{number}", row_s) for number, row_s in enumerate(job.row_s)]
        for node in self.nodes:
            node.refuses = job.refuses
        self.by_name = {node.name: node for node in self.nodes}
        names = list(self.by_name)
        self.scheduler = make(
            job.work(), names, window=job.window, most_window=job.most_window,
            retry=job.retry, idempotent=job.idempotent,
            prng=Chance(seed ^ 0xC0FFEE), hedge=job.hedge, give_up_s=job.give_up_s, policy=job.policy,
        )  # fmt: skip
        self.rules = Rules(job, names)
        self.now = 0.0
        self.wake_at = FOREVER
        self.is_healed = False
        self.longest_s = self.feed_s = 0.0
        self.events = 0
        self._trace = trace
        self._queue: list[tuple[float, int, Callable[..., None], tuple[object, ...]]] = []
        self._number = 0
        self._last: tuple[Sent | None, FailureClass | None, bool] = (None, None, False)
        self.healed_at = 0.0
        self._must_end_by = FOREVER

    # -- the clock

    def at(self, when: float, what: Callable[..., None], *arguments: object) -> None:
        """Let something happen."""
        self._number += 1
        heapq.heappush(self._queue, (when, self._number, what, arguments))

    def run(self) -> World:
        """To the end, with every rule checked on the way; Broken if one does not hold."""
        try:
            self._run()
        except Broken:
            raise
        except Exception as error:
            raise Broken(f"no event raises: {error!r}") from error
        return self

    def _run(self) -> None:
        job = self.job
        self.say("job", job)
        if job.deadline_s < FOREVER:
            self.at(job.deadline_s, self._stop, "deadline")
        self.feed_s = sum(wait_s for wait_s, _ in job.blocks)
        if job.cancel_s < FOREVER:
            self.at(job.cancel_s, self._stop, "cancelled by the caller")
        self.at(job.faults_end_s, faults.heal, self)
        self._start()
        queue, rate = self._queue, job.fault_rate
        while queue and not self.rules.is_over:
            when, _, what, arguments = heapq.heappop(queue)
            self.now = max(self.now, when)
            self.events += 1
            if self.now >= job.deadline_s:
                what, arguments = self._stop, ("deadline",)
            what(*arguments)
            if job.faults and not self.is_healed and self.chance.uniform() < rate:
                faults.inject(self)
            if self.now > self._must_end_by or self.events > MOST_EVENTS:
                self._must_end_by = faults.latest_end_s(self)
                if self.now > self._must_end_by or self.events > MOST_EVENTS:
                    break
        if not self.rules.is_over:
            self._must_be_held()
        self._after_the_end()

    def is_to_end(self) -> None:
        """The faults are over: the job has to end some time."""
        self.healed_at = self.now
        self._must_end_by = faults.latest_end_s(self)

    def _must_be_held(self) -> None:
        """A job that does not end is one whose last chunks a hung node holds, and no hedge may save them."""
        self.say("stuck", self.rules.sent)
        hung = {node.name for node in self.nodes if node.state == "hung"}
        works = any(node.state == "works" for node in self.nodes)
        is_saved = self.job.hedge and self.job.idempotent and works
        must(bool(hung) and not is_saved, "a job ends", f"{self.events} events, {self.now} s", self.rules.sent)
        held = sum(sent.send.chunk.rows for sent in self.rules.sent.values() if sent.send.node in hung)
        if works:
            must(held == self.job.rows - self.rules.done_rows, "all that can be done is done", held)

    def _after_the_end(self) -> None:
        """Late replies, answers to probes and the timer still come, and change nothing."""
        for attempt_id in list(self.rules.sent)[:4]:
            self.report_done(attempt_id)
        for attempt_id in list(self.rules.sent)[:4]:
            self.report_failed(attempt_id, UNKNOWN, is_lost=self.chance.happens(0.5))
        if self.rules.is_over:
            for event in (self.scheduler.timer, self.scheduler.cancel):
                self.take(event(self.now))
            self.take(self.scheduler.node_down(self.nodes[0].name, self.now))
            self.take(self.scheduler.node_up(self.nodes[0].name, self.now))

    def say(self, what: str, *facts: object) -> None:
        """A line of the trace."""
        if self._trace is not None:
            self._trace(f"{self.now:12.6f}  {what} {' '.join(map(str, facts))}")

    # -- the driver: events

    def _start(self) -> None:
        down = [self.nodes[number].name for number in self.job.down]
        if len(down) < len(self.nodes) and self.job.rows:
            for name in down:
                self.rules.goes_down(name, 0.0)
        self.say("start", "down:", down)
        self.take(self.scheduler.start(0.0, down))
        if self.job.is_stream:
            self._feed(0)

    def _feed(self, number: int) -> None:
        """The source gives its blocks one after the other."""
        if number == len(self.job.blocks):
            self.say("no more rows")
            self.rules.is_open = False
            self.take(self.scheduler.no_more(self.now))
            return
        wait_s, rows = self.job.blocks[number]
        self.at(self.now + wait_s, self._more, number, rows)

    def _more(self, number: int, rows: int) -> None:
        self.say("more rows", rows)
        self.rules.known_rows += rows
        self.take(self.scheduler.more(rows, 4, self.now))
        self._feed(number + 1)

    def _stop(self, why: str) -> None:
        """The deadline, or the caller: the driver cancels, and no end is told."""
        self.say(why)
        actions = self.scheduler.cancel(self.now)
        must(all(isinstance(action, CancelAttempt) for action in actions), "a cancelled job only cancels", actions)
        for action in actions:
            self.rules.cancel(action)  # type: ignore[arg-type]
        must(all(sent.is_cancelled for sent in self.rules.sent.values()), "all that is in flight is cancelled")
        self.rules.is_over = True
        self.rules.end = why

    def _timer(self, at: float) -> None:
        if self.wake_at == at:
            self.wake_at = FOREVER
            self.call_timer()

    def call_timer(self) -> None:
        """Its time has come, or not."""
        self.say("timer")
        self.take(self.scheduler.timer(self.now))

    def report_done(self, attempt_id: int) -> None:
        """A reply has come, maybe not for the first time."""
        is_wanted = self.scheduler.is_wanted(attempt_id)
        late = self.scheduler.late
        sent = self.rules.ends(attempt_id)
        self.say("done", attempt_id, "" if is_wanted else "(late)")
        if sent is not None:
            self.by_name[sent.send.node].running.pop(attempt_id, None)
            self.longest_s = max(self.longest_s, self.now - sent.sent_at)
        self.rules.done(sent, is_wanted, self.now)
        seconds = self.chance.uniform() * 0.01
        actions = self.scheduler.done(attempt_id, self.now, service_s=seconds, queued_s=0.0)
        must(self.scheduler.late == late + (not is_wanted), "replies that do not count are counted as late")
        must(sent is not None or not actions, "a duplicate changes nothing", actions)
        self.take(actions)

    def report_failed(
        self, attempt_id: int, failure: FailureClass, *, is_lost: bool = False, asked_ms: int | None = None
    ) -> None:
        """An attempt has failed, maybe not for the first time."""
        is_wanted = self.scheduler.is_wanted(attempt_id)
        sent = self.rules.ends(attempt_id)
        self.say("failed", attempt_id, failure.name, "lost" if is_lost else "", "" if is_wanted else "(late)")
        if sent is not None:
            self.by_name[sent.send.node].running.pop(attempt_id, None)
            if not self.rules.is_over:
                self.rules.failed(sent, failure, is_lost, is_wanted, self.now)
        self._last = sent, failure, is_wanted
        actions = self.scheduler.failed(attempt_id, failure, self.now, node_lost=is_lost, retry_after_ms=asked_ms)
        must(sent is not None or not actions, "a duplicate changes nothing", actions)
        if is_wanted and (failure is FINAL or (failure is UNKNOWN and not self.job.idempotent)):
            must(any(isinstance(action, Fail) for action in actions), "such a failure is never tried again", failure)
        self.take(actions)

    def report_node(self, name: str, is_up: bool) -> None:
        """News of a node, true or not."""
        self.say("node is up" if is_up else "node is down", name)
        self.rules.nodes[name].is_probed = False
        if self.rules.is_over:
            return
        if is_up:
            self.rules.comes_up(name)
            self.take(self.scheduler.node_up(name, self.now))
        else:
            self.rules.goes_down(name, self.now)
            self.take(self.scheduler.node_down(name, self.now))

    # -- the driver: actions

    def take(self, actions: list[Action]) -> None:
        """Carry them out, each checked."""
        rules = self.rules
        if rules.is_over:
            must(not actions, "nothing happens after the end", actions)
            return
        for action in actions:
            self.say("   ", action)
            if isinstance(action, Send):
                rules.send(action, self.now)
                self._run_on_node(action)
            elif isinstance(action, WaitUntil):
                self.wake_at = action.at
                self.at(action.at, self._timer, action.at)
            elif isinstance(action, CancelAttempt):
                rules.cancel(action)
                self._abort(action.attempt_id)
            elif isinstance(action, Probe):
                rules.probe(action.node)
                self._probe(self.by_name[action.node])
            else:
                must(action is actions[-1], "the end comes last", actions)
                if isinstance(action, Finish):
                    rules.finish()
                else:
                    rules.fail(action, self._last, self.now)
        self._last = (None, None, False)
        rules.after(self.scheduler.rows_left, self.scheduler.is_over, self.job.hedge)

    def _abort(self, attempt_id: int) -> None:
        """Most drivers break the connection, and then the attempt fails; the reply may be on its way all the same."""
        if self.chance.happens(0.6):
            failure = self.chance.choice((UNKNOWN, UNKNOWN, NOT_EXECUTED, FINAL))
            self.at(self.now + self.chance.uniform() * 0.1, self._aborted, attempt_id, failure)

    def _aborted(self, attempt_id: int, failure: FailureClass) -> None:
        if attempt_id in self.rules.sent:
            self.report_failed(attempt_id, failure)

    def _probe(self, node: Node) -> None:
        delay_s = PROBE_S if node.state == "hung" else self.chance.uniform() * 0.01
        is_lost = "probe_lost" in self.job.faults and not self.is_healed and self.chance.happens(0.3)
        self.at(self.now + (PROBE_S if is_lost else delay_s), self._probed, node, is_lost)

    def _probed(self, node: Node, is_lost: bool) -> None:
        self.report_node(node.name, is_up=node.state == "works" and node.refuses < 1.0 and not is_lost)

    # -- the network

    def _run_on_node(self, send: Send) -> None:
        node, chance = self.by_name[send.node], self.chance
        running = node.running[send.attempt_id] = Running(send, node)
        if node.state == "dead":
            running.fate = "refused"
            self.at(self.now + chance.uniform() * 0.002, self._lose, running, 0, NOT_EXECUTED)
        elif node.refuses and chance.happens(node.refuses):
            running.fate = "refused"
            self.at(self.now + chance.uniform() * 0.002, self._refuse, running, node.asked_ms)
        else:
            starts = max(self.now, node.free_at)
            node.free_at = starts + send.chunk.rows * node.row_s * node.factor * chance.between(0.8, 1.2)
            self.at(node.free_at, self.reply, running, 0)

    def reply(self, running: Running, number: int) -> None:
        """The work is done: its reply arrives, or what came of it."""
        attempt_id = running.send.attempt_id
        if running.number != number or attempt_id not in self.rules.sent:
            return
        node = running.node
        if node.state == "hung":
            node.held.append(running)
        elif running.fate == "raises":
            self.report_failed(attempt_id, FINAL)
        elif running.fate == "lost":
            self.report_failed(attempt_id, UNKNOWN, is_lost=self.chance.happens(0.5))
        else:
            self.report_done(attempt_id)
            if "duplicates_reply" in self.job.faults and not self.is_healed and self.chance.happens(0.3):
                self.at(self.now + self.chance.uniform() * 0.2, self._again, attempt_id)

    def _again(self, attempt_id: int) -> None:
        if self.chance.happens(0.5):
            self.report_done(attempt_id)
        else:
            self.report_failed(attempt_id, self.chance.choice((UNKNOWN, NOT_EXECUTED, FINAL)), is_lost=True)

    def _refuse(self, running: Running, asked_ms: int | None) -> None:
        if running.send.attempt_id in self.rules.sent:
            self.report_failed(running.send.attempt_id, NOT_EXECUTED, asked_ms=asked_ms)

    def _lose(self, running: Running, number: int, failure: FailureClass) -> None:
        if running.number == number and running.send.attempt_id in self.rules.sent:
            self.report_failed(running.send.attempt_id, failure, is_lost=True)

    def break_connections(self, node: Node) -> None:
        """What is in flight on a node that has died fails, each at its own time."""
        for running in node.running.values():
            running.number += 1
            failure = NOT_EXECUTED if self.chance.happens(0.3) else UNKNOWN
            longest_s = 2.0 if self.chance.happens(0.1) else 0.01
            self.at(self.now + self.chance.uniform() * longest_s, self._lose, running, running.number, failure)
        node.held.clear()

    def delay_reply(self, running: Running, delay_s: float) -> None:
        """It comes later."""
        running.number += 1
        self.at(self.now + delay_s, self.reply, running, running.number)
