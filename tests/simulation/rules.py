"""What must hold after every event of a job, kept in books of its own: nothing here asks the scheduler's state."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.simulation.job import Job

from pyrpc.errors import FailureClass
from pyrpc.plan.actions import CancelAttempt, Fail, Send

# The bounds that the scheduler documents.
MAX_LOSSES = 3
HEDGE_MIN_S = 0.1
REFUSED_S = 30.0
BUDGET_SHARE, BUDGET_PER_S, BUDGET_AT_ONCE = 0.2, 10.0, 5.0


class Broken(AssertionError):
    """A rule does not hold."""


def must(holds: bool, rule: str, *facts: object) -> None:
    """Raise Broken with the rule and the facts unless it holds."""
    if not holds:
        raise Broken(f"{rule}: {' '.join(map(str, facts))}")


@dataclass(slots=True, eq=False)
class Sent:
    """An attempt that was sent and not reported yet."""

    send: Send
    sent_at: float
    epoch: int
    is_cancelled: bool = False


@dataclass(slots=True)
class Bad:
    """An attempt that counted and failed."""

    start: int
    stop: int
    kind: str
    at: float


@dataclass(slots=True)
class Seen:
    """What the scheduler was told of a node."""

    epoch: int = 0
    down_since: float | None = None
    answered_at: float = float("-inf")
    is_probed: bool = False
    in_flight: int = 0


@dataclass
class Rules:
    """The books of one job."""

    job: Job
    names: list[str]
    nodes: dict[str, Seen] = field(init=False)
    sent: dict[int, Sent] = field(default_factory=dict)
    failures: list[Bad] = field(default_factory=list)
    maybe_run: list[tuple[int, int]] = field(default_factory=list)
    sends_of: dict[int, int] = field(default_factory=dict)
    last_end: dict[int, str] = field(default_factory=dict)
    last_id: int = 0
    first_sends: int = 0
    refused_sends: int = 0
    done_rows: int = 0
    known_rows: int = 0
    is_open: bool = False
    progress_at: float = float("-inf")
    began: float = 0.0
    is_over: bool = False
    end: object = None

    def __post_init__(self) -> None:
        self.nodes = {name: Seen() for name in self.names}
        self.is_open = self.job.is_stream
        self.known_rows = 0 if self.is_open else self.job.rows
        self.is_done = bytearray(self.job.rows)
        self.rows_sent = bytearray(self.job.rows)

    # -- what the scheduler is told

    def goes_down(self, name: str, now: float) -> None:
        """The scheduler was told so; only news if it was up."""
        node = self.nodes[name]
        if node.down_since is None:
            node.down_since = now
            node.epoch += 1

    def comes_up(self, name: str) -> None:
        self.nodes[name].down_since = None

    def ends(self, attempt_id: int) -> Sent | None:
        """An attempt is reported; None: it had been reported before."""
        sent = self.sent.pop(attempt_id, None)
        if sent is not None:
            self.nodes[sent.send.node].in_flight -= 1
        return sent

    def done(self, sent: Sent | None, is_wanted: bool, now: float) -> None:
        """A reply was reported: the rows that it brings are new, all of them."""
        if sent is None:
            must(not is_wanted, "a duplicate is not wanted")
            return
        self.nodes[sent.send.node].answered_at = now
        chunk = sent.send.chunk
        if self.is_over:
            must(not is_wanted, "nothing is wanted after the end", chunk)
        elif self.job.is_grid:
            must(is_wanted != self.is_done[chunk.start], "the first reply of a chunk counts, no other", chunk)
        if is_wanted:
            must(not any(self.is_done[chunk.start : chunk.stop]), "no row is taken twice", chunk)
            must(not sent.is_cancelled, "what is wanted is not cancelled", chunk)
            self.is_done[chunk.start : chunk.stop] = b"\1" * chunk.rows
            self.done_rows += chunk.rows
            self.progress_at = now

    def failed(self, sent: Sent, failure: FailureClass, is_lost: bool, is_wanted: bool, now: float) -> None:
        """A failure was reported."""
        send, node = sent.send, self.nodes[sent.send.node]
        seems_hung = sent.is_cancelled and node.answered_at < sent.sent_at
        if (is_lost or seems_hung) and sent.epoch == node.epoch:
            self.goes_down(send.node, now)
        if not is_wanted:
            return
        kind = failure.name if failure is FailureClass.FINAL else f"{failure.name}{' lost' if is_lost else ''}"
        self.failures.append(Bad(send.chunk.start, send.chunk.stop, kind, now))
        self.last_end[send.chunk.index] = kind
        if failure is FailureClass.UNKNOWN:
            self.maybe_run.append((send.chunk.start, send.chunk.stop))

    def count(self, start: int, stop: int, kind: str) -> int:
        """How often a piece with these rows failed so."""
        return sum(bad.kind == kind and bad.start <= start and stop <= bad.stop for bad in self.failures)

    # -- what the scheduler says

    def send(self, send: Send, now: float) -> None:
        """A chunk goes to a node."""
        node, chunk = self.nodes[send.node], send.chunk
        must(not self.is_over, "nothing is sent after the end", send)
        must(now < self.job.deadline_s or now == self.began, "nothing is sent after the deadline", send)
        must(send.attempt_id > self.last_id, "attempts have numbers of their own", send)
        must(node.down_since is None, "nothing is sent to a node known to be down", send)
        most = max(self.job.window, self.job.most_window)
        must(node.in_flight < most, "no more than the window is in flight on a node", send)
        must(0 <= chunk.start < chunk.stop <= self.known_rows, "a chunk has rows of the job", send)
        must(not any(self.is_done[chunk.start : chunk.stop]), "no row is sent again that is done", send)
        self.last_id = send.attempt_id
        twins = [
            other
            for other in self.sent.values()
            if other.send.chunk.start < chunk.stop and chunk.start < other.send.chunk.stop and not other.is_cancelled
        ]
        must(send.hedge == bool(twins), "a hedge is of rows in flight, all else is not", send)
        if send.hedge:
            self._hedge(send, twins, now)
        else:
            self._again_or_new(send, now)
        if not self.job.idempotent:
            is_risky = any(start < chunk.stop and chunk.start < stop for start, stop in self.maybe_run)
            must(not is_risky, "what may have run does not run again", send)
        self._count(send, now)

    def _count(self, send: Send, now: float) -> None:
        node, chunk = self.nodes[send.node], send.chunk
        if self.job.is_grid:
            must(send.attempt_no == self.sends_of.get(chunk.index, 0), "attempts are counted from 0", send)
            self.sends_of[chunk.index] = send.attempt_no + 1
        self.rows_sent[chunk.start : chunk.stop] = b"\1" * chunk.rows
        node.in_flight += 1
        self.sent[send.attempt_id] = Sent(send, now, node.epoch)

    def _hedge(self, send: Send, twins: list[Sent], now: float) -> None:
        must(self.job.hedge and self.job.idempotent, "hedges only where they are allowed", send)
        must(all(twin.send.node != send.node for twin in twins), "a hedge goes to another node", send)
        if self.job.is_grid or not self.job.is_stream:
            # Else pieces may be sent again that were cut before more rows came. The last rows of a grid whose stream is
            # open do not make a chunk yet.
            unsent = self.known_rows - sum(self.rows_sent)
            most = (self.job.chunk_rows or 1) - 1 if self.is_open else 0
            must(unsent <= most, "hedges come when all rows were sent", send, unsent)
        if self.job.is_grid:
            # With 4 times the wait for each one more: 1 + 4 + 16 ...
            least_s = HEDGE_MIN_S * (4 ** len(twins) - 1) / 3
            age_s = now - min(twin.sent_at for twin in twins)
            must(age_s >= least_s - 1e-6, "a hedge waits for a straggler, and longer each time", send, age_s, least_s)

    def _again_or_new(self, send: Send, now: float) -> None:
        chunk = send.chunk
        if not send.attempt_no:
            self.first_sends += 1
            return
        bounds = {
            "FINAL": 1,
            "UNKNOWN": self.job.retry.max_attempts,
            "UNKNOWN lost": MAX_LOSSES,
            "NOT_EXECUTED lost": MAX_LOSSES * (self.job.nodes + MAX_LOSSES) + 1,
        }
        if self.job.is_grid:
            for kind, bound in bounds.items():
                failed = self.count(chunk.start, chunk.stop, kind)
                must(failed < bound, "a chunk is tried so often and no more", send, kind, failed, bound)
            if self.last_end.get(chunk.index) == "NOT_EXECUTED":
                self.refused_sends += 1
                elapsed_s = now - self.began
                most = BUDGET_SHARE * self.first_sends + max(BUDGET_AT_ONCE, BUDGET_PER_S * elapsed_s)
                must(self.refused_sends <= most + 1e-6, "the budget of refused chunks is kept", send, most)

    def cancel(self, cancel: CancelAttempt) -> None:
        """An attempt is not waited for any more."""
        sent = self.sent.get(cancel.attempt_id)
        must(sent is not None, "only what is in flight is cancelled", cancel)
        assert sent is not None
        must(sent.send.node == cancel.node and not sent.is_cancelled, "it is cancelled once, where it runs", cancel)
        sent.is_cancelled = True

    def probe(self, name: str) -> None:
        """A node is asked whether it lives."""
        node = self.nodes[name]
        must(node.down_since is not None, "only a node that is down is probed", name)
        must(not node.is_probed, "one probe at a time", name)
        node.is_probed = True

    def finish(self) -> None:
        """The job is done."""
        must(all(self.is_done), "nothing is lost", f"{self.done_rows} of {self.job.rows} rows")
        must(not self.is_open, "a job goes on as long as its source")
        self._over("finish")

    def fail(self, fail: Fail, last: tuple[Sent | None, FailureClass | None, bool], now: float) -> None:
        """The job fails, and for a reason; `last` is the failure that was just reported, and whether it counted."""
        sent, failure, is_wanted = last
        self._over(fail)
        if fail.reason == "no_nodes":
            since = [node.down_since for node in self.nodes.values()]
            all_down = all(at is not None for at in since)
            must(all_down, "a job is not given up while a node is up", since)
            down_s = now - max(at for at in since if at is not None)
            must(down_s >= self.job.give_up_s - 1e-6, "a job waits for its nodes", down_s)
            return
        if fail.reason == "policy":
            must(getattr(self.job.policy, "left", 0) < 0, "no policy failed", fail)
            return
        must(sent is not None and failure is not None and is_wanted, "only what counts fails a job", fail)
        assert sent is not None
        must(fail.attempt_id == sent.send.attempt_id, "the error is that of the last attempt", fail)
        if fail.reason == "final":
            must(failure is FailureClass.FINAL, "no stage raised", fail)
        elif fail.reason == "unknown":
            must(failure is FailureClass.UNKNOWN and not self.job.idempotent, "it may run again", fail)
        else:
            must(self._is_exhausted(sent.send, now), "no bound was reached", fail, self.failures)

    def _is_exhausted(self, send: Send, now: float) -> bool:
        start, stop = send.chunk.start, send.chunk.stop
        refused = [bad.at for bad in self.failures if bad.kind == "NOT_EXECUTED" and bad.start <= start < bad.stop]
        return (
            self.count(start, stop, "UNKNOWN") >= self.job.retry.max_attempts
            or self.count(start, stop, "UNKNOWN lost") >= MAX_LOSSES
            or self.count(start, stop, "NOT_EXECUTED lost") > MAX_LOSSES * (self.job.nodes + MAX_LOSSES)
            or (
                len(refused) >= self.job.retry.max_attempts
                and now - max(refused[0], self.progress_at) >= REFUSED_S - 1e-6
            )
        )

    def _over(self, end: object) -> None:
        must(not self.is_over, "a job ends once", end)
        self.is_over = True
        self.end = end

    # -- after every event

    def after(self, rows_left: int, scheduler_is_over: bool, hedges_allowed: bool) -> None:
        """What holds between two events."""
        must(rows_left == self.known_rows - self.done_rows, "rows left are those not done", rows_left)
        must(scheduler_is_over == self.is_over, "the job is over when Finish or Fail was said")
        must(self.is_over or self.is_open or self.done_rows < self.job.rows, "a job with all rows done has ended")
        if not self.is_over and self.job.is_grid:
            for sent in self.sent.values():
                is_done = bool(self.is_done[sent.send.chunk.start])
                must(sent.is_cancelled == is_done, "the others are cancelled when a chunk is done", sent)
