"""One job as a state machine: events in, actions out. It has no clock, thread, socket or source of chance.

The driver (client/scatter.py) calls one event method at a time, carries out the actions in their order, and
reports what came of them. Times are seconds on any clock that does not go back.

Pull scheduling
    Each node has at most ``window`` attempts in flight. A node that finishes one gets the next chunk, in index
    order: fast nodes take more without being known to be fast. The first chunks go round, one to each node
    before any gets a second.

What a failure leads to (FailureClass, and whether the node went down with it)
    FINAL: the job fails. UNKNOWN in a job that is not idempotent: the job fails. All else sends the chunk again,
    ahead of those not sent yet, and each cause has a bound of its own:

    - UNKNOWN, node still up: backoff by the RetryPolicy, another node if there is one, at most ``max_attempts``.
    - UNKNOWN, node lost: at once, and counted neither against max_attempts nor against a retry budget. Losing a
      node costs at most ``window`` chunks, whatever the size of the job, so it cannot become a storm; counting it
      would fail jobs in a rolling restart. But a chunk that took `MAX_LOSSES` nodes with it is a poison pill.
    - NOT_EXECUTED, node lost (nobody listens there): at once; the bound is so wide that every node may be dead
      on the first try without failing a job which one of them could do later.
    - NOT_EXECUTED, node up (OVERLOADED, DRAINING): the chunk is not at fault. The node is paused as it asked, or
      with a backoff that doubles, and the chunk goes to whoever is free. A job waits for busy nodes, as long as
      its own deadline allows; a chunk that is turned away everywhere for `REFUSED_S` gives up.

Nodes
    A node that is down is probed after 0.1 s, doubling to 1 s. One that fails every attempt, though it is up, is
    paused with a growing backoff, or it would pull in chunks as fast as it fails them. When no node has been up
    for ``give_up_s``, the job fails.

Hedges
    When there is nothing left to hand out, a free node duplicates the chunk that was sent longest ago, once
    that is more than ``max(0.1 s, 3 x median duration)`` ago (1 s before any chunk is done). Whatever ends first
    counts; the other is cancelled. One hedge a chunk; only if the hedge does not end either, another node gets
    one after 4 times as long, and so on (16, 64 ...), so that a job ends as long as one node works.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Sequence

from pyrpc.errors import ConfigError, FailureClass
from pyrpc.plan.actions import Action, CancelAttempt, Fail, FailReason, Finish, Probe, Send, WaitUntil
from pyrpc.plan.job_state import Attempt, ChunkState, Durations, FreeNodes, NodeState
from pyrpc.plan.partition import Chunk
from pyrpc.plan.prng import SplitMix64
from pyrpc.plan.retry import RetryPolicy

__all__ = ["Action", "CancelAttempt", "Fail", "Finish", "Probe", "Scheduler", "Send", "WaitUntil"]

MAX_LOSSES = 3
REFUSED_S = 30.0
PROBE_MIN_S = 0.1
PROBE_MAX_S = 1.0
PAUSE_MIN_S = 0.1
PAUSE_MAX_S = 1.0
HEDGE_MIN_S = 0.1
HEDGE_FIRST_S = 1.0
HEDGE_MEDIANS = 3.0
HEDGE_AGAIN = 4.0
# A retried chunk waits at most so long, or 3 medians, for a node on which it has not failed yet.
FORGIVE_MIN_S = 1.0
# How many retried chunks one event looks at; the others are found by later events. Keeps an event O(1).
RETRY_SCAN = 16

_Timer = tuple[float, int, str, NodeState | ChunkState | None]


class Scheduler:
    """Decides which chunk of a job goes where and when; see the module's docstring for the rules.

    Parameters
    ----------
    chunks : Sequence[Chunk]
        The work, in the order in which it is handed out.
    nodes : Sequence[str]
        Names of the nodes, all different, taken to be up; the first chunk goes to the first one. A caller that
        runs many small jobs rotates them.
    window : int
        Attempts in flight on one node, hedges and cancelled ones not yet reported included.
    retry : RetryPolicy
        Attempts and backoff of chunks whose failure leaves their node up.
    idempotent : bool
        Whether a chunk may run twice.
    prng : SplitMix64
        Source of the jitter.
    hedge : bool
        Whether stragglers may be duplicated (idempotent jobs only).
    give_up_s : float
        How long all nodes may be down.

    Raises
    ------
    ConfigError
        No nodes, a node named twice, a window below 1, or a negative give_up_s.

    Notes
    -----
    Not thread-safe: the driver holds one lock around each event. Events after the end, and reports of attempts
    that were reported before, change nothing and return no actions. An event costs the same however many chunks
    the job has.
    """

    def __init__(
        self,
        chunks: Sequence[Chunk],
        nodes: Sequence[str],
        *,
        window: int = 2,
        retry: RetryPolicy,
        idempotent: bool,
        prng: SplitMix64,
        hedge: bool = True,
        give_up_s: float = 5.0,
    ) -> None:
        _check_options(nodes, window, give_up_s)
        self.late = 0
        self.hedges = 0
        self.resends = 0
        self._chunks = chunks
        self._retry_policy = retry
        self._idempotent = idempotent
        self._prng = prng
        self._hedging = hedge and idempotent
        self._give_up_s = give_up_s
        self._window = window
        self._nodes = {name: NodeState(name, PROBE_MIN_S) for name in nodes}
        self._free = FreeNodes(window)
        self._up = len(self._nodes)
        self._give_up_at = math.inf
        self._next = 0
        self._left = len(chunks)
        self._retries: deque[ChunkState] = deque()
        self._live: dict[int, Attempt] = {}
        self._attempt_id = 0
        # Chunks in flight in the order of their last sending, one dict for each number of hedges so far.
        self._running: list[dict[ChunkState, None]] = [{}]
        self._durations = Durations()
        self._timers: list[_Timer] = []
        self._timer_no = 0
        self._hedge_at = math.inf
        self._announced = math.inf
        self._over = False

    # -- what the driver may ask ---------------------------------------------------------------------------

    @property
    def is_over(self) -> bool:
        """Whether Finish or Fail was given out, or the job was cancelled."""
        return self._over

    @property
    def chunks_left(self) -> int:
        """How many chunks are not done."""
        return self._left

    def is_wanted(self, attempt_id: int) -> bool:
        """Whether the reply of this attempt would be the first one of its chunk. Ask before ``done``."""
        attempt = self._live.get(attempt_id)
        return attempt is not None and not attempt.state.is_done and not self._over

    # -- events --------------------------------------------------------------------------------------------

    def start(self, now: float) -> list[Action]:
        """The job begins; the first event, once."""
        if self._left == 0:
            self._over = True
            return [Finish()]
        for node in self._nodes.values():
            self._free.place(node)
        return self._dispatch(now, [])

    def done(self, attempt_id: int, now: float) -> list[Action]:
        """The reply of an attempt has come. Only the first of a chunk counts; others are counted in ``late``."""
        attempt = self._live.pop(attempt_id, None)
        if attempt is None or self._over:
            self.late += 1
            return []
        out: list[Action] = []
        node = attempt.node
        node.in_flight -= 1
        node.failures = 0
        node.probe_wait_s = PROBE_MIN_S
        self._free.place(node)
        attempt.state.live.remove(attempt)
        if attempt.state.is_done:
            self.late += 1
        else:
            self._complete(attempt.state, now - attempt.sent_at, out)
        return out if self._over else self._dispatch(now, out)

    def failed(
        self,
        attempt_id: int,
        failure: FailureClass,
        now: float,
        *,
        node_lost: bool = False,
        retry_after_ms: int | None = None,
    ) -> list[Action]:
        """An attempt has ended without a reply.

        Parameters
        ----------
        attempt_id : int
            From its Send.
        failure : FailureClass
            What the error says of itself; of no account for a cancelled attempt.
        now : float
            The time.
        node_lost : bool
            The connection was refused or broke, so that the node is to be taken for down.
        retry_after_ms : int, optional
            The node asked to be left alone for so long.
        """
        attempt = self._live.pop(attempt_id, None)
        if attempt is None or self._over:
            return []
        node, state = attempt.node, attempt.state
        node.in_flight -= 1
        state.live.remove(attempt)
        if not node_lost:
            self._pause(node, failure, retry_after_ms, now, counts=not state.is_done)
        elif node.up and attempt.epoch == node.epoch:
            self._take_down(node, now)
        self._free.place(node)
        if not state.is_done:
            reason = self._judge(state, node, failure, node_lost, now)
            if reason is not None:
                return self._end(Fail(attempt_id, reason))
        return self._dispatch(now, [])

    def node_down(self, node: str, now: float) -> list[Action]:
        """The answer to a Probe, or other news that the node is gone. Its attempts are still to be reported."""
        state = self._node(node)
        if self._over:
            return []
        if state.up:
            self._take_down(state, now)
            self._free.place(state)
        elif state.probing:
            self._plan_probe(state, now)
        return self._dispatch(now, [])

    def node_up(self, node: str, now: float) -> list[Action]:
        """The answer to a Probe, or other news that the node is back."""
        state = self._node(node)
        if self._over or state.up:
            return []
        state.up = True
        state.probing = False
        state.paused_until = None
        self._up += 1
        self._give_up_at = math.inf
        self._free.place(state)
        return self._dispatch(now, [])

    def timer(self, now: float) -> list[Action]:
        """The time of a WaitUntil has come; harmless at any other time."""
        if self._over:
            return []
        self._announced = math.inf
        out: list[Action] = []
        while self._timers and self._timers[0][0] <= now:
            at, _, kind, subject = heapq.heappop(self._timers)
            if isinstance(subject, NodeState):
                self._node_timer(kind, subject, now, out)
            elif isinstance(subject, ChunkState):
                self._chunk_timer(kind, subject, at)
            elif now >= self._give_up_at:
                return self._end(Fail(None, "no_nodes"))
        return self._dispatch(now, out)

    def cancel(self, now: float) -> list[Action]:
        """The caller gives up: cancels what is in flight. No Finish or Fail follows."""
        return [] if self._over else self._end(None)

    # -- handing out ---------------------------------------------------------------------------------------

    def _dispatch(self, now: float, out: list[Action]) -> list[Action]:
        """Give the free nodes what there is: chunks to send again, new chunks, then hedges."""
        if self._retries:
            self._send_retries(now, out)
        while self._next < len(self._chunks):
            node = self._free.first()
            if node is None:
                break
            self._send(ChunkState(self._chunks[self._next]), node, now, out)
            self._next += 1
        self._hedge_at = math.inf
        if self._hedging and self._next == len(self._chunks):
            self._send_hedges(now, out)
        wake_at = min(self._timers[0][0], self._hedge_at) if self._timers else self._hedge_at
        if wake_at < self._announced:
            self._announced = wake_at
            out.append(WaitUntil(wake_at))
        return out

    def _send(self, state: ChunkState, node: NodeState, now: float, out: list[Action], *, hedge: bool = False) -> None:
        assert not self._over and not state.is_done and node.up and node.in_flight < self._window
        self._attempt_id += 1
        attempt = Attempt(self._attempt_id, state, node, now)
        self._live[attempt.attempt_id] = attempt
        state.live.append(attempt)
        state.last_sent = now
        state.forgive_at = None
        node.in_flight += 1
        self._free.place(node)
        self._running[state.hedges][state] = None
        if state.sends and not hedge:
            self.resends += 1
        out.append(Send(attempt.attempt_id, state.chunk, node.name, state.sends, hedge))
        state.sends += 1

    def _send_retries(self, now: float, out: list[Action]) -> None:
        passed: list[ChunkState] = []
        for _ in range(min(len(self._retries), RETRY_SCAN)):
            if self._free.first() is None:
                break
            state = self._retries.popleft()
            node = self._node_for(state)
            if node is not None:
                self._send(state, node, now, out)
                continue
            passed.append(state)
            if state.forgive_at is None:
                state.forgive_at = now + max(FORGIVE_MIN_S, HEDGE_MEDIANS * (self._durations.median() or 0.0))
                self._at(state.forgive_at, "forgive", state)
        self._retries.extendleft(reversed(passed))

    def _node_for(self, state: ChunkState) -> NodeState | None:
        """A free node for a chunk that failed before; None: better wait for one on which it has not failed."""
        for node in self._free:
            if node not in state.failed_on:
                return node
        if any(node.up and node not in state.failed_on for node in self._nodes.values()):
            return None
        return self._free.first()

    def _send_hedges(self, now: float, out: list[Action]) -> None:
        if self._free.first() is None:
            return
        median = self._durations.median()
        wait_s = HEDGE_FIRST_S if median is None else max(HEDGE_MIN_S, HEDGE_MEDIANS * median)
        for hedges, running in enumerate(self._running):
            while (pair := self._hedge_pair(running)) is not None:
                state, node = pair
                due = state.last_sent + wait_s * HEDGE_AGAIN**hedges
                if due > now:
                    self._hedge_at = min(self._hedge_at, due)
                    break
                self._send_hedge(state, node, now, out)

    def _send_hedge(self, state: ChunkState, node: NodeState, now: float, out: list[Action]) -> None:
        del self._running[state.hedges][state]
        state.hedges += 1
        if state.hedges == len(self._running):
            self._running.append({})
        self.hedges += 1
        self._send(state, node, now, out, hedge=True)

    def _hedge_pair(self, running: dict[ChunkState, None]) -> tuple[ChunkState, NodeState] | None:
        """The chunk that was sent longest ago of those that a free node could duplicate, and that node.

        Few are looked at: a free node is skipped only if it runs the chunk, and it runs less than ``window``.
        """
        for state in running:
            second_choice = None
            for node in self._free:
                if state.runs_on(node):
                    continue
                if node not in state.failed_on:
                    return state, node
                second_choice = second_choice or node
            if second_choice is not None:
                return state, second_choice
        return None

    # -- what came of it -----------------------------------------------------------------------------------

    def _complete(self, state: ChunkState, duration_s: float, out: list[Action]) -> None:
        assert not state.is_done and self._left > 0
        state.is_done = True
        self._left -= 1
        del self._running[state.hedges][state]
        self._durations.add(duration_s)
        out.extend(self._cancel(attempt) for attempt in state.live)
        if self._left == 0:
            self._over = True
            out.append(Finish())

    def _judge(
        self, state: ChunkState, node: NodeState, failure: FailureClass, node_lost: bool, now: float
    ) -> FailReason | None:
        """Why the job fails by this failure; None: it goes on, and the chunk is queued again if it must be."""
        if failure is FailureClass.FINAL:
            return "final"
        delay_s: float | None = 0.0
        if failure is FailureClass.UNKNOWN:
            if not self._idempotent:
                return "unknown"
            state.failed_on.add(node)
            delay_s = self._after_loss(state) if node_lost else self._after_failure(state)
        elif node_lost:
            state.unreached += 1
            if state.unreached > MAX_LOSSES * (len(self._nodes) + MAX_LOSSES):
                delay_s = None
        elif not self._may_wait(state, now):
            delay_s = None
        if state.live:
            return None  # its other attempt may still make it
        del self._running[state.hedges][state]
        if delay_s is None:
            return "exhausted"
        if delay_s > 0:
            self._at(now + delay_s, "retry", state)
        else:
            self._retries.appendleft(state)
        return None

    def _after_loss(self, state: ChunkState) -> float | None:
        state.losses += 1
        return 0.0 if state.losses < MAX_LOSSES else None

    def _after_failure(self, state: ChunkState) -> float | None:
        decision = self._retry_policy.decide(
            FailureClass.UNKNOWN, state.failures, idempotent=self._idempotent, prng=self._prng
        )
        state.failures += 1
        return decision.delay_s if decision.retry else None

    def _may_wait(self, state: ChunkState, now: float) -> bool:
        if state.refusals == 0:
            state.refused_since = now
        state.refusals += 1
        return state.refusals < self._retry_policy.max_attempts or now - state.refused_since < REFUSED_S

    def _end(self, fail: Fail | None) -> list[Action]:
        self._over = True
        out: list[Action] = [self._cancel(attempt) for attempt in self._live.values() if not attempt.is_cancelled]
        if fail is not None:
            out.append(fail)
        return out

    @staticmethod
    def _cancel(attempt: Attempt) -> CancelAttempt:
        attempt.is_cancelled = True
        return CancelAttempt(attempt.attempt_id, attempt.node.name)

    # -- nodes and timers ----------------------------------------------------------------------------------

    def _node(self, name: str) -> NodeState:
        try:
            return self._nodes[name]
        except KeyError:
            raise ConfigError("no such node in this job", expected=", ".join(self._nodes), got=name) from None

    def _take_down(self, node: NodeState, now: float) -> None:
        node.up = False
        node.epoch += 1
        self._up -= 1
        self._plan_probe(node, now)
        if self._up == 0:
            self._give_up_at = now + self._give_up_s
            self._at(self._give_up_at, "give_up", None)

    def _plan_probe(self, node: NodeState, now: float) -> None:
        node.probing = False
        node.probe_at = now + node.probe_wait_s
        self._at(node.probe_at, "probe", node)
        node.probe_wait_s = min(PROBE_MAX_S, 2 * node.probe_wait_s)

    def _pause(
        self, node: NodeState, failure: FailureClass, retry_after_ms: int | None, now: float, *, counts: bool
    ) -> None:
        """Leave a node alone that turned an attempt away or keeps failing.

        A plain refusal pauses at once. A first failure of another kind does not, it may be the chunk's fault;
        nor does a refusal that tells its own time need more than that.
        """
        if not node.up:
            return
        wait_s = max(0, retry_after_ms or 0) / 1000
        if counts:
            # What was in flight when the pause began says nothing new.
            node.failures += node.paused_until is None
            refused = failure is FailureClass.NOT_EXECUTED and retry_after_ms is None
            steps = node.failures if refused else node.failures - 1
            if steps > 0:
                wait_s = max(wait_s, min(PAUSE_MAX_S, PAUSE_MIN_S * 2.0 ** min(steps - 1, 62)))
        if wait_s > 0 and (node.paused_until is None or now + wait_s > node.paused_until):
            node.paused_until = now + wait_s
            self._at(node.paused_until, "resume", node)

    def _at(self, at: float, kind: str, subject: NodeState | ChunkState | None) -> None:
        self._timer_no += 1
        heapq.heappush(self._timers, (at, self._timer_no, kind, subject))

    def _node_timer(self, kind: str, node: NodeState, now: float, out: list[Action]) -> None:
        if kind == "resume":
            if node.paused_until is not None and node.paused_until <= now:
                node.paused_until = None
                self._free.place(node)
        elif not node.up and not node.probing and node.probe_at <= now:
            node.probing = True
            out.append(Probe(node.name))

    def _chunk_timer(self, kind: str, state: ChunkState, at: float) -> None:
        if kind == "retry":
            self._retries.appendleft(state)
        elif state.forgive_at == at:
            state.failed_on.clear()


def _check_options(nodes: Sequence[str], window: int, give_up_s: float) -> None:
    if isinstance(nodes, str) or not nodes:
        raise ConfigError("a job needs nodes", expected="a list of names", got=repr(nodes))
    if len(set(nodes)) != len(nodes):
        raise ConfigError("a node is named twice", expected="different names", got=", ".join(nodes))
    if window < 1:
        raise ConfigError("window is too small", expected="window >= 1", got=str(window))
    if not give_up_s >= 0:
        raise ConfigError("give_up_s makes no sense", expected="seconds >= 0", got=str(give_up_s))
