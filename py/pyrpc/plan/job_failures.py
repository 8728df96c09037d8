"""What a failed attempt of a job leads to.

By FailureClass, and by whether the node went down with it. FINAL: the job fails. UNKNOWN in a job that is not
idempotent: the job fails. All else sends the chunk again, ahead of those not sent yet, and each cause has its bound:

- UNKNOWN, node still up: backoff by the RetryPolicy, another node if there is one, at most ``max_attempts``.
- UNKNOWN, node lost: at once, and counted neither against max_attempts nor against a retry budget. Losing a node costs
  at most ``window`` chunks, whatever the size of the job, so it cannot become a storm; counting it would fail jobs in a
  rolling restart. But a chunk that took `MAX_LOSSES` nodes with it is a poison pill.
- NOT_EXECUTED, node lost (nobody listens there): at once; the bound is so wide that every node may be dead on the first
  try without failing a job which one of them could do later.
- NOT_EXECUTED, node up (OVERLOADED, DRAINING): the chunk is not at fault. The node is paused as it asked, or with a
  backoff that doubles, and the chunk goes to whoever is free, as soon as the JobBudget allows. A job waits for busy
  nodes; only a chunk that was turned away time and again for `REFUSED_S`, in which no other was done either, gives up.

A bound that is reached while another attempt of the chunk is in flight counts when that one has failed too.
"""

from __future__ import annotations

import math

from pyrpc.errors import FailureClass
from pyrpc.plan.job_state import ChunkState
from pyrpc.plan.prng import SplitMix64
from pyrpc.plan.retry import RetryPolicy

MAX_LOSSES = 3
REFUSED_S = 30.0


class JobFailures:
    """Counts the failures of the chunks of one job and knows the bounds.

    Parameters
    ----------
    retry : RetryPolicy
    idempotent : bool
    prng : SplitMix64
        One draw for each backoff.
    nodes : int
        How many the job has.

    Attributes
    ----------
    progress_at : float
        When a chunk was done last.
    """

    def __init__(self, retry: RetryPolicy, idempotent: bool, prng: SplitMix64, nodes: int) -> None:
        self.progress_at = -math.inf
        self._retry = retry
        self._idempotent = idempotent
        self._prng = prng
        self._most_unreached = MAX_LOSSES * (nodes + MAX_LOSSES)

    def count(self, state: ChunkState, failure: FailureClass, node_lost: bool, now: float) -> float | None:
        """Count one failure that is not FINAL; after how many seconds to send the chunk again, None: never."""
        if failure is FailureClass.UNKNOWN:
            return self._after_loss(state) if node_lost else self._after_failure(state)
        return self._after_unreached(state) if node_lost else self._after_refusal(state, now)

    def is_spent(self, state: ChunkState) -> bool:
        """Whether a bound was reached, be it by an earlier failure."""
        return (
            state.failures >= self._retry.max_attempts
            or state.losses >= MAX_LOSSES
            or state.unreached > self._most_unreached
        )

    def _after_loss(self, state: ChunkState) -> float | None:
        state.losses += 1
        return 0.0 if state.losses < MAX_LOSSES else None

    def _after_failure(self, state: ChunkState) -> float | None:
        decision = self._retry.decide(
            FailureClass.UNKNOWN, state.failures, idempotent=self._idempotent, prng=self._prng
        )
        state.failures += 1
        return decision.delay_s if decision.retry else None

    def _after_unreached(self, state: ChunkState) -> float | None:
        state.unreached += 1
        return 0.0 if state.unreached <= self._most_unreached else None

    def _after_refusal(self, state: ChunkState, now: float) -> float | None:
        if state.live:
            return 0.0  # only a hedge; the chunk as such has been accepted
        if state.refusals == 0:
            state.refused_since = now
        state.refusals += 1
        since = max(state.refused_since, self.progress_at)
        patient = state.refusals < self._retry.max_attempts or now - since < REFUSED_S
        return 0.0 if patient else None
