"""One job as a state machine: events in, actions out. It has no clock, thread, socket or source of chance.

The driver (client/scatter.py) calls one event method at a time, carries out the actions in their order, and
reports what came of them. Times are seconds on any clock that does not go back.

Placement
    Each node has at most ``window`` attempts in flight. Which node gets the next piece, and how large that is where
    rows may be cut, is the policy's choice (placement.py); what it needs to know of costs is learned here from each
    reply (cost.py).

Failures
    What a failed attempt leads to, with the bounds of each cause, is in job_failures.py: the job fails, or the chunk is
    sent again ahead of those not sent yet.

Nodes
    A node that is down is probed after 0.1 s, doubling to 1 s. One that fails every attempt, though it is up, is
    paused with a growing backoff, or it would pull in chunks as fast as it fails them. When no node has been up
    for ``give_up_s``, the job fails. A node that was silent while a hedge overtook its attempt may be hung: it
    is taken for down until it answers a probe, or it would swallow the next chunk too.

Hedges
    When there is nothing left to hand out, a free node duplicates the chunk that was sent longest ago, once
    that is more than ``max(0.1 s, 3 x median duration)`` ago (1 s before any chunk is done). Whatever ends first
    counts; the other is cancelled. One hedge a chunk; only if the hedge does not end either, another node gets
    one after 4 times as long, and so on (16, 64 ...), so that a job ends as long as one node works. A hedge that
    was turned away or lost its node is replaced at once.

Take-over
    Where rows may be cut, a straggler is not duplicated as a whole: its rows are cut into pieces for all the other
    nodes. The first of these that is done settles that the straggler's own reply is not wanted any more; if that
    comes before, the pieces are not. So each row is taken once, whoever wins. A piece is cut no further; if it
    becomes a straggler itself it is duplicated. A piece that failed is cut too, if it is more than its next node is
    to get.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection, Mapping, Sequence

from pyrpc.errors import ConfigError, FailureClass
from pyrpc.plan.actions import Action, CancelAttempt, Fail, FailReason, Finish, Probe, Send, WaitUntil
from pyrpc.plan.balance import Balancer
from pyrpc.plan.cost import JobCost, NodeFit
from pyrpc.plan.hedge import Stragglers
from pyrpc.plan.job_failures import JobFailures
from pyrpc.plan.job_nodes import JobNodes, asked_s
from pyrpc.plan.job_state import Attempt, ChunkState, NodeState, TimerKind, Timers
from pyrpc.plan.partition import Chunk
from pyrpc.plan.placement import POLICIES, placement
from pyrpc.plan.prng import SplitMix64
from pyrpc.plan.retry import JobBudget, RetryPolicy
from pyrpc.plan.terms import JobTerms
from pyrpc.plan.window import NodeWindow
from pyrpc.plan.work import DivisibleWork, FixedWork, Stream, Work

__all__ = ["POLICIES", "Action", "CancelAttempt", "Fail", "Finish", "Probe", "Scheduler", "Send", "WaitUntil"]

# A retried chunk waits at least so long, or until it would be hedged, for a node on which it has not failed yet.
FORGIVE_MIN_S = 1.0
# How many retried chunks one event looks at; the others are found by later events. Keeps an event O(1).
RETRY_SCAN = 16
# Pieces for each node into which a straggler's rows are cut: more than one, so that a slow one need not take any.
TAKE_OVER_PIECES = 2


class Scheduler:
    """Decides which chunk of a job goes where and when; see the module's docstring for the rules.

    Parameters
    ----------
    work : Work or Sequence[Chunk]
        What is to be done, in the order in which it is handed out; chunks are a FixedWork. Of a stream the driver
        tells as it becomes known: ``more`` and ``no_more``.
    nodes : Sequence[str]
        Names of the nodes, all different, taken to be up; the first chunk goes to the first one. A caller that
        runs many small jobs rotates them.
    window : int
        Attempts in flight on one node, hedges and cancelled ones not yet reported included.
    most_window : int
        To how many they may grow where that makes a node do more; see window.py. Not above window: not at all.
    windows : Mapping[str, NodeWindow], optional
        Those of an earlier job.
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
    policy : str or Balancer
        Who gets the next piece: one of POLICIES (see placement.py), or an object with ``pick(nodes, prng)``.

    Raises
    ------
    ConfigError
        No nodes, a node named twice, a window below 1, a negative give_up_s, or an unknown policy.

    Notes
    -----
    Not thread-safe: the driver holds one lock around each event. Events after the end, and reports of attempts
    that were reported before, change nothing and return no actions. An event costs the same however many chunks
    the job has, and but for the end of a job, however many nodes.
    """

    def __init__(
        self,
        work: Work | Sequence[Chunk],
        nodes: Sequence[str],
        *,
        window: int = 2,
        most_window: int = 0,
        windows: Mapping[str, NodeWindow] | None = None,
        retry: RetryPolicy,
        idempotent: bool,
        prng: SplitMix64,
        hedge: bool = True,
        give_up_s: float = 5.0,
        policy: str | Balancer = "min_max",
    ) -> None:
        _check_options(nodes, window, give_up_s)
        self.late = 0
        self.hedges = 0
        self.resends = 0
        self._work = FixedWork(work) if isinstance(work, Sequence) else work
        self.terms = JobTerms.of(policy, window, idempotent, self._work, most_window)
        self._failures = JobFailures(retry, idempotent, prng, len(nodes))
        self._budget = JobBudget()
        self._idempotent = idempotent
        self._hedging = hedge and idempotent
        self._timers = Timers()
        self._job_cost = JobCost()
        known = windows or {}
        each = {name: known[name].again() if name in known else NodeWindow(window, most_window) for name in nodes}
        self._nodes = JobNodes(each, give_up_s, self._timers, self._job_cost)
        self._placement = placement(policy, self._nodes, self._work, self._job_cost, prng)
        self._nodes.changed = self._placement.changed
        self._stragglers = Stragglers()
        self._open = 0
        self._rows_left = self._work.rows
        self._retries: deque[ChunkState] = deque()
        self._refused: deque[ChunkState] = deque()
        self._live: dict[int, Attempt] = {}
        self._attempt_id = 0
        self._hedge_at = math.inf
        self._look_again_at = math.inf
        self._announced = math.inf
        self._over = False

    # -- what the driver may ask ---------------------------------------------------------------------------

    @property
    def is_over(self) -> bool:
        """Whether Finish or Fail was given out, or the job was cancelled."""
        return self._over

    @property
    def chunks_left(self) -> int:
        """How many chunks are not done; where rows may be cut, the pieces that they would make now."""
        return self._work.pieces_left + self._open

    @property
    def rows_left(self) -> int:
        """How many rows are not done."""
        return self._rows_left

    def fits(self) -> list[NodeFit]:
        """What was learned of the cost of each node."""
        return [node.cost.fit(node.name) for node in self._nodes]

    def windows(self) -> dict[str, NodeWindow]:
        """How many pieces each node may have in flight, for the next job of this kind."""
        return {node.name: node.window for node in self._nodes}

    def is_wanted(self, attempt_id: int) -> bool:
        """Whether the reply of this attempt would be the first one of its chunk. Ask before ``done``."""
        attempt = self._live.get(attempt_id)
        return attempt is not None and not attempt.state.is_done and not self._over

    # -- events --------------------------------------------------------------------------------------------

    def start(self, now: float, down: Collection[str] = ()) -> list[Action]:
        """The job begins; the first event, once.

        Parameters
        ----------
        now : float
            The time.
        down : Collection[str]
            Nodes that an earlier job has lost: they are probed before they get work. If that is all of them, the
            news is taken for old, and they are tried.
        """
        if not self._work.pieces_left and not self._work.is_open:
            self._over = True
            return [Finish()]
        self._budget.start(now)
        lost = [node for node in self._nodes if node.name in down]
        for node in self._nodes:
            if node in lost and len(lost) < len(self._nodes):
                self._nodes.take_down(node, now)
            else:
                self._nodes.place(node)
        return self._dispatch(now, [])

    def done(self, attempt_id: int, now: float, *, service_s: float = 0.0, queued_s: float = 0.0) -> list[Action]:
        """The reply of an attempt has come. Only the first of a chunk counts; others are counted in ``late``.

        Parameters
        ----------
        attempt_id : int
            From its Send.
        now : float
            The time.
        service_s, queued_s : float
            From the reply's load report: seconds it ran and waited on the node; 0 without one.
        """
        attempt = self._live.pop(attempt_id, None)
        if attempt is None or self._over:
            self.late += 1
            return []
        out: list[Action] = []
        self._learn(attempt, now, service_s, queued_s)
        self._nodes.piece_done(attempt, now, service_s, queued_s)
        self._nodes.slot_freed(attempt, now)
        self._nodes.has_replied(attempt.node, now)
        attempt.state.live.remove(attempt)
        if attempt.state.is_done:
            self.late += 1
        else:
            self._complete(attempt.state, now - attempt.sent_at, now, out)
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
            What the error says of itself; of no account for a cancelled attempt that was given up.
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
        state.live.remove(attempt)
        self._nodes.slot_freed(attempt, now)
        if node_lost or self._seems_hung(attempt):
            # The loss of what was sent before the node went down says nothing about the one that is there now.
            if node.up and attempt.epoch == node.epoch:
                self._nodes.take_down(node, now)
        elif state.is_done:
            self._nodes.pause(node, asked_s(retry_after_ms), now)
        else:
            self._nodes.pause_after_failure(node, failure, retry_after_ms, now)
        if not state.is_done:
            reason = self._judge(state, node, failure, node_lost, now)
            if reason is not None:
                return self._end(Fail(attempt_id, reason))
        return self._dispatch(now, [])

    def node_down(self, node: str, now: float) -> list[Action]:
        """The answer to a Probe, or other news that the node is gone. Its attempts are still to be reported."""
        state = self._nodes.named(node)
        if self._over:
            return []
        if state.up:
            self._nodes.take_down(state, now)
        elif state.probing:
            self._nodes.probe_later(state, now)
        return self._dispatch(now, [])

    def node_up(self, node: str, now: float) -> list[Action]:
        """The answer to a Probe, or other news that the node is back."""
        state = self._nodes.named(node)
        if self._over or state.up:
            return []
        self._nodes.bring_up(state)
        return self._dispatch(now, [])

    def timer(self, now: float) -> list[Action]:
        """The time of a WaitUntil has come; harmless at any other time."""
        if self._over:
            return []
        self._announced = math.inf
        if self._nodes.are_given_up(now):
            return self._end(Fail(None, "no_nodes"))
        out: list[Action] = []
        while (due := self._timers.pop_due(now)) is not None:
            at, kind, subject = due
            if isinstance(subject, NodeState):
                self._node_timer(kind, subject, now, out)
            elif subject is not None:
                self._chunk_timer(kind, subject, at)
        return self._dispatch(now, out)

    def more(self, rows: int, row_bytes: int, now: float) -> list[Action]:
        """The source of a stream has given more rows, of about so many bytes each."""
        if self._over:
            return []
        assert isinstance(self._work, Stream)
        self._work.add(rows, row_bytes)
        self._rows_left += rows
        return self._dispatch(now, [])

    def no_more(self, now: float) -> list[Action]:
        """The source of a stream is at its end."""
        if self._over:
            return []
        assert isinstance(self._work, Stream)
        self._work.close()
        out: list[Action] = []
        self._finish_if_done(out)
        return out if self._over else self._dispatch(now, out)

    def cancel(self, now: float) -> list[Action]:
        """The caller gives up: cancels what is in flight. No Finish or Fail follows."""
        return [] if self._over else self._end(None)

    # -- handing out ---------------------------------------------------------------------------------------

    def _dispatch(self, now: float, out: list[Action]) -> list[Action]:
        """Give the free nodes what there is: chunks to send again, new chunks, then hedges."""
        self._look_again_at = self._hedge_at = math.inf
        try:
            if self._refused:
                self._release_refused(now)
            if self._retries:
                self._send_retries(now, out)
            self._send_new(now, out)
            if self._hedging and not self._work.pieces_left:
                self._send_hedges(now, out)
        except ConfigError as error:  # A policy of the user's own picked no node.
            return self._end_by_policy(error, out)
        wake_at = min(self._timers.next_at, self._hedge_at, self._look_again_at)
        if wake_at < self._announced:
            self._announced = wake_at
            out.append(WaitUntil(wake_at))
        return out

    def _send_new(self, now: float, out: list[Action]) -> None:
        work = self._work
        while work.pieces_left:
            placed = self._placement.next(now)
            if placed is None:
                self._look_again_at = min(self._look_again_at, self._placement.look_again_at)
                return
            node, rows = placed
            state = ChunkState(work.take(rows))
            self._open += 1
            self._budget.on_chunk()
            self._send(state, node, now, out)

    def _send(self, state: ChunkState, node: NodeState, now: float, out: list[Action], *, hedge: bool = False) -> None:
        assert not self._over and not state.is_done and node.up and node.in_flight < node.window.size
        self._attempt_id += 1
        attempt = Attempt(self._attempt_id, state, node, now)
        self._live[attempt.attempt_id] = attempt
        state.live.append(attempt)
        state.last_sent = now
        state.forgive_at = None
        self._nodes.slot_taken(attempt)
        is_extra = hedge or (state.origin is not None and not state.origin.is_done)
        self.hedges += is_extra
        if hedge:
            self._stragglers.hedge_sent(state)
        else:
            self.resends += state.sends > 0 and not is_extra
            self._stragglers.add(state)
        out.append(Send(attempt.attempt_id, state.chunk, node.name, state.sends, is_extra))
        state.sends += 1

    def _release_refused(self, now: float) -> None:
        while self._refused and self._budget.try_spend(now):
            self._retries.append(self._refused.popleft())
        if self._refused:
            self._look_again_at = self._budget.next_at(now)

    def _send_retries(self, now: float, out: list[Action]) -> None:
        passed: list[ChunkState] = []
        for _ in range(min(len(self._retries), RETRY_SCAN)):
            if self._nodes.free.first() is None:
                break
            state = self._retries.popleft()
            if state.is_done:
                continue
            node = self._node_for(state, now)
            if node is not None:
                self._send(self._cut_to_fit(state, node), node, now, out)
                continue
            passed.append(state)
        self._retries.extendleft(reversed(passed))

    def _node_for(self, state: ChunkState, now: float) -> NodeState | None:
        """A free node for a chunk that failed before; None: better wait for another one."""
        avoid = state.avoided()
        node = self._placement.best_free(state.chunk.rows, now, avoid)
        if node is None:
            if not any(node.up and node not in avoid for node in self._nodes):
                return next((node for node in self._nodes.free if not state.runs_on(node)), None)
            if state.forgive_at is None:
                state.forgive_at = now + max(FORGIVE_MIN_S, self._stragglers.wait_s())
                self._timers.set(state.forgive_at, "forgive", state)
        elif self._placement.declines(node, state.chunk.rows, now, avoid):
            self._look_again_at = min(self._look_again_at, self._placement.look_again_at)
            return None
        return node

    def _cut_to_fit(self, state: ChunkState, node: NodeState) -> ChunkState:
        """As many of the rows of a piece that failed as the node should get; the rest goes back in line."""
        work, chunk = self._work, state.chunk
        if not isinstance(work, DivisibleWork) or not node.cost.samples or state.heirs:
            return state
        line = node.cost.line
        rows = max(1, int((work.target_s - line.piece_s) / line.row_s))
        if rows * 2 > chunk.rows:
            return state
        part = state.part(work.renumbered(chunk.start, chunk.start + rows))
        state.chunk = work.renumbered(chunk.start + rows, chunk.stop)
        if state.origin is not None:
            part.origin = state.origin
            state.origin.heirs.append(part)
        self._open += 1
        self._retries.appendleft(state)
        return part

    def _send_hedges(self, now: float, out: list[Action]) -> None:
        while self._nodes.free.first() is not None:
            candidates = self._stragglers.candidates(self._nodes.free)
            due = [(state, node) for at, state, node in candidates if at <= now]
            if not due:
                self._hedge_at = min((at for at, _, _ in candidates), default=math.inf)
                return
            state, node = due[0]
            if self._may_cut(state):
                self._take_over(state)
                self._send_retries(now, out)
                continue
            # One at a time: each takes a slot that another one may have counted on.
            best = self._placement.best_free(state.chunk.rows, now, state.avoided())
            self._send(state, best or node, now, out, hedge=True)

    def _may_cut(self, state: ChunkState) -> bool:
        """Whether a straggler is better cut than duplicated: once, and if there are several to share its rows."""
        is_whole = state.origin is None and not state.hedges
        return isinstance(self._work, DivisibleWork) and is_whole and state.chunk.rows > 1 and len(self._nodes) > 2

    def _take_over(self, state: ChunkState) -> None:
        """Cut the rows of a straggler into pieces for the other nodes."""
        assert isinstance(self._work, DivisibleWork)
        chunk = state.chunk
        count = min(chunk.rows, TAKE_OVER_PIECES * (len(self._nodes) - 1))
        self._stragglers.remove(state)
        for number in range(count):
            start = chunk.start + chunk.rows * number // count
            stop = chunk.start + chunk.rows * (number + 1) // count
            heir = state.part(self._work.renumbered(start, stop))
            heir.origin = state
            heir.failed_on.update(attempt.node for attempt in state.live)
            state.heirs.append(heir)
        self._open += count
        self._retries.extend(state.heirs)

    # -- what came of it -----------------------------------------------------------------------------------

    def _learn(self, attempt: Attempt, now: float, service_s: float, queued_s: float) -> None:
        """What the end of a piece tells of its node's speed."""
        node = attempt.node
        began = attempt.sent_at if attempt.sent_at > node.freed_at else node.freed_at
        was_alone = node.in_flight == 1 and attempt.sent_at >= node.freed_at
        node.cost.add(attempt.rows, now - began, now - attempt.sent_at, service_s, queued_s, was_alone)

    def _close(self, state: ChunkState, out: list[Action]) -> None:
        """Nothing is to come of the piece any more: its rows are done, by itself or by others."""
        state.is_done = True
        self._open -= 1
        self._stragglers.remove(state)
        out.extend(self._cancel(attempt) for attempt in state.live if not attempt.is_cancelled)

    def _complete(self, state: ChunkState, duration_s: float, now: float, out: list[Action]) -> None:
        assert not state.is_done and self._open > 0
        self._stragglers.add_duration(duration_s)
        self._failures.progress_at = now
        self._rows_left -= state.chunk.rows
        self._close(state, out)
        if state.origin is not None and not state.origin.is_done:
            self._close(state.origin, out)
        for heir in state.heirs:
            if not heir.is_done:
                self._close(heir, out)
        self._finish_if_done(out)

    def _finish_if_done(self, out: list[Action]) -> None:
        if not self._open and not self._work.pieces_left and not self._work.is_open:
            self._over = True
            out.append(Finish())

    @staticmethod
    def _seems_hung(attempt: Attempt) -> bool:
        """Whether it was overtaken by a hedge and given up, and its node has been silent since it was sent."""
        return attempt.is_cancelled and attempt.node.answered_at < attempt.sent_at

    def _judge(
        self, state: ChunkState, node: NodeState, failure: FailureClass, node_lost: bool, now: float
    ) -> FailReason | None:
        """Why the job fails by this failure; None: it goes on, and the chunk is queued again if it must be."""
        if failure is FailureClass.FINAL:
            return "final"
        if failure is FailureClass.UNKNOWN:
            if not self._idempotent:
                return "unknown"
            state.failed_on.add(node)
        delay_s = self._failures.count(state, failure, node_lost, now)
        if state.live:  # its other attempt may still make it
            if delay_s == 0 and not state.heirs:
                self._stragglers.hedge_lost(state)
            return None
        if state.heirs:  # the pieces that were cut from it do
            self._close(state, [])
            return None
        self._stragglers.remove(state)
        if delay_s is None or self._failures.is_spent(state):
            return "exhausted"
        if failure is FailureClass.NOT_EXECUTED and not node_lost:
            self._refused.append(state)
        elif delay_s > 0:
            self._timers.set(now + delay_s, "retry", state)
        else:
            self._retries.appendleft(state)
        return None

    def _end(self, fail: Fail | None) -> list[Action]:
        self._over = True
        out: list[Action] = [self._cancel(attempt) for attempt in self._live.values() if not attempt.is_cancelled]
        if fail is not None:
            out.append(fail)
        return out

    def _end_by_policy(self, error: ConfigError, out: list[Action]) -> list[Action]:
        """The job fails; what this event would have sent is not sent."""
        for action in out:
            if isinstance(action, Send):
                del self._live[action.attempt_id]
        cancelled = [action for action in out if isinstance(action, CancelAttempt)]
        return cancelled + self._end(Fail(None, "policy", error))

    @staticmethod
    def _cancel(attempt: Attempt) -> CancelAttempt:
        attempt.is_cancelled = True
        return CancelAttempt(attempt.attempt_id, attempt.node.name)

    # -- timers --------------------------------------------------------------------------------------------

    def _node_timer(self, kind: TimerKind, node: NodeState, now: float, out: list[Action]) -> None:
        if kind == "resume":
            self._nodes.resume(node, now)
        elif self._nodes.probe_now(node, now):
            out.append(Probe(node.name))

    def _chunk_timer(self, kind: TimerKind, state: ChunkState, at: float) -> None:
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
