"""What a job was given is told by name and number."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pyrpc.plan.partition import Chunk
from pyrpc.plan.prng import SplitMix64
from pyrpc.plan.retry import RetryPolicy
from pyrpc.plan.scheduler import Scheduler
from pyrpc.plan.terms import JobTerms
from pyrpc.plan.work import DivisibleWork, FixedWork, Work


class Mine:
    """A user's own policy."""

    def pick(self, nodes: Sequence[object], prng: SplitMix64) -> int:
        return 0


@pytest.mark.parametrize(
    ("work", "terms"),
    [
        (FixedWork([Chunk(0, 0, 5)]), JobTerms("pull", 3, True, False, None)),
        (DivisibleWork(100), JobTerms("pull", 3, True, True, 100)),
        (DivisibleWork(100, max_rows=7), JobTerms("pull", 3, True, True, 7)),
    ],
)
def test_terms_tell_whether_rows_may_be_cut(work: Work, terms: JobTerms) -> None:
    assert JobTerms.of("pull", 3, True, work) == terms


def test_scheduler_tells_its_terms() -> None:
    scheduler = Scheduler(
        [Chunk(0, 0, 5)], ["a"], window=1, retry=RetryPolicy(), idempotent=False, prng=SplitMix64(0), policy=Mine()
    )
    assert scheduler.terms == JobTerms("Mine", 1, False, False, None)
