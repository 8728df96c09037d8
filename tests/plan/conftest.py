"""A scheduler under a driver that does only what a test says."""

from __future__ import annotations

import pytest

from pyrpc.errors import FailureClass
from pyrpc.plan.actions import Action, Send, WaitUntil
from pyrpc.plan.partition import plan_chunks
from pyrpc.plan.prng import SplitMix64
from pyrpc.plan.retry import RetryPolicy
from pyrpc.plan.scheduler import Scheduler

UNKNOWN = FailureClass.UNKNOWN


class Job:
    """A started job of so many chunks on nodes of one letter each, and what its last event led to."""

    def __init__(
        self, chunks: int, nodes: str, *, idempotent: bool = True, retry: RetryPolicy | None = None, **options
    ):
        # What is free gets the next chunk, so that a test can tell where each one is; others ask for their policy.
        options.setdefault("policy", "pull")
        self.scheduler = Scheduler(
            plan_chunks(chunks, 4, 1, chunk_rows=1) if chunks else [],
            list(nodes),
            retry=retry or RetryPolicy(),
            idempotent=idempotent,
            prng=SplitMix64(1),
            **options,
        )
        self.now = 0.0
        self.sends: list[Send] = []
        self.all_sends: dict[int, Send] = {}
        self.wake_at: float | None = None
        self.took(self.scheduler.start(0.0))

    def took(self, actions: list[Action]) -> Job:
        self.actions = actions
        self.sends = [a for a in actions if isinstance(a, Send)]
        self.all_sends.update({send.attempt_id: send for send in self.sends})
        for action in actions:
            if isinstance(action, WaitUntil):
                self.wake_at = action.at
        return self

    def at(self, now: float) -> Job:
        self.now = now
        return self

    def done(self, send: Send) -> Job:
        return self.took(self.scheduler.done(send.attempt_id, self.now))

    def failed(self, send: Send, failure: FailureClass, **how) -> Job:
        return self.took(self.scheduler.failed(send.attempt_id, failure, self.now, **how))

    def lost(self, send: Send, failure: FailureClass = UNKNOWN) -> Job:
        return self.failed(send, failure, node_lost=True)

    def timer(self) -> Job:
        return self.took(self.scheduler.timer(self.now))

    def wake(self) -> Job:
        """Let the time of the last WaitUntil come."""
        assert self.wake_at is not None
        return self.at(self.wake_at).timer()

    @property
    def placed(self) -> list[tuple[int, str]]:
        """What was sent where by the last event."""
        return [(send.chunk.index, send.node) for send in self.sends]

    def of(self, kind: type) -> list[Action]:
        return [action for action in self.actions if isinstance(action, kind)]


@pytest.fixture
def new_job() -> type[Job]:
    """Starts a job: ``new_job(9, "abc", window=1)``."""
    return Job
